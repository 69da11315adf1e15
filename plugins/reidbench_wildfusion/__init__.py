"""WildFusion: calibrated scores of a global and a local method, averaged over a shortlist that the global one picks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

import reidbench
from reidbench import Calibration, PartSpec


def _listed(value: Any) -> Any:
    """Read ``a,b`` as two entries: a command line has only text."""
    if isinstance(value, str) and value != "fitted":
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class WildFusionSettings(reidbench.Settings):
    """Parts, shortlist and mean; ``PART.KEY=VALUE`` sets a part's own settings."""

    parts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        ("megadescriptor_cosine", "aliked"),
        min_length=1,
        description="methods that are fused, by name, or NAME=METHOD; the first picks the shortlist",
    )
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="settings of the parts, written PART.KEY=VALUE"
    )
    shortlist: int = Field(
        25, ge=0, description="gallery images that the other parts compare, for each query; 0 is all"
    )
    weights: Literal["equal", "fitted"] | Annotated[tuple[float, ...], BeforeValidator(_listed)] = Field(
        "equal", description="equal, fitted (chosen on calibration), or a number for each part"
    )
    average: Literal["probability", "logit"] = Field(
        "probability", description="mean of probabilities, as published, or of their logits"
    )
    calibration: str = Field(
        "isotonic", description="shape of the curves: isotonic, logistic, none, or a plugin's by name"
    )
    calibration_scope: Literal["auto", "group", "pooled"] = Field(
        "auto", description="one curve for each group, one for all, or auto: by group where it has enough animals"
    )
    calibration_pairs: int = Field(20_000, ge=100, description="pairs compared to fit the curves of a part, at most")
    calibrate_on: Literal["episode", "gallery"] = Field(
        "episode", description="calibration queries against the gallery, or gallery images among themselves"
    )
    calibration_images: int = Field(
        0, ge=0, description="with gallery: use so many images from the first on and all their pairs; 0 samples"
    )
    compat: bool = Field(
        False,
        description="as published: flat isotonic curves fitted on all pairs i < j of the first 1000 gallery images "
        "(calibration_images, if given), scores in half precision",
    )

    def how_calibrated(self) -> Calibration:
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
            remedy="name the part as in the setting parts",
        )
    return {name: PartSpec(method, settings.options.get(name, {}), calibration=how) for name, method in methods.items()}


def _build(settings: WildFusionSettings, parts: Mapping[str, reidbench.Method]) -> reidbench.Method:
    weights = None if settings.weights == "equal" else settings.weights
    if isinstance(weights, tuple) and len(weights) != len(parts):
        raise reidbench.ReidbenchError(
            f"{len(weights)} weights are given for {len(parts)} parts",
            where=f"--set weights={','.join(map(str, weights))}",
            remedy="give one for each part, in their order, or weights=fitted",
        )
    return reidbench.Fusion(settings, parts, shortlist=settings.shortlist, weights=weights, average=settings.average)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    return [
        reidbench.MethodSpec(
            name="wildfusion",
            summary="MegaDescriptor and ALIKED, each calibrated, averaged over a shortlist",
            settings=WildFusionSettings,
            build=_build,
            parts=_parts,
            needs="what its parts need: MegaDescriptor, ALIKED and LightGlue weights",
            licence="CC BY-NC 4.0 (MegaDescriptor)",
            source="Cermak et al. 2024, arXiv 2408.12934",
        )
    ]
