"""Queries dealt in a shape, worked by hand."""

import numpy as np
import pytest

from reidbench.data.splits.imitation import Shape, deal_shaped


def animals_of(*sizes):
    """Animals of so many encounters of one image each, rows counted through."""
    found, row = {}, 0
    for number, size in enumerate(sizes):
        found[f"animal{number}"] = [[row + index] for index in range(size)]
        row += size
    return found, np.full(row, "unused", dtype=object)


def test_shape_of_published_counts():
    shape = Shape.of_counts(database=1388, known=(480, 479), new=(209, 59), episodes=2)
    assert shape.new_share == pytest.approx(209 / 689)
    assert shape.query_share == pytest.approx(689 / 2077 / 2)
    assert (shape.known_images, shape.new_images, shape.later) == (1, 4, False)
    with pytest.raises(ValueError, match="shares"):
        Shape(new_share=1.0)


def test_known_animals_keep_half_and_new_ones_bring_no_more_than_their_share():
    animals, parts = animals_of(4, 4, 4, 4, 4, 4)
    # 24 images, 4 queries an episode, half of them new: one new animal each, of two images; the first of the order.
    note = deal_shaped(animals, Shape(0.5, 4 / 24, 2, 2), ("calibration", "test"), parts)
    assert note == ""
    assert parts.tolist()[:8] == ["calibration"] * 2 + ["unused"] * 2 + ["test"] * 2 + ["unused"] * 2
    assert parts.tolist()[8:16] == ["gallery"] * 2 + ["calibration"] * 2 + ["gallery"] * 2 + ["test"] * 2
    assert parts.tolist()[16:] == ["gallery"] * 8


def test_few_animals_seen_again_make_fewer_queries_of_the_same_share():
    animals, parts = animals_of(*([1] * 30), 2, 2, 2, 2)
    deal_shaped(animals, Shape(0.5, 0.4, 1, 1), ("calibration", "test"), parts)
    for part in ("calibration", "test"):
        asked = np.flatnonzero(parts == part)
        assert len(asked) == 4 and (asked < 30).sum() == 2  # two known animals each, so two new ones


def test_later_queries_leave_nothing_of_that_day_enrolled():
    animals, parts = animals_of(4, 4, 4, 4, 4, 4, 4, 4)
    days = np.array([f"2020-01-0{1 + index % 4}" for index in range(len(parts))])
    assert deal_shaped(animals, Shape(0.5, 4 / 32, 2, 2, later=True), ("calibration", "test"), parts, days) == ""
    first = min(days[np.isin(parts, ["calibration", "test"])])
    assert max(days[parts == "gallery"]) < first
    assert (parts == "calibration").sum() == (parts == "test").sum() == 4


def test_without_dates_it_says_that_queries_are_not_later():
    animals, parts = animals_of(4, 4, 4, 4)
    note = deal_shaped(animals, Shape(0.5, 0.2, 2, 2, later=True), ("test",), parts, np.full(len(parts), ""))
    assert "too few images have a date" in note and (parts == "test").any()


def test_what_is_left_of_an_encounter_that_is_asked_about_is_unused():
    parts = np.full(10, "unused", dtype=object)
    animals = {"new": [[0]], "known": [[1], [2, 3, 4]], "other": [[5], [6]], "more": [[7], [8], [9]]}
    deal_shaped(animals, Shape(0.5, 0.2, 1, 1), ("test",), parts)
    assert parts[1] == "gallery" and parts[[2, 3, 4]].tolist() == ["test", "unused", "unused"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("later", [False, True])
def test_no_encounter_is_on_two_sides(seed, later):
    # Ten animals, each with six encounters of three images. With days, every encounter passes midnight.
    random = np.random.default_rng(seed)
    parts = np.full(180, "unused", dtype=object)
    starts = np.arange(0, 180, 3)
    days = np.array([f"2020-01-{1 + row // 3 % 6 + (row % 3 > 0):02d}" for row in range(180)])
    animals = {}
    for name in random.permutation(10).tolist():
        of_animal = random.permutation(starts[6 * name : 6 * name + 6])
        animals[f"animal{name}"] = [list(range(start, start + 3)) for start in of_animal]
    shape = Shape(0.4, 0.15, int(random.integers(1, 6)), int(random.integers(1, 6)), later=later)
    assert deal_shaped(animals, shape, ("calibration", "test"), parts, days if later else None) == ""
    sides = [set(parts[start : start + 3]) - {"unused"} for start in starts]
    assert all(len(side) <= 1 for side in sides)
    assert {"gallery", "calibration", "test"} == set.union(*sides)
    if later:
        first = min(days[np.isin(parts, ["calibration", "test"])])
        passing = [start for start in starts if days[start] < first <= days[start + 2]]
        assert passing and all(set(parts[start : start + 3]) == {"unused"} for start in passing)
