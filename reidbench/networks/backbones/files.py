"""Weight files: tensors by key, metadata, digest; code in a file is never run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from torch import Tensor

# Where training scripts put the tensors among other things.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


@dataclass(frozen=True, slots=True, eq=False)
class WeightsFile:
    """A file that was read: its tensors by key, and the metadata of a ``.safetensors`` file."""

    path: Path
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.tensors:
            raise ReidbenchError("the file holds no tensors", where=str(self.path), remedy="give a state dict")

    @property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path, *, from_hub: bool = False) -> WeightsFile:
    """Read a ``.safetensors`` file, or a ``.pth``, ``.pt`` or ``.bin`` file that holds tensors alone.

    Args:
        path: The file.
        from_hub: Whether it stands in the hub's cache, where a broken file is got again and not replaced.

    Raises:
        ReidbenchError: The file is truncated, of another kind, or holds something else than tensors.
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
        # Each format has exceptions of its own for a broken file, all with one meaning here.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        again = "delete it, and with network it is got again; or --set weights=FILE"
        raise ReidbenchError(
            f"the weights can't be read: {reason}",
            where=str(path),
            remedy=again if from_hub else "give a .safetensors file, or a .pth file that holds tensors alone",
        ) from error
    for key in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise ReidbenchError("the file holds no state dict", where=str(path), remedy="give a state dict")
    return WeightsFile(path, {str(key): value for key, value in loaded.items() if torch.is_tensor(value)}, {})
