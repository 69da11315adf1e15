import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reidbench
from reidbench.data.images import ImageSet
from reidbench.data.splits import PARTS, Split, make_split, read_split, write_split
from reidbench.errors import ReidbenchError
from reidbench.registry.datasets import load_dataset

FILES = []  # the folder of the files, from conftest.py


def _set(rows):
    """Rows are (image_id, identity, group, date); the bytes of each file are its id."""
    table = pd.DataFrame(rows, columns=["image_id", "identity", "group", "date"]).assign(orientation="", bbox=None)
    for image_id in table["image_id"]:
        if not (file := FILES[0] / image_id).exists():
            file.write_bytes(image_id.encode())
    return ImageSet("herd", FILES[0], table.assign(path=table["image_id"]), checked=True)


def _herd(n_identities=12, n_days=5, n_a_day=2, group="zebra"):
    return [
        (f"{group}-{animal:02d}-{day}-{shot}", f"{group}-{animal:02d}", group, f"2020-01-{day + 1:02d}")
        for animal in range(n_identities)
        for day in range(n_days)
        for shot in range(n_a_day)
    ]


def _identities(split, images, part):
    return set(images.table["identity"].iloc[split.indices(part, images)])


def _new_share(split, images, part, group=None):
    enrolled = _identities(split, images, "gallery")
    rows = images.table.iloc[split.indices(part, images)]
    rows = rows if group is None else rows[rows["group"] == group]
    return float(np.mean([identity not in enrolled for identity in rows["identity"]]))


def _assert_invariants(split, images):
    enrolled, learnt = _identities(split, images, "gallery"), _identities(split, images, "fit")
    unknown = {part: _identities(split, images, part) - enrolled for part in ("calibration", "test")}
    assert not unknown["calibration"] & unknown["test"]
    assert not learnt & (enrolled | _identities(split, images, "calibration") | _identities(split, images, "test"))
    sides = {}
    for part in PARTS[:4]:
        for encounter in set(images.encounter[split.indices(part, images)]):
            assert sides.setdefault(encounter, part) == part
    assert sum(split.counts.values()) == len(images)


_animal = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    animals=st.lists(st.tuples(st.sampled_from(["lynx", "turtle"]), _animal), min_size=1, max_size=14),
    kind=st.sampled_from(["open-set", "closed-set", "disjoint"]),
    seed=st.integers(0, 2**40),
    new_share=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9]),
)
def test_invariants_hold_for_any_catalogue(animals, kind, seed, new_share):
    rows = []
    for number, (group, seen) in enumerate(animals):
        for day, n_images in seen:
            date = f"2020-01-0{day}" if day else ""
            rows += [(f"i{len(rows) + shot:04d}", f"{group}-{number}", group, date) for shot in range(n_images)]
    images = _set(rows)
    try:
        share = None if kind == "closed-set" else new_share
        split = make_split(images, kind=kind, seed=seed, new_share=share)
    except ReidbenchError as error:
        assert "too small" in error.message  # noqa: PT017 - most datasets that are drawn here can be split
        return
    _assert_invariants(split, images)
    if kind != "disjoint":  # only an unknown animal may leave images unused
        enrolled = _identities(split, images, "gallery")
        assert not _identities(split, images, "unused") & enrolled
        if kind == "closed-set":
            assert split.counts["unused"] == 0 and enrolled == set(images.table["identity"])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("new_share", [0.2, 0.3, 0.5])
def test_new_share_holds_in_both_parts_of_every_group(seed, new_share):
    images = _set(_herd(20, 5, 2, "lynx") + _herd(30, 3, 1, "turtle") + _herd(5, 1, 1, "snail"))
    split = make_split(images, seed=seed, new_share=new_share)
    _assert_invariants(split, images)
    for part in ("calibration", "test"):
        for group in ("lynx", "turtle"):
            assert _new_share(split, images, part, group) == pytest.approx(new_share, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_disjoint_learns_from_half_of_the_identities(seed):
    images = _set(_herd(30))
    split = make_split(images, kind="disjoint", seed=seed)
    _assert_invariants(split, images)
    assert len(_identities(split, images, "fit")) == 15
    assert _new_share(split, images, "test") == pytest.approx(0.3, abs=0.05)


def test_known_animal_seen_three_times_is_in_all_three_parts():
    images = _set(_herd(10, 3, 1))
    split = make_split(images, kind="closed-set")
    assert split.counts == {"gallery": 10, "fit": 0, "calibration": 10, "test": 10, "unused": 0}
    assert all(len(_identities(split, images, part)) == 10 for part in ("gallery", "calibration", "test"))


def test_animals_with_one_image_stay_in_the_gallery_unless_unknown():
    images = _set(_herd(12, 4, 1) + [(f"single-{n}", f"single-{n}", "zebra", "") for n in range(20)])
    split = make_split(images, seed=3)
    _assert_invariants(split, images)
    singles = {f"single-{n}" for n in range(20)}
    assert len(singles & _identities(split, images, "gallery")) >= 10


def test_row_order_does_not_matter_and_seeds_do():
    rows = _herd()
    forward, backward = make_split(_set(rows)), make_split(_set(rows[::-1]))
    assert forward == backward and forward.digest == backward.digest
    assert make_split(_set(rows), seed=1).digest != forward.digest


def test_split_is_the_same_on_every_machine():
    assert (
        make_split(_set(_herd()), seed=7).digest == "b6054614764eb1292efdc30433191f7e7639491ee8f6793bce235fcf6a51ae29"
    )


def test_another_group_does_not_move_the_first():
    alone = make_split(_set(_herd(group="lynx")))
    both = make_split(_set(_herd(group="lynx") + _herd(group="turtle")))
    parts = dict(zip(both.image_ids, both.parts, strict=True))
    assert [parts[image_id] for image_id in alone.image_ids] == list(alone.parts)


@pytest.mark.parametrize(
    ("rows", "short"),
    [
        ([(f"i{n}", f"a{n}", "zebra", "") for n in range(50)], "calibration has no query of a known animal"),
        (_herd(1, 5, 1), "calibration has no query of an unknown animal"),
        (_herd(10, 1, 8), "test has no query of a known animal"),  # one day each: one encounter
    ],
)
def test_too_small_says_what_is_short(rows, short):
    with pytest.raises(ReidbenchError, match=short) as caught:
        make_split(_set(rows))
    assert caught.value.remedy


def test_bad_options_are_refused():
    images = _set(_herd())
    for options, message in (
        ({"kind": "open"}, "no kind of split 'open'"),
        ({"new_share": 1.0}, "leaves no query"),
        ({"seed": -1}, "negative"),
    ):
        with pytest.raises(ReidbenchError, match=message):
            make_split(images, **options)


def test_digest_is_that_of_the_sorted_lines():
    split = Split(("b", "a"), ("test", "gallery"), "file", None)
    assert split.image_ids == ("a", "b") and split.parts == ("gallery", "test")
    # printf 'a,gallery\nb,test\n' | sha256sum
    assert split.digest == "0ea96d9ae21a3151621d5a327981014ba1c8f293b971cddb78bb2264f651f742"


def test_indices_follow_the_image_set_and_refuse_another():
    rows = _herd()[::-1]
    images = _set(rows)
    split = make_split(images)
    where = dict(zip(split.image_ids, split.parts, strict=True))
    expected = [index for index, row in enumerate(rows) if where[row[0]] == "test"]
    assert split.indices("test", images).tolist() == expected
    with pytest.raises(ReidbenchError, match="does not belong to 'herd'"):
        split.indices("test", _set(rows[:-1]))


def test_written_split_reads_back(tmp_path):
    images = _set(_herd())
    split = make_split(images)
    write_split(split, tmp_path / "new" / "split.csv")
    again = read_split(tmp_path / "new" / "split.csv", images)
    assert again.digest == split.digest and again.warnings == () and again.kind == "file" and again.seed is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["split.csv"]


_ROWS = [(f"i{n}", name, "zebra", date) for n, (name, date) in enumerate(
    [("ana", "2020-01-01"), ("ana", "2020-01-01"), ("ana", "2020-01-02"), ("bo", ""), ("bo", ""), ("cy", "")]
)]  # fmt: skip


def _read(tmp_path, text):
    (tmp_path / "split.csv").write_text(text)
    return read_split(tmp_path / "split.csv", _set(_ROWS))


def test_images_that_the_file_leaves_out_are_unused(tmp_path):
    split = _read(tmp_path, "image_id,part\ni0,gallery\ni2,calibration\ni3,test\n")
    assert split.parts == ("gallery", "unused", "calibration", "test", "unused", "unused")
    assert split.warnings == ("3 images are not in split.csv and count as unused",)


def test_leaks_are_told(tmp_path):
    text = "image_id,part\ni0,gallery\ni1,test\ni2,unused\ni3,calibration\ni4,test\ni5,fit\n"
    torn, shared = _read(tmp_path, text).warnings
    assert torn.startswith("1 encounters") and "'ana' on 2020-01-01 in gallery and test" in torn
    assert shared == "1 unknown identities are in calibration and in test, such as 'bo'"
    (learnt,) = _read(
        tmp_path, text.replace("i1,test", "i1,gallery").replace("i4,test", "i4,fit").replace("i2,unused", "i2,test")
    ).warnings
    assert learnt == "1 unknown identities are also in fit, such as 'bo'"


@pytest.mark.parametrize(
    ("text", "message", "row"),
    [
        ("image_id,part\ni0,gallery\ni0,test\n", "'i0' is in the split twice", "row 3"),
        ("image_id,part\ni0,galery\n", "a split has no part 'galery'", "row 2"),
        ("image_id,part\ni9,test\n", "no image 'i9'", "row 2"),
        ("image_id,set\ni0,test\n", "no column part", "split.csv"),
        ("image_id,part\ni0,gallery\ni2,test\n", "no image in 'calibration'", ""),
    ],
)
def test_bad_split_files_name_file_and_row(tmp_path, text, message, row):
    with pytest.raises(ReidbenchError, match=message) as caught:
        _read(tmp_path, text)
    assert caught.value.where.startswith(str(tmp_path / "split.csv")) and caught.value.where.endswith(row)
    assert caught.value.remedy


@pytest.mark.parametrize("seed", range(4))
def test_zebras_split_into_parts_of_useful_size(seed, shared_dir):
    images = load_dataset(str(shared_dir / "data" / "zebra"))
    split = make_split(images, seed=seed)
    _assert_invariants(split, images)
    enrolled = _identities(split, images, "gallery")
    for part in ("calibration", "test"):
        assert 75 <= split.counts[part] <= 105
        assert _new_share(split, images, part) == pytest.approx(0.3, abs=0.02)
        assert 4 <= len(_identities(split, images, part) - enrolled) <= 8
    assert 110 <= split.counts["gallery"] <= 150


def test_the_built_in_images_are_split_alike_where_their_bytes_differ(tmp_path):
    """A processor may draw a few pixels otherwise; the split of a photograph set, in contrast, follows its bytes."""
    drawn = reidbench.load_dataset("patterns:identities=12,size=64")
    paths = []
    for row in range(len(drawn)):
        path = tmp_path / f"{row}.png"
        path.write_bytes(drawn.image_path(row).read_bytes() + b"another machine")
        paths.append(str(path))
    elsewhere = dataclasses.replace(drawn, table=drawn.table.assign(path=paths), checked=False)
    assert reidbench.make_split(elsewhere).parts == reidbench.make_split(drawn).parts
    photographs = [dataclasses.replace(images, source="file") for images in (drawn, elsewhere)]
    in_order_of_ids = [
        dict(zip(split.image_ids, split.parts, strict=True)) for split in map(reidbench.make_split, photographs)
    ]
    assert in_order_of_ids[0] != in_order_of_ids[1]


@pytest.mark.parametrize("kind", ["closed-set", "time-cutoff", "time-cutoff=2020-01-02"])
def test_a_share_of_unknown_animals_that_the_kind_cannot_obey_is_refused(kind):
    with pytest.raises(ReidbenchError, match=f"--new-share has no effect on the kind of split '{kind}'") as caught:
        make_split(_set(_one_each()), kind=kind, new_share=0.5)
    assert caught.value.where == f"--split-kind {kind} --new-share 0.5" and caught.value.remedy


def test_a_closed_set_obeys_a_share_of_0():
    images = _set(_one_each())
    assert make_split(images, kind="closed-set", new_share=0.0) == make_split(images, kind="closed-set")


def _one_each():
    """Six animals, each seen on four days."""
    return [(f"i{animal}{day}", f"a{animal}", "lynx", f"2020-01-0{day}") for animal in range(6) for day in range(1, 5)]
