"""Runs whose queries are encounters: drawn photographs by way of every command that reads a run."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import reidbench
from reidbench.counting.census import take_census
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.experiments.repetition import repeat_run
from reidbench.experiments.rethresholding import rethreshold
from reidbench.leaderboard.ranking import boards, leaderboard
from reidbench.progress import Progress
from reidbench.records.saved_run import read_judged_answers, read_saved_run, read_test_answers
from reidbench.reporting.leaderboard_table import title_of
from reidbench.running.evaluation import evaluate

COLOURS = {"ana": (200, 40, 40), "bo": (40, 200, 40), "cy": (40, 40, 200), "dee": (200, 200, 40), "eve": (40, 200, 200)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Five animals of one colour each; dee and eve are new. Each part of queries has two photographs an encounter."""
    folder = tmp_path_factory.mktemp("coloured")
    rows, parts = [], []
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for part in ("gallery", "calibration", "test"):
            if name in ("dee", "eve") and part != {"dee": "calibration", "eve": "test"}[name]:
                continue
            for number in range(2):
                image_id = f"{name}-{part}-{number}"
                pixels = np.clip(np.array(colour) + rng.integers(-30, 30, (24, 24, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{image_id}.png")
                rows.append((image_id, name, f"{image_id}.png", f"{name} {part}"))
                parts.append(part)
    table = pd.DataFrame(rows, columns=["image_id", "identity", "path", "encounter"])
    table.to_csv(folder / "metadata.csv", index=False)
    pd.DataFrame({"image_id": table["image_id"], "part": parts}).to_csv(folder / "split.csv", index=False)
    return folder


def run(dataset, runs_dir, **options):
    return evaluate(
        "color_histogram", str(dataset / "metadata.csv"), split=dataset / "split.csv", runs_dir=runs_dir,
        progress=Progress(), device="cpu", **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def record(dataset, tmp_path_factory):
    return run(dataset, tmp_path_factory.mktemp("runs"), query="encounter:mean")


def test_metrics_count_encounters(record):
    # Test: ana, bo, cy and the new animal eve, one encounter of two photographs each.
    assert [record.metrics[name] for name in ("n_queries", "n_known", "n_unknown")] == [4, 3, 1]
    assert record.metrics["map"] is None and "encounter" in record.metrics["reasons"]["map"]
    assert record.data.query == "encounter:mean"


def test_predictions_have_a_row_for_each_image_with_the_prediction_of_its_encounter(record):
    table = pd.read_csv(record.path / "predictions.csv", dtype=str)
    assert (len(table), sorted(table["part"].unique())) == (16, ["calibration", "test"])
    for _, rows in table.groupby(["part", "encounter"]):
        assert len(rows) == 2
        assert rows[["identity", "score", "threshold", "candidate"]].nunique().tolist() == [1, 1, 1, 1]


def test_the_score_of_an_encounter_is_the_mean_of_those_of_its_images(dataset, record, tmp_path):
    single = read_saved_run(run(dataset, tmp_path)).test
    scores = {
        (image_id, name): score
        for image_id, names, values in zip(
            single.image_id, single.answers.candidates, single.answers.scores, strict=True
        )
        for name, score in zip(names, values, strict=True)
    }
    pooled = read_saved_run(record).test
    assert len(pooled.image_id) == 4
    for image_id, names, values in zip(
        pooled.image_id, pooled.answers.candidates[:, :3], pooled.answers.scores[:, :3], strict=True
    ):
        stem = image_id.rpartition("-")[0]
        for name, score in zip(names, values, strict=True):
            assert score == pytest.approx((scores[f"{stem}-0", name] + scores[f"{stem}-1", name]) / 2, abs=1e-12)


def test_runs_of_images_have_no_column_for_encounters_and_keep_their_id(dataset, tmp_path):
    image = run(dataset, tmp_path)
    assert (image.path / "predictions.csv").read_text().splitlines()[0].endswith(",group,part")
    assert "query" not in json.loads((image.path / "run.json").read_text())  # as in earlier versions
    assert image.data.query == "image"


def test_every_reader_of_a_run_sees_encounters(record):
    judged, answers = read_judged_answers(record), read_test_answers(record)
    assert judged is not None and answers is not None
    assert len(judged.image_id) == len(answers) == 4
    assert judged.predicted.tolist() == read_saved_run(record).test.predicted.tolist()
    assert take_census(record).counted == "the run's test encounters"


def test_repeating_the_run_gives_the_same_numbers(record, tmp_path):
    assert repeat_run(record, runs_dir=tmp_path, progress=Progress()).same == "exactly"


def test_another_policy_is_chosen_on_encounters_and_has_the_id_of_its_complete_run(dataset, record, tmp_path):
    other = rethreshold(record, "max-score")
    complete = run(dataset, tmp_path, query="encounter:mean", threshold="max-score")
    assert other.id == complete.id
    assert other.data.threshold == complete.data.threshold and other.metrics == complete.metrics
    assert (other.path / "predictions.csv").read_text() == (complete.path / "predictions.csv").read_text()


def test_runs_on_encounters_are_never_ranked_with_runs_on_images(dataset, record, tmp_path):
    runs = [record, run(dataset, tmp_path), run(dataset, tmp_path, query="encounter")]
    of_dataset = boards(leaderboard(runs))
    assert [[(row.query, row.rank) for row in board] for board in of_dataset] == [
        [("image", 1)],
        [("encounter:best", 1)],
        [("encounter:mean", 1)],
    ]
    assert [title_of(board).rpartition(" · ")[2] for board in of_dataset] == [
        "gallery: the query's group",
        "queries: encounters, best score",
        "queries: encounters, mean score",
    ]


def test_a_policy_that_compares_gallery_images_is_refused_before_the_work(dataset, record, tmp_path):
    with pytest.raises(ReidbenchError, match="queries are encounters"):
        run(dataset, tmp_path, query="encounter", threshold="leave-identity-out")
    with pytest.raises(ReidbenchError, match="queries are encounters"):
        rethreshold(record, "leave-identity-out")


def test_a_dataset_that_tells_no_encounter_is_refused(tmp_path):
    images = reidbench.load_dataset("patterns:identities=24,size=32")
    table = images.table.assign(date="")
    bare = type(images)("bare", images.root, table.drop(columns="encounter", errors="ignore"))
    with pytest.raises(ReidbenchError, match="which photographs are of one encounter") as caught:
        evaluate("color_histogram", bare, query="encounter", runs_dir=tmp_path, progress=Progress())
    assert "column encounter" in caught.value.remedy


def test_a_split_without_two_photographs_of_an_encounter_is_refused(dataset, tmp_path):
    images = reidbench.load_dataset(str(dataset / "metadata.csv"))
    parts = pd.read_csv(dataset / "split.csv", dtype=str).set_index("image_id")["part"].to_dict()
    single = ["unused" if part != "gallery" and image_id.endswith("-1") else part for image_id, part in parts.items()]
    with pytest.raises(ReidbenchError, match="no encounter has two query photographs"):
        evaluate(
            "color_histogram", images, query="encounter", split=Split(tuple(parts), tuple(single), "", None),
            runs_dir=tmp_path,
            progress=Progress(),
        )  # fmt: skip
