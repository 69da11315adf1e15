"""A run on the same images is the same run, whatever ids, paths, names and order its dataset has now."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.data.images import ImageSet
from reidbench.progress import Progress
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


@pytest.mark.parametrize("command", ["identify", "cluster"])
def test_a_command_gives_the_same_result_when_the_dataset_has_other_ids_and_paths(tables, tmp_path, command):
    record = run(tables[0], tmp_path)
    drawn = reidbench.load_dataset(tables[0])
    (tmp_path / "new").mkdir()
    shutil.copy(drawn.image_path(0), tmp_path / "new" / "a.png")
    results = []
    for table in tables:
        args = {
            "identify": ["identify", tmp_path / "new", "--run", record.id, "--dataset", table, "--json"],
            "cluster": ["cluster", record.id, "--dataset", table, "--json"],
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
