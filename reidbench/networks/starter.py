"""The starter weights of the package, with which a first run works without a network connection.

This project trained them on drawn animals by ``python -m benchmarks.starter``, without photographs. They therefore
never count as pretrained, and every table names them. A package without starter weights works too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STARTER = "starter"
STARTER_LABEL = "starter (drawn animals)"
WEIGHTS_DIR = Path(__file__).parent / "weights"
"""Folder of the weights ``NAME.safetensors`` and their cards ``NAME.json``, written by the training script."""


def starter_backbones() -> tuple[str, ...]:
    """Return the timm names of the architectures that have starter weights."""
    return tuple(sorted(starter_cards()))


def starter_file(backbone: str) -> Path | None:
    """Return the weights file of an architecture, or ``None`` if the package has none."""
    for path in _card_paths():
        if _read_card(path)["recipe"]["backbone"] == backbone:
            return path.with_suffix(".safetensors")
    return None


def starter_cards() -> dict[str, dict[str, Any]]:
    """Return the card of each architecture's weights: how they were trained, and the results during training."""
    return {card["recipe"]["backbone"]: card for card in map(_read_card, _card_paths())}


def _card_paths() -> list[Path]:
    return sorted(WEIGHTS_DIR.glob("*.json"))


def _read_card(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
