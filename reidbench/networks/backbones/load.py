"""Build a backbone and give it its weights: pretrained, from a file, or random."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Weights
from reidbench.networks.backbones.batch_norm import has_folded_batch_norm
from reidbench.networks.backbones.files import WeightsFile, read_weights
from reidbench.networks.backbones.fitting import fit_weights
from reidbench.networks.backbones.hub import WEIGHT_FILES, Lookup, find_file, ways_out
from reidbench.networks.backbones.models import HUB_PREFIX, Model, find_model
from reidbench.networks.backbones.network_input import Channel3, NetworkInput, three
from reidbench.networks.backbones.settings import BackboneSettings
from reidbench.networks.starter import STARTER, STARTER_LABEL, starter_backbones, starter_file
from reidbench.progress import Progress

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A network that gives pooled features, where its weights came from, and what input they expect."""

    network: nn.Module
    weights: Weights
    input: NetworkInput

    @property
    def mean(self) -> Channel3:
        return self.input.mean

    @property
    def std(self) -> Channel3:
        return self.input.std

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
    size: int | None = None,
    offer_random: bool = True,
) -> Backbone:
    """Build a network without classifier, on the CPU, in evaluation mode.

    Args:
        name: Architecture that timm knows, or a repository of the hub, ``hf-hub:OWNER/NAME``.
        weights: ``auto`` (pretrained where they can be had; else, with a warning, the package's starter weights if
            they fit, or random ones), ``pretrained`` or ``imagenet`` (pretrained or an error), ``starter`` (or an
            error), ``random``, or a file: ``.safetensors``, ``.pth``, ``.pt``, ``.bin``.
        progress: Where warnings go.
        seed: Seed of random weights.
        pad_type: ``same`` pads as TensorFlow does. Empty takes what the file's metadata says, or the default.
        size: Side of the input in pixels; by default the model's own. Networks of fixed input size are built for it
            and their position tables resampled.
        offer_random: Whether starter or random weights may take the place of pretrained ones, and an error may point
            to them; a frozen method has no use for them.

    Returns:
        The network, its weights' record and its input: mean and deviation are those of the file's metadata if it
        has them; for folded batch norm with ``pad_type=same`` 0.5, which such TensorFlow weights were trained
        with; else those of the model's configuration.

    Raises:
        ReidbenchError: Unknown name, pretrained weights that can't be had, or a file that does not fit.
    """
    if weights == "imagenet" and name.startswith(HUB_PREFIX):
        raise ReidbenchError(
            f"'{name}' has weights of its own, not ImageNet's",
            where="weights=imagenet",
            remedy="weights=auto takes its own; for ImageNet's name timm's architecture",
        )
    model = find_model(name)
    if weights == "random":
        return _random(model, seed, pad_type, size)
    if weights == STARTER:
        return _starter(model, progress, seed, pad_type, size)
    if weights in ("auto", "imagenet", "pretrained"):
        lookup = _find_pretrained(model)
        if lookup.path is not None:
            tag = f" ({model.config.get('tag') or 'hub'})" if not name.startswith(HUB_PREFIX) else ""
            revision = f"@{model.revision}" if model.revision else ""
            record = Weights(
                f"hub:{model.repository}{revision}",
                pretrained=True,
                licence=model.licence,
                label=f"{model.repository}{tag}",
            )
            return _from_file(model, read_weights(lookup.path, from_hub=True), record, progress, seed, pad_type, size)
        if weights == "auto" and offer_random and starter_file(model.architecture) is not None:
            progress.warn(f"no pretrained weights for {name} ({lookup.reason}): going on from {STARTER_LABEL} weights")
            return _starter(model, progress, seed, pad_type, size)
        if weights == "auto" and offer_random:
            progress.warn(f"no pretrained weights for {name} ({lookup.reason}): going on from random weights")
            return _random(model, seed, pad_type, size)
        others = ["--set weights=FILE with a .safetensors or .pth file"]
        others += ["--set weights=random to train from nothing"] if offer_random else []
        raise ReidbenchError(
            f"pretrained weights of {name} can't be had: {lookup.reason}",
            where=f"weights={weights}",
            remedy=ways_out(model.repository, *others),
        )
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ReidbenchError(
            f"there is no weights file '{weights}'",
            where=f"weights={weights}",
            remedy="give auto, imagenet, starter, random or the path of a .safetensors or .pth file",
        )
    # A file that is given for a model of the hub is that model's, and so is the licence.
    licence = model.licence if name.startswith(HUB_PREFIX) else ""
    record = Weights(f"file:{path.name}", pretrained=True, licence=licence, label=path.stem)
    return _from_file(model, read_weights(path), record, progress, seed, pad_type, size)


def load_frozen_backbone(settings: BackboneSettings, progress: Progress, *, seed: int = 0) -> Backbone:
    """Build the backbone that settings describe, with the input they ask for; pretrained or an error.

    Args:
        settings: Model, weights and input.
        progress: Where warnings go.
        seed: Seed of random weights, for those who ask for them.

    Raises:
        ReidbenchError: As :func:`load_backbone`, and where pretrained weights can't be had.
    """
    backbone = load_backbone(
        settings.model,
        settings.weights,
        progress,
        seed=seed,
        pad_type=settings.pad_type,
        size=None if settings.size == "auto" else settings.size,
        offer_random=False,
    )
    changes = {name: getattr(settings, name) for name in ("resize", "crop_share", "interpolation", "mean", "std")}
    changed = {name: value for name, value in changes.items() if value != "auto"}
    return dataclasses.replace(backbone, input=dataclasses.replace(backbone.input, **changed))


def _find_pretrained(model: Model) -> Lookup:
    own = model.config.get("hf_hub_filename")
    return find_file(model.repository, (*((str(own),) if own else ()), *WEIGHT_FILES), model.revision)


def _random(model: Model, seed: int, pad_type: str, size: int | None) -> Backbone:
    record = Weights(source=f"random, seed {seed}", pretrained=False, label="random")
    network = _build(model, seed, pad_type, size)
    return Backbone(network, record, _sized(NetworkInput.from_config(model.config), size))


def _starter(model: Model, progress: Progress, seed: int, pad_type: str, size: int | None) -> Backbone:
    path = starter_file(model.architecture)
    if path is None:
        others = [f"--set backbone={name}" for name in starter_backbones()]
        raise ReidbenchError(
            f"the package carries no starter weights for '{model.name}'",
            where=f"weights={STARTER}",
            remedy="; or ".join([*others, "--set weights=random to train from nothing"]),
        )
    # Trained on drawings alone: no table may call them pretrained.
    record = Weights(STARTER, pretrained=False, licence="", label=STARTER_LABEL)
    return _from_file(model, read_weights(path), record, progress, seed, pad_type, size)


def _from_file(
    model: Model,
    file: WeightsFile,
    record: Weights,
    progress: Progress,
    seed: int,
    pad_type: str,
    size: int | None,
) -> Backbone:
    made_for = file.metadata.get("arch", "")
    if not pad_type and "pad_type=same" in made_for and model.architecture.partition(".")[0] in made_for:
        pad_type = "same"
    network = _build(model, seed, pad_type, size)
    classifier = model.config.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    own = NetworkInput.from_config(model.config)
    wanted = _sized(own, size)
    fit_weights(network, file, model.name, progress, heads=heads, may_resample=wanted.size != own.size)
    mean, std = wanted.mean, wanted.std
    if pad_type == "same" and has_folded_batch_norm(network):
        mean = std = (0.5, 0.5, 0.5)
    mean = three(file.metadata["mean"]) if "mean" in file.metadata else mean
    std = three(file.metadata["std"]) if "std" in file.metadata else std
    record = dataclasses.replace(record, sha256=file.sha256)
    return Backbone(network, record, dataclasses.replace(wanted, mean=mean, std=std))


def _sized(own: NetworkInput, size: int | None) -> NetworkInput:
    return own if size is None else dataclasses.replace(own, size=(size, size))


def _build(model: Model, seed: int, pad_type: str, size: int | None) -> nn.Module:
    import timm
    import torch

    arguments: dict[str, Any] = dict(model.arguments)
    if pad_type:
        arguments["pad_type"] = pad_type
    own = NetworkInput.from_config(model.config)
    if _sized(own, size).size != own.size and model.config.get("fixed_input_size"):
        arguments["img_size"] = size
    if model.pooling == "gem":
        arguments["global_pool"] = ""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        try:
            network: nn.Module = timm.create_model(model.architecture, pretrained=False, **arguments, num_classes=0)
        except (TypeError, AssertionError, RuntimeError) as error:
            raise ReidbenchError(
                f"'{model.name}' can't be built with " + ", ".join(f"{k}={v}" for k, v in arguments.items()),
                where=f"{type(error).__name__}: {error}".splitlines()[0],
                remedy="leave pad_type empty" if pad_type else "leave size at auto, or take a multiple of its patches",
            ) from error
        if model.pooling == "gem":
            from reidbench.networks.backbones.gem import GemNetwork

            network = GemNetwork(network, int(network.num_features))  # type: ignore[arg-type]
    return network.eval()
