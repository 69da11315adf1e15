"""The method ``wildfusion``: the mean of the calibrated scores of a global and a local method.

The global method selects a shortlist of gallery images for each query; the local method compares only these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

import reidbench
from reidbench import Calibration, PartSpec


def _split_text(value: Any) -> Any:
    """Convert text such as ``a,b``, from the command line, to two entries."""
    if isinstance(value, str) and value != "fitted":
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class WildFusionSettings(reidbench.Settings):
    """Settings of the fusion; ``PART.KEY=VALUE`` sets those of a part."""

    parts: Annotated[tuple[str, ...], BeforeValidator(_split_text)] = Field(
        ("megadescriptor_cosine", "aliked"),
        min_length=1,
        description="methods to combine, by name or NAME=METHOD; the first selects the shortlist",
    )
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="settings of the parts, written PART.KEY=VALUE"
    )
    shortlist: int = Field(
        25, ge=0, description="number of gallery images for each query that the other parts compare; 0 compares all"
    )
    refine: int = Field(
        0,
        ge=0,
        exclude_if=lambda refine: refine == 0,  # run ids of earlier versions have to stay
        description="setting refine of each part that has it: number of pairs of each query that its slow matcher "
        "compares; 0 uses the settings of the parts",
    )
    weights: Literal["equal", "fitted"] | Annotated[tuple[float, ...], BeforeValidator(_split_text)] = Field(
        "equal", description="equal, fitted (chosen on calibration), or a number for each part"
    )
    average: Literal["probability", "logit"] = Field(
        "probability", description="mean of probabilities, as published, or of their logits"
    )
    calibration: str = Field(
        "isotonic", description="kind of curve: isotonic, logistic, none, or the name of a plugin's"
    )
    calibration_scope: Literal["auto", "group", "pooled"] = Field(
        "auto", description="group: one curve for each group; pooled: one for all; auto: group if it has enough animals"
    )
    calibration_pairs: int = Field(
        20_000, ge=100, description="largest number of image pairs to fit the curves of a part on"
    )
    calibrate_on: Literal["episode", "gallery"] = Field(
        "episode",
        description="pairs to fit on: episode (calibration query and gallery) or gallery (two gallery images)",
    )
    calibration_images: int = Field(
        0, ge=0, description="with calibrate_on=gallery: all pairs of the first N gallery images; 0 samples pairs"
    )
    compat: bool = Field(
        False,
        description="as published: flat isotonic curves fitted on all pairs i < j of the first 1000 gallery images "
        "(calibration_images, if given), scores in half precision",
    )

    def how_calibrated(self) -> Calibration:
        """Return the options of score calibration for every part."""
        if self.compat:
            return Calibration.published(self.calibration_images or 1000)
        return Calibration(
            kind=self.calibration,
            scope=self.calibration_scope,
            pairs=self.calibration_pairs,
            source=self.calibrate_on,
            images=self.calibration_images,
        )


def _parts(settings: WildFusionSettings) -> Mapping[str, PartSpec]:
    how = settings.how_calibrated()
    methods = {name: method or name for name, _, method in (part.partition("=") for part in settings.parts)}
    unused = sorted(set(settings.options) - set(methods))
    if unused:
        raise reidbench.ReidbenchError(
            f"'{unused[0]}' is not a part of this fusion: {', '.join(methods)}",
            where=f"--set {unused[0]}.…",
            remedy="use a name of the setting parts",
        )
    offered = {"refine": settings.refine} if settings.refine else {}
    return {
        name: PartSpec(method, settings.options.get(name, {}), calibration=how, offered=offered)
        for name, method in methods.items()
    }


def _build(settings: WildFusionSettings, parts: Mapping[str, reidbench.Method]) -> reidbench.Method:
    weights = None if settings.weights == "equal" else settings.weights
    if isinstance(weights, tuple) and len(weights) != len(parts):
        raise reidbench.ReidbenchError(
            f"{len(weights)} weights are given for {len(parts)} parts",
            where=f"--set weights={','.join(map(str, weights))}",
            remedy="give one weight for each part, in the order of the parts, or weights=fitted",
        )
    if settings.refine and not any(getattr(part.settings, "refine", 0) for part in parts.values()):
        raise reidbench.ReidbenchError(
            f"no part of this fusion has the setting refine: {', '.join(parts)}",
            where=f"--set refine={settings.refine}",
            remedy="leave refine out, or choose a part that has it, such as aliked",
        )
    return reidbench.Fusion(settings, parts, shortlist=settings.shortlist, weights=weights, average=settings.average)


# Networks whose weights come from packages. LightGlue compares few pairs of each query, or none without its weights, so
# that a run takes minutes on two cores.
_QUICK: dict[str, Any] = {
    "parts": ("embedding_cosine", "aliked"),
    "options": {"embedding_cosine": {"model": "tf_efficientnet_lite1"}, "aliked": {"matcher": "auto"}},
}


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method; its parts come from other plugins."""
    return [
        reidbench.MethodSpec(
            name="wildfusion",
            summary="MegaDescriptor and ALIKED, each calibrated, averaged over a shortlist",
            settings=WildFusionSettings,
            build=_build,
            parts=_parts,
            presets={"quick": _QUICK},
            quick_by_default=False,
            needs="weights of its parts: MegaDescriptor, ALIKED and LightGlue",
            licence="CC BY-NC 4.0 (MegaDescriptor)",
            source="Cermak et al. 2024, arXiv 2408.12934",
        )
    ]
