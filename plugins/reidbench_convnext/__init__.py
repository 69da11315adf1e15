"""ConvNeXt as a softmax classifier over every enrolled animal, after an AnimalCLEF 2025 solution."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

import reidbench
from reidbench import ClassifierTrainingSettings, MethodSpec


class ConvNeXtSettings(ClassifierTrainingSettings):
    """Options of the classifier; the defaults are those of the published recipe."""

    backbone: str = Field("convnext_xlarge.fb_in22k_ft_in1k_384", description="Architecture, by its name in timm")
    weights: str = Field(
        "auto", description="auto (pretrained if it can be had, else random), imagenet, random, or a weights file"
    )
    pad_type: Literal["", "same"] = Field(
        "", description="same pads as TensorFlow does; empty takes what the weights file says"
    )


# The recipe is what the settings default to; the preset says which they are.
_REPORT: dict[str, Any] = {
    "backbone": "convnext_xlarge.fb_in22k_ft_in1k_384",
    "size": 384,
    "epochs": 30,
    "batch_size": 8,
    "lr": 8e-5,
}
# A few minutes on two cores: a small network, small images, few epochs. It shows that all runs, not what the method
# can do.
_QUICK: dict[str, Any] = {
    "backbone": "convnext_atto",
    "size": 96,
    "epochs": 20,
    "lr": 2e-4,
    "validate_every": 4,
    "patience": 0,
}


@reidbench.hookimpl
def reidbench_methods() -> list[MethodSpec]:
    """Offer the classifier; torch loads when it is built."""
    return [
        MethodSpec(
            "convnext_classifier",
            "ConvNeXt-XL softmax classifier over all enrolled animals, probability threshold",
            ConvNeXtSettings,
            _build_classifier,
            presets={"report": _REPORT, "quick": _QUICK},
            needs="ImageNet weights of the backbone (else it starts from random ones); a GPU for the report preset",
            licence="apache-2.0 (timm weights)",
            source="github.com/visan-ionut/Animal_Clef_2025, the classifier alone",
        ),
    ]


def _build_classifier(settings: ConvNeXtSettings) -> reidbench.ClassifierMethod:
    from reidbench_convnext.classifier import ConvNeXtClassifier  # torch and timm load here

    return ConvNeXtClassifier(settings)
