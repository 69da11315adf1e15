"""A split that a dataset comes with is honoured, near-duplicates included."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reidbench.data.sources.rows import Rows, image_set
from reidbench.data.splits.leaks import shared_encounters
from reidbench.data.splitting import split_again, split_of_kind
from reidbench.errors import ReidbenchError


def make(tmp_path, split, identity, cluster=None, kind="given", date=None, encounter=None):
    paths = [f"{index:03d}.png" for index in range(len(split))]
    for index, path in enumerate(paths):  # all different: copies of one photograph are one encounter
        Image.new("RGB", (4, 4), (index, 0, 0)).save(tmp_path / path)
    columns = {
        "image_id": [f"{index:03d}" for index in range(len(split))],
        "identity": identity,
        "path": paths,
        "split": split,
    }
    if cluster is not None:
        columns["cluster_id"] = cluster
    if encounter is not None:
        columns["encounter"] = encounter
    if date is not None:
        columns["date"] = date
    return image_set("given", Rows(columns, "table.csv", None, len(split)), root=tmp_path, source="x", split_kind=kind)


def herd(tmp_path, **options):
    """Ten animals of six images: two never asked about, two asked about alone, six with two queries each."""
    identity = [f"a{index // 6}" for index in range(60)]
    split = ["test" if index % 6 >= 4 and index >= 12 or index >= 48 else "train" for index in range(60)]
    return make(tmp_path, split, identity, **options)


def test_test_rows_are_asked_about_and_calibration_comes_out_of_train(tmp_path):
    images = herd(tmp_path)
    split = split_of_kind(images)
    assert split.kind == "given" and split.warnings == ()
    given = np.array(images.given.part)
    assert set(split.indices("test", images)) == set(np.flatnonzero(given == "test"))
    identity = images.identity
    enrolled = set(identity[split.indices("gallery", images)])
    asked = identity[split.indices("calibration", images)]
    new = set(asked) - enrolled
    assert new and new <= {"a0", "a1"} and set(asked) & enrolled  # new are animals that no given query shows
    assert split_of_kind(images, seed=0).digest == split.digest


def test_where_every_animal_is_asked_about_queries_of_the_new_ones_are_left_out(tmp_path):
    identity = [f"a{index // 6}" for index in range(60)]
    split = ["test" if index % 6 >= 4 or index >= 48 else "train" for index in range(60)]
    images = make(tmp_path, split, identity)
    made = split_of_kind(images)
    assert [warning for warning in made.warnings if "unknown animals that calibration needs" in warning]
    names = images.identity
    new = set(names[made.indices("calibration", images)]) - set(names[made.indices("gallery", images)])
    assert new and not new & set(names[made.indices("test", images)])


def test_words_of_other_sources_are_understood(tmp_path):
    identity = ["a", "a", "a", "b", "b", "c"]
    split = ["database", "Val", "query", "database", "query", "val"]
    made = split_of_kind(make(tmp_path, split, identity))
    assert dict(zip(made.image_ids, made.parts, strict=True)) == {
        "000": "gallery", "001": "calibration", "002": "test", "003": "gallery", "004": "test", "005": "calibration",
    }  # fmt: skip


def test_no_cluster_of_near_duplicates_stands_on_two_sides(tmp_path):
    cluster = [str(index // 2) for index in range(60)]
    cluster[12] = cluster[16]  # a train image that is a near-duplicate of a test image
    images = herd(tmp_path, cluster=cluster)
    split = split_of_kind(images)
    assert any("1 images are near-duplicates" in warning for warning in split.warnings)
    parts = dict(zip(split.image_ids, split.parts, strict=True))
    assert parts["012"] == "unused"
    sides = {}
    for row, name in enumerate(cluster):
        part = parts[f"{row:03d}"]
        if part != "unused":
            sides.setdefault(name, set()).add(part)
    assert all(len(found) == 1 for found in sides.values())


def test_clusters_and_days_chain(tmp_path):
    # Images 0-1 share a day, 1-2 a cluster, 2-3 a day: all four must stay together.
    identity = ["a"] * 8 + ["b"] * 8 + ["c"] * 8
    date = ["2020-01-01", "2020-01-01", "2020-01-02", "2020-01-02", "", "", "", ""] * 3
    cluster = ["", "x", "x", "", "", "", "", ""] + [""] * 16
    split = (["train"] * 7 + ["test"]) * 3
    images = make(tmp_path, split, identity, cluster, date=date)
    for seed in range(5):
        made = split_of_kind(images, seed=seed)
        parts = dict(zip(made.image_ids, made.parts, strict=True))
        assert len({parts[f"{row:03d}"] for row in range(4)} - {"unused"}) <= 1


def test_a_split_that_is_brought_stays_as_it_is_and_its_parted_encounters_are_counted(tmp_path):
    # Of each of six animals, photograph 3 (train) and 4 (test) are one encounter, and the others have their own.
    number = range(60)
    encounter = [f"{row // 6}-{3 if row % 6 == 4 else row % 6}" for row in number]
    images = herd(tmp_path, encounter=encounter)
    split = split_of_kind(images)
    brought = images.given.part.tolist()
    parts = dict(zip(split.image_ids, split.parts, strict=True))
    assert all(parts[f"{row:03d}"] in ("test", "unused") for row in number if brought[row] == "test")
    assert all(parts[f"{row:03d}"] != "test" for row in number if brought[row] == "train")
    placed = np.array([parts[image_id] for image_id in images.image_id], dtype=object)
    shared = shared_encounters(placed, images)["test"]
    torn = sum(parts[f"{row:03d}"] == "test" and parts[f"{row - 1:03d}"] == "gallery" for row in number if row % 6 == 4)
    assert shared.count == torn > 0
    assert any(f"{torn} of {shared.of} test queries have a photograph" in warning for warning in split.warnings)


def test_a_user_s_own_column_split_is_honoured_when_asked_for(tmp_path):
    images = herd(tmp_path, kind="")
    assert split_of_kind(images).kind == "open-set"
    assert split_of_kind(images, "given").kind == "given"


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (["train", "holdout"], "'holdout', which is not a known word"),
        (["train", "train"], "no image of the part test"),
        (["", ""], "no column split"),
    ],
)
def test_a_split_that_says_nothing_is_an_error(tmp_path, split, message):
    with pytest.raises(ReidbenchError, match=message):
        split_of_kind(make(tmp_path, split, ["a", "b"]), "given")


def test_nothing_to_calibrate_on_is_an_error(tmp_path):
    with pytest.raises(ReidbenchError, match="no calibration"):
        split_of_kind(make(tmp_path, ["train", "test"], ["a", "a"]), "given")


def test_a_frame_reads_the_same(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    frame = pd.DataFrame({"identity": ["a", "b"], "path": ["a.png"] * 2, "split": ["train", None], "image_id": [1, 2]})
    images = image_set("f", Rows.from_frame(frame, "f"), root=tmp_path, source="x")
    assert images.given.part.tolist() == ["train", ""]


COMPLETE = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
TWICE = ["a", "a", "b", "b", "c", "c", "a", "b", "d", "a", "c", "e"]


def test_options_are_refused_if_the_source_has_all_parts(tmp_path):
    images = make(tmp_path, COMPLETE, TWICE)
    with pytest.raises(ReidbenchError, match="--new-share has no effect: the column split") as caught:
        split_of_kind(images, new_share=0.5)
    assert caught.value.where == "--split-kind given --new-share 0.5" and caught.value.remedy
    with pytest.raises(ReidbenchError, match="is the same with seed 2 and with seed 0") as caught:
        split_of_kind(images, seed=2)
    assert caught.value.where == "--split-kind auto --split-seed 2" and caught.value.remedy


def test_a_saved_run_with_a_seed_that_drew_nothing_is_still_opened(tmp_path):
    images = make(tmp_path, COMPLETE, TWICE)
    assert split_again(images, "given", seed=2).digest == split_of_kind(images).digest


def test_seed_and_share_choose_the_calibration_queries_and_are_recorded(tmp_path):
    images = herd(tmp_path)
    first = split_of_kind(images)
    assert any(split_of_kind(images, seed=seed).digest != first.digest for seed in (1, 2, 3))
    without = split_of_kind(images, new_share=0.0)
    assert (first.new_share, without.new_share) == (None, 0.0)
    names = images.identity
    enrolled = set(names[without.indices("gallery", images)])
    assert set(names[without.indices("calibration", images)]) <= enrolled
