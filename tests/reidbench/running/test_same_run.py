"""A run on the same images is the same run, whatever ids, paths, names and order its dataset has now."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.data.images import ImageSet
from reidbench.methods.contract import EmbeddingMethod, FitReport, MethodSpec, Settings
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench.reporting.photographs import Photographs
from reidbench.running.inputs import dataset_of, split_of


class Warnings(Progress):
    """Keeps the warnings."""

    def __init__(self):
        super().__init__()
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return two tables of the same drawn photographs: other names, files, ids, order and format."""
    drawn = reidbench.load_dataset("patterns:identities=12,size=64")
    root = tmp_path_factory.mktemp("data")
    for name, files in (("zebras", "{}.png"), ("zebras (copy)", "IMG_{}.png")):
        (root / name).mkdir()
        rows = []
        for row in range(len(drawn)):
            file = files.format(row if name == "zebras" else 900 - row)
            shutil.copy(drawn.image_path(row), root / name / file)
            rows.append({"image_id": f"{name[-1]}{row}", "identity": drawn.identity[row], "path": file})
        frame = pd.DataFrame(rows)
        if name == "zebras":
            frame.to_csv(root / name / "sheet1.csv", index=False)
        else:
            frame.iloc[::-1].to_parquet(root / name / "sheet1 (2).parquet")
    return str(root / "zebras" / "sheet1.csv"), str(root / "zebras (copy)" / "sheet1 (2).parquet")


def run(table, folder, progress=None):
    return reidbench.evaluate(
        "color_histogram", table, runs_dir=folder / "runs", store_dir=folder / "store", device="cpu",
        progress=progress or Warnings(),
    )  # fmt: skip


def test_renamed_photographs_have_one_score_one_run_id_and_one_set_of_features(tables, tmp_path):
    first, second = (run(table, tmp_path / str(place)) for place, table in enumerate(tables))
    assert first.id == second.id and first.metrics == second.metrics
    arrays = [np.load(each.path / "scores.npz") for each in (first, second)]
    for name in set(arrays[0].files) - {f"{part}.image_id" for part in ("gallery", "fit", "calibration", "test")}:
        assert np.array_equal(arrays[0][name], arrays[1][name], equal_nan=arrays[0][name].dtype.kind == "f"), name
    contents = [sorted(reidbench.load_dataset(table).contents()) for table in tables]
    assert contents[0] == contents[1]


def test_an_equal_run_is_found_and_shows_the_ids_of_the_dataset_in_hand(tables, tmp_path):
    first = run(tables[0], tmp_path)
    before = pd.read_csv(first.path / "predictions.csv", dtype=str)
    progress = Warnings()
    again = run(tables[1], tmp_path, progress)
    assert again.path == first.path and any("other image ids" in warning for warning in progress.warnings)
    after = pd.read_csv(first.path / "predictions.csv", dtype=str)
    pd.testing.assert_frame_equal(before.drop(columns="image_id"), after.drop(columns="image_id"))
    # zebras has s0, s1 …; the copy has )0, )1 … for the same photographs
    assert after["image_id"].tolist() == [")" + image_id[1:] for image_id in before["image_id"]]
    split = pd.read_csv(first.path / "split.csv", dtype=str)
    assert split["image_id"].str.startswith(")").all()
    assert reidbench.read_saved_run(again).test.image_id.tolist() == after["image_id"][after["part"] == "test"].tolist()
    progress = Warnings()
    run(tables[1], tmp_path, progress)
    assert not any("other image ids" in warning for warning in progress.warnings)


def test_the_split_of_a_run_is_found_by_key_on_images_with_other_ids(tables, tmp_path):
    record = run(tables[0], tmp_path)
    images = dataset_of(record, tables[1])
    split = split_of(record, images)
    assert split.digest == record.split_digest and split.image_ids[0].startswith(")")


def test_swapped_ids_do_not_swap_the_parts_of_a_run(tables, tmp_path):
    record = run(tables[0], tmp_path)
    images = reidbench.load_dataset(tables[0])
    table = images.table.copy()
    table["image_id"] = images.image_id[::-1].astype(object)
    swapped = ImageSet("swapped", images.root, table)
    assert split_of(record, swapped).digest == record.split_digest


def test_a_report_shows_the_photographs_of_a_run_when_ids_were_swapped(tables, tmp_path):
    record = run(tables[0], tmp_path)
    images = reidbench.load_dataset(tables[0])
    swapped = ImageSet("swapped", images.root, images.table.assign(image_id=images.image_id[::-1].astype(object)))
    photographs = Photographs(swapped).of_run(record)
    original = Photographs(images)
    for image_id in reidbench.read_saved_run(record).test.image_id.tolist():
        assert np.array_equal(photographs.pixels(image_id), original.pixels(image_id))


def test_a_word_for_an_unidentified_animal_in_a_set_made_in_python_is_said(tables, tmp_path):
    images = reidbench.load_dataset(tables[0])
    first = images.identity[0]
    words = ImageSet("own", images.root, images.table.replace({"identity": {first: "Unknown"}}))
    progress = Warnings()
    run(words, tmp_path, progress)
    count = int((images.identity == first).sum())
    assert [warning for warning in progress.warnings if f"({count} 'Unknown')" in warning]
    progress = Warnings()
    run(images, tmp_path, progress)
    assert not [warning for warning in progress.warnings if "unidentified" in warning]


class Stopping(EmbeddingMethod):
    """Mean colour; the first fit is stopped after it has written a file into its folder."""

    learns = True

    def fit(self, train, context):
        begun = context.work_dir / "begun.txt"
        if not begun.exists():
            begun.write_text("one step")
            raise KeyboardInterrupt
        return FitReport(notes=(f"continued after {begun.read_text()}",))

    def embed(self, pixels):
        return np.stack([image.reshape(-1, 3).mean(0) for image in pixels])


def test_an_interrupted_training_is_continued_when_the_dataset_has_other_names(tables, tmp_path):
    registry = Registry((Offer(MethodSpec("stopping", "", Settings, Stopping), "tests", "1"),), ())
    given = {"runs_dir": tmp_path / "runs", "store_dir": tmp_path / "store", "device": "cpu", "registry": registry}
    with pytest.raises(KeyboardInterrupt):
        reidbench.evaluate("stopping", tables[0], progress=Warnings(), **given)
    record = reidbench.evaluate("stopping", tables[1], progress=Warnings(), **given)  # would stop if it began again
    assert record.method == "stopping" and record.dataset == "sheet1 (2)"


@pytest.mark.parametrize("option", [[], ["--encounter-minutes", "20"]])
@pytest.mark.parametrize("command", ["split", "audit", "run"])
def test_the_minutes_of_encounters_are_an_option_of_each_command(tables, tmp_path, command, option):
    # Photographs of an animal are 30 minutes apart: one encounter by default, each its own with 20 minutes. The second
    # half of an animal's photographs is of another day.
    frame = pd.read_csv(tables[0])
    place = frame.groupby("identity").cumcount()
    half = place >= frame.groupby("identity")["path"].transform("count") // 2
    minutes = 30 * (place % 10)
    frame["date"] = [
        f"2020-05-0{1 + 2 * later} {8 + minute // 60:02d}:{minute % 60:02d}"
        for later, minute in zip(half, minutes, strict=True)
    ]
    frame["path"] = [str(Path(tables[0]).parent / path) for path in frame["path"]]
    frame.to_csv(tmp_path / "timed.csv", index=False)
    source = str(tmp_path / "timed.csv")
    args = {
        "split": [source, "-o", str(tmp_path / "split.csv")],
        "audit": [source],
        "run": ["--method", "color_histogram", "--dataset", source, "--runs", str(tmp_path / "runs")],
    }[command]
    done = CliRunner().invoke(app, [command, *args, *option], env={"COLUMNS": "200"}, catch_exceptions=False)
    images = reidbench.load_dataset(source)
    expected = len(np.unique((images.with_encounter_minutes(20) if option else images).encounter))
    assert (expected == len(images)) == bool(option)
    if command == "audit":
        assert ("20 minutes" in done.output) == bool(option), done.output
    else:
        assert f"{expected} encounters of 12 animals" in done.output


@pytest.mark.parametrize("command", ["identify", "cluster", "curve"])
def test_a_command_gives_the_same_result_when_the_dataset_has_other_ids_and_paths(tables, tmp_path, command):
    record = run(tables[0], tmp_path)
    drawn = reidbench.load_dataset(tables[0])
    (tmp_path / "new").mkdir()
    shutil.copy(drawn.image_path(0), tmp_path / "new" / "a.png")
    results = []
    output = ["--json", "-o", tmp_path / "new.csv"]
    for table in tables:
        args = {
            "identify": ["identify", tmp_path / "new", "--run", record.id, "--dataset", table, *output],
            "cluster": ["cluster", record.id, "--dataset", table, "--json"],
            "curve": ["curve", "images-per-identity", record.id, "--dataset", table, "--draws", "1", "--json"],
        }[command]
        env = {"REIDBENCH_CACHE": str(tmp_path / "cache")}
        done = CliRunner().invoke(app, [*map(str, args), "--runs", str(tmp_path / "runs")], env=env)
        assert done.exit_code == 0, (done.output, done.exception)
        results.append(json.loads(done.stdout))
        assert command != "identify" or list(results[-1]["reading"]["columns"]) == ["identity", "path", "image_id"]
    assert _without_ids(results[0]) == _without_ids(results[1])


def _without_ids(value):
    """Return JSON values without names of images, of the dataset and of its columns."""
    if isinstance(value, dict):
        hidden = ("image_id", "images", "dataset", "reading", "leaked", "path", "seconds")
        return {key: _without_ids(each) for key, each in value.items() if key not in hidden}
    return [_without_ids(each) for each in value] if isinstance(value, list) else value
