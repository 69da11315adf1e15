"""Read weights files: tensors by key, metadata and digest. Code in a file is never executed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from torch import Tensor

# Keys under which training scripts store the tensors, next to other values.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "extractor")


@dataclass(frozen=True, slots=True, eq=False)
class WeightsFile:
    """The content of a weights file: tensors by key, and the metadata of a ``.safetensors`` file.

    Raises:
        ReidbenchError: The file holds no tensors.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.tensors:
            raise ReidbenchError(
                "the file holds no tensors", where=str(self.path), remedy="give a file that holds a state dict"
            )

    @property
    def sha256(self) -> str:
        """The SHA-256 digest of the file, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path, *, from_hub: bool = False) -> WeightsFile:
    """Read a ``.safetensors`` file, or a ``.pth``, ``.pt`` or ``.bin`` file that holds only tensors.

    Args:
        path: The file.
        from_hub: Whether the file is in the hub's cache. The error then suggests to download it again.

    Raises:
        ReidbenchError: The file is truncated, has another format, or holds anything but tensors.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(str(path), framework="pt", device="cpu") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                return WeightsFile(path, tensors, dict(file.metadata() or {}))
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except ReidbenchError:
        raise
    except Exception as error:
        # Each file format raises other exceptions for a broken file. All mean the same here.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        download = "delete the file; the next run downloads it again if there is a network. Or --set weights=FILE"
        raise ReidbenchError(
            f"the weights can't be read: {reason}",
            where=str(path),
            remedy=download if from_hub else "give a .safetensors file, or a .pth file that holds only tensors",
        ) from error
    for key in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise ReidbenchError(
            "the file holds no state dict", where=str(path), remedy="give a file that holds a state dict"
        )
    return WeightsFile(path, {str(key): value for key, value in loaded.items() if torch.is_tensor(value)}, {})
