"""New photographs that are identified by encounter: groups by column or time, and one prediction for each group."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reidbench.counting.census import take_census
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.identifying.answering import identify, to_csv
from reidbench.identifying.by_encounter import check_unit, pooling_of
from reidbench.identifying.new_photographs import NewPhotographs
from reidbench.progress import Progress
from reidbench.records.saved_run import read_saved_run
from reidbench.running.evaluation import evaluate


def photographs(rows, encounter):
    """Photographs of the group ``all`` from pairs of path and date."""
    table = pd.DataFrame(
        [(f"p{n}", f"\x00{n}", path, "all", date, "", None) for n, (path, date) in enumerate(rows)],
        columns=["image_id", "identity", "path", "group", "date", "orientation", "bbox"], dtype=object,
    )  # fmt: skip
    return NewPhotographs(ImageSet("new", Path(), table, checked=True), encounter=encounter)


def grouped(rows, encounter, minutes=60.0):
    pooling, note = pooling_of(photographs(rows, encounter), "encounter:best", minutes)
    assert pooling is not None
    return pooling.query.tolist(), note


def test_photographs_with_one_value_are_one_encounter_in_any_folder():
    query, note = grouped([("a/1", ""), ("b/2", ""), ("a/3", ""), ("a/4", "")], ("x", "x", "y", ""))
    assert query == [0, 0, 1, 2]
    assert "4 photographs are 3 encounters" in note and "1 photographs have neither" in note


def test_times_join_photographs_of_one_folder_only():
    at = "2020-05-01T12:{:02d}:00".format
    rows = [("a/1", at(0)), ("a/2", at(30)), ("b/3", at(30)), ("a/4", at(59))]
    assert grouped(rows, ("",) * 4)[0] == [0, 0, 1, 0]
    assert grouped(rows, ("",) * 4, minutes=29.0)[0] == [0, 1, 2, 1]  # 12:00 | 12:30 and 12:59


def test_minutes_have_no_effect_on_new_photographs_without_times_and_the_note_says_so():
    assert "--encounter-minutes 5 has no effect" in grouped([("a/1", ""), ("a/2", "")], ("x", "x"), minutes=5.0)[1]
    note = grouped([("a/1", "2020-05-01T12:00:00"), ("a/2", "")], ("", "x"), minutes=5.0)[1]
    assert "no effect" not in note


def test_a_day_alone_makes_no_encounter():
    with pytest.raises(ReidbenchError, match="neither encounter values nor times") as caught:
        grouped([("a/1", "2020-05-01"), ("a/2", "2020-05-01")], ("", ""))
    assert "column encounter" in caught.value.remedy


@pytest.fixture(scope="module")
def pooled_run(tmp_path_factory):
    """A run by encounters on coloured animals, and a table with its test photographs."""
    folder = tmp_path_factory.mktemp("coloured")
    colours = {
        "ana": (200, 40, 40),
        "bo": (40, 200, 40),
        "cy": (40, 40, 200),
        "dee": (200, 200, 40),
        "eve": (40, 200, 200),
    }
    own = {"dee": "calibration", "eve": "test"}  # the new animals
    rng, rows = np.random.default_rng(0), []
    for name, colour in colours.items():
        for part in [own[name]] if name in own else ["gallery", "calibration", "test"]:
            for number in range(2):
                pixels = np.clip(np.array(colour) + rng.integers(-40, 40, (24, 24, 3)), 0, 255).astype(np.uint8)
                image_id = f"{name}-{part}-{number}"
                Image.fromarray(pixels).save(folder / f"{image_id}.png")
                rows.append((image_id, name, f"{image_id}.png", f"{name} {part}", part))
    table = pd.DataFrame(rows, columns=["image_id", "identity", "path", "encounter", "part"])
    table.drop(columns="part").to_csv(folder / "metadata.csv", index=False)
    table[["image_id", "part"]].to_csv(folder / "split.csv", index=False)
    test = table[table["part"] == "test"]
    test[["image_id", "path", "encounter"]].to_csv(folder / "new.csv", index=False)
    record = evaluate(
        "color_histogram", str(folder / "metadata.csv"), split=folder / "split.csv", query="encounter:mean",
        runs_dir=folder / "runs", progress=Progress(), device="cpu",
    )  # fmt: skip
    return folder, record


def test_test_photographs_get_the_predictions_of_the_run(pooled_run, tmp_path):
    folder, record = pooled_run
    result = identify(folder / "new.csv", record, by="encounter:mean", progress=Progress(), device="cpu")
    by_image = {each.image_id: each for each in result.found}
    test = read_saved_run(record).test
    assert test.pooling is not None and test.images is not None
    for image_id, query in zip(test.images.tolist(), test.pooling.query.tolist(), strict=True):
        prediction = by_image[image_id]
        assert prediction.answer == test.predicted[query]
        assert prediction.score == pytest.approx(test.answers.best_score[query], abs=1e-6)
    rows = list(csv.DictReader(io.StringIO(to_csv(result.found, by=result.by))))
    assert {row["by"] for row in rows} == {"encounter:mean"}
    assert len({row["encounter"] for row in rows}) == 4
    (tmp_path / "identify.csv").write_text(to_csv(result.found, by=result.by))
    (group,) = take_census(record, photographs=tmp_path / "identify.csv").groups
    assert group.photographs == 4  # encounters


def test_the_unit_has_to_be_that_of_the_run(pooled_run):
    _, record = pooled_run
    with pytest.raises(ReidbenchError, match="'encounter:mean', not 'image'") as caught:
        check_unit(record, None)
    assert "--by encounter:mean" in caught.value.remedy
    with pytest.raises(ReidbenchError, match="not 'encounter:best'") as caught:
        check_unit(record, "encounter")
    assert "--query encounter:best" in caught.value.remedy


def test_a_run_on_images_refuses_encounters(field):
    with pytest.raises(ReidbenchError, match="'image', not 'encounter:best'"):
        identify(field.photographs, field.record, by="encounter", progress=Progress(), device="cpu")
    with pytest.raises(ReidbenchError, match="no encounters are made"):
        identify(field.photographs, field.record, encounter_minutes=5, progress=Progress(), device="cpu")
