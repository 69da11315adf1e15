"""The triplet plugin: its specs, frozen features, and a tiny training from fit to embedding."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import reidbench_triplet
from reidbench.methods.contract import FitContext, LabelledImages, Validation
from reidbench.methods.similarity import unit
from reidbench.progress import Progress
from reidbench_triplet import TripletSettings

TINY = {"backbone": "test_resnet", "weights": "random", "size": 32, "embedding_dim": 8}


class _Blobs:
    def __len__(self):
        return 8

    def pixels(self, index):
        return np.random.default_rng(index).integers(0, 255, (40, 30, 3)).astype(np.uint8)

    def group(self, index):
        return "blob"


def _method(**settings):
    spec = reidbench_triplet.reidbench_methods()[0]
    method = spec.build(TripletSettings(**{**TINY, **settings}))
    method.prepare("cpu", 0, Progress())
    return method


def test_offers_both_systems_with_the_reports_numbers():
    base, extended = reidbench_triplet.reidbench_methods()
    assert (base.name, extended.name) == ("triplet_resnet50", "triplet_effnet")
    report = TripletSettings(**base.presets["paper"])
    assert (report.backbone, report.epochs, report.identities_per_batch, report.images_per_identity) == (
        "resnet50", 50, 8, 4,
    )  # fmt: skip
    assert (report.margin, report.lr, report.size, report.embedding_dim, report.mirror) == (0.3, 1e-4, 224, 128, False)
    report = TripletSettings(**extended.presets["paper"])
    assert (report.backbone, report.epochs, report.identities_per_batch, report.images_per_identity) == (
        "efficientnet_b1", 125, 4, 4,
    )  # fmt: skip


def test_every_preset_and_grid_point_is_valid_and_the_grid_is_full():
    for spec in reidbench_triplet.reidbench_methods():
        assert len({str(point) for point in spec.grid}) == 4 * 2 * 2
        for preset in spec.presets.values():
            for point in spec.grid:
                spec.settings(**{**preset, **point})


def test_the_hook_loads_no_torch():
    code = "import sys, reidbench_triplet as r; r.reidbench_methods(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frozen_features_leave_the_head_out():
    method = _method(epochs=0)
    report = method.fit(LabelledImages(_Blobs(), ("a", "b") * 4), None)
    embedding = method.represent(_Blobs(), Progress()).dense["embedding"]
    assert embedding.shape == (8, 96)  # test_resnet pools to 96 features
    assert np.allclose(embedding, unit(embedding), atol=1e-6)
    assert "frozen" in report.notes[0]


def test_without_a_head_training_starts_from_the_frozen_features(tmp_path):
    frozen = _method(epochs=0).represent(_Blobs(), Progress()).dense["embedding"]
    method = _method(epochs=1, head="none", lr=1e-3)
    np.testing.assert_array_equal(method.represent(_Blobs(), Progress()).dense["embedding"], frozen)
    context = FitContext(lambda: Validation(0.5, 0.5, 0.0), 0, "cpu", tmp_path, Progress())
    method.fit(LabelledImages(_Blobs(), ("a", "b") * 4), context)
    trained = method.represent(_Blobs(), Progress()).dense["embedding"]
    assert trained.shape == frozen.shape and not np.allclose(trained, frozen, atol=1e-4)


def test_fit_validates_with_the_method_as_it_stands(tmp_path):
    method = _method(epochs=2, identities_per_batch=2, images_per_identity=2, lr=1e-3)
    images, seen = _Blobs(), []

    def validate():
        seen.append(method.represent(images, Progress()).dense["embedding"])
        return Validation(len(seen) / 2, len(seen) / 2, 0.0)

    before = method.represent(images, Progress()).dense["embedding"]
    context = FitContext(validate, 0, "cpu", tmp_path, Progress())
    report = method.fit(LabelledImages(images, ("a", "b") * 4), context)
    after = method.represent(images, Progress()).dense["embedding"]
    assert len(report.history) == 2
    assert not np.allclose(before, seen[0], atol=1e-4) and not np.allclose(seen[0], seen[1], atol=1e-4)
    assert np.array_equal(after, seen[1])  # the last was best, and kept images are those decoded anew


def test_embedding_does_not_depend_on_the_batch():
    method = _method(epochs=1)
    pixels = [_Blobs().pixels(i) for i in range(5)]
    together, alone = method.embed(pixels), np.concatenate([method.embed([image]) for image in pixels])
    assert together.dtype == np.float32 and np.allclose(together, alone, atol=1e-5)


def test_settings_reach_the_core():
    method = _method(matching="nearest", metric="cosine")
    assert (method.matching, method.metric) == ("nearest", "cosine")
    assert _method().fingerprint() != method.fingerprint()


def test_unprepared_is_a_broken_contract():
    method = reidbench_triplet.reidbench_methods()[0].build(TripletSettings(**TINY))
    with pytest.raises(ValueError, match="prepare"):
        method.embed([np.zeros((8, 8, 3), dtype=np.uint8)])
