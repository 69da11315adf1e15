"""Build a backbone and load its weights: pretrained, from a file, starter or random."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Weights
from reidbench.networks.backbones.batch_norm import has_folded_batch_norm
from reidbench.networks.backbones.files import WeightsFile, read_weights
from reidbench.networks.backbones.fitting import fit_weights
from reidbench.networks.backbones.hub import WEIGHT_FILES, Lookup, find_weights, ways_out
from reidbench.networks.backbones.models import HUB_PREFIX, Model, find_model
from reidbench.networks.backbones.network_input import Channel3, NetworkInput, three
from reidbench.networks.backbones.renaming import with_current_names
from reidbench.networks.backbones.settings import BackboneSettings
from reidbench.networks.starter import STARTER, STARTER_LABEL, starter_backbones, starter_file
from reidbench.progress import Progress

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A network without classifier that computes pooled features.

    Attributes:
        network: The network.
        weights: The weights that were loaded.
        input: The input that these weights expect.
    """

    network: nn.Module
    weights: Weights
    input: NetworkInput

    @property
    def mean(self) -> Channel3:
        """Mean of red, green and blue that the input is normalised by, in [0, 1]."""
        return self.input.mean

    @property
    def std(self) -> Channel3:
        """Standard deviation of red, green and blue that the input is normalised by."""
        return self.input.std

    @property
    def folded_batch_norm(self) -> bool:
        """Whether batch norm is folded into the weights, so that its statistics must be kept in training."""
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
    offer_starter: bool = False,
    instead: Sequence[str] = (),
) -> Backbone:
    """Build a network without classifier, on the CPU, in evaluation mode.

    Args:
        name: Architecture of timm, or a repository of the hub, ``hf-hub:OWNER/NAME``.
        weights: One of these:

            - ``auto``: pretrained, from the local cache, an installed package or the hub. If there are none, random
              weights with a warning.
            - ``pretrained`` or ``imagenet``: pretrained, or an error.
            - ``starter``: the starter weights of the package, or an error.
            - ``random``.
            - A ``.safetensors``, ``.pth``, ``.pt`` or ``.bin`` file.
        progress: Receives warnings.
        seed: Seed of random weights.
        pad_type: ``same`` pads like TensorFlow. Empty uses the padding of the file's metadata, or the default.
        size: Side of the input in pixels; by default that of the model. A network with a fixed input size is built
            for this size, and its position embeddings are resampled.
        offer_random: Whether ``auto`` may use random weights, and errors may suggest them. They are of no use for a
            frozen method.
        offer_starter: Whether ``auto`` prefers the starter weights of the package, if they fit. They are of use only
            for drawn animals (:attr:`reidbench.Method.may_substitute`).
        instead: Other remedies if pretrained weights are not available, for messages.

    Returns:
        The network, its weights and its input. Mean and standard deviation come from the metadata of the file, if
        it has them. They are 0.5 for folded batch norm with ``pad_type=same``, as in the TensorFlow training of such
        weights. Otherwise they come from the configuration of the model.

    Raises:
        ReidbenchError: The name is unknown, pretrained weights are not available, or the file does not fit.
    """
    if weights == "imagenet" and name.startswith(HUB_PREFIX):
        raise ReidbenchError(
            f"there are no ImageNet weights for '{name}', only those of its repository",
            where="weights=imagenet",
            remedy="use weights=auto for the weights of the repository, or name an architecture of timm",
        )
    model = find_model(name)
    if weights == "random":
        return _random(model, seed, pad_type, size)
    if weights == STARTER:
        return _starter(model, progress, seed, pad_type, size)
    if weights in ("auto", "imagenet", "pretrained"):
        if weights == "auto" and offer_starter and starter_file(model.architecture) is not None:
            return _starter(model, progress, seed, pad_type, size)
        lookup = _find_pretrained(model)
        if lookup.path is not None:
            record = _pretrained_record(model, lookup)
            return _from_file(model, read_weights(lookup.path, from_hub=True), record, progress, seed, pad_type, size)
        if weights == "auto" and offer_random:
            progress.warn(f"no pretrained weights for {name} ({lookup.reason}); random weights are used instead")
            return _random(model, seed, pad_type, size)
        other_remedies = ["--set weights=FILE with a .safetensors or .pth file", *instead]
        other_remedies += ["--set weights=random to train without pretrained weights"] if offer_random else []
        raise ReidbenchError(
            f"pretrained weights of {name} are not available: {lookup.reason}",
            where=f"weights={weights}",
            remedy=ways_out(model.repository, *other_remedies),
        )
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ReidbenchError(
            f"there is no weights file '{weights}'",
            where=f"weights={weights}",
            remedy="give auto, imagenet, starter, random or the path of a .safetensors or .pth file",
        )
    # The weights file for a model of the hub is taken to be that model's, so its licence applies.
    licence = model.licence if name.startswith(HUB_PREFIX) else ""
    record = Weights(f"file:{path.name}", pretrained=True, licence=licence, label=path.stem)
    return _from_file(model, read_weights(path), record, progress, seed, pad_type, size)


def load_frozen_backbone(settings: BackboneSettings, progress: Progress, *, seed: int = 0) -> Backbone:
    """Build a backbone for use without training.

    Unlike :func:`load_backbone`, ``weights=auto`` is an error if pretrained weights are not available.

    Args:
        settings: Model, weights and input.
        progress: Receives warnings.
        seed: Seed of random weights, for ``weights=random``.

    Raises:
        ReidbenchError: The name is unknown, pretrained weights are not available, or the file does not fit.
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
    named = model.config.get("hf_hub_filename")
    return find_weights(model.repository, (*((str(named),) if named else ()), *WEIGHT_FILES), model.revision)


def _pretrained_record(model: Model, lookup: Lookup) -> Weights:
    if lookup.packaged is not None:
        packaged = lookup.packaged
        return Weights(packaged.source, pretrained=True, licence=packaged.licence, label=packaged.label)
    tag = f" ({model.config.get('tag') or 'hub'})" if not model.name.startswith(HUB_PREFIX) else ""
    revision = f"@{model.revision}" if model.revision else ""
    return Weights(
        f"hub:{model.repository}{revision}",
        pretrained=True,
        licence=model.licence,
        label=f"{model.repository}{tag}",
    )


def _random(model: Model, seed: int, pad_type: str, size: int | None) -> Backbone:
    record = Weights(source=f"random, seed {seed}", pretrained=False, label="random")
    network = _build(model, seed, pad_type, size)
    return Backbone(network, record, _sized(NetworkInput.from_config(model.config), size))


def _starter(model: Model, progress: Progress, seed: int, pad_type: str, size: int | None) -> Backbone:
    path = starter_file(model.architecture)
    if path is None:
        available = [f"--set backbone={name}" for name in starter_backbones()]
        raise ReidbenchError(
            f"the package has no starter weights for '{model.name}'",
            where=f"weights={STARTER}",
            remedy="; or ".join([*available, "--set weights=random to train without pretrained weights"]),
        )
    # They are trained on drawn animals only, so tables must not call them pretrained.
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
    default_input = NetworkInput.from_config(model.config)
    network_input = _sized(default_input, size)
    resample = network_input.size != default_input.size
    sha256 = file.sha256
    file = dataclasses.replace(file, tensors=with_current_names(sha256, file.tensors))
    fit_weights(network, file, model.name, progress, heads=heads, may_resample=resample)
    mean, std = network_input.mean, network_input.std
    if pad_type == "same" and has_folded_batch_norm(network):
        mean = std = (0.5, 0.5, 0.5)
    mean = three(file.metadata["mean"]) if "mean" in file.metadata else mean
    std = three(file.metadata["std"]) if "std" in file.metadata else std
    record = dataclasses.replace(record, sha256=sha256)
    return Backbone(network, record, dataclasses.replace(network_input, mean=mean, std=std))


def _sized(network_input: NetworkInput, size: int | None) -> NetworkInput:
    return network_input if size is None else dataclasses.replace(network_input, size=(size, size))


def _build(model: Model, seed: int, pad_type: str, size: int | None) -> nn.Module:
    import timm
    import torch

    arguments: dict[str, Any] = dict(model.arguments)
    if pad_type:
        arguments["pad_type"] = pad_type
    default_input = NetworkInput.from_config(model.config)
    if _sized(default_input, size).size != default_input.size and model.config.get("fixed_input_size"):
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
                remedy="leave pad_type empty"
                if pad_type
                else "keep size=auto, or choose a multiple of the model's patch size",
            ) from error
        if model.pooling == "gem":
            from reidbench.networks.backbones.gem import GemNetwork

            network = GemNetwork(network, int(network.num_features))  # type: ignore[arg-type]
    return network.eval()
