"""Whether tensors fit a network, key by key and shape by shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

# Buffers that a network builds for itself; files of other timm versions have or lack them.
_BUILT_BUFFERS = ("num_batches_tracked", "relative_position_index", "attn_mask")


def mismatch(network: nn.Module, state: dict[str, Tensor]) -> list[str]:
    known = network.state_dict()
    missing = [f"'{key}' is missing" for key in known if key not in state and not key.endswith(_BUILT_BUFFERS)]
    foreign = [f"'{key}' is not in it" for key in state if key not in known and not key.endswith(_BUILT_BUFFERS)]
    shapes = [
        f"'{key}' has shape {tuple(value.shape)}, not {tuple(known[key].shape)}"
        for key, value in state.items()
        if key in known and value.shape != known[key].shape
    ]
    return shapes + missing + foreign
