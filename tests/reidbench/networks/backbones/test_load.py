"""Backbones: where weights come from, what does not fit, folded batch norm."""

from __future__ import annotations

import hashlib
import socket

import pytest
import timm
import torch
from safetensors.torch import save_file

from reidbench.errors import ReidbenchError
from reidbench.networks.backbones import has_folded_batch_norm, hub, load_backbone
from reidbench.progress import Progress

NAME = "test_efficientnet"


class _Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def _network(**options):
    torch.manual_seed(3)
    return timm.create_model(NAME, pretrained=False, num_classes=7, **options)


def _save(tmp_path, state, metadata=None):
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in state.items()}, path, metadata=metadata)
    return path


def test_auto_without_network_warns_and_is_random():
    progress = _Warnings()
    backbone = load_backbone(NAME, "auto", progress)
    assert not backbone.weights.pretrained and backbone.weights.label == "random"
    assert len(progress.texts) == 1 and "random weights" in progress.texts[0]


def test_random_weights_depend_on_the_seed_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (load_backbone(NAME, "random", Progress(), seed=seed).network for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(first.conv_stem.weight, other.conv_stem.weight)


def test_imagenet_that_cannot_be_had_names_three_ways_out():
    with pytest.raises(ReidbenchError) as caught:
        load_backbone(NAME, "imagenet", Progress())
    assert all(word in caught.value.remedy for word in ("HF_HOME", "weights=FILE", "weights=random"))


def test_the_hub_is_not_asked_when_it_does_not_answer(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "hub_answers", lambda endpoint: False)
    progress = _Warnings()
    load_backbone(NAME, "auto", progress)
    assert "does not answer" in progress.texts[0]


def test_the_probe_asks_once_for_each_process(monkeypatch):
    asked = []

    def refuse(address, timeout):
        asked.append(address)
        raise OSError

    hub.hub_answers.cache_clear()
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert not hub.hub_answers("https://hub.invalid")
    assert not hub.hub_answers("https://hub.invalid")
    assert asked == [("hub.invalid", 443)]
    hub.hub_answers.cache_clear()


def test_a_cached_file_is_used(hub_cache, tmp_path):
    content = _save(tmp_path, _network().state_dict()).read_bytes()
    hub_cache("timm/test_efficientnet.r160_in1k", {"model.safetensors": content})
    backbone = load_backbone(NAME, "imagenet", Progress())
    assert backbone.weights.pretrained and backbone.weights.source == "hub:timm/test_efficientnet.r160_in1k"
    assert backbone.weights.licence == "apache-2.0"
    assert backbone.weights.sha256 == hashlib.sha256(content).hexdigest()
    same = load_backbone("hf-hub:timm/test_efficientnet.r160_in1k", "auto", Progress(), offer_random=False)
    assert torch.equal(same.network.conv_stem.weight, backbone.network.conv_stem.weight)
    assert same.weights.label == "timm/test_efficientnet.r160_in1k"


def test_a_corrupt_cached_file_says_how_to_get_it_again(hub_cache):
    hub_cache("timm/test_efficientnet.r160_in1k", {"model.safetensors": b"half a downl"})
    with pytest.raises(ReidbenchError, match="can't be read") as caught:
        load_backbone(NAME, "auto", Progress())
    assert "delete the file" in caught.value.remedy and "snapshots" in caught.value.where


def test_a_frozen_method_is_never_given_random_weights_unasked():
    with pytest.raises(ReidbenchError, match="are not available") as caught:
        load_backbone(NAME, "auto", Progress(), offer_random=False)
    assert "weights=random" not in caught.value.remedy
    assert "model.safetensors or pytorch_model.bin of timm/test_efficientnet.r160_in1k" in caught.value.message


def test_a_model_of_the_hub_has_no_imagenet_weights():
    with pytest.raises(ReidbenchError, match="no ImageNet weights for"):
        load_backbone("hf-hub:BVRA/MegaDescriptor-T-224", "imagenet", Progress())


def test_a_network_of_fixed_size_is_built_for_the_size_asked_for(tmp_path):
    torch.manual_seed(1)
    path = _save(tmp_path, timm.create_model("test_vit", pretrained=False, num_classes=0).state_dict())
    backbone = load_backbone("test_vit", str(path), Progress(), size=96)
    assert backbone.input.size == (96, 96)
    assert backbone.network(torch.zeros(1, 3, 96, 96)).shape == (1, 64)
    assert load_backbone("test_vit", str(path), Progress()).input.size == (160, 160)


def test_what_a_model_can_not_be_built_with_is_named():
    with pytest.raises(ReidbenchError, match="pad_type=same"):
        load_backbone("test_vit", "random", Progress(), pad_type="same")


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_file_in_half_precision_with_a_classifier_loads(tmp_path, suffix):
    source = _network().eval()
    state = {key: value.half() if value.ndim > 1 else value for key, value in source.state_dict().items()}
    path = tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, path)
    else:
        save_file(state, path, metadata={"mean": "0.1,0.2,0.3"})
    backbone = load_backbone(NAME, str(path), Progress())
    assert backbone.network.conv_stem.weight.dtype == torch.float32
    assert torch.equal(backbone.network.conv_stem.weight, source.conv_stem.weight.half().float())
    assert backbone.weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert backbone.mean == ((0.1, 0.2, 0.3) if suffix == "safetensors" else (0.485, 0.456, 0.406))


def test_errors_name_the_key_that_does_not_fit(tmp_path):
    state = _network().state_dict()
    missing = {key: value for key, value in state.items() if key != "conv_stem.weight"}
    with pytest.raises(ReidbenchError, match=r"'conv_stem\.weight' is missing"):
        load_backbone(NAME, str(_save(tmp_path, missing)), Progress())
    with pytest.raises(ReidbenchError, match="the model has no 'whiskers'"):
        load_backbone(NAME, str(_save(tmp_path, {**state, "whiskers": torch.zeros(2)})), Progress())
    with pytest.raises(ReidbenchError, match=r"'conv_stem\.weight' has shape \(1, 2\)"):
        load_backbone(NAME, str(_save(tmp_path, {**state, "conv_stem.weight": torch.zeros(1, 2)})), Progress())
    broken = {**state, "conv_stem.weight": state["conv_stem.weight"] * float("nan")}
    with pytest.raises(ReidbenchError, match="nan"):
        load_backbone(NAME, str(_save(tmp_path, broken)), Progress())


def test_files_that_are_no_weights_are_refused(tmp_path):
    with pytest.raises(ReidbenchError, match="no weights file"):
        load_backbone(NAME, str(tmp_path / "absent.pth"), Progress())
    for name in ("broken.pth", "broken.safetensors"):
        (tmp_path / name).write_bytes(b"not a tensor in sight")
        with pytest.raises(ReidbenchError, match="can't be read"):
            load_backbone(NAME, str(tmp_path / name), Progress())


def test_an_unknown_backbone_is_an_error_with_a_suggestion():
    with pytest.raises(ReidbenchError, match="resnett50") as caught:
        load_backbone("resnett50", "random", Progress())
    assert "resnet" in caught.value.remedy


def test_folded_batch_norm_is_told_from_fresh_and_trained():
    network = _network()
    assert not has_folded_batch_norm(network)  # fresh: biases are 0
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.bias.data.fill_(0.5)
        norm.running_var.fill_(1 - norm.eps)
    assert has_folded_batch_norm(network)
    norms[1].running_mean.fill_(0.3)
    assert not has_folded_batch_norm(network)
    assert not has_folded_batch_norm(timm.create_model("test_convnext", num_classes=0))


def test_metadata_sets_padding_and_normalisation(tmp_path):
    state = _network(pad_type="same").state_dict()
    metadata = {"arch": "timm test_efficientnet pad_type=same", "mean": "0.5,0.5,0.5", "std": "0.25,0.25,0.25"}
    backbone = load_backbone(NAME, str(_save(tmp_path, state, metadata)), Progress())
    assert type(backbone.network.conv_stem).__name__ == "Conv2dSame"
    assert backbone.std == (0.25, 0.25, 0.25)
