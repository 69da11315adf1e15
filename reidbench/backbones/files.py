"""Weight files: tensors by key, metadata, digest; code in a file is never run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from torch import Tensor


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors by key and the file's metadata; code in a pickle is never run."""
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(str(path), framework="pt", device="cpu") as file:
                return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ReidbenchError(
            f"the weights can't be read: {str(error).splitlines()[0]}",
            where=str(path),
            remedy="give a .safetensors file, or a .pth file that holds tensors alone",
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise ReidbenchError("the file holds no state dict", where=str(path), remedy="give a state dict")
    tensors = {str(key).removeprefix("module."): value for key, value in loaded.items() if torch.is_tensor(value)}
    return tensors, {}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
