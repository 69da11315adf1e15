"""The ConvNeXt plugin: its spec, the classifier from fit to answer, weights that do not fit, and a whole run."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import reidbench
import reidbench_convnext
from reidbench.methods.contract import FitContext, LabelledImages, Validation
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench_convnext import ConvNeXtSettings

TINY = {"backbone": "test_convnext", "weights": "random", "size": 32, "batch_size": 4, "lr": 1e-3}
EASY = "patterns:identities=24,size=64,level=easy"
# Few images: strong augmentation would take longer than a test may.
LIGHT = {"auto_augment": False, "erase": 0.0, "hue": 0.0, "saturation": 0.0, "brightness": 0.2, "contrast": 0.2}


class _Blobs:
    def __len__(self):
        return 8

    def pixels(self, index):
        return np.random.default_rng(index).integers(0, 255, (40, 30, 3)).astype(np.uint8)

    def group(self, index):
        return "blob"


def _spec():
    return next(spec for spec in reidbench_convnext.reidbench_methods() if spec.name == "convnext_classifier")


def _method(**settings):
    method = _spec().build(ConvNeXtSettings(**{**TINY, **settings}))
    method.prepare("cpu", 0, Progress())
    return method


def _context(work_dir, validate=lambda: Validation(0.5, 0.5, 0.0)):
    return FitContext(validate, 0, "cpu", work_dir, Progress())


def _evaluate(dataset, runs_dir, settings, **options):
    registry = Registry((Offer(_spec(), "reidbench", "0"),), ())
    return reidbench.evaluate(
        "convnext_classifier", dataset, device="cpu", runs_dir=runs_dir, registry=registry, progress=Progress(),
        settings=settings, **options,
    )  # fmt: skip


def test_the_preset_paper_is_the_published_recipe():
    paper = ConvNeXtSettings(**_spec().presets["paper"])
    assert paper == ConvNeXtSettings()
    assert paper.backbone == "convnext_xlarge.fb_in22k_ft_in1k_384"
    assert (paper.size, paper.epochs, paper.batch_size, paper.lr) == (384, 30, 8, 8e-5)


def test_quick_is_a_small_convnext():
    quick = ConvNeXtSettings(**_spec().presets["quick"])
    assert quick.backbone.startswith("convnext_") and quick.size < 128


def test_the_hook_loads_no_torch():
    code = "import sys, reidbench_convnext as r; r.reidbench_methods(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fit_validates_with_the_network_as_it_stands(tmp_path):
    method, images, seen = _method(epochs=2), _Blobs(), []

    def validate():
        seen.append(method.represent(images, Progress()).dense["probability"])
        return Validation(len(seen) / 2, len(seen) / 2, 0.0)

    report = method.fit(LabelledImages(images, ("b", "a", "c", "a") * 2), _context(tmp_path, validate))
    after = method.represent(images, Progress()).dense["probability"]
    assert [row["epoch"] for row in report.history] == [1, 2]
    assert not np.allclose(seen[0], seen[1], atol=1e-4)
    assert np.array_equal(after, seen[1])  # the last was best, and kept images are those decoded anew
    assert after.shape == (8, 3) and np.allclose(after.sum(1), 1, atol=1e-6)


def test_a_probability_does_not_depend_on_the_batch(tmp_path):
    method = _method(epochs=1)
    method.fit(LabelledImages(_Blobs(), ("a", "b") * 4), _context(tmp_path))
    pixels = [_Blobs().pixels(i) for i in range(5)]
    together, alone = method.classify(pixels), np.concatenate([method.classify([image]) for image in pixels])
    assert together.dtype == np.float32 and np.allclose(together, alone, atol=1e-5)


def test_unprepared_and_unfitted_are_broken_contracts():
    with pytest.raises(ValueError, match="prepare"):
        _ = _spec().build(ConvNeXtSettings(**TINY)).weights
    with pytest.raises(ValueError, match="fit"):
        _method().classify([np.zeros((8, 8, 3), dtype=np.uint8)])


def test_weights_are_read_from_a_file_whatever_its_own_classes(tmp_path):
    import timm

    path = tmp_path / "own.pth"
    network = timm.create_model("test_convnext", pretrained=False, num_classes=7)
    torch.save(network.state_dict(), path)
    weights = _method(weights=str(path)).weights
    assert (weights.pretrained, weights.source, len(weights.sha256)) == (True, "file:own.pth", 64)


def test_weights_of_another_network_are_one_error_that_names_keys(tmp_path):
    import timm

    path = tmp_path / "other.pth"
    torch.save(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    with pytest.raises(reidbench.ReidbenchError, match="do not fit .*'test_convnext'") as caught:
        _method(weights=str(path))
    assert "'" in caught.value.message and str(path) in caught.value.where


def test_missing_pretrained_weights_are_an_error_for_photographs_and_a_marked_warning_for_drawings(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    class Warnings(Progress):
        texts: list[str] = []

        def warn(self, text):
            self.texts.append(text)

    method = _spec().build(ConvNeXtSettings(**{**TINY, "weights": "auto"}))
    with pytest.raises(reidbench.ReidbenchError, match="are not available") as caught:
        method.prepare("cpu", 0, Progress())
    assert "--set weights=random" in caught.value.remedy
    method.may_substitute = True  # as for drawn animals
    method.prepare("cpu", 0, progress := Warnings())
    assert method.weights.label == "random" and "no pretrained weights for test_convnext" in progress.texts[0]
    with pytest.raises(reidbench.ReidbenchError, match="are not available"):
        _method(weights="imagenet")


def test_a_disjoint_split_is_an_error_before_any_training(tmp_path, monkeypatch):
    monkeypatch.setattr("reidbench.networks.training.trainer.Trainer.fit", None)  # would fail if it came so far
    with pytest.raises(reidbench.ReidbenchError, match="none of them is enrolled") as caught:
        _evaluate(EASY, tmp_path, TINY, split_kind="disjoint")
    assert "open-set" in caught.value.remedy


def test_a_tiny_network_learns_few_easy_animals_from_random_weights(tmp_path):
    settings = {
        **TINY, **LIGHT, "backbone": "test_resnet", "size": 48, "batch_size": 8, "lr": 3e-3, "epochs": 40,
        "validate_every": 10, "patience": 0, "mirror": False,
    }  # fmt: skip
    record = _evaluate(EASY, tmp_path, settings, gallery="all")
    history = record.data.fit.history
    assert history[-1]["loss"] < 0.5 * history[0]["loss"] and history[-1]["accuracy"] > 0.6
    assert record.data.fit.facts["n_identities"] == 16  # a guess is right once in sixteen
    assert record.metrics["rank1"] > 4 / 16
    assert record.data.matching.to_json() == {"rule": "identity", "metric": "probability", "keypoints": False}
    assert record.data.weights.label == "random" and record.metrics["map"] is None
    # Represented once: an equal run with another threshold reads the probabilities back.
    again = _evaluate(EASY, tmp_path, settings, gallery="all", threshold="fixed=0.5")
    assert again.data.timing["fit_s"] == record.data.timing["fit_s"]
    assert again.metrics["rank1"] == record.metrics["rank1"]


@pytest.mark.slow
def test_a_pretrained_mobilenet_tells_real_zebras_apart_far_above_chance(shared_dir, tmp_path):
    weights = shared_dir / "weights" / "mobilenetv2_100_coral_imagenet.safetensors"
    settings = {
        "backbone": "mobilenetv2_100", "weights": str(weights), "size": 128, "epochs": 10, "lr": 2e-4,
        "validate_every": 2, "mirror": False,
    }  # fmt: skip
    record = _evaluate(str(shared_dir / "data/zebra/metadata.csv"), tmp_path, settings)
    facts = record.data.fit.facts
    assert facts["frozen_batch_norm"] and record.data.weights.pretrained
    # Within sighting: near-duplicates of one sighting stand in gallery and queries.
    assert record.metrics["rank1"] > 0.4  # of 22 animals
    assert record.metrics["score"] > 2 * record.metrics["chance_score"]
