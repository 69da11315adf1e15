"""A method that scores identities: the core names its classes, and refuses what it was never trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import reidbench
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"


class _MeanColour(reidbench.Method):
    """Learns each animal's mean colour; the probability of a class falls with the distance to it."""

    learns = True
    matching = "identity"
    metric = "probability"
    targets: list[list[int]] = []

    def fit(self, train, context):
        names = np.unique(train.identities)
        colours = self._colours(train.images)
        codes = np.searchsorted(names, train.identities)
        self._means = np.stack([colours[codes == code].mean(0) for code in range(len(names))])
        return reidbench.FitReport(facts={"rank1": context.validate().rank1, "n_class": len(names)})

    def represent(self, images, progress):
        distance = np.linalg.norm(self._colours(images)[:, None] - self._means[None], axis=2)
        weight = np.exp(-distance)
        return reidbench.Representation({"probability": weight / weight.sum(1, keepdims=True)})

    def score(self, query, gallery):
        classes = gallery.dense["class"]
        self.targets.append(classes.tolist())
        return np.where(classes >= 0, query.dense["probability"][:, classes], -np.inf)

    @staticmethod
    def _colours(images):
        return np.stack([images.pixels(i).mean((0, 1)) for i in range(len(images))])


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset(SMALL)


class _Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


def _run(images, tmp_path, progress=None, **options):
    _MeanColour.targets = []
    spec = reidbench.MethodSpec("mean_colour", "mean colour of each animal", reidbench.Settings, _MeanColour)
    registry = Registry((Offer(spec, "here", "1"),), ())
    return evaluate(
        "mean_colour",
        images,
        runs_dir=tmp_path,
        registry=registry,
        device="cpu",
        progress=progress or Progress(),
        **options,
    )


def test_classes_are_places_among_the_sorted_identities_learned_from(images, tmp_path):
    record = _run(images, tmp_path)
    table = images.table.merge(pd.read_csv(record.path / "split.csv", dtype=str), on="image_id")
    enrolled = table[table["part"] == "gallery"]
    names = sorted(set(enrolled["identity"]))
    by_group = [
        [names.index(name) for name in sorted(set(enrolled[enrolled["group"] == group]["identity"]))]
        for group in sorted(set(table["group"]))
    ]
    assert record.data.fit.facts["n_class"] == len(names)
    seen = _MeanColour.targets
    # The test episode, group by group; some of its queries are asked again behind it.
    assert any(seen[at : at + len(by_group)] == by_group for at in range(len(seen)))
    assert record.data.matching.to_json() == {"rule": "identity", "metric": "probability", "keypoints": False}
    assert record.metrics["map"] is None and "class" in record.data.metrics.test.overall["reasons"]["map"]


def test_it_validates_in_training_as_it_is_judged(images, tmp_path):
    record = _run(images, tmp_path)
    assert record.data.fit.facts["rank1"] == record.data.metrics.calibration.overall["rank1"] > 0


def test_the_cache_serves_a_method_that_was_not_fitted(images, tmp_path, monkeypatch):
    first = _run(images, tmp_path)
    monkeypatch.setattr(_MeanColour, "fit", None)
    assert _run(images, tmp_path, again=True).data.metrics == first.data.metrics


def test_a_disjoint_split_is_one_error_that_names_the_ways_out(images, tmp_path):
    with pytest.raises(reidbench.ReidbenchError, match="none of them is enrolled") as caught:
        _run(images, tmp_path, split_kind="disjoint")
    assert "disjoint" in caught.value.where and "open-set" in caught.value.remedy


def test_an_enrolled_animal_that_was_not_trained_on_is_never_answered(images, tmp_path):
    split = reidbench.make_split(images, seed=0)
    parts = dict(zip(split.image_ids, split.parts, strict=True))
    gallery = images.table[images.table["image_id"].map(parts) == "gallery"]
    # One photograph of each animal seen twice or more is learned from; animals seen once are enrolled alone.
    often = gallery[gallery.duplicated("identity", keep=False)].drop_duplicates("identity")
    never = set(gallery["identity"]) - set(often["identity"])
    assert never and len(often) > 3
    parts |= dict.fromkeys(often["image_id"], "fit")
    progress = _Warnings()
    path = tmp_path / "split.csv"
    path.write_text("image_id,part\n" + "".join(f"{image},{part}\n" for image, part in parts.items()))
    record = _run(images, tmp_path, progress, split=path)
    candidates = set(pd.read_csv(record.path / "predictions.csv", dtype=str)["candidate"])
    assert not candidates & never and candidates & set(often["identity"])
    assert sum("never predicts them" in text for text in progress.texts) == 1
    assert any(-1 in classes for classes in _MeanColour.targets)
