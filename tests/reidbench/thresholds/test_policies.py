"""The other policies: numbers worked by hand, edges, and what every policy has in common."""

import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.summary import predict, summarise
from reidbench.metrics.sweep import threshold_sweep
from reidbench.thresholds import BUILTIN, Adjustment, Thresholds, max_score_averaged, parse_policy
from reidbench.thresholds.evt import tail_quantile
from reidbench.thresholds.mad import weighted_median
from reidbench.thresholds.mixture import crossing, otsu

TRIED = [text for spec in BUILTIN for text in spec.tried]
TRIALS = GalleryTrials(
    identity=np.array(["a", "a", "b", "b", "c"]),
    group=np.array(["L"] * 5),
    own_best=np.array([0.9, 0.8, 0.7, 0.6, -np.inf]),
    other_best=np.array([0.5, 0.4, 0.4, 0.3, 0.2]),
)


def test_fpir_accepts_its_share_of_unknown_animals_and_not_one_photograph_more(episode):
    # Two unknown animals: n weighs 1/2 by 0.8, m by two photographs of 1/4 each. At 25 % only 0.9 may pass.
    rows = [("n", False, "L", "a", 0.8), ("m", False, "L", "a", 0.9), ("m", False, "L", "a", 0.1)]
    assert parse_policy("fpir=0.25").choose(episode(rows)).value == pytest.approx(0.85)
    assert parse_policy("fpir=0.75").choose(episode(rows)).value == pytest.approx(0.45)
    assert parse_policy("fpir=0.1").choose(episode(rows)).value == np.nextafter(0.9, np.inf)
    assert parse_policy("fpir=0.1").choose(episode([*rows, ("k", True, "L", "k", 9.0)])).pooled


def test_mad_counts_robust_deviations_above_the_median_impostor(episode):
    # Impostor scores 1, 2, 3, 4, 100: median 3, deviations 2, 1, 0, 1, 97 with median 1.
    rows = [(f"n{i}", False, "L", "a", score) for i, score in enumerate([1.0, 2.0, 3.0, 4.0, 100.0])]
    assert parse_policy("mad=2").choose(episode(rows)).value == pytest.approx(3 + 2 * 1.4826)


def test_a_known_query_is_an_impostor_by_its_best_wrong_candidate(episode):
    rows = [("a", True, "L", "a", 0.9), ("b", True, "L", "a", 0.6), ("n", False, "L", "a", 0.4)]
    answers = episode(rows, second=[0.3, 0.2, 0.1])
    assert answers.impostor_score.tolist() == [0.3, 0.6, 0.4]


def test_weighted_medians_equal_plain_ones_where_weights_are_equal():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 8):
        values = np.sort(rng.normal(size=n))
        assert weighted_median(values, np.full(n, 1 / n)) == pytest.approx(np.median(values))


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
def test_a_fitted_tail_finds_quantiles_beyond_the_sample(shape):
    rng = np.random.default_rng(1)
    uniform = rng.random(4000)
    scores = np.sort(-np.log(uniform) if shape == 0 else (uniform**-shape - 1) / shape)
    true = -np.log(0.002) if shape == 0 else (0.002**-shape - 1) / shape
    assert tail_quantile(scores, np.full(4000, 1 / 4000), 0.002) == pytest.approx(true, rel=0.15)


def test_a_tail_read_above_a_quarter_is_the_data_itself():
    scores = np.arange(100.0)
    assert tail_quantile(scores, np.full(100, 0.01), 0.5) == pytest.approx(49.5)


def test_otsu_parts_two_heaps_and_a_mixture_crosses_nearer_to_the_narrow_one():
    assert otsu(np.array([0.0, 0.1, 0.9, 1.0])) == pytest.approx(0.5)
    rng = np.random.default_rng(2)
    scores = np.sort(np.concatenate([rng.normal(0, 1, 4000), rng.normal(6, 1, 4000)]))
    assert crossing(scores) == pytest.approx(3.0, abs=0.1)
    scores = np.sort(np.concatenate([rng.normal(0, 0.3, 4000), rng.normal(6, 2, 4000)]))
    # Equal densities: x²/.18 + ln .3 = (x - 6)²/8 + ln 2 has its root between the means at .956.
    assert crossing(scores) == pytest.approx(0.956, abs=0.06)


def test_a_mixture_looks_at_no_label(simulated):
    answers = simulated(np.random.default_rng(3))
    blind = answers.take(np.arange(len(answers)))
    blind.true[:] = "nobody"
    blind.known[:] = False
    assert parse_policy("mixture").choose(blind).value == parse_policy("mixture").choose(answers).value


def test_margin_asks_more_where_a_rival_is_close(episode):
    rng = np.random.default_rng(4)
    rows, second = [], []
    for i in range(80):  # the best score says nothing here, the lead everything
        known = i < 40
        score = rng.normal()
        rows.append((f"k{i}" if known else f"n{i}", known, "L", f"k{i}" if known else "x", score))
        second.append(score - (1.0 if known else 0.1) * (1 + 0.1 * rng.random()))
    answers = episode(rows, second)
    chosen = parse_policy("margin").choose(answers)
    assert chosen.adjustment is not None and chosen.adjustment.second > 0.8
    assert summarise(answers, chosen).overall.score == 1.0
    assert summarise(answers, parse_policy("max-score").choose(answers)).overall.score < 0.8


def test_the_limit_of_a_margin_rule_is_on_the_best_score(episode):
    rows = [("a", True, "L", "a", 0.9), ("n", False, "L", "b", 0.9)]
    answers = episode(rows, second=[0.2, 0.8])
    rule = Thresholds("margin", {"L": 0.5}, True, adjustment=Adjustment(0.5, 0.1, no_second=0.0))
    # 0.5 + 0.5 * second + 0.1 * ln 9
    assert rule.limits(answers) == pytest.approx([0.6 + 0.1 * np.log(9), 0.9 + 0.1 * np.log(9)])
    assert predict(answers, rule).tolist() == ["a", NEW_IDENTITY]
    again = Thresholds.from_json(rule.to_json())
    assert again.limits(answers).tolist() == rule.limits(answers).tolist()


def test_leave_identity_out_takes_the_best_threshold_of_the_gallery(episode):
    # Known trials score 0.6 and more, unknown ones 0.5 and less: the middle of the gap.
    chosen = parse_policy("leave-identity-out").choose(episode([("a", True, "L", "a", 0.1)]), TRIALS)
    assert chosen.value == pytest.approx(0.55) and chosen.policy == "leave-identity-out"
    with pytest.raises(ReidbenchError, match="did not compare its gallery images"):
        parse_policy("leave-identity-out").choose(episode([("a", True, "L", "a", 0.1)]), None)


def test_leave_identity_out_says_what_the_gallery_lacks(episode):
    single = GalleryTrials(np.array(["a", "b"]), np.array(["L", "L"]), np.full(2, -np.inf), np.array([0.1, 0.2]))
    with pytest.raises(ReidbenchError, match="no animal has images of two encounters"):
        parse_policy("leave-identity-out").choose(episode([("a", True, "L", "a", 0.1)]), single)


def test_shrunk_lies_between_its_own_and_the_pooled_threshold_by_the_number_of_animals(simulated, episode):
    rng = np.random.default_rng(5)
    answers = episode(
        [
            row
            for group, known, unknown, shift in (("L", 60, 60, 0.0), ("S", 5, 5, 1.0))
            for row in rows_of(simulated(rng, known, unknown, group), shift)
        ]
    )
    own, shrunk = (parse_policy(f"max-score:{scope}").choose(answers) for scope in ("group", "shrunk"))
    for group, weight in (("L", 60 / 80), ("S", 5 / 25)):
        assert shrunk.values[group] == pytest.approx(weight * own.values[group] + (1 - weight) * shrunk.value)
    assert shrunk.value == own.value and not shrunk.pooled


def rows_of(answers, shift):
    return zip(
        answers.true, answers.known, answers.group, answers.best_candidate, answers.best_score + shift, strict=True
    )


@pytest.mark.parametrize(("text", "share"), [("max-score-folds", 1.0), ("max-score-bagged", 0.9)])
def test_averaging_makes_the_threshold_steadier(simulated, text, share):
    rng = np.random.default_rng(6)
    plain, averaged = [], []
    for _ in range(60):
        answers = simulated(rng, n_known=15, n_unknown=6)
        plain.append(parse_policy("max-score").choose(answers).value)
        averaged.append(parse_policy(text).choose(answers).value)
    assert np.std(averaged) < share * np.std(plain)
    assert abs(np.mean(averaged) - np.mean(plain)) < 0.2


def test_bagged_curves_with_equal_weights_are_the_sweep(simulated, monkeypatch):
    answers = simulated(np.random.default_rng(7))

    class Even:
        def standard_exponential(self, shape):
            return np.ones(shape)

    scores = np.unique(answers.best_score)[::-1]
    curve = max_score_averaged._reweighted_curves(answers, scores, 2, Even())
    sweep = threshold_sweep(answers.best_score, answers.correct, answers.known, answers.identity_code)
    assert curve == pytest.approx(np.stack([sweep.score] * 2))


def test_folds_of_two_animals_say_that_they_are_too_few(episode):
    rows = [("a", True, "L", "a", 0.9), ("n", False, "L", "a", 0.1)]
    chosen = parse_policy("max-score-folds").choose(episode(rows))
    assert chosen.value == pytest.approx(0.5) and "too few identities" in chosen.notes[0]


@pytest.mark.parametrize("text", TRIED)
def test_every_policy_is_deterministic_order_free_and_moves_with_the_scores(simulated, text):
    answers = simulated(np.random.default_rng(8), n_known=50, n_unknown=30)
    policy = parse_policy(text)
    chosen = policy.choose(answers, TRIALS)
    assert policy.text == parse_policy(policy.text).text
    assert np.isfinite(list(chosen.values.values())).all()
    shuffled = answers.take(np.random.default_rng(9).permutation(len(answers)))
    assert policy.choose(shuffled, TRIALS).value == pytest.approx(chosen.value, abs=1e-9)
    if not policy.needs_gallery:
        doubled = type(answers)(*(getattr(answers, name) for name in ("true", "known", "group", "candidates")),
                                2 * answers.scores, answers.average_precision, answers.gallery_identities)  # fmt: skip
        assert policy.choose(doubled).value == pytest.approx(2 * chosen.value, rel=1e-6, abs=1e-6)
        assert summarise(answers, chosen).overall.score > 0.3


@pytest.mark.parametrize(
    ("text", "rows"),
    [("evt", 5), ("mad", 2), ("mixture", 4)],
)
def test_too_few_scores_are_counted_in_the_message(episode, text, rows):
    answers = episode([(f"n{i}", False, "L", "a", float(i)) for i in range(rows)])
    with pytest.raises(ReidbenchError, match=f"the calibration part has {rows} .*scores") as caught:
        parse_policy(text).choose(answers)
    assert "max-score" in caught.value.remedy


def test_a_mixture_of_one_value_is_refused(episode):
    with pytest.raises(ReidbenchError, match="equal"):
        parse_policy("mixture").choose(episode([(f"n{i}", False, "L", "a", 0.5) for i in range(12)]))


def test_a_small_group_takes_the_pooled_threshold_where_a_policy_needs_more(simulated, episode):
    rows = [
        *rows_of(simulated(np.random.default_rng(10)), 0.0),
        ("s", True, "S", "s", 0.3),
        ("t", False, "S", "s", 0.1),
    ]
    chosen = parse_policy("evt:group").choose(episode(rows))
    assert chosen.values["S"] == chosen.value
    assert chosen.notes == ("group 'S' has 1 impostor scores; a tail needs 20: it takes the pooled threshold",)


@pytest.mark.parametrize("text", ["fpir", "fpir=2", "evt=x", "mad=big", "max-score-folds=1", "margin=3", "evt:species"])
def test_values_and_scopes_that_make_no_sense_are_refused(text):
    with pytest.raises(ReidbenchError) as caught:
        parse_policy(text)
    assert caught.value.where.startswith("--threshold") and caught.value.remedy
