import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.open_set import baks, balanced_accuracy, baus, geometric_mean, mean_of_defined
from reidbench.metrics.summary import summarise_predictions

# The organisers' worked list: truth, answers, then test-only identities with BAKS and BAUS of new class "1".
TRUTH, ANSWERS = ["1", "1", "2", "3", "3"], ["1", "1", "2", "3", "1"]
WD_BAKS = [([], 5 / 6), (["4"], 5 / 6), (["1"], 3 / 4), (["1", "2"], 1 / 2), (["1", "3"], 1.0), (["1", "2", "3"], None)]
WD_BAUS = [([], None), (["4"], None), (["1"], 1.0), (["1", "2"], 1 / 2), (["1", "3"], 3 / 4), (["1", "2", "3"], 1 / 2)]


def test_baks_weighs_identities_equally():
    assert baks(["ana", "ana", "ana", "bo"], ["ana"] * 4, enrolled={"ana", "bo"}) == 0.5  # ana 3/3, bo 0/1


def test_rejecting_a_known_animal_is_wrong():
    assert baks(["ana"], [NEW_IDENTITY], enrolled={"ana"}) == 0.0


def test_baus_weighs_hidden_identities_equally():
    predicted = [NEW_IDENTITY, NEW_IDENTITY, "ana", "ana"]
    assert baus(["yak", "yak", "yak", "zoe"], predicted, enrolled={"ana"}) == pytest.approx(1 / 3)  # yak 2/3, zoe 0/1


@pytest.mark.parametrize(("unknown", "expected"), WD_BAKS)
def test_baks_gives_the_organisers_cases(unknown, expected):
    value = baks(TRUTH, ANSWERS, set(TRUTH) - set(unknown))
    assert np.isnan(value) if expected is None else value == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("unknown", "expected"), WD_BAUS)
def test_baus_gives_the_organisers_cases(unknown, expected):
    predicted = [NEW_IDENTITY if answer == "1" else answer for answer in ANSWERS]
    value = baus(TRUTH, predicted, set(TRUTH) - set(unknown))
    assert np.isnan(value) if expected is None else value == pytest.approx(expected, abs=1e-15)


def test_an_empty_side_is_nan():
    assert np.isnan(baks(["zoe"], ["ana"], {"ana"}))
    assert np.isnan(baus(["ana"], ["ana"], {"ana"}))
    assert np.isnan(baks([], [], {"ana"}))
    assert np.isnan(geometric_mean(float("nan"), 1.0))
    assert np.isnan(balanced_accuracy([], []))


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="2 true identities but 1 predictions"):
        baks(["ana", "bo"], ["ana"], {"ana"})


# Lynx: BAKS 1/4, BAUS 1, so 1/2. Turtle: BAKS 1, BAUS 0, so 0. Newt: BAKS 1, no unknown query.
LYNX = [("a", True, "lynx", "a"), *((name, True, "lynx", NEW_IDENTITY) for name in "bcd")]
LYNX += [("z", False, "lynx", NEW_IDENTITY)]
TURTLE = [("a", True, "turtle", "a"), ("z", False, "turtle", "a")]
NEWT = [("a", True, "newt", "a")]


def test_the_score_is_the_mean_of_geometric_means():
    assert summarise_predictions(*zip(*LYNX, *TURTLE, strict=True)).overall.score == 0.25


def test_a_group_with_an_empty_side_is_left_out_or_counts_zero():
    assert summarise_predictions(*zip(*LYNX, *NEWT, strict=True)).overall.score == 0.5
    assert summarise_predictions(*zip(*LYNX, *NEWT, strict=True), empty_side="zero").overall.score == 0.25
    assert np.isnan(summarise_predictions(*zip(*NEWT, strict=True)).overall.score)
    with pytest.raises(ValueError, match="empty_side"):
        summarise_predictions(*zip(*LYNX, *NEWT, strict=True), empty_side="none")


def test_the_organisers_sample_submission():
    sides = {
        "lynx": (0.09769639957447838, 0.9954887218045108),
        "salamander": (0.20710059171597603, 0.9807692307692316),
        "turtle": (0.323, 1.0),
    }
    scores = [geometric_mean(*pair) for pair in sides.values()]
    assert mean_of_defined(scores) == pytest.approx(0.4436251041807619, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from([*"abcdef", NEW_IDENTITY])), min_size=1, max_size=40
    ),
    unknown=st.sets(st.sampled_from("abcdefg")),
)
def test_baks_and_baus_equal_wildlife_datasets(rows, unknown):
    reference = pytest.importorskip("wildlife_datasets.metrics")
    true, predicted = [list(column) for column in zip(*rows, strict=True)]
    enrolled = set("abcdef") - unknown
    expected = reference.BAKS(true, predicted, sorted(unknown))
    assert baks(true, predicted, enrolled) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    expected = reference.BAUS(true, predicted, sorted(unknown), NEW_IDENTITY)
    assert baus(true, predicted, enrolled) == pytest.approx(expected, abs=1e-12, nan_ok=True)
