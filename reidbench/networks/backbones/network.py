"""Load weights into a network that a plugin builds itself: from a file, the local cache, a package or the hub.

``load_backbone`` is for networks of timm. This module is for others, such as local features and matchers. Search
order and errors are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Weights
from reidbench.networks.backbones.files import read_weights
from reidbench.networks.backbones.fitting import mismatch
from reidbench.networks.backbones.hub import find_weights, ways_out
from reidbench.networks.backbones.renaming import with_current_names

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
    variants: Mapping[str, Callable[[], nn.Module]] | None = None,
    variant_setting: str = "model",
) -> Weights:
    """Load weights into a network on the CPU, and switch it to evaluation mode.

    Args:
        network: The network; changed in place.
        name: Name of the network in messages and tables.
        weights: ``auto`` (the local cache, an installed package, then the hub), or a ``.safetensors`` or ``.pth`` file.
        repository: Repository of the published weights on the hub, ``OWNER/NAME``.
        file: Name of the weights file in the repository.
        licence: Licence of the published weights.
        setting: Setting that names the file, for messages.
        instead: Other remedies if the weights are not available, for messages.
        built: Buffers that the network computes, so that files may lack them.
        rename: Converts the keys of older files to those of the network.
        variants: Function that builds each variant of the network, by its name. If the file does not fit, the error
            names the variant that it fits.
        variant_setting: Setting that names the variant, for messages.

    Raises:
        ReidbenchError: The weights are not available, can't be read, or do not fit.
    """
    if weights == "auto":
        lookup = find_weights(repository, (file,), downloads=True)
        if lookup.path is None:
            raise ReidbenchError(
                f"the weights of {name} are not available: {lookup.reason}",
                where=f"{setting}=auto",
                remedy=ways_out(
                    repository, f"--set {setting}=FILE with a .safetensors or .pth file", *instead, file=file
                ),
            )
        path, packaged = lookup.path, lookup.packaged
        source, label = f"hub:{repository}/{file}" if packaged is None else packaged.source, name
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
    sha256 = loaded.sha256
    state = dict(rename(with_current_names(sha256, loaded.tensors)))
    allowed = {f"'{key}' is missing" for key in built}

    def problems_of(candidate: nn.Module) -> list[str]:
        return [problem for problem in mismatch(candidate, state) if problem not in allowed]

    problems = problems_of(network)
    if problems:
        fitting = [each for each, build in (variants or {}).items() if not problems_of(build())]
        if fitting:
            fitting = [path.stem] if path.stem in fitting else fitting
            raise ReidbenchError(
                f"this file is {' or '.join(fitting)}, not {name}",
                where=str(path),
                remedy=" or ".join(f"add --set {variant_setting}={each}" for each in fitting),
            )
        more = f"; and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise ReidbenchError(
            f"the weights do not fit {name}: {'; '.join(problems[:4])}{more}",
            where=str(path),
            remedy=f"give a file that was made for {name}, or --set {setting}=auto",
        )
    network.load_state_dict(state, strict=False)
    network.eval()
    return Weights(source, pretrained=True, sha256=sha256, licence=licence, label=label)
