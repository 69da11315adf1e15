"""The drawn AnimalCLEF folder has the counts and the peculiarities of the real one."""

import csv

import numpy as np
import pytest

from benchmarks.animalclef.counts import FULL, MINIATURE, Group, heavy_tailed
from benchmarks.animalclef.folder import METADATA, make_folder


def test_counts_are_the_published_ones():
    counts = {}
    for group in FULL[2025]:
        sizes = np.array(group.database)
        ends = int(sizes.min()), int(np.median(sizes)), int(sizes.max())
        counts[group.name] = (
            (int(sizes.sum()), len(sizes), *ends, int((sizes == 1).sum())),
            (sum(group.known) + sum(group.new), len(group.known) + len(group.new)),
            (sum(group.known), len(group.known), sum(group.new), len(group.new)),
        )  # fmt: skip
    assert counts == {
        "LynxID2025": ((2957, 77, 1, 17, 353, 6), (946, 41), (688, 19, 258, 22)),
        "SalamanderID2025": ((1388, 587, 1, 1, 12, 310), (689, 538), (480, 479, 209, 59)),
        "SeaTurtleID2022": ((8729, 438, 1, 13, 190, 1), (500, 100), (250, 50, 250, 50)),
    }
    assert sum(sum(group.new) + sum(group.known) + sum(group.database) for group in FULL[2026]) == 15_483


def test_numbers_of_images_have_the_given_median_and_sum():
    sizes = heavy_tailed(100, 9, 2, 4, 50)
    assert (sum(sizes), len(sizes), np.median(sizes), max(sizes), sizes.count(1)) == (100, 9, 4, 50, 2)
    with pytest.raises(ValueError, match="median and maximum"):
        heavy_tailed(1000, 3, 1, 2, 5)
    with pytest.raises(ValueError, match="2 known animals"):
        Group("x", "x", (1,), (1, 1), ())


@pytest.mark.parametrize("edition", [2025, 2026])
def test_the_folder_has_the_peculiarities_of_the_real_one(tmp_path, edition):
    make_folder(tmp_path, MINIATURE[edition], edition=edition, size=16)
    with (tmp_path / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == METADATA
    assert [row["image_id"] for row in rows] == [str(index) for index in range(len(rows))]
    datasets = [row["dataset"] for row in rows]
    assert datasets == sorted(datasets)
    database, query = ("database", "query") if edition == 2025 else ("train", "test")
    known = [row for row in rows if row["split"] == database]
    queries = [row for row in rows if row["split"] == query]
    assert len(known) + len(queries) == len(rows)
    assert all(row["identity"] == "" for row in queries) and all(row["identity"] for row in known)
    assert {row["species"] for row in known if row["dataset"] == "SalamanderID2025"} == {""}
    assert {row["path"].rpartition(".")[2] for row in rows} == {"jpg", "JPG", "jpeg"}
    assert all((tmp_path / row["path"]).is_file() for row in rows)
    assert {row["date"] for row in rows if row["dataset"] == "LynxID2025"} == {""}
    turtles = [row for row in rows if row["dataset"] == "SeaTurtleID2022"]
    assert max(r["date"] for r in turtles if r["split"] == database) < min(
        r["date"] for r in turtles if r["split"] == query
    )
    with (tmp_path / "sample_submission.csv").open(newline="") as file:
        assert [row["image_id"] for row in csv.DictReader(file)] == [row["image_id"] for row in queries]
