import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.metrics.summary import Answers, summarise
from reidbench.thresholds import Thresholds, parse_policy


def episode(rows):
    """Build answers from (true, known, group, candidate, score) rows."""
    true, known, group, candidate, score = zip(*rows, strict=True)
    return Answers(
        true=np.array(true),
        known=np.array(known, dtype=bool),
        group=np.array(group),
        candidates=np.array(candidate, dtype=object)[:, None],
        scores=np.array(score, dtype=float)[:, None],
        average_precision=np.full(len(true), np.nan),
        gallery_identities=dict.fromkeys(group, 9),
    )


TWO_GROUPS = [
    ("a", True, "L", "a", 0.9),
    ("n", False, "L", "a", 0.5),
    ("c", True, "S", "c", 0.4),
    ("m", False, "S", "c", 0.2),
]


def test_each_group_gets_the_middle_of_its_best_range():
    chosen = parse_policy("max-score:group").choose(episode(TWO_GROUPS))
    assert dict(chosen.values) == pytest.approx({"L": 0.7, "S": 0.3})
    assert chosen.of(["S", "L", "S"]).tolist() == pytest.approx([0.3, 0.7, 0.3])
    assert not chosen.pooled and chosen.notes == ()


def test_one_threshold_maximises_the_mean_over_groups():
    rows = [*TWO_GROUPS, ("b", True, "L", "a", 0.95)]
    # Above 0.5 L has sqrt(1/2) and S 0; in (0.2, 0.4] L has 0 and S has 1.
    chosen = parse_policy("max-score").choose(episode(rows))
    assert chosen.pooled and chosen.value == pytest.approx(0.3)
    assert chosen.of(["L", "S", "never seen"]).tolist() == pytest.approx([0.3] * 3)


def test_a_plateau_is_cut_in_the_middle_and_the_widest_wins():
    rows = [
        ("a", True, "L", "a", 0.9),
        ("a", True, "L", "b", 0.8),  # wrong at any threshold, so nothing changes at 0.8
        ("n", False, "L", "a", 0.1),
    ]
    assert parse_policy("max-score").choose(episode(rows)).value == pytest.approx(0.5)
    rows = [  # sqrt(1/2 * 1) in (0.8, 1] and sqrt(1 * 1/2) in (0.1, 0.7]
        ("a", True, "L", "a", 1.0),
        ("n", False, "L", "a", 0.8),
        ("b", True, "L", "b", 0.7),
        ("m", False, "L", "a", 0.1),
    ]
    assert parse_policy("max-score").choose(episode(rows)).value == pytest.approx(0.4)


def test_ranges_of_one_width_go_to_the_lower():
    rows = [
        ("a", True, "L", "a", 4.0),
        ("n", False, "L", "a", 3.0),
        ("b", True, "L", "b", 2.0),
        ("m", False, "L", "a", 1.0),
    ]
    assert parse_policy("max-score").choose(episode(rows)).value == 1.5


def test_a_hopeless_episode_still_gives_a_finite_threshold_and_says_so():
    chosen = parse_policy("max-score").choose(episode([("a", True, "L", "b", 0.2), ("n", False, "L", "b", 0.6)]))
    assert chosen.value == pytest.approx(0.4)
    assert "above 0" in chosen.notes[0]


def test_accepting_all_ends_at_the_lowest_score():
    rows = [("a", True, "L", "a", 0.5), ("n", False, "L", "", -np.inf)]
    assert parse_policy("max-score").choose(episode(rows)).value == 0.5


def test_a_group_without_a_side_takes_the_pooled_threshold():
    rows = [*TWO_GROUPS, ("t", True, "T", "t", 0.1)]
    chosen = parse_policy("max-score:group").choose(episode(rows))
    assert chosen.values["T"] == chosen.value
    assert chosen.notes == ("group 'T' has no unknown calibration queries: it takes the pooled threshold",)


def test_groups_of_one_side_each_are_judged_as_one():
    rows = [("a", True, "L", "a", 0.9), ("n", False, "S", "c", 0.5)]
    chosen = parse_policy("max-score:group").choose(episode(rows))
    assert dict(chosen.values) == pytest.approx({"L": 0.7, "S": 0.7}) and len(chosen.notes) == 1


@pytest.mark.parametrize(("rows", "missing"), [(TWO_GROUPS[::2], "unknown"), (TWO_GROUPS[1::2], "known")])
def test_an_episode_without_a_side_is_an_error(rows, missing):
    with pytest.raises(ReidbenchError, match=f"no {missing} queries") as error:
        parse_policy("max-score").choose(episode(rows))
    assert "fixed" in error.value.remedy


def test_an_episode_without_candidates_is_an_error():
    rows = [(*row[:3], "", -np.inf) for row in TWO_GROUPS]
    with pytest.raises(ReidbenchError, match="no calibration query has a candidate"):
        parse_policy("max-score:group").choose(episode(rows))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("LS"), st.integers(0, 3), st.booleans(), st.integers(-3, 6)), min_size=4, max_size=24
    )
)
def test_max_score_beats_every_other_threshold(queries):
    rows = [
        (f"{group}{animal}", animal < 2, group, f"{group}{animal}" if right and animal < 2 else "other", score / 2)
        for group, animal, right, score in queries
    ]
    answers = episode(rows)
    if answers.known.all() or not answers.known.any():
        return
    for text in ("max-score", "max-score:group"):
        chosen = parse_policy(text).choose(answers)
        reached = summarise(answers, chosen).overall.score
        if math.isnan(reached):
            continue
        for limit in [-np.inf, *np.unique(answers.scores), np.inf]:
            other = summarise(answers, Thresholds("", {}, True, value=float(limit))).overall.score
            assert reached >= other - 1e-9
        if text == "max-score:group":
            assert summarise(answers, chosen).overall.regret == pytest.approx(0.0, abs=1e-9)


def test_the_order_of_queries_changes_nothing():
    rng = np.random.default_rng(0)
    rows = []
    for i in range(200):
        animal = i % 30
        named = animal if rng.random() < 0.7 else 0
        rows.append((f"a{animal}", animal < 20, "L" if animal % 2 else "S", f"a{named}", rng.random()))
    forward = parse_policy("max-score").choose(episode(rows))
    assert parse_policy("max-score").choose(episode(rows[::-1])).value == forward.value


def test_fixed_looks_at_nothing():
    chosen = parse_policy("fixed=0.6").choose(episode(TWO_GROUPS[::2]))
    assert chosen.value == 0.6 and chosen.of(["L", "other"]).tolist() == [0.6, 0.6]
    assert parse_policy("fixed=-0.5").choose(episode(TWO_GROUPS)).value == -0.5
    assert parse_policy("fixed=-inf").choose(episode(TWO_GROUPS)).value == -math.inf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max-scor", "did you mean 'max-score'"),
        ("", "no threshold policy ''"),
        ("fixed", "needs a number"),
        ("fixed=high", "needs a number, not 'high'"),
        ("fixed=nan", "needs a number"),
        ("fixed=0.6:group", "same for every group"),
        ("max-score=0.6", "has no value"),
        ("max-score:species", "no scope 'species'"),
    ],
)
def test_a_policy_that_does_not_exist_is_an_error(text, message):
    with pytest.raises(ReidbenchError, match=message):
        parse_policy(text)


@pytest.mark.parametrize("text", ["max-score", "max-score:group", "fixed=0.6"])
def test_a_policy_is_written_as_it_is_read(text):
    assert parse_policy(text).text == text
    assert parse_policy("max-score:per-group").text == "max-score:group"


def test_thresholds_survive_json():
    chosen = Thresholds("fixed=-inf", {"L": -math.inf, "S": 0.1}, pooled=False, notes=("why",), value=None)
    again = Thresholds.from_json(json.loads(json.dumps(chosen.to_json(), allow_nan=False)))
    assert again.to_json() == chosen.to_json() and again.values["L"] == -math.inf


def test_a_group_without_a_threshold_is_an_error():
    with pytest.raises(ReidbenchError, match="group 'T' has no threshold"):
        Thresholds("max-score:group", {"L": 0.1}, pooled=False).of(["L", "T"])
    with pytest.raises(ValueError, match="nan"):
        Thresholds("fixed", {"L": math.nan}, pooled=False)
