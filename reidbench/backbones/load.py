"""Build a backbone and give it its weights: pretrained, from a file, or random."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reidbench.backbones.batch_norm import has_folded_batch_norm
from reidbench.backbones.files import read_weights, sha256_of
from reidbench.backbones.fitting import mismatch
from reidbench.backbones.hub import find_pretrained
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.method import Weights
from reidbench.progress import Progress

if TYPE_CHECKING:
    from torch import nn


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
        path, reason = find_pretrained(repository)
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
    state, metadata = read_weights(path)
    arch = metadata.get("arch", "")
    network = _create(name, seed, pad_type or ("same" if "pad_type=same" in arch else ""))
    config = dict(_config(name))
    classifier = config.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    state = {key: value for key, value in state.items() if not key.startswith(tuple(f"{head}." for head in heads))}
    problems = mismatch(network, state)
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if problems and convert is not None:
        # timm renames keys of older files, architecture by architecture; only then is it worth asking.
        try:
            state = convert(dict(state), network)
        except (KeyError, RuntimeError, AttributeError, IndexError, ValueError, TypeError):
            pass  # the file is of something else: its keys are named below
        else:
            problems = mismatch(network, state)
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
    record = Weights(source, pretrained=True, sha256=sha256_of(path), licence=licence, label=label)
    return Backbone(network, record, mean, std)


def _three(value: Any) -> tuple[float, float, float]:
    if isinstance(value, str):
        value = value.split(",")
    red, green, blue = value if value is not None else (0.5, 0.5, 0.5)
    return float(red), float(green), float(blue)
