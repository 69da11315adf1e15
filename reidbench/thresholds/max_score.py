"""The threshold with the highest official score on calibration, found exactly.

``max-score`` chooses one threshold for all groups, the one with the highest mean of the groups'
geometric means; ``max-score:group`` chooses each group's own. Where a range of thresholds is best,
its middle is taken; of several such ranges the widest, then the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.metrics.answers import Answers
from reidbench.metrics.sweep import ThresholdSweep, between, threshold_sweep
from reidbench.thresholds.base import Thresholds

SAME_SCORE = 1e-12  # running sums of one value in two orders differ by less; two real scores by more


@dataclass(frozen=True, slots=True)
class MaxScore:
    """Maximise the official score, over all groups at once or in each group."""

    per_group: bool = False

    @property
    def text(self) -> str:
        return "max-score:group" if self.per_group else "max-score"

    @classmethod
    def parse(cls, value: str | None, scope: str | None) -> MaxScore:
        """Read ``max-score``, ``max-score:pooled`` or ``max-score:group``.

        Raises:
            ReidbenchError: A value is given, or the scope is another.
        """
        if value is not None:
            raise ReidbenchError(
                f"max-score takes no value, but was given '{value}'",
                where=f"--threshold max-score={value}",
                remedy=f"--threshold max-score, or --threshold fixed={value}",
            )
        if scope not in (None, "pooled", "group", "per-group"):
            raise ReidbenchError(
                f"max-score has no scope '{scope}'",
                where=f"--threshold max-score:{scope}",
                remedy="--threshold max-score (one value for all groups) or max-score:group (one for each)",
            )
        return cls(per_group=scope in ("group", "per-group"))

    def choose(self, answers: Answers) -> Thresholds:
        """Choose on the calibration episode; a group that lacks a side takes the pooled value, with a note.

        Raises:
            ReidbenchError: There is no known or no unknown query, or no query has a candidate.
        """
        groups = sorted({str(name) for name in answers.group})
        _check_both_sides(answers, self.text)
        score, correct, known, code = answers.best_score, answers.correct, answers.known, answers.identity_code
        sweeps = {
            name: threshold_sweep(score[mine], correct[mine], known[mine], code[mine])
            for name, mine in ((name, answers.group == name) for name in groups)
        }
        usable = [name for name in groups if not np.isnan(sweeps[name].score[0])]
        notes: list[str] = []
        if usable:
            pooled, best = choose_common([sweeps[name] for name in usable])
        else:
            pooled, best = choose_common([threshold_sweep(score, correct, known, code)])
            notes.append(
                "no group of the calibration episode has both known and unknown queries: "
                "the threshold was chosen on all groups as one"
            )
        values = dict.fromkeys(groups, pooled)
        for name in groups:
            if name not in usable:
                missing = "known" if np.isnan(sweeps[name].baks[0]) else "unknown"
                if usable:
                    notes.append(f"group '{name}' has no {missing} calibration queries: it takes the pooled threshold")
            elif self.per_group and len(sweeps[name].scores):
                values[name], own_best = choose_common([sweeps[name]])
                if own_best == 0.0:
                    notes.append(f"no threshold gives group '{name}' a calibration score above 0")
            elif self.per_group:
                notes.append(f"no calibration query of group '{name}' has a candidate: it takes the pooled threshold")
        if best == 0.0 and not self.per_group:
            notes.append("no threshold gives a calibration score above 0")
        return Thresholds(self.text, values, pooled=not self.per_group, notes=tuple(notes), value=pooled)


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
    return _middle_of_best(scores, mean), float(mean.max())


def _middle_of_best(scores: NDArray[np.float64], value: NDArray[np.float64]) -> float:
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
    return float(between(low[widest], high[widest]))


def _check_both_sides(answers: Answers, text: str) -> None:
    for side, present in (("known", answers.known), ("unknown", ~answers.known)):
        if not present.any():
            raise ReidbenchError(
                f"the calibration episode has no {side} queries, so no threshold can be chosen on it",
                where=f"--threshold {text}",
                remedy="use a split whose calibration part has known and new animals, or --threshold fixed=VALUE "
                "(fixed=-inf accepts every best candidate)",
            )
    if not (answers.best_score > -np.inf).any():
        raise ReidbenchError(
            "no calibration query has a candidate, so no threshold can be chosen",
            where=f"--threshold {text}",
            remedy="check that the groups of the calibration queries have gallery images, or use --gallery all",
        )
