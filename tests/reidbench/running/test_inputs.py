"""Images and split of a saved run are found at the recorded place, or there is an error."""

import csv
import shutil

import pytest

import reidbench
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.experiments.repetition import repeat_run
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate
from reidbench.running.inputs import change_since, dataset_of, images_of_run, split_of
from tests.reidbench.records.example import changed

DRAWN = "patterns:identities=12,size=32,level=easy"


@pytest.fixture(scope="module")
def drawn():
    return reidbench.load_dataset(DRAWN)


@pytest.fixture
def catalogue(drawn, tmp_path):
    """A table in a folder, and a run on it."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "identity", "path", "dataset"))
        for index, row in drawn.table.iterrows():
            writer.writerow((row["image_id"], row["identity"], drawn.image_path(int(index)), row["group"]))
    path = folder / "table.csv"
    return path, evaluate("color_histogram", str(path), runs_dir=tmp_path / "runs", progress=Progress(), device="cpu")


def with_dataset(record, **values):
    return changed(record, dataset={**record.data.dataset.to_json(), **values})


def test_images_are_read_from_the_recorded_place(catalogue):
    path, record = catalogue
    assert dataset_of(record).digest == reidbench.load_dataset(str(path)).digest


def test_a_dataset_that_was_moved_is_an_error(catalogue):
    path, record = catalogue
    moved = shutil.move(path, path.with_name("moved.csv"))
    with pytest.raises(ReidbenchError, match="'table' is no longer where the run found it") as caught:
        dataset_of(record)
    assert "--dataset" in caught.value.remedy
    assert dataset_of(record, str(moved)).digest == record.data.dataset.digest
    with pytest.raises(ReidbenchError, match="no dataset, file or folder"):
        dataset_of(record, str(path))  # the error of a place that the user named is not changed


def test_a_record_without_a_place_needs_the_option_unless_the_animals_are_drawn(catalogue, drawn):
    _, record = catalogue
    with pytest.raises(ReidbenchError, match="does not hold the place of the dataset 'table'"):
        dataset_of(with_dataset(record, asked=None, root=None))
    redrawn = with_dataset(record, asked=None, root=None, name=drawn.name, digest=drawn.digest)
    assert dataset_of(redrawn).digest == drawn.digest


def test_other_images_are_an_error_that_names_the_difference(catalogue, drawn):
    path, record = catalogue
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ReidbenchError, match=f"has {len(drawn) - 1} images, not {len(drawn)}, and its digest"):
        dataset_of(record)
    with pytest.raises(
        ReidbenchError, match=r"not the dataset of the run, or has changed: its digest is \w{12}, not \w{12}"
    ):
        images_of_run(with_dataset(record, digest="0" * 64), drawn)


def test_the_split_is_that_of_the_run_with_or_without_its_folder(catalogue):
    path, record = catalogue
    images = reidbench.load_dataset(str(path))
    saved = split_of(record, images)
    assert saved.digest == record.split_digest and saved.seed == 0 and saved.kind == record.data.split.kind
    table = record.path / "split.csv"
    text = table.read_text()
    table.unlink()
    assert split_of(record, images).parts == saved.parts
    table.write_text(text.replace(",test\n", ",unused\n", 1))
    with pytest.raises(ReidbenchError, match="the split is not that of the run"):
        split_of(record, images)
    table.unlink()
    unseeded = changed(record, split={**record.data.split.to_json(), "seed": None})
    with pytest.raises(ReidbenchError, match="came from a file"):
        split_of(unseeded, images)


@pytest.fixture
def partly_used(drawn, tmp_path):
    """A table whose last image is a broken photograph that the run on it did not use."""
    split = reidbench.make_split(drawn)
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    lines = ["image_id,identity,path,dataset"]
    lines += [
        f"{row['image_id']},{row['identity']},{drawn.image_path(int(index))},{row['group']}"
        for index, row in drawn.table.iterrows()
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([*lines, f"torn,{drawn.identity[0]},{tmp_path / 'torn.jpg'},{drawn.group[0]}"]) + "\n")
    unused = Split((*split.image_ids, "torn"), (*split.parts, "unused"), "mine", None)
    record = evaluate(
        "color_histogram", str(path), split=unused, runs_dir=tmp_path / "runs", progress=Progress(), device="cpu"
    )
    return path, lines, record


def test_an_image_that_the_run_did_not_use_can_be_taken_out_of_its_dataset(partly_used):
    path, lines, record = partly_used
    assert change_since(record, dataset_of(record)) == ""
    path.write_text("\n".join(lines) + "\n")
    images = dataset_of(record)
    assert len(images) == len(lines) - 1
    assert f"it has {len(lines) - 1} images, not {len(lines)}" in change_since(record, images)
    split = split_of(record, images)
    assert (images.digest, split.digest) == (record.data.dataset.digest, record.split_digest)
    assert split.counts == {**record.data.split.counts, "unused": record.data.split.counts["unused"] - 1}


def test_a_run_is_repeated_exactly_without_an_image_that_it_did_not_use(partly_used, tmp_path):
    path, lines, record = partly_used
    path.write_text("\n".join(lines) + "\n")
    repetition = repeat_run(record, runs_dir=tmp_path / "again", progress=Progress())
    assert repetition.same == "exactly" and repetition.record.id == record.id


def test_a_dataset_that_grew_serves_its_runs(partly_used):
    path, lines, record = partly_used
    with path.open("a", encoding="utf-8") as file:
        file.write(lines[-1].replace(lines[-1].split(",")[0], "copy", 1) + "\n")
    images = dataset_of(record)
    assert len(images) == len(lines) + 1
    assert split_of(record, images).counts["unused"] == record.data.split.counts["unused"] + 1


def test_an_image_that_the_run_used_must_be_there_and_the_error_names_it(partly_used):
    path, lines, record = partly_used
    used = split_of(record, dataset_of(record))
    name = next(image for image, part in zip(used.image_ids, used.parts, strict=True) if part == "gallery")
    path.write_text("\n".join(line for line in lines if not line.startswith(f"{name},")) + "\n")
    with pytest.raises(ReidbenchError, match=f"missing or changed: 1, such as '{name}'"):
        dataset_of(record)


def test_a_broken_photograph_that_a_run_needs_is_named_with_what_to_do(partly_used, tmp_path):
    path, _, _ = partly_used
    with pytest.raises(ReidbenchError, match="the image cannot be read") as caught:
        evaluate("color_histogram", str(path), split=used_by_all(path), runs_dir=tmp_path / "r", progress=Progress())
    assert caught.value.where.endswith("torn.jpg")
    assert "take its row out of the dataset" in caught.value.remedy


def used_by_all(path):
    """A split in which no image is unused."""
    images = reidbench.load_dataset(str(path))
    split = reidbench.make_split(images)
    parts = ["gallery" if part == "unused" or name == "torn" else part
             for name, part in zip(split.image_ids, split.parts, strict=True)]  # fmt: skip
    return Split(split.image_ids, tuple(parts), "mine", None)
