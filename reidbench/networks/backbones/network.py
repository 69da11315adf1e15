"""Weights for a network that a plugin builds itself: from a file, the local cache, or the hub.

``load_backbone`` is for networks that timm builds. Local features and matchers come from elsewhere, but
where their weights are looked for and what is said when there are none is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Weights
from reidbench.networks.backbones.files import read_weights
from reidbench.networks.backbones.fitting import mismatch
from reidbench.networks.backbones.hub import find_file, ways_out

if TYPE_CHECKING:
    from torch import nn


def load_network(
    network: nn.Module,
    name: str,
    weights: str,
    *,
    repository: str,
    file: str,
    licence: str = "",
    setting: str = "weights",
    instead: Sequence[str] = (),
    built: Sequence[str] = (),
    rename: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda state: state,
) -> Weights:
    """Load weights into a network, on the CPU, and put it in evaluation mode.

    Args:
        network: Changed in place.
        name: What messages and tables call it.
        weights: ``auto`` (the local cache, then the hub), or a ``.safetensors`` or ``.pth`` file.
        repository: Where the hub keeps the published weights, ``OWNER/NAME``.
        file: Their file there.
        licence: Licence of the published weights.
        setting: Setting that names the file, for messages.
        instead: What else a user can do where there are no weights, for messages.
        built: Buffers that the network makes for itself and files may lack.
        rename: Turns the keys of older files into the network's.

    Raises:
        ReidbenchError: The weights can't be had, can't be read, or do not fit.
    """
    if weights == "auto":
        path = _published(name, repository, file, setting, instead)
        source, label = f"hub:{repository}/{file}", name
    else:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise ReidbenchError(
                f"there is no weights file '{weights}'",
                where=f"{setting}={weights}",
                remedy="give auto, or the path of a .safetensors or .pth file",
            )
        source, label = f"file:{path.name}", path.stem
    loaded = read_weights(path, from_hub=weights == "auto")
    state = dict(rename(loaded.tensors))
    problems = [each for each in mismatch(network, state) if each not in {f"'{key}' is missing" for key in built}]
    if problems:
        more = f"; and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise ReidbenchError(
            f"the weights do not fit {name}: {'; '.join(problems[:4])}{more}",
            where=str(path),
            remedy=f"give a file that was made for {name}, or --set {setting}=auto",
        )
    network.load_state_dict(state, strict=False)
    network.eval()
    return Weights(source, pretrained=True, sha256=loaded.sha256, licence=licence, label=label)


def _published(name: str, repository: str, file: str, setting: str, instead: Sequence[str]) -> Path:
    """Look into the hub's cache, then where torch keeps downloads, then ask the hub."""
    import torch

    kept = Path(torch.hub.get_dir()) / "checkpoints" / file
    if kept.is_file():
        return kept
    found = find_file(repository, (file,))
    if found.path is None:
        raise ReidbenchError(
            f"the weights of {name} can't be had: {found.reason}, and {kept} is not there",
            where=f"{setting}=auto",
            remedy=ways_out(f"{repository} {file}", f"--set {setting}=FILE with a .safetensors or .pth file", *instead),
        )
    return found.path
