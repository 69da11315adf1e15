"""Planted bursts are found across a split up to the limit, and are repaired like other leaks."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import reidbench
from reidbench.auditing.auditing import audit_images
from reidbench.auditing.bursts import find_bursts
from reidbench.auditing.findings import SAME_BURST, SAME_DAY, repaired
from reidbench.cli.main import app
from reidbench.data.capture_times import CaptureTimes
from reidbench.data.splits import Split, make_split, read_split
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate

NOON = np.datetime64("2021-05-06T12:00:00", "ms")


def _after(*seconds):
    """Return times, given in seconds after noon; ``None`` is an unknown time."""
    return np.array([
        np.datetime64("NaT", "ms") if second is None else NOON + np.timedelta64(round(1000 * second), "ms")
        for second in seconds
    ])  # fmt: skip


def _bursts(seconds, identity=None, sides=None, within_s=60):
    n = len(seconds)
    identity = np.array(identity or ["ana"] * n)
    sides = np.array(sides or ["gallery"] * n, dtype=object)
    return find_bursts(CaptureTimes(_after(*seconds)), identity, sides, within_s)


def test_a_gap_of_exactly_the_limit_is_included():
    found = _bursts([0, 60, 120.001])
    assert found.rows.tolist() == [[0, 1]] and found.apart_s.tolist() == [60]


def test_a_burst_is_a_chain_whatever_the_order_of_its_rows():
    found = _bursts([100, None, 0, 50], within_s=50)
    assert found.rows.tolist() == [[0, 3], [2, 3]] and found.apart_s.tolist() == [50, 50]
    assert "within 50 s; 3 of 4 photographs have a usable capture time" in found.note


def test_a_burst_has_one_animal():
    assert len(_bursts([0, 1, 2, 3], identity=["ana", "bo", "ana", "bo"], within_s=1).rows) == 0
    assert _bursts([0, 1, 2, 3], identity=["ana", "bo", "ana", "bo"], within_s=2).rows.tolist() == [[0, 2], [1, 3]]


def test_two_sides_are_paired_across_photographs_on_no_side():
    sides = ["gallery", "", "", "test"]
    assert _bursts([0, 10, 20, 30], sides=sides, within_s=10).rows.tolist() == [[0, 1], [0, 3], [1, 2], [2, 3]]
    assert _bursts([0, 10, None, 30], sides=sides, within_s=10).rows.tolist() == [[0, 1]]


def test_without_capture_times_no_burst_is_found_and_the_note_gives_the_reason():
    found = _bursts([None, None])
    assert found.rows.shape == (0, 2) and found.note == "no photograph has a usable capture time (EXIF)"
    times = CaptureTimes(_after(0, None, None, None), n_unset=2, n_stopped=1)
    note = find_bursts(times, np.array(["a"] * 4), np.array([""] * 4, dtype=object)).note
    assert "2 from clocks that were never set or with a day only, 1 from stopped clocks." in note
    unusable = CaptureTimes(_after(None, None), n_contradicted=2)
    note = find_bursts(unusable, np.array(["a"] * 2), np.array([""] * 2, dtype=object)).note
    assert note.endswith("(EXIF); ignored: 2 more than a day from the date in the table")


def test_planted_bursts_are_found_and_nothing_else(album):
    """120 of 200 animals have a burst across the split, 40 an unset or stopped clock, and 40 a longer gap."""
    rng = np.random.default_rng(0)
    rows, parts, planted = [], [], set()
    for animal in range(200):
        start = NOON + np.timedelta64(int(animal * 7200 + rng.integers(600)), "s")
        if animal < 120:
            taken = [start, start + np.timedelta64(int(rng.integers(0, 60_001)), "ms")]
            planted.add((len(rows), len(rows) + 1))
        elif animal < 160:
            taken = [np.datetime64("1970-01-01T00:00:00" if animal % 2 else "2012-07-05T14:33:10", "ms")] * 2
        else:
            taken = [start, start + np.timedelta64(int(rng.integers(60_001, 600_000)), "ms")]
        for time, part in zip(taken, ("gallery", "test"), strict=True):
            text, fraction = str(time).replace("-", ":").replace("T", " ").split(".")
            rows.append({"identity": f"a{animal}", "size": (16, 16), "taken": text, "sub_second": fraction})
            parts.append(part)
    images = album(rows)
    split = Split(tuple(images.table["image_id"]), tuple(parts), "file", None)
    audit = audit_images(images, split)
    found = {(pair.left, pair.right) for pair in audit.pairs if pair.kind == SAME_BURST}
    assert len(found & planted) >= 0.99 * len(planted)
    assert len({row for pair in found - planted for row in pair}) <= 0.01 * len(images)
    assert all(audit.crosses(pair) for pair in audit.pairs if pair.kind == SAME_BURST)
    note = audit.notes[0]
    assert "40 from clocks that were never set" in note and "40 from stopped clocks" in note


def test_a_burst_past_midnight_is_repaired_though_the_days_differ(album):
    images = album([
        {"identity": "ana", "date": "2021-05-06", "taken": "2021:05:06 23:59:50"},
        {"identity": "ana", "date": "2021-05-07", "taken": "2021:05:07 00:00:05"},
        {"identity": "ana", "date": "2021-06-01", "taken": "2021:06:01 10:00:00"},
        {"identity": "ana", "date": "2021-07-01", "taken": "2021:07:01 10:00:00"},
    ])  # fmt: skip
    split = Split(tuple(images.table["image_id"]), ("gallery", "test", "calibration", "test"), "file", None)
    audit = audit_images(images, split)
    assert [(pair.kind, pair.left, pair.right, pair.apart_s) for pair in audit.pairs] == [
        (SAME_BURST, 0, 1, 15.0),
        (SAME_DAY, 0, 1, None),
    ]
    assert audit.leaked().tolist() == [1]
    assert repaired(audit, split).parts == ("gallery", "unused", "calibration", "test")
    shorter = audit_images(images, split, burst_s=14)  # no burst, but still one encounter
    assert [pair.kind for pair in shorter.pairs] == [SAME_DAY] and shorter.leaked().tolist() == [1]


@pytest.fixture(scope="module")
def dataset_with_bursts(tmp_path_factory, exif_of):
    """Drawn animals without dates as JPEGs; three test queries were taken seconds after a gallery image."""
    folder = tmp_path_factory.mktemp("bursts")
    drawn = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    split = make_split(drawn)
    identity = drawn.identity
    enrolled = {identity[row]: int(row) for row in split.indices("gallery", drawn)}
    by_animal = {identity[row]: int(row) for row in split.indices("test", drawn) if identity[row] in enrolled}
    queries = list(by_animal.values())[:3]
    # A minute past the hour: midnight counts as no time.
    taken = {row: NOON + np.timedelta64(3 * 3600 * (row + 1) + 60, "s") for row in range(len(drawn))}
    for number, row in enumerate(queries):
        taken[row] = taken[enrolled[identity[row]]] + np.timedelta64(2 + number, "s")
    for row, time in taken.items():
        text = str(time)[:19].replace("-", ":").replace("T", " ")
        Image.open(drawn.image_path(row)).convert("RGB").save(folder / f"{row}.jpg", exif=exif_of(text), quality=95)
    table = drawn.table[["image_id", "identity"]].assign(path=[f"{row}.jpg" for row in range(len(drawn))])
    table.to_csv(folder / "metadata.csv", index=False)
    pd.DataFrame({"image_id": split.image_ids, "part": split.parts}).to_csv(folder / "split.csv", index=False)
    return folder, set(drawn.table["image_id"].iloc[queries])


def test_bursts_are_shown_repaired_and_left_out_of_saved_runs(dataset_with_bursts, tmp_path):
    folder, queries = dataset_with_bursts
    images = reidbench.load_dataset(str(folder))
    given = {"split": folder / "split.csv", "runs_dir": tmp_path / "runs", "progress": Progress(), "device": "cpu"}
    record = evaluate("color_histogram", images, **given)
    options = ["audit", folder, "--split", folder / "split.csv", "--runs", tmp_path / "runs"]
    written = ["-o", tmp_path / "audit.html", "--repair", tmp_path / "repaired.csv"]

    def run(*more):
        return CliRunner().invoke(app, [*map(str, (*options, *more))], catch_exceptions=False).stdout

    audit = json.loads(run(*written, "--json"))
    bursts = [pair for pair in audit["pairs"] if pair["kind"] == SAME_BURST]
    assert all(pair["crosses"] and pair["apart_s"] <= 4 for pair in bursts) and len(bursts) == 3
    assert queries <= set(audit["leaked"])
    (rescored,) = audit["runs"]
    assert rescored["run"] == record.id and rescored["n_leaked"] >= len(queries)
    without_leaks = read_split(tmp_path / "repaired.csv", images)
    part = dict(zip(without_leaks.image_ids, without_leaks.parts, strict=True))
    assert {part[image_id] for image_id in queries} == {"unused"}
    page = (tmp_path / "audit.html").read_text()
    assert "Same burst" in page and "2 s apart, on two sides of the split" in page
    short = json.loads(run("--burst", "1", "--json"))
    assert not [pair for pair in short["pairs"] if pair["kind"] == SAME_BURST] and queries <= set(short["leaked"])
    printed = " ".join(run().split())
    assert "same burst 3 3 0" in printed and "photographs of one animal that follow one another within 60 s" in printed
