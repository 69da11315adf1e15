"""Sides of animals: which photographs are compared."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reidbench.data.images import ImageSet
from reidbench.data.sides import check_sides, may_compare, parse_match_sides, sides_of
from reidbench.errors import ReidbenchError


def images(*sides):
    names = [str(number) for number in range(len(sides))]
    columns = {"image_id": names, "identity": names, "path": names, "group": "all", "date": "", "orientation": sides}
    return ImageSet("set", Path(), pd.DataFrame(columns | {"bbox": None}, dtype=object), checked=True)


def test_case_and_spaces_do_not_make_another_side_and_words_for_a_missing_value_are_unknown():
    assert sides_of(images("left", " Left", "RIGHT", "", "unknown", "NA")).tolist() == [
        "left", "left", "right", "", "", "",
    ]  # fmt: skip


def test_words_for_a_side_are_that_side():
    left = [
        "l",
        "L.",
        "left flank",
        "Left_Side",
        "left-view",
        "gauche",
        "links",
        "Flanc gauche",
        "v\u00e4nster",
        "levý",
    ]
    right = ["r", "R", "right  flank", "droite", "Rechts", "derecha", "lado direito", "прав\u044b\u0439"]
    assert sides_of(images(*left)).tolist() == ["left"] * len(left)
    assert sides_of(images(*right)).tolist() == ["right"] * len(right)


def test_both_sides_and_words_for_unknown_are_an_unknown_side():
    words = [
        "both",
        "L/R",
        "left and right",
        "LR",
        "unbekannt",
        "inconnu",
        "unclear",
        "not visible",
        "indet.",
        "left?",
        "-",
    ]
    assert sides_of(images(*words)).tolist() == [""] * len(words)


def test_other_words_are_sides_of_their_own_in_any_case():
    assert sides_of(images("Dorsal", " dorsal", "front", "front left", "90")).tolist() == [
        "dorsal", "dorsal", "front", "front left", "90",
    ]  # fmt: skip


def test_all_sides_are_unknown_if_any_side_is_compared():
    assert sides_of(images("left", "right"), "any").tolist() == ["", ""]


def test_an_unknown_side_matches_all_and_a_known_side_only_itself():
    assert may_compare("left", ["left", "right", ""]).tolist() == [True, False, True]
    assert may_compare("", ["left", "right", ""]).tolist() == [True, True, True]


def test_a_dataset_without_sides_is_refused_and_one_with_a_single_side_gets_a_warning():
    with pytest.raises(ReidbenchError, match="no image has a known value in the column orientation"):
        check_sides(images("", "unknown"), "same")
    assert "'left'" in check_sides(images("left", "", "Left"), "same")
    assert check_sides(images("left", "right"), "same") == check_sides(images("", ""), "any") == ""


def test_another_word_is_refused_with_the_words_that_exist():
    with pytest.raises(ReidbenchError, match="not 'left'") as caught:
        parse_match_sides("left")
    assert caught.value.where == "--match-sides left" and "any, same" in caught.value.remedy
