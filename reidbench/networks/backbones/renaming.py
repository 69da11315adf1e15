"""Rename the tensors of the files in packages to the names of timm and kornia."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from reidbench.networks.backbones.packages import known_file

T = TypeVar("T")

# Number of blocks in each stage of EfficientNet-Lite; the files count all blocks of a network in one row.
_STAGES = {"lite0": (1, 2, 2, 3, 3, 4, 1), "lite1": (1, 3, 3, 4, 4, 5, 1), "lite2": (1, 3, 3, 4, 4, 5, 1)}
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_LAYERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# The blocks of the first stage do not expand, so they have one convolution and one batch norm less.
_FIRST_LAYERS = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def with_current_names(sha256: str, tensors: Mapping[str, T]) -> Mapping[str, T]:
    """Return the tensors of a file under the names of the network that they are for.

    Args:
        sha256: Digest of the file. Only files of known packages are changed, wherever a copy of them lies.
        tensors: The tensors of the file by name.
    """
    packaged = known_file(sha256)
    if packaged is None:
        return tensors
    lite = re.match(r"efficientnet-(lite\d)-", packaged.file)
    if lite:
        return lite_names(tensors, _STAGES[lite[1]])
    if packaged.file == "disk_lightglue.pth":
        return lightglue_names(tensors)
    return tensors


def lite_names(tensors: Mapping[str, T], stages: tuple[int, ...]) -> dict[str, T]:
    """Rename the tensors of EfficientNet-Lite to the names of timm's ``tf_efficientnet_lite0`` and others.

    Args:
        tensors: Tensors by names such as ``_blocks.3._bn1.weight``.
        stages: Number of blocks in each stage.

    Example:
        >>> lite_names({"_blocks.0._bn1.bias": 0, "_blocks.2._expand_conv.weight": 1, "_fc.bias": 2}, (1, 2))
        {'blocks.0.0.bn1.bias': 0, 'blocks.1.1.conv_pw.weight': 1, 'classifier.bias': 2}
    """
    places = [(stage, block) for stage, n_block in enumerate(stages) for block in range(n_block)]
    renamed = {}
    for name, tensor in tensors.items():
        layer, *rest = name.split(".")
        if layer == "_blocks":
            stage, block = places[int(rest[0])]
            layers = _LAYERS if stage else _FIRST_LAYERS
            new = ["blocks", str(stage), str(block), layers[rest[1]], *rest[2:]]
        else:
            new = [_OUTSIDE[layer], *rest]
        renamed[".".join(new)] = tensor
    return renamed


def lightglue_names(tensors: Mapping[str, T]) -> dict[str, T]:
    """Rename the tensors of LightGlue's first files, and leave out the numbers ``log_assignment.*.r`` of the training.

    Example:
        >>> lightglue_names({"self_attn.3.Wqkv.bias": 0, "log_assignment.3.r": 1, "posenc.Wr.weight": 2})
        {'transformers.3.self_attn.Wqkv.bias': 0, 'posenc.Wr.weight': 2}
    """
    renamed = {}
    for name, tensor in tensors.items():
        if re.fullmatch(r"log_assignment\.\d+\.r", name):
            continue
        renamed[re.sub(r"^(self_attn|cross_attn)\.(\d+)\.", r"transformers.\2.\1.", name)] = tensor
    return renamed
