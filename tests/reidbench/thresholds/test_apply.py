"""The guard: a threshold accepts some calibration queries and rejects others, and a note says what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from reidbench.metrics.answers import Answers
from reidbench.thresholds import BUILTIN, Adjustment, Thresholds, parse_policy
from reidbench.thresholds.apply import choose_thresholds
from reidbench.thresholds.scoped import Choice, ScopedPolicy

# Only thresholds in (0.7, 0.9] score above 0: a is accepted and n rejected. Their middle is 0.8.
ROWS = [("a", True, "L", "a", 0.9), ("b", True, "L", "b", 0.5), ("n", False, "L", "a", 0.7)]


@dataclass(frozen=True)
class Always(ScopedPolicy):
    """Chooses the same value everywhere."""

    name: ClassVar[str] = "always"
    value: float = 0.0

    def choose_one(self, answers):
        return Choice(self.value)


class Bounded(Always):
    """States a largest rate of accepted new animals."""

    bounds_new_animals: ClassVar[bool] = True


@pytest.mark.parametrize("scope", ["pooled", "group", "shrunk"])
@pytest.mark.parametrize(("value", "verb"), [(0.5, "accept"), (0.95, "reject")])
def test_a_threshold_that_decides_nothing_is_replaced_by_the_best_that_does(episode, scope, value, verb):
    chosen = choose_thresholds(Always(scope, value), episode(ROWS))
    assert dict(chosen.values) == {"L": 0.8} and chosen.value == 0.8
    (note,) = chosen.notes
    assert note.startswith("only 2 known and 1 unknown calibration animals: always")
    assert f"would {verb} every calibration query;" in note and note.endswith("is used instead: 0.8")


def test_a_threshold_that_decides_is_left_alone(episode):
    chosen = choose_thresholds(Always("pooled", 0.6), episode(ROWS))
    assert dict(chosen.values) == {"L": 0.6} and chosen.notes == ()


def test_a_shrunk_threshold_that_rejects_a_whole_group_is_the_group_s_own(episode):
    rows = [
        ("a", True, "L", "a", 0.9), ("b", True, "L", "b", 0.8), ("n", False, "L", "a", 0.7),
        ("c", True, "S", "c", 0.3), ("d", True, "S", "d", 0.25), ("m", False, "S", "c", 0.2),
    ]  # fmt: skip
    # Pooled: (0.7, 0.8] is right in L alone and wider than (0.2, 0.25], which is right in S alone. With one unknown
    # animal, S takes 1/21 of its own 0.225 and 20/21 of the pooled 0.75: 0.725 rejects all of S.
    policy = parse_policy("max-score:shrunk")
    assert policy.choose(episode(rows)).values["S"] == pytest.approx(0.725)
    chosen = choose_thresholds(policy, episode(rows))
    assert dict(chosen.values) == pytest.approx({"L": 0.75, "S": 0.225}) and chosen.value == pytest.approx(0.75)
    (note,) = chosen.notes
    assert note.startswith("only 2 known and 1 unknown calibration animals of group 'S': max-score:shrunk would reject")


def test_one_threshold_for_all_groups_names_the_groups_that_it_does_not_divide(episode):
    rows = [*ROWS, ("c", True, "S", "c", 0.3), ("m", False, "S", "c", 0.2)]
    chosen = choose_thresholds(parse_policy("max-score"), episode(rows))
    assert dict(chosen.values) == pytest.approx({"L": 0.25, "S": 0.25})  # S is right: (0 + 1) / 2, above (0.7 + 0) / 2
    assert chosen.notes == (
        "max-score accepts every calibration query of group 'L', because one threshold serves all groups; "
        "--threshold max-score:group chooses one for each",
    )


def test_a_bound_on_new_animals_is_kept_and_its_price_is_named(episode):
    rows = [("a", True, "L", "a", 0.4), ("n", False, "L", "a", 0.7), ("m", False, "L", "a", 0.5)]
    for text in ("conformal=0.34", "fpir=0.1"):
        policy = parse_policy(text)
        chosen = choose_thresholds(policy, episode(rows))
        assert chosen.values == policy.choose(episode(rows)).values and chosen.value > 0.7
        (note,) = chosen.notes
        assert f"{text} rejects every calibration query; the threshold stays" in note and "use a higher rate" in note


def test_a_bound_on_new_animals_does_not_keep_a_threshold_that_accepts_all(episode):
    assert choose_thresholds(Bounded("pooled", 0.0), episode(ROWS)).value == 0.8  # higher, so the bound holds


@pytest.mark.parametrize(("value", "verb"), [("-inf", "accepts"), ("0.95", "rejects")])
def test_a_number_set_by_hand_stays_and_is_warned_about(episode, value, verb):
    chosen = choose_thresholds(parse_policy(f"fixed={value}"), episode(ROWS))
    assert chosen.value == float(value)
    (note,) = chosen.notes
    assert f"{verb} every calibration query; the threshold stays, because it was set by hand" in note


def test_equal_scores_leave_no_other_threshold(episode):
    rows = [(name, known, group, candidate, 0.5) for name, known, group, candidate, _ in ROWS]
    chosen = choose_thresholds(Always("pooled", 0.2), episode(rows))
    assert chosen.value == 0.2 and "all best scores are equal" in chosen.notes[0]


def test_queries_without_a_candidate_and_of_one_kind_are_no_reason_to_change(episode):
    rows = [("a", True, "L", "a", 0.9), ("b", True, "L", "b", 0.5), ("n", False, "L", "", -np.inf)]
    chosen = choose_thresholds(
        Always("pooled", 0.2), episode(rows)
    )  # n is always rejected, a and b are rightly accepted
    assert chosen.value == 0.2 and chosen.notes == ()


class Raised(Always):
    """A rule that adds half of the second score."""

    def choose(self, answers, gallery=None):
        adjustment = Adjustment(0.5, 0.0, 0.0)
        return Thresholds(self.text, {"L": self.value}, pooled=True, value=self.value, adjustment=adjustment)


def test_a_rule_that_moves_by_query_keeps_its_adjustment(episode):
    answers = episode(ROWS, second=[0.1, 0.1, 0.6])
    chosen = choose_thresholds(Raised("pooled", 0.95), answers)
    # Best minus half of the second: a 0.85, b 0.45, n 0.4. All is right between 0.4 and 0.45.
    assert chosen.value == pytest.approx(0.425) and chosen.adjustment == Adjustment(0.5, 0.0, 0.0)
    assert (answers.best_score >= chosen.limits(answers)).tolist() == [True, True, False]


class OwnLimits(Thresholds):
    """Thresholds whose limits don't follow from their values."""

    def limits(self, answers):
        return np.full(len(answers), np.inf)


class RejectsByItself(Always):
    """Returns thresholds of a class of its own."""

    def choose(self, answers, gallery=None):
        return OwnLimits(self.text, {"L": 0.0}, pooled=True, value=0.0)


def test_thresholds_with_limits_of_their_own_are_guarded_too(episode):
    chosen = choose_thresholds(RejectsByItself(), episode(ROWS))
    assert chosen.limits(episode(ROWS)).tolist() == [0.8] * 3


def joined(parts: list[Answers]) -> Answers:
    names = ("true", "known", "group", "candidates", "scores", "average_precision")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Answers(**arrays, gallery_identities={group: 9 for part in parts for group in part.gallery_identities})


@pytest.mark.parametrize("text", [text for spec in BUILTIN for text in spec.tried if spec.name != "leave-identity-out"])
def test_no_policy_accepts_or_rejects_all_of_few_animals_without_a_note(simulated, text):
    policy = parse_policy(text)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        lions = simulated(rng, n_known=16, n_unknown=3, group="lion", gap=0.5)
        seals = simulated(rng, n_known=10, n_unknown=20, group="seal", gap=1.0)
        answers = joined([lions, seals])
        chosen = choose_thresholds(policy, answers)
        accepted = answers.best_score >= chosen.limits(answers)
        for rows in [answers.group == "lion", answers.group == "seal"] if not chosen.pooled else [accepted | True]:
            if accepted[rows].all() or not accepted[rows].any():
                assert policy.bounds_new_animals and "the threshold stays" in " ".join(chosen.notes)
