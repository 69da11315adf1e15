"""The validation split imitates what the competition asks about."""

import numpy as np
import pytest

from reidbench.data.competitions import COMPETITIONS
from reidbench.data.images import ImageSet
from reidbench.data.splits.leaks import shared_encounters
from reidbench.data.splitting import split_of_kind
from reidbench.errors import ReidbenchError
from reidbench.registry.datasets import load_dataset


@pytest.fixture(scope="module")
def images(folder):
    return load_dataset("AnimalCLEF2025", folder)


def columns(images, split, part):
    rows = split.indices(part, images)
    return {name: getattr(images, name)[rows] for name in ("identity", "group", "date")}


def test_it_is_what_such_a_folder_gets_where_none_is_asked_for(images):
    assert split_of_kind(images).kind == "competition"
    assert split_of_kind(images, "open-set").kind == "open-set"


def test_shapes_are_those_of_the_published_counts():
    shapes = COMPETITIONS["AnimalCLEF2025"].shapes
    assert [round(shape.new_share, 2) for shape in shapes.values()] == [0.27, 0.30, 0.50]
    assert [shape.known_images for shape in shapes.values()] == [36, 1, 5]
    assert [shape.later for shape in shapes.values()] == [False, False, True]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_new_animals_have_their_share_of_each_datasets_queries(images, seed):
    split = split_of_kind(images, seed=seed)
    enrolled = set(columns(images, split, "gallery")["identity"])
    for part in ("calibration", "test"):
        asked = columns(images, split, part)
        new = np.array([name not in enrolled for name in asked["identity"]])
        for group, share in (("LynxID2025", 0.27), ("SalamanderID2025", 0.30), ("SeaTurtleID2022", 0.5)):
            mine = asked["group"] == group
            assert abs(new[mine].sum() - share * mine.sum()) <= 1, (group, part)


def test_turtles_that_are_asked_about_are_later_than_all_that_are_enrolled(images):
    split = split_of_kind(images)
    enrolled = columns(images, split, "gallery")
    last = max(enrolled["date"][enrolled["group"] == "SeaTurtleID2022"])
    for part in ("calibration", "test"):
        asked = columns(images, split, part)
        assert min(asked["date"][asked["group"] == "SeaTurtleID2022"]) > last


def test_unknown_animals_of_both_episodes_differ_and_no_encounter_stands_on_two_sides(images):
    split = split_of_kind(images)
    enrolled = set(columns(images, split, "gallery")["identity"])
    new = [set(columns(images, split, part)["identity"]) - enrolled for part in ("calibration", "test")]
    assert new[0] and new[1] and not new[0] & new[1]
    sides = {}
    for part in ("gallery", "calibration", "test"):
        for row in split.indices(part, images):
            sides.setdefault(images.encounter[row], set()).add(part)
    assert all(len(parts) == 1 for parts in sides.values())


def test_no_encounter_of_a_column_is_on_two_sides(images):
    # Each two photographs of an animal in a row are one encounter, whatever their days.
    place = {}
    values = []
    for name in images.identity.tolist():
        place[name] = place.get(name, -1) + 1
        values.append(f"{name}-{place[name] // 2}")
    joined = ImageSet(images.name, images.root, images.table.assign(encounter=values), source=images.source)
    assert len(set(joined.encounter)) < len(set(images.encounter))
    for seed in range(3):
        split = split_of_kind(joined, "competition", seed=seed)
        parts = dict(zip(split.image_ids, split.parts, strict=True))
        shared = shared_encounters(np.array([parts[each] for each in joined.image_id], dtype=object), joined)
        assert [each.count for each in shared.values()] == [0, 0] and all(each.of for each in shared.values())


def test_animals_with_one_photograph_stay_enrolled(images):
    split = split_of_kind(images)
    counts = images.table["identity"].value_counts()
    single = set(counts[counts == 1].index)
    enrolled = set(columns(images, split, "gallery")["identity"])
    assert len(single & enrolled) >= 0.6 * len(single)
    salamanders = columns(images, split, "test")
    mine = salamanders["identity"][salamanders["group"] == "SalamanderID2025"]
    known = [name for name in mine if name in enrolled]
    assert len(known) == len(set(known))  # one photograph of each, as in the competition


def test_a_share_that_is_asked_for_holds_for_every_group(images):
    split = split_of_kind(images, new_share=0.5)
    enrolled = set(columns(images, split, "gallery")["identity"])
    new = np.isin(columns(images, split, "test")["identity"], list(enrolled), invert=True)
    assert new.mean() == pytest.approx(0.5, abs=0.05)


def test_another_seed_gives_another_split(images):
    assert split_of_kind(images, seed=1).digest != split_of_kind(images, seed=0).digest


def test_other_datasets_have_no_queries_to_imitate(images, tmp_path):
    other = load_dataset("patterns:identities=4,size=32")
    with pytest.raises(ReidbenchError, match="is not a competition"):
        split_of_kind(other, "competition")
    with pytest.raises(ReidbenchError, match="too small to imitate"):
        split_of_kind(images.take([0, 1]), "competition")
    with pytest.raises(ReidbenchError, match="negative"):
        split_of_kind(images, seed=-1)
