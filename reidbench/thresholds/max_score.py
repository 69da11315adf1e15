"""The threshold with the highest official score on calibration, found exactly.

``max-score`` chooses one threshold for all groups, the one with the highest mean of the groups'
geometric means; ``max-score:group`` chooses each group's own, ``max-score:shrunk`` draws it to the pooled
one. Where a range of thresholds is best, its middle is taken; of several such ranges the widest, then the lowest.
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

SAME_SCORE = 1e-12  # running sums of one value in two orders differ by less; two real scores by more


@dataclass(frozen=True)
class MaxScore(ScopedPolicy):
    """Maximise the official score on calibration."""

    name: ClassVar[str] = "max-score"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        return highest_score(answers)


def highest_score(answers: Answers) -> Choice:
    """Return the one threshold with the highest mean over groups of ``sqrt(BAKS * BAUS)``, with notes.

    A group that lacks a side has no score, so it has no say; where every group lacks one, all are taken as one.
    """
    score, correct, known, code = answers.best_score, answers.correct, answers.known, answers.identity_code
    groups = sorted({str(name) for name in answers.group})
    sweeps = {
        name: threshold_sweep(score[mine], correct[mine], known[mine], code[mine])
        for name, mine in ((name, answers.group == name) for name in groups)
    }
    usable = [name for name in groups if not np.isnan(sweeps[name].score[0])]
    notes: list[str] = []
    if usable:
        value, best = choose_common([sweeps[name] for name in usable])
    else:
        value, best = choose_common([threshold_sweep(score, correct, known, code)])
        notes.append(
            "no group of the calibration episode has both known and unknown queries: "
            "the threshold was chosen on all groups as one"
        )
    if best == 0.0:
        notes.append("no threshold gives {where} a calibration score above 0")
    return Choice(value, tuple(notes))


def choose_common(sweeps: list[ThresholdSweep]) -> tuple[float, float]:
    """Return the one threshold with the highest mean score over several sweeps, and that score.

    Exact: every distinct score of every sweep is tried.

    Raises:
        ValueError: No sweep holds a score.

    Example:
        >>> sweep = threshold_sweep([0.9, 0.5, 0.1], [True, False, True], [True, False, True], [0, 1, 2])
        >>> choose_common([sweep])
        (0.7, 0.7071067811865476)
    """
    scores = np.unique(np.concatenate([sweep.scores for sweep in sweeps]))[::-1]
    if not len(scores):
        raise ValueError("no sweep holds a score to choose a threshold from")
    accept_down_to = np.append(np.inf, scores)
    mean = np.mean([sweep.score[sweep.index(accept_down_to)] for sweep in sweeps], axis=0)
    return middle_of_best(scores, mean), float(mean.max())


def middle_of_best(scores: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """Return the middle of the widest range of thresholds whose value is best.

    Place ``k`` of ``value`` holds for thresholds in (scores[k], scores[k - 1]]. Both open ends stop at
    the outermost score, so that the answer is finite.
    """
    best = np.concatenate([[False], value >= value.max() - SAME_SCORE, [False]])
    edges = np.flatnonzero(best[1:] != best[:-1])
    starts, ends = edges[::2], edges[1::2] - 1
    high = scores[np.maximum(starts - 1, 0)]
    low = scores[np.minimum(ends, len(scores) - 1)]
    width = high / 2 - low / 2
    widest = np.flatnonzero(width == width.max())[-1]  # places fall in threshold, so the last is the lowest
    return float(midpoint(low[widest], high[widest]))
