"""Files of other hands: prefixes, older layouts, tables of another input size, heads of a training."""

from __future__ import annotations

import re

import pytest
import timm
import torch

from reidbench import Progress, ReidbenchError
from reidbench.networks.backbones.files import WeightsFile
from reidbench.networks.backbones.fitting import fit_weights

SMALL_SWIN = {"embed_dim": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 3, 4)}


class _Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


@pytest.fixture
def fit(tmp_path):
    def run(network, tensors, **options):
        progress = _Warnings()
        fit_weights(network, WeightsFile(tmp_path / "weights.pth", tensors, {}), "a model", progress, **options)
        return progress.texts

    return run


def small(name, seed, **options):
    torch.manual_seed(seed)
    return timm.create_model(name, pretrained=False, num_classes=0, **options).eval()


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "backbone.", "module.model.", "_orig_mod.backbone."])
def test_prefixes_of_training_scripts_are_understood(fit, prefix):
    source, network = small("test_resnet", 1), small("test_resnet", 2)
    assert fit(network, {f"{prefix}{key}": value for key, value in source.state_dict().items()}) == []
    assert torch.equal(network.conv1[0].weight, source.conv1[0].weight)


def test_what_stands_beside_the_backbone_is_left_out_and_said(fit):
    source, network = small("test_resnet", 1), small("test_resnet", 2)
    tensors = {f"model.backbone.{key}": value for key, value in source.state_dict().items()}
    texts = fit(network, {**tensors, "model.neck.weight": torch.zeros(3), "loss.centres": torch.zeros(2)})
    assert len(texts) == 1
    assert "neck.weight" in texts[0] and "loss.centres" in texts[0]
    assert torch.equal(network.conv1[0].weight, source.conv1[0].weight)


def test_a_key_that_belongs_to_nothing_is_an_error(fit):
    tensors = {f"module.{key}": value for key, value in small("test_resnet", 1).state_dict().items()}
    with pytest.raises(ReidbenchError, match="the model has no 'whiskers'"):
        fit(small("test_resnet", 2), {**tensors, "module.whiskers": torch.zeros(3)})


def older(state):
    """Move downsampling to the end of the stage before, where files of older timm have it."""
    move = re.compile(r"layers\.(\d)\.downsample")
    return {move.sub(lambda m: f"layers.{int(m[1]) - 1}.downsample", key): value for key, value in state.items()}


@pytest.mark.parametrize("layout", [dict, older])
def test_a_swin_loads_in_the_newer_and_in_the_older_layout(fit, layout):
    name = "swin_tiny_patch4_window7_224"
    source, network = small(name, 1, **SMALL_SWIN), small(name, 2, **SMALL_SWIN)
    tensors = {**layout(source.state_dict()), "head.weight": torch.zeros(4, 96), "head.bias": torch.zeros(4)}
    if layout is dict:
        tensors = {key.replace("head.", "head.fc."): value for key, value in tensors.items()}
    assert fit(network, tensors, heads=("head.fc",)) == []
    image = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(network(image), source(image))


def test_tables_of_another_input_size_are_of_another_model(fit):
    source = small("swin_large_patch4_window7_224", 1, **SMALL_SWIN)
    network = small("swin_large_patch4_window12_384", 2, **SMALL_SWIN)
    with pytest.raises(ReidbenchError, match=r"bias_table' has shape \(169, 1\), not \(529, 1\)"):
        fit(network, source.state_dict())


def test_position_tables_are_resampled_where_another_size_was_asked_for(fit):
    source = small("test_vit", 1)
    larger = small("test_vit", 2, img_size=224)
    before = larger.pos_embed.shape
    with pytest.raises(ReidbenchError, match="pos_embed"):
        fit(larger, source.state_dict())
    assert fit(larger, source.state_dict(), may_resample=True) == []
    assert larger.pos_embed.shape == before != source.pos_embed.shape
    assert torch.equal(larger.blocks[0].attn.qkv.weight, source.blocks[0].attn.qkv.weight)
