"""Put the tensors of a file into a network, or say which keys and shapes do not fit.

Nothing is left out in silence: a key of the file that the network lacks is an error, unless it stands beside a
prefix that names the backbone, where it is of the training's head and the user is told.
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

# Buffers that a network builds for itself; files of other timm versions have or lack them.
_BUILT_BUFFERS = ("num_batches_tracked", "relative_position_index", "attn_mask")
# Names under which training scripts, parallel wrappers and compilers hold the network.
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "network.", "encoder.")
_SHOWN = 4


def fit_weights(
    network: nn.Module,
    file: WeightsFile,
    name: str,
    progress: Progress,
    *,
    heads: Sequence[str] = (),
    may_resample: bool = False,
) -> None:
    """Load a file into a network without classifier, in the network's own precision.

    Args:
        network: Changed in place.
        file: Where the tensors come from.
        name: The model's name, for messages.
        progress: Where it is said what was left out.
        heads: Classifiers of the architecture; the file may have them.
        may_resample: Whether position tables of another input size may be resampled to the network's.

    Raises:
        ReidbenchError: Keys are missing or foreign, shapes differ, or the weights hold nan or infinity.
    """
    known = network.state_dict()
    whole, left_out = _without_prefix(file.tensors, known)
    state = _without_heads(whole, heads)
    problems = mismatch(network, state)
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if problems and convert is not None:
        # timm renames keys of older files, architecture by architecture; only then is it worth asking.
        try:
            converted = _without_heads(convert(dict(whole), network), heads)
        except (KeyError, RuntimeError, AttributeError, IndexError, ValueError, TypeError):
            pass  # the file is of something else: its keys are named below
        else:
            resampled = [] if may_resample else _resampled(state, converted)
            problems = resampled or mismatch(network, converted)
            state = converted
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        made_for = file.metadata.get("arch", "")
        raise ReidbenchError(
            f"the weights do not fit '{name}': {'; '.join(problems[:_SHOWN])}{more}",
            where=str(file.path),
            remedy=f"name the model they were made for{f' ({made_for})' if made_for else ''}, or give another file",
        )
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise ReidbenchError(
            f"the weights hold nan or infinity in '{broken[0]}'", where=str(file.path), remedy="get the file again"
        )
    if left_out:
        shown = ", ".join(left_out[:_SHOWN]) + (" …" if len(left_out) > _SHOWN else "")
        progress.warn(f"{file.path.name} holds more than '{name}' uses, left out: {shown}")
    network.load_state_dict({key: value.to(known[key].dtype) for key, value in state.items() if key in known}, False)


def _without_prefix(tensors: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Return the backbone's tensors under their own names, and the keys that stand beside it."""
    state = dict(tensors)
    beside: list[str] = []
    while True:
        prefix = next((p for p in _PREFIXES if _mostly(state, p) and not any(k.startswith(p) for k in known)), None)
        if prefix is None:
            return state, beside
        beside += [key for key in state if not key.startswith(prefix)]
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _mostly(state: Mapping[str, Tensor], prefix: str) -> bool:
    return 2 * sum(key.startswith(prefix) for key in state) > len(state)


def _without_heads(state: Mapping[str, Tensor], heads: Sequence[str]) -> dict[str, Tensor]:
    prefixes = tuple(f"{head}." for head in heads)
    return {key: value for key, value in state.items() if not key.startswith(prefixes)}


def _resampled(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """Name the tables that were stretched to another input size: such weights are of another model."""
    kept = {value.data_ptr() for value in before.values()}  # renamed or reshaped, not made anew
    return [
        f"'{key}' has shape {tuple(before[key].shape)}, not {tuple(value.shape)}"
        for key, value in after.items()
        if key in before and value.numel() != before[key].numel() and value.data_ptr() not in kept
    ]


def mismatch(network: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Name each key and shape of a file that does not fit a network, shapes first; empty where all fits."""
    known = network.state_dict()
    missing = [f"'{key}' is missing" for key in known if key not in state and not key.endswith(_BUILT_BUFFERS)]
    foreign = [f"'{key}' is not in it" for key in state if key not in known and not key.endswith(_BUILT_BUFFERS)]
    shapes = [
        f"'{key}' has shape {tuple(value.shape)}, not {tuple(known[key].shape)}"
        for key, value in state.items()
        if key in known and value.shape != known[key].shape
    ]
    return shapes + missing + foreign
