"""Find the model for a name: its architecture in timm, its input, and the repository of its weights.

A name is timm's (``mobilenetv2_100``, ``vit_small_patch14_dinov2.lvd142m``) or a repository on the hub
(``hf-hub:BVRA/MegaDescriptor-L-384``). For a repository, timm contacts the hub even if no weights are needed. Here
timm's own repositories and those in the table ``KNOWN`` need no contact. For others, ``config.json`` is read from the
local cache first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.networks.backbones.hub import find_file, ways_out

HUB_PREFIX = "hf-hub:"
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
CC_BY_NC = "CC BY-NC 4.0"


@dataclass(frozen=True, slots=True)
class Model:
    """Description of a model that is not built yet.

    Attributes:
        name: The name that the user gave.
        architecture: timm's name of the network.
        arguments: Further arguments of timm's constructor.
        config: timm's pretrained configuration: ``input_size``, ``mean``, ``std``, ``crop_pct``, ``classifier`` …
        repository: Repository of the pretrained weights on the hub; empty if there are none.
        revision: Branch, tag or commit of the repository; empty is the main branch.
        licence: Licence of the weights; empty if unknown.
        pooling: ``gem`` adds generalised mean pooling and batch norm after the features, as in MiewID.
    """

    name: str
    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    repository: str = ""
    revision: str = ""
    licence: str = ""
    pooling: Literal["", "gem"] = ""

    def __post_init__(self) -> None:
        if self.pooling not in ("", "gem"):
            raise ValueError(f"no pooling is called '{self.pooling}'")


def _reid_model(
    architecture: str, size: int, *, licence: str = "", pooling: Literal["", "gem"] = ""
) -> Mapping[str, Any]:
    config = {
        "input_size": (3, size, size),
        "mean": _IMAGENET_MEAN,
        "std": _IMAGENET_STD,
        "crop_mode": "squash",
        "crop_pct": 1.0,
        "interpolation": "bilinear",
    }
    return {"architecture": architecture, "config": config, "licence": licence, "pooling": pooling}


# Repositories whose architecture is known without reading their configuration. The input is that of the authors:
# resized to a square without keeping the aspect, bilinear, mean and standard deviation of ImageNet. MegaDescriptor's
# model card shows 0.5 instead, but its training and the AnimalCLEF starter notebooks use ImageNet's values (Čermák et
# al., "WildlifeDatasets", WACV 2024).
# MiewID: EfficientNetV2 features, generalised mean pooling, batch norm (Otarashvili et al., arXiv 2412.05602).
KNOWN: dict[str, Mapping[str, Any]] = {
    "BVRA/MegaDescriptor-T-224": _reid_model("swin_tiny_patch4_window7_224", 224, licence=CC_BY_NC),
    "BVRA/MegaDescriptor-S-224": _reid_model("swin_small_patch4_window7_224", 224, licence=CC_BY_NC),
    "BVRA/MegaDescriptor-B-224": _reid_model("swin_base_patch4_window7_224", 224, licence=CC_BY_NC),
    "BVRA/MegaDescriptor-L-224": _reid_model("swin_large_patch4_window7_224", 224, licence=CC_BY_NC),
    "BVRA/MegaDescriptor-L-384": _reid_model("swin_large_patch4_window12_384", 384, licence=CC_BY_NC),
    "conservationxlabs/miewid-msv3": _reid_model("efficientnetv2_rw_m", 440, pooling="gem"),
}


def find_model(name: str) -> Model:
    """Return the model for a name.

    Args:
        name: Architecture of timm, with or without a tag, or ``hf-hub:OWNER/NAME[@REVISION]``.

    Raises:
        ReidbenchError: timm has no such architecture, or the configuration of the repository is not available.
    """
    if not name.startswith((HUB_PREFIX, "hf_hub:")):
        return _timm_model(name)
    repository, _, revision = name.partition(":")[2].partition("@")
    if repository in KNOWN:
        entry = KNOWN[repository]
        config = {**_timm_config(entry["architecture"]), **entry["config"]}
        return Model(name, repository=repository, revision=revision, **{**entry, "config": config})
    owner, _, short = repository.partition("/")
    if owner == "timm" and _is_timm(short):
        model = _timm_model(short)
        return Model(name, short, config=model.config, repository=repository, revision=revision, licence=model.licence)
    return _hub_model(name, repository, revision)


def _timm_model(name: str) -> Model:
    import timm

    if not _is_timm(name):
        hint = f"a model of the hub is written {HUB_PREFIX}{name}" if name.count("/") == 1 else ""
        raise ReidbenchError(
            f"model '{name}' is not in timm {timm.__version__}",
            where=name,
            remedy=hint
            or did_you_mean(name, timm.list_models())
            or "python -c 'import timm; print(timm.list_models())'",
        )
    config = _timm_config(name)
    return Model(
        name,
        name,
        config=config,
        repository=str(config.get("hf_hub_id") or ""),
        licence=str(config.get("license") or ""),
    )


def _hub_model(name: str, repository: str, revision: str) -> Model:
    lookup = find_file(repository, ("config.json",), revision)
    if lookup.path is None:
        raise ReidbenchError(
            f"the architecture of '{repository}' is not known: {lookup.reason}",
            where=name,
            remedy=ways_out(repository, "name timm's architecture and its file: --set model=NAME --set weights=FILE"),
        )
    content = _read_config(lookup.path)
    architecture = str(content.get("architecture") or "")
    if not _is_timm(architecture):
        kind = f"'{architecture}', which timm does not have" if architecture else "no architecture of timm"
        raise ReidbenchError(
            f"'{repository}' can't be built: its configuration names {kind}",
            where=str(lookup.path),
            remedy="choose a model that timm can build, or write a plugin for this one (docs/writing-a-method.md)",
        )
    # Newer files hold the configuration under the key pretrained_cfg, older files at the top level.
    of_repository = content.get("pretrained_cfg", content)
    config = {**_timm_config(architecture), **{key: value for key, value in of_repository.items() if value is not None}}
    arguments = dict(content.get("model_args") or {})
    licence = str(of_repository.get("license") or "")
    return Model(name, architecture, arguments, config, repository, revision, licence)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("pretrained_cfg", {}), dict):
            raise ValueError("it holds no model configuration")
    except (OSError, ValueError) as error:
        raise ReidbenchError(
            f"the model's configuration can't be read: {error}",
            where=str(path),
            remedy="delete the file and download it again",
        ) from error
    return content


def _is_timm(name: str) -> bool:
    import timm

    return bool(name) and bool(timm.is_model(name))


def _timm_config(name: str) -> dict[str, Any]:
    import timm

    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return dict(config.to_dict()) if config is not None else {}
