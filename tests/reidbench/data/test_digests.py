"""The images and the values of the table decide the digest; names, ids, paths and the order of rows do not."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import reidbench
from reidbench.data.splits.smaller_gallery import keep_gallery_images


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def bytes_of():
    """Return the bytes of 48 files, 4 of each of 12 animals."""
    return {f"{animal}-{shot}": f"picture {animal} {shot}".encode() for animal in range(12) for shot in range(4)}


def sheet(bytes_of, folder, *, name="sheet1.csv", renamed=False, shuffled=False, **columns):
    """Write the files and a table without species and dataset into a folder; return the path of the table."""
    folder.mkdir(parents=True)
    rows = []
    for number, (key, content) in enumerate(bytes_of.items()):
        path = f"IMG_{1000 - number}.jpg" if renamed else f"{key}.jpg"
        (folder / path).write_bytes(content)
        rows.append({"image_id": path, "identity": f"animal {key.partition('-')[0]}", "path": path, "date": ""})
    frame = pd.DataFrame(rows).assign(**columns)
    if shuffled:
        frame = frame.sample(frac=1, random_state=5)
    table = folder / name
    if table.suffix == ".parquet":
        frame.to_parquet(table)
    else:
        frame.to_csv(table, index=False)
    return table


def facts(path):
    images = reidbench.load_dataset(str(path))
    split = reidbench.make_split(images)
    smaller = keep_gallery_images(split, images, 1)
    part = dict(zip(split.image_ids, split.parts, strict=True))
    place = {name: part[image_id] for name, image_id in zip(images.file_hashes(), images.image_id, strict=True)}
    return images.digest, split.digest, smaller.digest, place


@pytest.mark.parametrize(
    ("folder", "options"),
    [
        ("zebras (copy)", {}),
        ("zebras_2024", {"name": "metadata.csv"}),
        ("zebras", {"name": "sheet1 (2).csv"}),
        ("parquet", {"name": "sheet.parquet"}),
        ("shuffled", {"shuffled": True}),
        ("renamed", {"renamed": True}),
        ("all", {"name": "x.parquet", "shuffled": True, "renamed": True}),
    ],
)
def test_names_ids_paths_and_order_change_neither_digest_nor_split(bytes_of, tmp_path, folder, options):
    first = sheet(bytes_of, tmp_path / "first")
    assert facts(first) == facts(sheet(bytes_of, tmp_path / folder, **options))


def test_a_copied_folder_of_animals_has_the_digest_of_its_table(bytes_of, tmp_path):
    table = sheet(bytes_of, tmp_path / "table")
    for key, content in bytes_of.items():
        animal = tmp_path / "zebras" / f"animal {key.partition('-')[0]}"
        animal.mkdir(parents=True, exist_ok=True)
        (animal / f"{key}.jpg").write_bytes(content)
    shutil.copytree(tmp_path / "zebras", tmp_path / "zebras (copy)")
    assert facts(table) == facts(tmp_path / "zebras") == facts(tmp_path / "zebras (copy)")


def test_the_group_of_images_without_a_column_for_it_is_all(bytes_of, tmp_path):
    images = reidbench.load_dataset(str(sheet(bytes_of, tmp_path / "zebras")))
    assert set(images.group.tolist()) == {"all"}


def test_the_digest_is_that_of_the_sorted_keys(bytes_of, tmp_path):
    images = reidbench.load_dataset(str(sheet(bytes_of, tmp_path / "zebras"))).take([5, 0])
    keys = [
        hashed(json.dumps([hashed(text), None, animal, "all", "", "", "", ""]))
        for text, animal in (("picture 1 1", "animal 1"), ("picture 0 0", "animal 0"))
    ]
    assert images.image_keys.tolist() == keys
    assert images.digest == hashed("".join(f"{key}\n" for key in sorted(keys)))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("identity", "another"),
        ("date", "2020-01-01"),
        ("orientation", "left"),
        ("species", "zebra"),
        ("bbox", "[0, 0, 5, 6]"),
        ("split", "test"),
    ],
)
def test_one_value_of_the_table_changes_the_digest(bytes_of, tmp_path, column, value):
    plain = sheet(bytes_of, tmp_path / "plain")
    frame = pd.read_csv(plain, dtype=str)
    if column not in frame:
        frame[column] = ""
    frame.loc[47 if column != "species" else slice(44, 47), column] = value
    frame.to_csv(tmp_path / "plain" / "changed.csv", index=False)
    digests = [reidbench.load_dataset(str(tmp_path / "plain" / name)).digest for name in ("sheet1.csv", "changed.csv")]
    assert digests[0] != digests[1]


def test_one_byte_of_a_picture_changes_the_digest(bytes_of, tmp_path):
    changed = {**bytes_of, "3-1": b"Picture 3 1"}
    assert facts(sheet(bytes_of, tmp_path / "a"))[0] != facts(sheet(changed, tmp_path / "b"))[0]


def test_images_with_equal_keys_count_as_often_as_they_occur(bytes_of, tmp_path):
    images = reidbench.load_dataset(str(sheet({**bytes_of, "0-1": bytes_of["0-0"]}, tmp_path / "a")))
    assert len(set(images.image_keys.tolist())) == 47
    assert images.digest != images.take([0, *range(2, 48)]).digest
    assert images.in_canonical_order().digest == images.digest


def test_canonical_order_is_that_of_the_keys_and_keeps_each_row(bytes_of, tmp_path):
    images = reidbench.load_dataset(str(sheet(bytes_of, tmp_path / "a", shuffled=True)))
    ordered = images.in_canonical_order()
    assert ordered.image_keys.tolist() == sorted(images.image_keys.tolist())
    path = dict(zip(images.image_id.tolist(), images.table["path"], strict=True))
    assert ordered.table["path"].tolist() == [path[image_id] for image_id in ordered.image_id.tolist()]
    assert ordered.asked == images.asked


def test_a_table_that_pandas_wrote_as_csv_and_as_parquet_is_one_dataset(bytes_of, tmp_path):
    ids = np.arange(48, dtype=float)
    identity = [float(number // 4 + 1) for number in range(48)]
    csv = sheet(bytes_of, tmp_path / "csv", image_id=ids, identity=identity)
    whole = [int(number) for number in identity]
    parquet = sheet(bytes_of, tmp_path / "p", name="t.parquet", image_id=ids.astype(int), identity=whole)
    assert "0.0,1.0," in csv.read_text()
    assert facts(csv) == facts(parquet)
    images = reidbench.load_dataset(str(csv))
    assert images.image_id.tolist()[:2] == ["0", "1"] and images.identity[47] == "12"


def test_leading_zeros_stay_text(bytes_of, tmp_path):
    ids = [f"{number:03d}" for number in range(48)]
    assert reidbench.load_dataset(str(sheet(bytes_of, tmp_path / "a", image_id=ids))).image_id.tolist() == ids


def test_a_split_csv_with_ids_as_pandas_writes_them_is_read(bytes_of, tmp_path):
    images = reidbench.load_dataset(str(sheet(bytes_of, tmp_path / "a", image_id=range(48))))
    split = reidbench.make_split(images)
    lines = [f"{image_id}.0,{part}\n" for image_id, part in zip(split.image_ids, split.parts, strict=True)]
    (tmp_path / "split.csv").write_text("image_id,part\n" + "".join(lines))
    assert reidbench.read_split(tmp_path / "split.csv", images).digest == split.digest


def test_rule_1_gives_the_digest_of_earlier_versions(bytes_of, tmp_path):
    images = reidbench.load_dataset(str(sheet(bytes_of, tmp_path / "zebras"))).take([0, 5])
    lines = [
        json.dumps(
            [hashed(f"picture {key}"), f"{key.replace(' ', '-')}.jpg", f"animal {key[0]}", "zebras", "", "", None]
        )
        for key in ("0 0", "1 1")
    ]
    assert images.by_rule_1("zebras").digest == hashed("".join(f"{line}\n" for line in lines))
