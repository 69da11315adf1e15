"""The settings that were tried for the preset ``quick``, each as a change of the first."""

from __future__ import annotations

from typing import Any

BASE: dict[str, Any] = {
    "backbone": "tf_efficientnet_lite1",
    "size": 128,
    "head": "none",
    "freeze_bn": True,
    "frozen_stages": 3,
    "quarter_turns": False,
    "identities_per_batch": 4,
    "images_per_identity": 4,
    "epochs": 125,
    "max_steps": 300,
    "validate_every": 10,
    "lr": 3e-4,
}

RECIPES: dict[str, dict[str, Any]] = {
    "128 px": {},
    "frozen network": {"epochs": 0, "frozen_stages": 0},
    "96 px": {"size": 96},
    "160 px": {"size": 160},
    "rate 1e-4": {"lr": 1e-4},
    "rate 1e-3": {"lr": 1e-3},
    "150 steps": {"max_steps": 150},
    "all stages trained": {"frozen_stages": 0},
    "4 stages frozen": {"frozen_stages": 4},
    "batch norm trained": {"freeze_bn": False},
    "head of 128 numbers": {"head": "linear"},
    "batches of 8 x 4": {"identities_per_batch": 8, "max_steps": 150},
}
