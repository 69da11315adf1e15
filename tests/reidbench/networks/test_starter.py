"""Starter weights: found by architecture, taken where pretrained ones can't be had, never called pretrained."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.networks import starter
from reidbench.networks.backbones import load_backbone
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry


class Heard(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A package that carries starter weights for `test_resnet`, with a mean of its own."""
    torch.manual_seed(5)
    state = timm.create_model("test_resnet", num_classes=0).state_dict()
    halves = {key: value.half() for key, value in state.items() if not key.endswith("num_batches_tracked")}
    metadata = {"arch": "test_resnet", "mean": "0.4,0.5,0.6", "std": "0.2,0.2,0.2"}
    save_file(halves, tmp_path / "starter-test_resnet.safetensors", metadata)
    (tmp_path / "starter-test_resnet.json").write_text(json.dumps({"recipe": {"backbone": "test_resnet"}}))
    monkeypatch.setattr(starter, "WEIGHTS_DIR", tmp_path)
    return halves


def test_starter_weights_are_loaded_and_never_called_pretrained(carried):
    backbone = load_backbone("test_resnet", "starter", Progress())
    record = backbone.weights
    assert (record.source, record.label, record.pretrained) == ("starter", "starter (drawn animals)", False)
    assert len(record.sha256) == 64
    assert backbone.mean == (0.4, 0.5, 0.6)
    for key, value in backbone.network.state_dict().items():
        if key in carried:
            np.testing.assert_array_equal(value.numpy(), carried[key].float().numpy())


def test_auto_takes_them_only_where_the_caller_offers_them(carried, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    heard = Heard()
    assert load_backbone("test_resnet", "auto", heard, offer_starter=True).weights.label == "starter (drawn animals)"
    assert heard.warnings == []
    assert load_backbone("test_resnet", "auto", heard).weights.label == "random"
    assert load_backbone("test_vit", "auto", heard, offer_starter=True).weights.label == "random"
    assert len(heard.warnings) == 2 and "random weights are used instead" in heard.warnings[0]


def test_a_backbone_that_they_do_not_fit_is_told_which_they_do(carried):
    with pytest.raises(ReidbenchError) as caught:
        load_backbone("test_vit", "starter", Progress())
    assert "no starter weights for 'test_vit'" in caught.value.message
    assert "--set backbone=test_resnet" in caught.value.remedy


def test_a_package_without_any_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(starter, "WEIGHTS_DIR", tmp_path)
    assert starter.starter_backbones() == () and starter.starter_file("efficientnet_b1") is None
    with pytest.raises(ReidbenchError, match="has no starter weights"):
        load_backbone("test_resnet", "starter", Progress())


def test_a_run_and_its_table_show_them_as_what_they_are(carried, tmp_path):
    from reidbench.leaderboard.ranking import leaderboard

    settings = {"backbone": "test_resnet", "weights": "starter", "size": 32, "epochs": 0}
    dataset = "patterns:identities=12,size=32,level=easy"
    record = reidbench.evaluate(
        "triplet_effnet", dataset, preset="quick", settings=settings, runs_dir=tmp_path / "runs", device="cpu",
        progress=Progress(),
    )  # fmt: skip
    assert record.data.weights.label == "starter (drawn animals)"
    (row,) = leaderboard([record])
    assert row.weights == "starter (drawn animals)" and not row.pretrained and not row.random_weights


def test_the_weights_that_the_package_carries_are_those_of_their_cards():
    cards = starter.starter_cards()
    assert cards
    for backbone, card in cards.items():
        content = starter.starter_file(backbone).read_bytes()
        assert card["sha256"] == hashlib.sha256(content).hexdigest() and card["bytes"] == len(content) < 14_000_000
        assert card["history"][-1]["step"] == card["recipe"]["n_step"]
        loaded = load_backbone(backbone, "starter", Progress())
        features = loaded.network.eval()(torch.zeros(1, 3, card["recipe"]["size"], card["recipe"]["size"]))
        assert loaded.weights.label == "starter (drawn animals)" and torch.isfinite(features).all()


def test_a_first_run_of_the_triplet_method_has_starter_weights():
    """Where no hub is reached, `auto` falls to them."""
    spec = load_registry().find("triplet_effnet").spec
    settings = spec.settings(**spec.preset_values("quick", drawn=True))
    assert settings.weights == "auto" and settings.backbone in starter.starter_backbones()
