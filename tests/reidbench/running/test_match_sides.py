"""Runs that compare photographs of the same side only, from drawn photographs to every command that reads a run."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import reidbench
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.experiments.repetition import repeat_run
from reidbench.experiments.rethresholding import rethreshold
from reidbench.identifying.answering import identify
from reidbench.leaderboard.ranking import boards, leaderboard
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.records.saved_run import read_saved_run
from reidbench.running.evaluation import evaluate

ROWS = [  # identity, side, part, colour: every animal has one colour on each flank
    ("ana", "left", "gallery", (200, 40, 40)),
    ("ana", "right", "gallery", (40, 200, 40)),
    ("bo", "left", "gallery", (40, 200, 40)),  # as the right flank of ana
    ("bo", "right", "gallery", (40, 40, 200)),
    ("cy", "left", "gallery", (200, 200, 40)),  # only this flank is enrolled
    ("dee", "right", "gallery", (120, 120, 120)),
    ("ana", "right", "calibration", (40, 200, 40)),
    ("bo", "Left", "calibration", (40, 200, 40)),
    ("eve", "left", "calibration", (200, 40, 200)),
    ("dee", "right", "calibration", (120, 120, 120)),
    ("ana", "right", "test", (40, 200, 40)),
    ("bo", "left", "test", (40, 200, 40)),
    ("cy", "right", "test", (200, 200, 40)),  # the flank that is not enrolled
    ("dee", "", "test", (120, 120, 120)),
    ("fay", "left", "test", (40, 200, 200)),
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flanks")
    rng = np.random.default_rng(0)
    names = [f"{identity}-{side}-{part}" for identity, side, part, _ in ROWS]
    for name, (*_, colour) in zip(names, ROWS, strict=True):
        pixels = np.clip(np.array(colour) + rng.integers(-9, 9, (24, 24, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    columns = {"image_id": names, "path": [f"{name}.png" for name in names]}
    columns |= {"identity": [row[0] for row in ROWS], "orientation": [row[1] for row in ROWS]}
    pd.DataFrame(columns).to_csv(folder / "metadata.csv", index=False)
    pd.DataFrame({"image_id": names, "part": [row[2] for row in ROWS]}).to_csv(folder / "split.csv", index=False)
    return folder


def run(dataset, runs_dir, **options):
    return evaluate(
        "color_histogram", str(dataset / "metadata.csv"), split=dataset / "split.csv", runs_dir=runs_dir,
        progress=Progress(), device="cpu", threshold="fixed=-1", **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def record(dataset, tmp_path_factory):
    return run(dataset, tmp_path_factory.mktemp("runs"), match_sides="same")


def candidates(record):
    test = read_saved_run(record).test
    return {
        image: [name for name in names if name]
        for image, names in zip(test.image_id, test.answers.candidates, strict=True)
    }


def test_only_animals_with_a_photograph_of_the_same_side_are_candidates_and_an_unknown_side_matches_all(record):
    of_image = candidates(record)
    assert sorted(of_image["ana-right-test"]) == ["ana", "bo", "dee"]  # cy has no right flank
    assert sorted(of_image["bo-left-test"]) == ["ana", "bo", "cy"]
    assert sorted(of_image["dee--test"]) == ["ana", "bo", "cy", "dee"]
    assert of_image["ana-right-test"][0] == "ana" and of_image["bo-left-test"][0] == "bo"


def test_an_animal_known_from_the_other_side_only_counts_as_a_known_animal_that_is_not_found(record):
    test = read_saved_run(record).test
    place = test.image_id.tolist().index("cy-right-test")
    assert bool(test.answers.known[place]) and test.own_best[place] == -np.inf
    assert "cy" not in candidates(record)["cy-right-test"]
    # Known: ana, bo and dee are found, cy is not.
    assert record.metrics["n_known"] == 4 and record.metrics["balanced_rank1"] == 0.75


def test_average_precision_counts_uncompared_photographs_of_the_animal_as_never_found(record):
    # ana, bo: one of two gallery photographs is compared, at rank 1: 1/2. cy: 0. dee: its only one at rank 1: 1.
    test = read_saved_run(record).test
    precision = dict(zip(test.image_id.tolist(), test.answers.average_precision.tolist(), strict=True))
    assert precision["ana-right-test"] == precision["bo-left-test"] == 0.5
    assert precision["cy-right-test"] == 0.0 and precision["dee--test"] == 1.0
    assert np.isnan(precision["fay-left-test"])
    assert record.metrics["map"] == 0.5


def test_the_record_and_the_id_contain_the_option_only_if_it_is_not_the_default(dataset, record, tmp_path):
    plain = run(dataset, tmp_path)
    assert "match_sides" not in json.loads((plain.path / "run.json").read_text())
    assert json.loads((record.path / "run.json").read_text())["match_sides"] == "same"
    assert plain.id == run(dataset, tmp_path, match_sides="any").id != record.id


def test_repeating_the_run_gives_the_same_numbers(record, tmp_path):
    assert repeat_run(record, runs_dir=tmp_path, progress=Progress()).same == "exactly"


def test_another_policy_has_the_id_of_its_complete_run(dataset, record, tmp_path):
    assert rethreshold(record, "max-score").id == evaluate(
        "color_histogram", str(dataset / "metadata.csv"), split=dataset / "split.csv", runs_dir=tmp_path,
        progress=Progress(), device="cpu", threshold="max-score", match_sides="same",
    ).id  # fmt: skip


def test_compare_ranks_both_in_one_table_and_labels_them(dataset, record, tmp_path):
    rows = leaderboard([record, run(dataset, tmp_path)])
    assert sorted(row.variant for row in rows) == ["match_sides=any", "match_sides=same"]
    assert len(boards(rows)) == 1


def test_identify_compares_sides_as_the_run_does_and_says_how_many_sides_are_unknown(dataset, record, tmp_path):
    table = pd.DataFrame(
        {"path": [str(dataset / "ana-right-test.png")] * 2, "orientation": ["right", ""], "image_id": ["one", "two"]}
    )
    table.to_csv(tmp_path / "new.csv", index=False)
    result = identify(tmp_path / "new.csv", record, progress=Progress(), device="cpu")
    one, two = ([candidate.identity for candidate in found.candidates] for found in result.found)
    assert sorted(one) == ["ana", "bo", "dee"] and sorted(two) == ["ana", "bo", "cy", "dee"]
    image_of = {candidate.identity: candidate.image_id for candidate in result.found[0].candidates}
    assert image_of["bo"] == "bo-right-gallery"  # although the left flank of bo is more similar
    assert any("1 of 2 new photographs have no side" in note for note in result.notes)


def test_a_policy_that_compares_gallery_images_is_refused_before_the_work(dataset, record, tmp_path):
    with pytest.raises(ReidbenchError, match="only photographs of the same side are compared"):
        evaluate("color_histogram", str(dataset / "metadata.csv"), split=dataset / "split.csv", runs_dir=tmp_path,
                 progress=Progress(), threshold="leave-identity-out", match_sides="same")  # fmt: skip
    with pytest.raises(ReidbenchError, match="only photographs of the same side are compared"):
        rethreshold(record, "leave-identity-out")


def test_a_dataset_without_sides_is_refused(tmp_path):
    images = reidbench.load_dataset("patterns:identities=24,size=32")
    bare = ImageSet("bare", images.root, images.table.assign(orientation="unknown"))
    with pytest.raises(ReidbenchError, match="no image has a known value in the column orientation"):
        evaluate("color_histogram", bare, match_sides="same", runs_dir=tmp_path, progress=Progress())


class _Recording:
    """A nearest-neighbour method that keeps the pairs that it was asked to compare."""

    matching = "nearest"

    def __init__(self):
        self.pairs = set()

    def score(self, query, gallery):
        left, right = query.dense["number"], gallery.dense["number"]
        self.pairs |= {(int(a), int(b)) for a in left for b in right}
        return np.zeros((len(left), len(right)))


def test_a_method_is_never_asked_to_compare_two_different_sides(dataset):
    images = reidbench.load_dataset(str(dataset / "metadata.csv"))
    rows = np.arange(len(images))
    features = Features(rows, Representation({"number": rows}))
    method = _Recording()
    match_episode(
        method, images, features, features, mode="group", learned=np.array([]), progress=Progress(), match_sides="same"
    )
    side = [value.casefold() for value in images.table["orientation"]]
    assert method.pairs == {(a, b) for a in rows for b in rows if side[a] == side[b] or "" in (side[a], side[b])}
