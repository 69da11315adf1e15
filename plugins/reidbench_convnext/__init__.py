"""Two methods from an AnimalCLEF 2025 solution: a ConvNeXt classifier, and its fusion with two WildFusions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

import reidbench
from reidbench import ClassifierTrainingSettings, MethodSpec, PartSpec


class ConvNeXtSettings(ClassifierTrainingSettings):
    """Settings of the classifier; the defaults are the published values."""

    backbone: str = Field("convnext_xlarge.fb_in22k_ft_in1k_384", description="Architecture, by its name in timm")
    weights: str = Field("auto", description="auto or imagenet (pretrained, or an error), random, or a weights file")
    pad_type: Literal["", "same"] = Field(
        "", description="same pads like TensorFlow; empty uses the padding named in the weights file"
    )


# Run ids and cache keys hold the old name of the preset, so it is written as "report" and read under both names.
_ClassifierPreset = Annotated[
    Literal["paper", "quick"],
    BeforeValidator(lambda name: "paper" if name == "report" else name),
    PlainSerializer(lambda name: "report" if name == "paper" else name),
]


class ConvNeXtFusionSettings(reidbench.Settings):
    """Settings of the fusion; ``PART.KEY=VALUE`` sets those of a part."""

    constants: Literal["paper", "fitted"] = Field(
        "paper", description="constants of the rule: paper (as published), or fitted (chosen on calibration)"
    )
    first_images: int = Field(1000, ge=2, description="number of gallery images whose pairs calibrate the first fusion")
    first_shortlist: int = Field(
        700, ge=0, description="number of gallery images for each query that the first fusion compares; 0 compares all"
    )
    classifier_preset: _ClassifierPreset = Field("paper", description="preset of the classifier")
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="settings of parts, written PART.KEY=VALUE; parts: wildfusion (both), first, second, classifier",
    )


# The published values. They are also the defaults of the settings; the preset names them.
_PAPER: dict[str, Any] = {
    "backbone": "convnext_xlarge.fb_in22k_ft_in1k_384",
    "size": 384,
    "epochs": 30,
    "batch_size": 8,
    "lr": 8e-5,
}
# A few minutes on two cores, with a small network, small images and few epochs. A test that the method runs, not of its
# accuracy.
_QUICK: dict[str, Any] = {
    "backbone": "convnext_atto",
    "size": 96,
    "epochs": 20,
    "lr": 2e-4,
    "validate_every": 4,
    "patience": 0,
}

# Photographs: networks whose weights come from packages. The stages that are not trained save time on two cores.
_QUICK_FUSION: dict[str, Any] = {
    "classifier_preset": "quick",
    "options": {
        "wildfusion": {
            "parts": "embedding_cosine,aliked",
            "embedding_cosine.model": "tf_efficientnet_lite1",
            "aliked.matcher": "auto",
        },
        "classifier": {
            "backbone": "tf_efficientnet_lite1",
            "size": 128,
            "lr": 3e-4,
            "freeze_bn": True,
            "frozen_stages": 3,
            "mirror": False,
        },
    },
}


@reidbench.hookimpl
def reidbench_methods() -> list[MethodSpec]:
    """Offer the classifier and the fusion; torch is imported when one is built."""
    return [
        MethodSpec(
            "convnext_classifier",
            "ConvNeXt-XL classifier over all enrolled animals, softmax probability",
            ConvNeXtSettings,
            _build_classifier,
            networks=_networks,
            presets={"paper": _PAPER, "quick": _QUICK},
            needs="ImageNet weights of the backbone; a GPU for the preset paper",
            licence="apache-2.0 (timm weights)",
            source="github.com/visan-ionut/Animal_Clef_2025, the classifier alone",
        ),
        MethodSpec(
            "convnext_fusion",
            "two WildFusions and a ConvNeXt classifier, combined by the published rule",
            ConvNeXtFusionSettings,
            _build_fusion,
            parts=_parts_of_fusion,
            presets={"paper": {"classifier_preset": "paper"}, "quick": _QUICK_FUSION},
            drawn_presets={"quick": {"classifier_preset": "quick"}},
            needs="the weights of wildfusion and of convnext_classifier",
            licence="CC BY-NC 4.0 (MegaDescriptor)",
            source="github.com/visan-ionut/Animal_Clef_2025",
        ),
    ]


def _networks(settings: ConvNeXtSettings) -> list[str]:
    return [settings.backbone] if settings.weights in ("auto", "imagenet") else []


def _build_classifier(settings: ConvNeXtSettings) -> reidbench.ClassifierMethod:
    from reidbench_convnext.classifier import ConvNeXtClassifier  # imports torch and timm

    return ConvNeXtClassifier(settings)


def _parts_of_fusion(settings: ConvNeXtFusionSettings) -> Mapping[str, PartSpec]:
    names = ("wildfusion", "first", "second", "classifier")
    unused = sorted(set(settings.options) - set(names))
    if unused:
        raise reidbench.ReidbenchError(
            f"'{unused[0]}' is not a part of this fusion: {', '.join(names)}",
            where=f"--set {unused[0]}.…",
            remedy=f"choose one of: {', '.join(names)}, such as --set wildfusion.aliked.matcher=mnn",
        )
    both, own = settings.options.get("wildfusion", {}), settings.options
    # As published, one fusion is calibrated on the first gallery images and one on images outside the gallery.
    first = {
        "calibrate_on": "gallery",
        "calibration_images": settings.first_images,
        "shortlist": settings.first_shortlist,
    }
    second = {"calibrate_on": "episode", "shortlist": 0}
    return {
        "first": PartSpec("wildfusion", {**first, **both, **own.get("first", {})}, calibration=None),
        "second": PartSpec("wildfusion", {**second, **both, **own.get("second", {})}, calibration=None),
        "classifier": PartSpec(
            "convnext_classifier", own.get("classifier", {}), preset=settings.classifier_preset, calibration=None
        ),
    }


def _build_fusion(settings: ConvNeXtFusionSettings, parts: Mapping[str, reidbench.Method]) -> reidbench.Method:
    from reidbench_convnext.fusion import ConvNeXtFusion

    return ConvNeXtFusion(settings, parts)
