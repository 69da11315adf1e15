"""Write the trained network as the weights file of the package, with a card that describes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from benchmarks.starter.recipe import Recipe
from reidbench.files import write_bytes, write_text

LARGEST = 14_000_000
"""Largest size of the file in bytes; the wheel must stay under 20 MB."""


def write_weights(network: nn.Module, recipe: Recipe, path: Path) -> str:
    """Write the backbone as float16 safetensors, without the embedding layer.

    The statistics of batch norm stay float32, because float16 is too coarse for small variances.

    Returns:
        SHA-256 of the file.

    Raises:
        ValueError: A value does not fit into float16, or the file is too large.
    """
    tensors = {}
    for key, value in network.state_dict().items():
        part, _, name = key.partition(".")
        if part != "backbone" or name.endswith("num_batches_tracked"):
            continue
        half = value if name.endswith(("running_mean", "running_var")) else value.half()
        if not torch.isfinite(half).all():
            raise ValueError(f"{key} does not fit into float16")
        tensors[name] = half.contiguous()
    metadata = {
        "arch": recipe.backbone,
        "mean": ",".join(map(str, network.mean)),
        "std": ",".join(map(str, network.std)),
        "starter": recipe.name,
    }
    content = _ordered(save(tensors, metadata))
    if len(content) > LARGEST:
        raise ValueError(f"the weights have {len(content)} bytes, more than {LARGEST}")
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def _ordered(content: bytes) -> bytes:
    """Sort the metadata, which the library writes in any order, so that equal weights give equal bytes."""
    start, length = 8, int.from_bytes(content[:8], "little")
    header = json.loads(content[start : start + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text + content[start + length :]


def write_card(recipe: Recipe, sha256: str, history: list[dict[str, Any]], facts: dict[str, Any], path: Path) -> None:
    """Write a JSON file with the digest of the weights, the recipe and the evaluations during training."""
    card = {"sha256": sha256, **facts, "recipe": asdict(recipe), "history": history}
    write_text(path, json.dumps(card, indent=2) + "\n")
