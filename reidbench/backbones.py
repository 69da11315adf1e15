"""Pretrained backbones from timm, looked for without surprises: local cache, then the hub, then a clear answer.

timm's own ``pretrained=True`` waits long on a machine without network and then fails. Here the cache is
read first, one short probe per process decides whether the hub is asked at all, and the answer, with the
digest of the file, becomes part of the run's record.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.method import Weights
from reidbench.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

PROBE_S = 2.0
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
# Buffers that a network builds for itself; files of other timm versions have or lack them.
_BUILT_BUFFERS = ("num_batches_tracked", "relative_position_index", "attn_mask")


class Backbone(NamedTuple):
    """A network that gives pooled features, where its weights came from, and what input they expect."""

    network: nn.Module
    weights: Weights
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def folded_batch_norm(self) -> bool:
        """Whether batch norm is folded into the weights, so that its statistics should stay."""
        return has_folded_batch_norm(self.network)


def load_backbone(
    name: str,
    weights: str,
    progress: Progress,
    *,
    seed: int = 0,
    pad_type: str = "",
    hub_id: str = "",
    offer_random: bool = True,
) -> Backbone:
    """Build a timm network without classifier, on the CPU, in evaluation mode.

    Args:
        name: Architecture that timm knows.
        weights: ``auto`` (pretrained where it can be had, else random with a warning), ``imagenet`` (pretrained
            or an error), ``random``, or a ``.safetensors``, ``.pth``, ``.pt`` or ``.bin`` file.
        progress: Where the warning goes.
        seed: Seed of random weights.
        pad_type: ``same`` pads as TensorFlow does. Empty takes what the file's metadata says, or the default.
        hub_id: Repository of pretrained weights on the hub; empty is timm's for this name.
        offer_random: Whether an error may point to random weights; a frozen method has no use for them.

    Returns:
        The network, its weights' record, and mean and standard deviation of each channel: the file's
        metadata if it has them; for folded batch norm with ``pad_type=same`` 0.5, which such
        TensorFlow weights were trained with; else timm's configuration.

    Raises:
        ReidbenchError: Unknown name, pretrained weights that can't be had, or a file that does not fit.
    """
    import timm

    if not timm.is_model(name):
        raise ReidbenchError(
            f"backbone '{name}' is not in timm {timm.__version__}",
            where=f"backbone={name}",
            remedy=did_you_mean(name, timm.list_models()) or "python -c 'import timm; print(timm.list_models())'",
        )
    if weights == "random":
        return _random(name, seed, pad_type)
    if weights in ("auto", "imagenet"):
        config = _config(name)
        repository = hub_id or str(config.get("hf_hub_id") or "")
        path, reason = _find_pretrained(repository)
        if path is not None:
            label = f"{repository} ({config.get('tag') or 'hub'})" if not hub_id else repository
            licence = "" if hub_id else str(config.get("license") or "")
            return _from_file(name, path, seed, pad_type, source=f"hub:{repository}", licence=licence, label=label)
        if weights == "auto":
            progress.warn(f"no pretrained weights for {name} ({reason}): going on from random weights")
            return _random(name, seed, pad_type)
        remedy = (
            f"on a machine with network: huggingface-cli download {repository}, then copy its HF_HOME here; "
            "or --set weights=FILE with a .safetensors or .pth file"
        )
        remedy += "; or --set weights=random to train from nothing" if offer_random else ""
        raise ReidbenchError(
            f"pretrained weights of {name} can't be had: {reason}", where="weights=imagenet", remedy=remedy
        )
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ReidbenchError(
            f"there is no weights file '{weights}'",
            where=f"weights={weights}",
            remedy="give auto, imagenet, random or the path of a .safetensors or .pth file",
        )
    return _from_file(name, path, seed, pad_type, source=f"file:{path.name}", licence="", label=path.stem)


def has_folded_batch_norm(network: nn.Module) -> bool:
    """Tell whether batch norm is folded into the convolutions: every layer is identity plus bias.

    Such statistics say nothing of the data. Training them would rescale every layer at the first batch, so
    they are kept. A network without batch norm, or a fresh one (biases all 0), is not folded.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    biased = False
    for layer in layers:
        if layer.running_mean is None or layer.running_var is None or not layer.affine:
            return False
        with torch.no_grad():
            # Variance is written as 1 or as 1 - eps, so that the layer divides by exactly 1.
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            if layer.running_mean.abs().max() > 1e-6 or (scale - 1).abs().max() > 2 * layer.eps + 1e-4:
                return False
            biased = biased or bool(layer.bias.abs().max() > 0)
    return biased


def _config(name: str) -> dict[str, Any]:
    import timm

    config = timm.get_pretrained_cfg(name)
    return config.to_dict() if config is not None else {}


def _create(name: str, seed: int, pad_type: str) -> nn.Module:
    import timm
    import torch

    extra = {"pad_type": pad_type} if pad_type else {}
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            network: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **extra)
    except TypeError as error:
        raise ReidbenchError(
            f"backbone '{name}' takes no pad_type", where=f"pad_type={pad_type}", remedy="leave pad_type empty"
        ) from error
    return network.eval()


def _random(name: str, seed: int, pad_type: str) -> Backbone:
    config = _config(name)
    record = Weights(source=f"random, seed {seed}", pretrained=False, label="random")
    return Backbone(_create(name, seed, pad_type), record, _three(config.get("mean")), _three(config.get("std")))


def _from_file(name: str, path: Path, seed: int, pad_type: str, *, source: str, licence: str, label: str) -> Backbone:
    state, metadata = _read(path)
    arch = metadata.get("arch", "")
    network = _create(name, seed, pad_type or ("same" if "pad_type=same" in arch else ""))
    config = dict(_config(name))
    classifier = config.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    state = {key: value for key, value in state.items() if not key.startswith(tuple(f"{head}." for head in heads))}
    problems = _mismatch(network, state)
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if problems and convert is not None:
        # timm renames keys of older files, architecture by architecture; only then is it worth asking.
        try:
            state = convert(dict(state), network)
        except (KeyError, RuntimeError, AttributeError, IndexError, ValueError, TypeError):
            pass  # the file is of something else: its keys are named below
        else:
            problems = _mismatch(network, state)
    if problems:
        shown = "; ".join(problems[:4]) + (f"; and {len(problems) - 4} more" if len(problems) > 4 else "")
        raise ReidbenchError(
            f"the weights do not fit backbone '{name}': {shown}",
            where=str(path),
            remedy=f"name the backbone they were made for{f' ({arch})' if arch else ''}, or give another file",
        )
    known = network.state_dict()
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise ReidbenchError(
            f"the weights hold nan or infinity in '{broken[0]}'", where=str(path), remedy="get the file again"
        )
    network.load_state_dict({key: value.to(known[key].dtype) for key, value in state.items() if key in known}, False)
    if (pad_type == "same" or "pad_type=same" in arch) and has_folded_batch_norm(network):
        config["mean"] = config["std"] = (0.5, 0.5, 0.5)
    mean = _three(metadata.get("mean") or config.get("mean"))
    std = _three(metadata.get("std") or config.get("std"))
    record = Weights(source, pretrained=True, sha256=_sha256(path), licence=licence, label=label)
    return Backbone(network, record, mean, std)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
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


def _mismatch(network: nn.Module, state: dict[str, Tensor]) -> list[str]:
    known = network.state_dict()
    missing = [f"'{key}' is missing" for key in known if key not in state and not key.endswith(_BUILT_BUFFERS)]
    foreign = [f"'{key}' is not in it" for key in state if key not in known and not key.endswith(_BUILT_BUFFERS)]
    shapes = [
        f"'{key}' has shape {tuple(value.shape)}, not {tuple(known[key].shape)}"
        for key, value in state.items()
        if key in known and value.shape != known[key].shape
    ]
    return shapes + missing + foreign


def _find_pretrained(repository: str) -> tuple[Path | None, str]:
    """Return the weights file and an empty reason, or None and why there is none."""
    if not repository:
        return None, "timm names no pretrained weights for it"
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    for name in _HUB_FILES:
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Path(cached), ""
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return None, f"{repository} is not in the local cache and HF_HUB_OFFLINE is set"
    if not _hub_answers(constants.ENDPOINT):
        return None, f"{repository} is not in the local cache and {constants.ENDPOINT} does not answer"
    reason = "it holds no weights file"
    for name in _HUB_FILES:
        try:
            return Path(hf_hub_download(repository, name)), ""
        except Exception as error:
            # The hub's client raises many kinds (network, access, absent file), all with one meaning here.
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return None, f"{repository}: {reason}"


@functools.cache
def _hub_answers(endpoint: str) -> bool:
    """Open one connection to the hub, or to the proxy in front of it, within ``PROBE_S``; once for each process."""
    url = urlsplit(endpoint)
    proxy = getproxies().get(url.scheme or "https", "")
    target = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else url
    port = target.port or (443 if target.scheme == "https" else 80)
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((target.hostname or "", port), timeout=PROBE_S).close()
        except OSError:
            return
        answered.set()

    # A socket's timeout does not cover the name look-up, which may hang for much longer: wait from outside.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PROBE_S)
    return answered.is_set()


def _three(value: Any) -> tuple[float, float, float]:
    if isinstance(value, str):
        value = value.split(",")
    red, green, blue = value if value is not None else (0.5, 0.5, 0.5)
    return float(red), float(green), float(blue)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
