"""The curves of one run for the report, computed from its saved scores; no model and no image is needed.

A curve over every threshold has as many steps as queries, so the JSON is rounded to what a plot can show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.answers import Answers
from reidbench.metrics.expected_cost import ErrorRates, error_rates
from reidbench.metrics.identification import FPIR_RATES, IdentificationRate, dir_at_fpir
from reidbench.metrics.open_set import balanced_accuracy
from reidbench.metrics.oracle import oracle_of
from reidbench.metrics.ranking import rank_curve
from reidbench.metrics.reliability import Reliability, reliability
from reidbench.metrics.sweep import ThresholdSweep, threshold_sweep
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode, SavedRun, read_saved_run

MAX_RANK = 20
HISTOGRAM_BINS = 32
RELIABILITY_BINS = 10
Moves = Literal["", "by group", "by query"]
"""How the threshold of a run moves: not at all, by group, or by query."""
_FEWEST_FOR_RELIABILITY = 20  # calibration queries; a map fitted on fewer is meaningless


@dataclass(frozen=True, slots=True, eq=False)
class GroupCurves:
    """BAKS, BAUS and score of one group at every threshold, and the distribution of its best scores.

    Attributes:
        name: Name of the group.
        sweep: BAKS, BAUS and score at every threshold.
        chosen: The threshold that was applied; ``nan`` if queries of the group have different thresholds, or if the
            predictions don't follow from the threshold.
        score: Score of the predictions; ``nan`` if undefined.
        oracle: The best threshold in hindsight; ``nan`` if the score is undefined.
        oracle_score: Score at this threshold.
        edges: Edges of the bins, ``(n_bin + 1,)``; empty if no query has a score.
        known: Share of the known queries in each bin, ``(n_bin,)``.
        unknown: Share of the unknown queries in each bin, ``(n_bin,)``.
        n_known: Number of known queries.
        n_unknown: Number of unknown queries.
    """

    name: str
    sweep: ThresholdSweep
    chosen: float
    score: float
    oracle: float
    oracle_score: float
    edges: NDArray[np.float64]
    known: NDArray[np.float64]
    unknown: NDArray[np.float64]
    n_known: int
    n_unknown: int


@dataclass(frozen=True, slots=True, eq=False)
class RunCurves:
    """The curves of one run's test episode.

    Attributes:
        saved: The saved run.
        sweep: BAKS, BAUS and score at every threshold, one for all groups, with the identities of all groups pooled.
        chosen: BAKS and BAUS of the predictions.
        moves: How the threshold of the predictions moves. If it does, ``chosen`` may lie off the curve of ``sweep``.
        oracle: BAKS and BAUS at each group's best threshold in hindsight; ``nan`` if undefined. With several groups it
            need not lie on the curve of ``sweep``.
        rank: Rank-k for k from 1 on, by image, ``(MAX_RANK,)``; ``nan`` beyond the saved candidates.
        balanced_rank: Rank-k averaged within identities first, ``(MAX_RANK,)``.
        identification: DIR at each of ``FPIR_RATES``.
        rates: Rates of the three errors at every common threshold.
        answered_rates: Rates of the three errors of the predictions.
        groups: Curves of each group.
        reliability: Reliability of the probability that the best candidate is right; ``None`` if undefined.
        reliability_note: A description of the probabilities, or the reason why they are undefined.
    """

    saved: SavedRun
    sweep: ThresholdSweep
    chosen: tuple[float, float]
    moves: Moves
    oracle: tuple[float, float]
    rank: NDArray[np.float64]
    balanced_rank: NDArray[np.float64]
    identification: tuple[IdentificationRate, ...]
    rates: ErrorRates
    answered_rates: Mapping[str, float]
    groups: tuple[GroupCurves, ...]
    reliability: Reliability | None
    reliability_note: str

    def to_json(self) -> dict[str, Any]:
        """Return the curves as compact JSON: rounded to three or four decimals, equal steps written once."""
        places = np.unique(np.round(np.stack([1 - self.sweep.baus, self.sweep.baks], axis=1), 3), axis=0)
        undefined = np.isnan(places).any()
        return {
            "open_set": None if undefined else {"fpir": places[:, 0].tolist(), "dir": places[:, 1].tolist()},
            "chosen": _pair(self.chosen),
            "chosen_moves": self.moves,
            "oracle": _pair(self.oracle),
            "rank": [_rounded(value) for value in self.rank],
            "balanced_rank": [_rounded(value) for value in self.balanced_rank],
            "dir_at_fpir": [rate.to_json() for rate in self.identification],
            "errors": {name: _rounded(value) for name, value in self.answered_rates.items()},
            "reliability": self.reliability.to_json() if self.reliability else None,
            "reliability_note": self.reliability_note,
        }


def curves_of(record: RunRecord) -> RunCurves:
    """Read a run and compute its curves.

    Raises:
        ReidbenchError: The saved scores can't be read.
    """
    return run_curves(read_saved_run(record))


def run_curves(saved: SavedRun) -> RunCurves:
    """Compute the curves of a run from its saved candidates and scores."""
    answers = saved.test.answers
    code, known = answers.identity_code, answers.known
    sweep = threshold_sweep(answers.best_score, answers.correct, known, code)
    groups = tuple(
        _group_curves(str(name), saved.test, answers.group == name) for name in np.unique(answers.group.astype(str))
    )
    best_limit = np.array([{group.name: group.oracle for group in groups}[str(name)] for name in answers.group])
    right, is_new = saved.test.predicted == answers.true, saved.test.predicted == NEW_IDENTITY
    accepted = (answers.best_score >= best_limit) & (answers.best_score > -np.inf)
    defined = np.isfinite([group.oracle_score for group in groups]).all()
    diagram, note = _reliability(saved)
    return RunCurves(
        saved=saved,
        sweep=sweep,
        chosen=_two_sides(right, is_new, known, code),
        moves=_moves(groups, saved.test.limit),
        oracle=_two_sides(accepted & answers.correct, ~accepted, known, code) if defined else (math.nan, math.nan),
        rank=_ranks(answers, balanced=False),
        balanced_rank=_ranks(answers, balanced=True),
        identification=tuple(dir_at_fpir(sweep, rate, len(np.unique(code[~known]))) for rate in FPIR_RATES),
        rates=error_rates(answers.best_score, answers.correct, known, code),
        answered_rates={
            "false_new": balanced_accuracy(is_new[known], code[known]),
            "misidentified": balanced_accuracy((~is_new & ~right)[known], code[known]),
            "false_match": balanced_accuracy(~is_new[~known], code[~known]),
        },
        groups=groups,
        reliability=diagram,
        reliability_note=note,
    )


def _group_curves(name: str, test: SavedEpisode, in_group: NDArray[np.bool_]) -> GroupCurves:
    answers = test.answers
    score, known, code = answers.best_score[in_group], answers.known[in_group], answers.identity_code[in_group]
    sweep = threshold_sweep(score, answers.correct[in_group], known, code)
    baks, baus = _two_sides(
        (test.predicted == answers.true)[in_group], (test.predicted == NEW_IDENTITY)[in_group], known, code
    )
    oracle = oracle_of(sweep)
    limits = np.unique(test.limit[in_group])
    accepted = (score >= test.limit[in_group]) & (score > -np.inf)
    decided_by_threshold = accepted == (test.predicted != NEW_IDENTITY)[in_group]
    compared = score > -np.inf
    edges = known_share = unknown_share = np.empty(0)
    if compared.any():
        low, high = float(score[compared].min()), float(score[compared].max())
        edges = np.linspace(low, high if high > low else low + 1.0, HISTOGRAM_BINS + 1)
        known_share, unknown_share = (
            np.histogram(score[compared & side], edges)[0] / max(int(side.sum()), 1) for side in (known, ~known)
        )
    return GroupCurves(
        name=name,
        sweep=sweep,
        chosen=float(limits[0]) if len(limits) == 1 and decided_by_threshold.all() else math.nan,
        score=math.sqrt(baks * baus),
        oracle=oracle.threshold,
        oracle_score=oracle.score,
        edges=edges,
        known=known_share,
        unknown=unknown_share,
        n_known=int(known.sum()),
        n_unknown=int((~known).sum()),
    )


def _moves(groups: Sequence[GroupCurves], limit: NDArray[np.float64]) -> Moves:
    if any(math.isnan(group.chosen) for group in groups):
        return "by query"
    return "by group" if len(np.unique(limit)) > 1 else ""


def _two_sides(
    right: NDArray[np.bool_], is_new: NDArray[np.bool_], known: NDArray[np.bool_], code: NDArray[np.int64]
) -> tuple[float, float]:
    return balanced_accuracy(right[known], code[known]), balanced_accuracy(is_new[~known], code[~known])


def _ranks(answers: Answers, *, balanced: bool) -> NDArray[np.float64]:
    known = answers.known
    named = np.asarray(answers.candidates[known] == answers.true[known, None], dtype=bool)
    named &= answers.scores[known] > -np.inf
    best = np.where(named, answers.identity_code[known, None], -1)
    curve = rank_curve(answers.identity_code[known], best, MAX_RANK, balanced=balanced)
    kept, largest = answers.scores.shape[1], max(answers.gallery_identities.values(), default=0)
    if kept < largest:  # the right animal may be beyond the saved candidates
        curve[kept:] = np.nan
    return curve


def _reliability(saved: SavedRun) -> tuple[Reliability | None, str]:
    """Map best scores to the probability that the best candidate is right, and test the map.

    The isotonic map is fitted on the calibration episode, so it works for every method, also if scores are counts of
    matches.
    """
    from sklearn.isotonic import IsotonicRegression  # takes a second to load, and `compare` does not need it

    calibration, test = saved.calibration.answers, saved.test.answers
    fitted_on, judged_on = calibration.best_score > -np.inf, test.best_score > -np.inf
    if fitted_on.sum() < _FEWEST_FOR_RELIABILITY or not judged_on.any():
        return None, (
            f"undefined: {int(fitted_on.sum())} calibration and {int(judged_on.sum())} test queries have a candidate, "
            f"and {_FEWEST_FOR_RELIABILITY} and 1 are needed"
        )
    isotonic = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    isotonic.fit(calibration.best_score[fitted_on], calibration.correct[fitted_on].astype(float))
    probability = np.clip(isotonic.predict(test.best_score[judged_on]), 0.0, 1.0)
    return reliability(probability, test.correct[judged_on], bins=RELIABILITY_BINS), (
        "probability that the best candidate is the correct animal, from an isotonic map of best scores that was "
        f"fitted on {int(fitted_on.sum())} calibration queries and is shown for {int(judged_on.sum())} test queries"
    )


def _pair(values: tuple[float, float]) -> dict[str, float | None]:
    return {"baks": _rounded(values[0]), "baus": _rounded(values[1])}


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
