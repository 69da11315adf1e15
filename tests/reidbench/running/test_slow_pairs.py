"""A run says beforehand how many pairs a slow matcher compares, and how long that takes."""

import re

import numpy as np
import pytest

import reidbench
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate
from reidbench.running.slow_pairs import duration

PLUGIN = """
import numpy as np

import reidbench


class SlowSettings(reidbench.RefineSettings):
    pass


class Slow(reidbench.LocalFeatureMethod):
    slow_matcher = "SlowGlue"

    def describe_batch(self, pixels):
        features = []
        for image in pixels:
            cells = np.resize(image.astype(np.float32) - 127, (8, 8, 3)).reshape(8, -1)
            features.append({
                "keypoint": np.full((8, 2), 0.5, np.float32),
                "descriptor": cells / np.linalg.norm(cells, axis=1, keepdims=True).clip(1),
            })
        return features

    def match(self, query, gallery, pairs):
        COMPARED.extend(pairs.tolist())
        return self.match_fast(query, gallery, pairs)

    def match_fast(self, query, gallery, pairs):
        return reidbench.match_mutual(query.ragged["descriptor"], gallery.ragged["descriptor"], pairs, ratio=1.0)


COMPARED = []


@reidbench.hookimpl
def reidbench_methods():
    return [reidbench.MethodSpec("slow", "a slow matcher", SlowSettings, Slow)]
"""
DATASET = "patterns:identities=12,size=48"


class Notes(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "slow_plugin.py"
    path.write_text(PLUGIN)
    registry = load_registry(files=[path])

    def run(method="slow", **settings):
        progress = Notes()
        record = evaluate(
            method, DATASET, settings=settings, registry=registry, runs_dir=tmp_path / "runs",
            store_dir=tmp_path / "store", progress=progress, device="cpu", again=True,
        )  # fmt: skip
        return record, progress.notes

    return run


def counts(record):
    parts = record.data.split.counts
    return parts["gallery"], parts["calibration"], parts["test"]


def searched(record):
    """Number of query and gallery pairs of one group, over both parts."""
    images = reidbench.load_dataset(DATASET).in_canonical_order()
    split = reidbench.make_split(images)
    rows = {part: split.indices(part, images) for part in ("gallery", "calibration", "test")}
    group = images.group
    queries = np.concatenate([rows["calibration"], rows["test"]])
    return [int((group[rows["gallery"]] == name).sum()) for name in group[queries]]


def test_a_run_says_pairs_rate_and_time(run):
    record, notes = run()
    (note,) = notes
    said = re.fullmatch(r"SlowGlue compares at most ([\d,]+) pairs of images: about .+ at [\d.]+ pairs a second", note)
    assert int(said[1].replace(",", "")) == sum(searched(record))


def test_with_refine_it_says_the_pairs_that_are_refined_at_most(run):
    record, (note,) = run(refine=2)
    assert f"at most {sum(min(2, n) for n in searched(record)):,} pairs" in note
    assert record.data.settings.effective == {"refine": 2}


def test_a_fusion_names_the_part_and_counts_its_shortlist_and_its_calibration(run):
    """The curve of the part is fitted on pairs outside the shortlist too, at most 3 for each calibration query."""
    record, (note,) = run("wildfusion", parts="color_histogram,slow", shortlist=4, refine=3)
    n_query = len(searched(record))
    n_calibration = record.data.split.counts["calibration"]
    assert f"at most {3 * n_query + 3 * n_calibration:,} pairs of images for slow: about" in note


def test_a_method_without_a_slow_matcher_says_nothing(run):
    assert run("sift")[1] == []


def test_durations_have_a_unit_that_fits():
    assert [duration(seconds) for seconds in (3.2, 100, 5000, 7200)] == ["3 s", "2 min", "83 min", "2.0 h"]
