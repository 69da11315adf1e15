"""``max-score``: the threshold with the highest score on the calibration queries, found exactly.

The score is the mean over groups of the geometric mean of BAKS and BAUS. ``max-score`` chooses one threshold for all
groups and ``max-score:group`` one for each group; ``max-score:shrunk`` moves that of each group towards the pooled one.
If a range of thresholds has the highest score, its middle is chosen. Of several such ranges the widest is chosen, then
the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.metrics.sweep import ThresholdSweep, midpoint, threshold_sweep
from reidbench.thresholds.scoped import Choice, ScopedPolicy

SAME_SCORE = 1e-12  # larger than the rounding error of a sum, smaller than the difference of two scores


@dataclass(frozen=True)
class MaxScore(ScopedPolicy):
    """Policy that maximises the score on the calibration queries."""

    name: ClassVar[str] = "max-score"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        return highest_score(answers)


def highest_score(answers: Answers) -> Choice:
    """Return the threshold with the highest mean over groups of ``sqrt(BAKS * BAUS)``, with notes.

    A group without known or without unknown queries has no score and does not count. If this is true of every group,
    all queries count as one group.
    """
    notes: list[str] = []
    sweeps = _usable_sweeps(answers)
    if sweeps:
        value, best = choose_common(sweeps)
    else:
        value, best = choose_common([_sweep(answers)])
        notes.append(
            "no group has both known and unknown calibration queries: the threshold was chosen on all groups together"
        )
    if best == 0.0:
        notes.append("{where}: no threshold has a calibration score above 0")
    return Choice(value, tuple(notes))


def highest_separating(answers: Answers) -> float | None:
    """Return the threshold of :func:`highest_score` among those that accept some queries and reject others.

    Returns:
        The threshold; ``None`` if all queries with a candidate have one score.

    Example:
        >>> from reidbench.metrics.answers import Answers
        >>> answers = Answers(np.array(["a", "n"]), np.array([True, False]), np.array(["g", "g"]),
        ...                   np.array([["b"], ["b"]]), np.array([[0.5], [0.75]]), np.array([1.0, np.nan]), {"g": 1})
        >>> highest_separating(answers)
        0.625
    """
    sweeps = _usable_sweeps(answers)
    for tried in (sweeps, [_sweep(answers)]):
        scores, mean = _mean_score(tried) if tried else (np.empty(0), np.empty(0))
        if len(scores) > 1:
            mean[[0, -1]] = -np.inf  # accept none, accept all
            return middle_of_best(scores, mean)
    return None


def _sweep(answers: Answers) -> ThresholdSweep:
    return threshold_sweep(answers.best_score, answers.correct, answers.known, answers.identity_code)


def _usable_sweeps(answers: Answers) -> list[ThresholdSweep]:
    """Return the sweeps of the groups that have known and unknown queries."""
    sweeps = [_sweep(of_group) for of_group in answers.by_group.values()]
    return [sweep for sweep in sweeps if not np.isnan(sweep.score[0])]


def _mean_score(sweeps: list[ThresholdSweep]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distinct scores of all sweeps, falling, and the mean score at accept none and down to each."""
    scores = np.unique(np.concatenate([sweep.scores for sweep in sweeps]))[::-1]
    accept_down_to = np.append(np.inf, scores)
    return scores, np.mean([sweep.score[sweep.index(accept_down_to)] for sweep in sweeps], axis=0)


def choose_common(sweeps: list[ThresholdSweep]) -> tuple[float, float]:
    """Return the threshold with the highest mean score over several sweeps, and that score.

    The result is exact, because every distinct score of every sweep is tried.

    Raises:
        ValueError: The sweeps hold no scores.

    Example:
        >>> sweep = threshold_sweep([0.9, 0.5, 0.1], [True, False, True], [True, False, True], [0, 1, 2])
        >>> choose_common([sweep])
        (0.7, 0.7071067811865476)
    """
    scores, mean = _mean_score(sweeps)
    if not len(scores):
        raise ValueError("the sweeps hold no scores to choose a threshold from")
    return middle_of_best(scores, mean), float(mean.max())


def middle_of_best(scores: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """Return the middle of the widest range of thresholds with the best value.

    Args:
        scores: Distinct scores in decreasing order, ``(n_score,)``.
        value: Value at thresholds in (scores[k], scores[k - 1]], for k from 0 to ``n_score``, ``(n_score + 1,)``. The
            first and the last range end at the outermost score, so that the result is finite.
    """
    best = np.concatenate([[False], value >= value.max() - SAME_SCORE, [False]])
    edges = np.flatnonzero(best[1:] != best[:-1])
    starts, ends = edges[::2], edges[1::2] - 1
    high = scores[np.maximum(starts - 1, 0)]
    low = scores[np.minimum(ends, len(scores) - 1)]
    width = high / 2 - low / 2
    widest = np.flatnonzero(width == width.max())[-1]  # ranges are in decreasing order, so the last is the lowest
    return float(midpoint(low[widest], high[widest]))
