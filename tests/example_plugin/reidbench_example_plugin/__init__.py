"""The plugin example_plugin: one vector for each image, compared by cosine."""

from __future__ import annotations

from pydantic import Field

import reidbench


class ExamplePluginSettings(reidbench.Settings):
    """The settings; ``--set KEY=VALUE`` changes one of them."""

    side: int = Field(16, ge=2, le=256, description="side of the small picture, in pixels")


def _build(settings: ExamplePluginSettings) -> reidbench.Method:
    from reidbench_example_plugin.method import ExamplePlugin  # heavy imports load only here

    return ExamplePlugin(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    return [
        reidbench.MethodSpec(
            name="example_plugin",
            summary="small colour pictures, cosine, nearest image",
            settings=ExamplePluginSettings,
            build=_build,
            licence="",  # of the weights, if there are any
            source="reidbench-example-plugin",  # or the paper or repository of the method
            version="1",
        )
    ]
