"""Splits in order of time, on catalogues whose parts are worked out by hand or by wildlife-datasets."""

import numpy as np
import pandas as pd
import pytest
from wildlife_datasets.splits import TimeCutoffSplit, TimeProportionSplit

from reidbench.data.images import ImageSet
from reidbench.data.splits import make_split
from reidbench.data.splitting import split_of_kind
from reidbench.errors import ReidbenchError

FILES = []  # the folder of the files, from conftest.py


def _set(rows):
    """Rows are (image_id, identity, group, date); the bytes of each file are its id."""
    table = pd.DataFrame(rows, columns=["image_id", "identity", "group", "date"]).assign(orientation="", bbox=None)
    for image_id in table["image_id"]:
        if not (file := FILES[0] / image_id).exists():
            file.write_bytes(image_id.encode())
    return ImageSet("herd", FILES[0], table.assign(path=table["image_id"]), checked=True)


def _herd(n_identities=40, seed=0, group="turtle"):
    """Animals of one to seven days between 2020 and 2022, one to three photographs a day."""
    rows = []
    for animal in range(n_identities):
        for number in range(1 + (5 * animal + seed) % 7):
            day = pd.Timestamp("2020-01-01") + pd.Timedelta(days=(131 * animal + 97 * number + 17 * seed) % 1095)
            rows += [(f"{group}-{animal:02d}", group, day.strftime("%Y-%m-%d"))] * (1 + (animal + number) % 3)
    return [(f"i{place:04d}", *row) for place, row in enumerate(rows)]


def _ids(split, images, *parts):
    rows = np.concatenate([split.indices(part, images) for part in parts])
    return set(images.table["image_id"].iloc[rows])


def _names(split, images, part):
    return set(images.table["identity"].iloc[split.indices(part, images)])


def _enrolled(split, images):
    """The images of animals that are enrolled, as wildlife-datasets wants them."""
    kept = images.table[images.table["identity"].isin(_names(split, images, "gallery"))]
    return kept.set_index("image_id", drop=False)


@pytest.mark.parametrize("seed", range(5))
def test_time_proportion_enrols_the_days_that_wildlife_datasets_trains_on(seed):
    images = _set(_herd(seed=seed))
    split = make_split(images, kind="time-proportion", seed=seed)
    train, test = TimeProportionSplit(ratio=0.5).split(_enrolled(split, images))[0]
    known = set(_enrolled(split, images).index)
    assert _ids(split, images, "gallery") == set(train)
    assert _ids(split, images, "calibration", "test") & known == set(test)


@pytest.mark.parametrize("seed", range(5))
def test_every_query_is_later_than_its_gallery_and_test_later_than_calibration(seed):
    images = _set(_herd(seed=seed))
    split = make_split(images, kind="time-proportion", seed=seed)
    part = dict(zip(split.image_ids, split.parts, strict=True))
    for _, rows in _enrolled(split, images).groupby("identity"):
        days = {name: [day for i, day in zip(rows["image_id"], rows["date"], strict=True) if part[i] == name]
                for name in ("gallery", "calibration", "test")}  # fmt: skip
        order = [days[name] for name in ("gallery", "calibration", "test") if days[name]]
        assert all(max(before) < min(after) for before, after in zip(order, order[1:], strict=False))
    assert split.warnings == () and split.new_share == 0.3
    for asked in ("calibration", "test"):
        new = [name not in _names(split, images, "gallery")
               for name in images.table["identity"].iloc[split.indices(asked, images)]]  # fmt: skip
        assert np.mean(new) == pytest.approx(0.3, abs=0.03)


def test_an_animal_of_five_days_has_two_enrolled_and_three_asked_about():
    days = ["2020-05-01", "2020-01-01", "2020-03-01", "2020-02-01", "2020-04-01"]
    rows = [(f"ana{day[5:7]}", "ana", "cat", day) for day in days]
    rows += [(f"bo{day[5:7]}", "bo", "cat", day) for day in days]
    split = make_split(_set(rows), kind="time-proportion", new_share=0.0)
    part = dict(zip(split.image_ids, split.parts, strict=True))
    for name in ("ana", "bo"):
        assert [part[f"{name}0{month}"] for month in (1, 2, 3, 5)] == ["gallery", "gallery", "calibration", "test"]
    assert split.counts == {"gallery": 4, "fit": 0, "calibration": 3, "test": 3, "unused": 0}  # 2 + 1 and 1 + 2


def test_random_keeps_animals_and_numbers_and_tears_days():
    images = _set(_herd())
    in_time, torn = (make_split(images, kind=kind, seed=3) for kind in ("time-proportion", "random"))
    identity = dict(zip(images.table["image_id"], images.table["identity"], strict=True))
    tables = [
        pd.Series(
            [f"{identity[i]} {part}" for i, part in zip(split.image_ids, split.parts, strict=True)]
        ).value_counts()
        for split in (in_time, torn)
    ]
    assert tables[0].sort_index().equals(tables[1].sort_index())
    assert in_time.digest != torn.digest
    assert len(torn.warnings) == 1 and "are on two sides" in torn.warnings[0]


def test_cutoff_parts_all_animals_at_the_days_of_wildlife_datasets():
    images = _set(_herd())
    split = make_split(images, kind="time-cutoff=2021-01-01,2022-01-01")
    table = images.table.set_index("image_id", drop=False)
    enrolled, later = TimeCutoffSplit(2021, test_one_year_only=False).split(table)[0]
    _, of_2021 = TimeCutoffSplit(2021).split(table)[0]
    assert _ids(split, images, "gallery") == set(enrolled)
    known = set(table.index[table["identity"].isin(_names(split, images, "gallery"))])
    assert _ids(split, images, "calibration") & known == set(of_2021) & known
    assert _ids(split, images, "calibration", "test") & known == set(later) & known
    assert split.kind == "time-cutoff=2021-01-01,2022-01-01" and split.new_share is None


def test_cutoff_asks_about_a_new_animal_in_one_part_only():
    images = _set(_herd(60))
    split = make_split(images, kind="time-cutoff=2021-01-01,2022-01-01")
    new = [_names(split, images, part) - _names(split, images, "gallery") for part in ("calibration", "test")]
    assert new[0] and new[1] and not new[0] & new[1]
    came_later = images.table.groupby("identity")["date"].min() >= "2021-01-01"
    assert new[0] | new[1] == set(came_later.index[came_later])


def test_cutoff_by_itself_enrols_half_of_the_encounters():
    images = _set(_herd(60))
    split = make_split(images, kind="time-cutoff")
    encounter = images.encounter
    n = {part: len(set(encounter[split.indices(part, images)])) for part in ("gallery", "calibration", "test")}
    assert n["gallery"] == pytest.approx(len(set(encounter)) / 2, abs=2)
    assert n["calibration"] > 0.8 * len(set(encounter)) / 4 and n["test"] > 0.8 * len(set(encounter)) / 4


def test_undated_images_stay_out_and_are_told():
    rows = _herd() + [("j1", "turtle-00", "turtle", ""), ("j2", "lynx-0", "lynx", ""), ("j3", "lynx-1", "lynx", "")]
    images = _set(rows)
    for kind in ("time-proportion", "time-cutoff", "random"):
        split = make_split(images, kind=kind)
        assert {"j1", "j2", "j3"} <= _ids(split, images, "unused")
        assert split.warnings[0] == (
            f"3 of {len(rows)} images have no date and are unused; the split leaves out lynx, where no image has a date"
        )
    assert make_split(_set(_herd()), kind="time-proportion").digest != make_split(images).digest


def test_nothing_can_be_split_in_time_without_dates():
    with pytest.raises(ReidbenchError, match="no image of 'herd' has a date") as caught:
        make_split(_set([(f"i{n}", f"a{n // 4}", "zebra", "") for n in range(40)]), kind="time-proportion")
    assert "open-set" in caught.value.remedy


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("time-cutoff=2022", "'2022' is not a day"),
        ("time-cutoff=2022-05-01,2021-05-01", "neither a day nor two days in order"),
        ("time-proportion=0.5", "no kind of split 'time-proportion=0.5'"),
        ("time-cutof", "no kind of split 'time-cutof'"),
        ("time-cutoff=2030-01-01", "calibration has no query of a known animal"),
    ],
)
def test_kinds_that_make_no_sense_are_refused(kind, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        make_split(_set(_herd()), kind=kind)
    assert caught.value.remedy


def test_time_aware_splits_are_the_same_on_every_machine():
    digests = {kind: make_split(_set(_herd()), kind=kind, seed=7).digest[:12]
               for kind in ("time-proportion", "time-cutoff", "random")}  # fmt: skip
    assert digests == {"time-proportion": "84cb62348003", "time-cutoff": "50abc25e317c", "random": "6e58486e1554"}


def test_a_seed_is_refused_if_the_days_decide_every_part():
    days = [f"{year}-03-0{day}" for year in (2020, 2021, 2022) for day in (1, 2)]
    rows = [(f"i{animal}-{day}", f"a{animal}", "lynx", day) for animal in range(4) for day in days]
    rows += [(f"n{year}", f"n{year}", "lynx", f"{year}-04-01") for year in (2021, 2022)]
    images, kind = _set(rows), "time-cutoff=2021-01-01,2022-01-01"
    with pytest.raises(ReidbenchError, match="is the same with seed 1 and with seed 0") as caught:
        split_of_kind(images, kind, seed=1)
    assert caught.value.where == f"--split-kind {kind} --split-seed 1"
    assert split_of_kind(images, kind).counts == {"gallery": 8, "fit": 0, "calibration": 9, "test": 9, "unused": 0}
