"""Generalised mean pooling, and files laid out as MiewID is published."""

from __future__ import annotations

import pytest
import timm
import torch

from reidbench import Progress, ReidbenchError, load_backbone
from reidbench.networks.backbones import models
from reidbench.networks.backbones.gem import GeneralisedMean

NAME = "hf-hub:conservationxlabs/miewid-msv3"


def test_the_mean_of_cubes_and_its_root():
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 2.0]]]])
    # (1 + 8 + 27 + 64) / 4 = 25 and (0 + 0 + 0 + 8) / 4 = 2; negative and zero count as 1e-6.
    torch.testing.assert_close(GeneralisedMean()(features), torch.tensor([[25 ** (1 / 3), 2 ** (1 / 3)]]))


def test_half_precision_does_not_overflow():
    pooled = GeneralisedMean()(torch.full((1, 1, 2, 2), 300.0, dtype=torch.float16))
    assert pooled.item() == pytest.approx(300.0, rel=1e-4)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A small network in the layout of the published file, and what it should give."""
    monkeypatch.setitem(
        models.KNOWN, "conservationxlabs/miewid-msv3", models._reid_model("test_efficientnet", 64, pooling="gem")
    )
    torch.manual_seed(5)
    backbone = timm.create_model("test_efficientnet", pretrained=False, num_classes=0, global_pool="").eval()
    norm = torch.nn.BatchNorm1d(backbone.num_features).eval()
    norm.running_mean.uniform_(-1, 1)
    norm.weight.data.uniform_(0.5, 2)
    state = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    state |= {f"bn.{key}": value for key, value in norm.state_dict().items()}
    state |= {"backbone.global_pool.p": torch.tensor([2.0]), "final.weight": torch.zeros(9, backbone.num_features)}

    def expected(image):
        features = backbone(image).clamp(min=1e-6)
        return norm(features.square().mean((2, 3)).sqrt())

    return state, expected


@pytest.mark.parametrize("pooling_key", ["backbone.global_pool.p", "pooling.p"])
def test_a_published_layout_gives_the_published_embedding(published, tmp_path, pooling_key):
    state, expected = published
    state[pooling_key] = state.pop("backbone.global_pool.p")
    torch.save(state, tmp_path / "miewid.pth")
    backbone = load_backbone(NAME, str(tmp_path / "miewid.pth"), Progress())
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(backbone.network(image), expected(image))
    assert backbone.input.size == (64, 64) and backbone.input.resize == "exact"


def test_a_file_without_the_pooling_does_not_pass_for_it(published, tmp_path):
    state, _ = published
    del state["backbone.global_pool.p"]
    torch.save(state, tmp_path / "miewid.pth")
    with pytest.raises(ReidbenchError, match=r"'pooling\.p' is missing"):
        load_backbone(NAME, str(tmp_path / "miewid.pth"), Progress())
