"""The starter weights that the package carries, so that a first run learns something without the network.

They are trained by this project on drawn animals alone, by ``python -m benchmarks.starter``; no photograph goes into
them. That is why they never count as pretrained, and why every table names them. A package without any is whole too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STARTER = "starter"
STARTER_LABEL = "starter (drawn animals)"
WEIGHTS_DIR = Path(__file__).parent / "weights"
"""Holds ``NAME.safetensors`` and its card ``NAME.json``, as the recipe writes them."""


def starter_backbones() -> tuple[str, ...]:
    """Return the architectures, by their name in timm, that starter weights fit."""
    return tuple(sorted(starter_cards()))


def starter_file(backbone: str) -> Path | None:
    """Return the weights file for an architecture, or None where the package carries none."""
    for path in _card_paths():
        if _read(path)["recipe"]["backbone"] == backbone:
            return path.with_suffix(".safetensors")
    return None


def starter_cards() -> dict[str, dict[str, Any]]:
    """Return, by architecture, what the weights were made from and how they did on the way."""
    return {card["recipe"]["backbone"]: card for card in map(_read, _card_paths())}


def _card_paths() -> list[Path]:
    return sorted(WEIGHTS_DIR.glob("*.json"))


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
