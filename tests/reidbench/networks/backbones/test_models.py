"""Names become architectures without asking the hub where the answer is known or in the local cache."""

from __future__ import annotations

import json

import pytest

from reidbench import ReidbenchError
from reidbench.networks.backbones import hub
from reidbench.networks.backbones.models import KNOWN, find_model
from reidbench.networks.backbones.network_input import NetworkInput


@pytest.fixture(autouse=True)
def _offline(hub_cache, monkeypatch):
    def ask(*_, **__):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(hub, "hub_answers", ask)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", ask)


@pytest.mark.parametrize(
    ("size", "architecture", "side"),
    [
        ("T-224", "swin_tiny_patch4_window7_224", 224),
        ("S-224", "swin_small_patch4_window7_224", 224),
        ("B-224", "swin_base_patch4_window7_224", 224),
        ("L-224", "swin_large_patch4_window7_224", 224),
        ("L-384", "swin_large_patch4_window12_384", 384),
    ],
)
def test_the_five_megadescriptors_are_known(size, architecture, side):
    model = find_model(f"hf-hub:BVRA/MegaDescriptor-{size}")
    assert (model.architecture, model.repository) == (architecture, f"BVRA/MegaDescriptor-{size}")
    assert model.licence == "CC BY-NC 4.0"
    expected = NetworkInput((side, side), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "exact", 1.0, "bilinear")
    assert NetworkInput.from_config(model.config) == expected


def test_a_cached_model_card_does_not_change_what_a_known_name_means(hub_cache):
    before = find_model("hf-hub:BVRA/MegaDescriptor-T-224")
    card = {"architecture": "swin_tiny_patch4_window7_224", "mean": [0.5] * 3, "std": [0.5] * 3}
    hub_cache("BVRA/MegaDescriptor-T-224", {"config.json": json.dumps(card).encode()})
    assert find_model("hf-hub:BVRA/MegaDescriptor-T-224") == before


def test_repositories_of_timm_need_no_look_up():
    model = find_model("hf-hub:timm/vit_small_patch14_dinov2.lvd142m")
    assert model.repository == "timm/vit_small_patch14_dinov2.lvd142m"
    assert model.config["input_size"] == (3, 518, 518) and model.licence == "apache-2.0"
    assert find_model("vit_small_patch14_dinov2.lvd142m").repository == model.repository


NEWER = {
    "architecture": "test_vit",
    "num_classes": 11,
    "model_args": {"embed_dim": 32},
    "pretrained_cfg": {"input_size": [3, 128, 128], "mean": [0.1, 0.2, 0.3], "crop_pct": 0.9, "license": "mit"},
}
OLDER = {"architecture": "test_vit", "input_size": [3, 128, 128], "mean": [0.1, 0.2, 0.3], "crop_pct": 0.9}


@pytest.mark.parametrize("described", [NEWER, OLDER])
def test_other_repositories_are_read_from_the_cached_configuration(hub_cache, described):
    hub_cache("someone/whiskers", {"config.json": json.dumps(described).encode()})
    model = find_model("hf-hub:someone/whiskers")
    wanted = NetworkInput.from_config(model.config)
    assert model.architecture == "test_vit"
    assert (wanted.size, wanted.mean, wanted.crop_share) == ((128, 128), (0.1, 0.2, 0.3), 0.9)
    assert wanted.std == (0.5, 0.5, 0.5)  # not in the file: timm's for test_vit
    assert dict(model.arguments) == described.get("model_args", {})


def test_a_revision_is_looked_up_as_such(hub_cache):
    hub_cache("someone/whiskers", {"config.json": json.dumps(NEWER).encode()}, revision="v2")
    assert find_model("hf-hub:someone/whiskers@v2").revision == "v2"
    with pytest.raises(ReidbenchError, match="config.json of someone/whiskers is not in the local cache"):
        find_model("hf-hub:someone/whiskers")


def test_an_unknown_repository_offline_names_what_where_and_three_ways_out(tmp_path):
    with pytest.raises(ReidbenchError, match="architecture of 'someone/whiskers' is not known") as caught:
        find_model("hf-hub:someone/whiskers")
    assert str(tmp_path / "hub") in caught.value.message and "HF_HUB_OFFLINE" in caught.value.message
    assert all(way in caught.value.remedy for way in ("hf download", "HF_HOME=DIR", "weights=FILE"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{not json", "configuration can't be read"),
        (b"[1, 2]", "configuration can't be read"),
        (b'{"model_type": "bert"}', "names no architecture of timm"),
        (b'{"architecture": "whiskernet"}', "names 'whiskernet'"),
    ],
)
def test_configurations_that_describe_no_network_of_timm_are_refused(hub_cache, content, complaint):
    hub_cache("someone/whiskers", {"config.json": content})
    with pytest.raises(ReidbenchError, match=complaint) as caught:
        find_model("hf-hub:someone/whiskers")
    assert caught.value.where.endswith("config.json")


def test_unknown_names_are_answered_with_a_suggestion():
    with pytest.raises(ReidbenchError, match="resnett50") as caught:
        find_model("resnett50")
    assert "resnet" in caught.value.remedy
    with pytest.raises(ReidbenchError) as caught:
        find_model("BVRA/MegaDescriptor-L-384")
    assert "hf-hub:BVRA/MegaDescriptor-L-384" in caught.value.remedy


def test_every_known_architecture_is_in_timm():
    for repository in KNOWN:
        assert find_model(f"hf-hub:{repository}").config["input_size"][0] == 3
