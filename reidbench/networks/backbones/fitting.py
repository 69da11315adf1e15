"""Load the tensors of a file into a network, or name the keys and shapes that do not fit.

A key of the file that the network lacks is an error. There is one exception: if most keys start with a prefix such as
``backbone.``, keys without the prefix belong to the head of the training. They are left out with a warning.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reidbench.errors import ReidbenchError
from reidbench.networks.backbones.files import WeightsFile
from reidbench.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

# Buffers that the network computes; whether a file has them depends on the version of timm that wrote it.
_BUILT_BUFFERS = ("num_batches_tracked", "relative_position_index", "attn_mask")
# Prefixes that training scripts, parallel wrappers and compilers add to the keys of the network.
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "network.", "encoder.")
_N_LISTED = 4


def fit_weights(
    network: nn.Module,
    file: WeightsFile,
    name: str,
    progress: Progress,
    *,
    heads: Sequence[str] = (),
    may_resample: bool = False,
) -> None:
    """Load a file into a network without classifier, converted to the precision of the network.

    Args:
        network: The network; changed in place.
        file: The weights.
        name: Name of the model, for messages.
        progress: Receives a warning if tensors of the file are left out.
        heads: Names of the classifier layers of the architecture; the file may have them.
        may_resample: Whether position embeddings for another input size may be resampled.

    Raises:
        ReidbenchError: Keys are missing or unknown, shapes differ, or the weights contain nan or infinity.
    """
    expected = network.state_dict()
    tensors, left_out = _without_prefix(file.tensors, expected)
    state = _without_heads(tensors, heads)
    problems = mismatch(network, state)
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if problems and convert is not None:
        # timm has a function for each architecture that renames the keys of older files.
        try:
            converted = _without_heads(convert(dict(tensors), network), heads)
        except (KeyError, RuntimeError, AttributeError, IndexError, ValueError, TypeError):
            pass  # the file is for another architecture; the error below names its keys
        else:
            resampled = [] if may_resample else _resampled(state, converted)
            problems = resampled or mismatch(network, converted)
            state = converted
    if problems:
        more = f"; and {len(problems) - _N_LISTED} more" if len(problems) > _N_LISTED else ""
        made_for = file.metadata.get("arch", "")
        raise ReidbenchError(
            f"the weights do not fit '{name}': {'; '.join(problems[:_N_LISTED])}{more}",
            where=str(file.path),
            remedy=f"name the model they were made for{f' ({made_for})' if made_for else ''}, or give another file",
        )
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise ReidbenchError(
            f"the weights contain nan or infinity in '{broken[0]}'",
            where=str(file.path),
            remedy="download the file again",
        )
    if left_out:
        names = ", ".join(left_out[:_N_LISTED]) + (" …" if len(left_out) > _N_LISTED else "")
        progress.warn(f"tensors of {file.path.name} that '{name}' does not use are left out: {names}")
    network.load_state_dict(
        {key: value.to(expected[key].dtype) for key, value in state.items() if key in expected}, strict=False
    )


def _without_prefix(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the tensors of the backbone with prefixes removed from their keys, and the keys without a prefix."""
    state = dict(tensors)
    without_prefix: list[str] = []

    def is_prefix(text: str) -> bool:
        most = 2 * sum(key.startswith(text) for key in state) > len(state)
        return most and not any(key.startswith(text) for key in expected)

    while (prefix := next(filter(is_prefix, _PREFIXES), None)) is not None:
        without_prefix += [key for key in state if not key.startswith(prefix)]
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return state, without_prefix


def _without_heads(state: Mapping[str, Tensor], heads: Sequence[str]) -> dict[str, Tensor]:
    prefixes = tuple(f"{head}." for head in heads)
    return {key: value for key, value in state.items() if not key.startswith(prefixes)}


def _resampled(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """Describe each tensor that the conversion resampled to another input size; such weights are for another model."""
    unchanged = {value.data_ptr() for value in before.values()}  # only renamed or reshaped
    return [
        f"'{key}' has shape {tuple(before[key].shape)}, not {tuple(value.shape)}"
        for key, value in after.items()
        if key in before and value.numel() != before[key].numel() and value.data_ptr() not in unchanged
    ]


def mismatch(network: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Describe each difference between the tensors of a file and a network: shapes, missing keys, unknown keys."""
    expected = network.state_dict()
    missing = [f"'{key}' is missing" for key in expected if key not in state and not key.endswith(_BUILT_BUFFERS)]
    unknown = [f"the model has no '{key}'" for key in state if key not in expected and not key.endswith(_BUILT_BUFFERS)]
    shapes = [
        f"'{key}' has shape {tuple(value.shape)}, not {tuple(expected[key].shape)}"
        for key, value in state.items()
        if key in expected and value.shape != expected[key].shape
    ]
    return shapes + missing + unknown
