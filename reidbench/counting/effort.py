"""Estimate how many comparisons a person needs to correct the predictions of a run.

To review a photograph, a person looks at its best candidates, best first, until the correct animal is found or all
candidates are refused. Each candidate is one comparison. The person is assumed to make no mistakes, so the only errors
left are known animals that are not among the candidates. New photographs are not compared with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers

CANDIDATES = 5
"""Number of candidates that a reviewer looks at, at most."""
TARGETS = (0.95, 0.99)
"""Shares of correct photographs to report the effort for."""


@dataclass(frozen=True, slots=True)
class Target:
    """The effort to get a share of the photographs right; ``None`` if a review of all photographs does not reach it.

    Attributes:
        share: The share of correct photographs, in (0, 1].
        comparisons: Number of comparisons if the least certain photographs are reviewed first.
        photographs: Number of photographs that are reviewed.
        random: Mean number of comparisons in random order.
    """

    share: float
    comparisons: int | None
    photographs: int | None
    random: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """The progress of a review, the least certain photographs first.

    Attributes:
        n_photograph: Number of photographs.
        candidates: Number of candidates that are looked at, at most.
        before: Share of correct photographs before the review.
        after: Share of correct photographs when all are reviewed.
        all_comparisons: Number of comparisons to review all photographs.
        comparisons: Number of comparisons after 0, 1, … reviewed photographs, ``(n_photograph + 1,)``.
        share: Share of correct photographs after 0, 1, … reviewed photographs, ``(n_photograph + 1,)``.
        targets: The effort to reach the given shares.
    """

    n_photograph: int
    candidates: int
    before: float
    after: float
    all_comparisons: int
    comparisons: NDArray[np.int64]
    share: NDArray[np.float64]
    targets: Sequence[Target]


def review_effort(
    answers: Answers,
    right: NDArray[np.bool_],
    sure: NDArray[np.float64],
    *,
    targets: Sequence[float] = TARGETS,
    candidates: int = CANDIDATES,
) -> Effort:
    """Count the comparisons of a review.

    Args:
        answers: Photographs with true identities and candidates.
        right: Whether each prediction is correct, ``(n,)``.
        sure: Certainty of each prediction, ``(n,)``. The lowest is reviewed first; ``nan`` comes before all others.
        targets: Shares of correct photographs to reach, each in (0, 1].
        candidates: Number of candidates that are looked at, at least 1.

    Raises:
        ValueError: There are no photographs, a target is outside (0, 1], or ``candidates`` is below 1.
    """
    n = len(answers)
    if not n or candidates < 1 or not all(0 < target <= 1 for target in targets):
        raise ValueError(f"{n} photographs, {candidates} candidates, targets {list(targets)}")
    listed = answers.candidates[:, :candidates]
    compared = answers.scores[:, :candidates] > -np.inf
    correct = (listed == answers.true[:, None]) & compared & answers.known[:, None]
    is_listed = correct.any(axis=1)
    first_correct = correct.argmax(axis=1) + 1 if correct.shape[1] else 0
    cost = np.where(is_listed, first_correct, compared.sum(axis=1)).astype(np.int64)
    right_after_review = is_listed | ~answers.known
    order = np.argsort(np.nan_to_num(sure, nan=-np.inf), kind="stable")
    comparisons = np.concatenate([[0], np.cumsum(cost[order])])
    gained = right_after_review[order].astype(int) - right[order].astype(int)
    shares = (int(right.sum()) + np.concatenate([[0], np.cumsum(gained)])) / n
    before, after = float(shares[0]), float(shares[-1])
    efforts = []
    for target in targets:
        reached = np.flatnonzero(shares >= target - 1e-12)
        n_reviewed = int(reached[0]) if len(reached) else None
        efforts.append(
            Target(
                target,
                None if n_reviewed is None else int(comparisons[n_reviewed]),
                n_reviewed,
                _in_random_order(target, before, after, int(comparisons[-1])),
            )
        )
    return Effort(n, candidates, before, after, int(comparisons[-1]), comparisons, shares, tuple(efforts))


def _in_random_order(target: float, before: float, after: float, comparisons: int) -> float | None:
    """Return the mean number of comparisons in random order at which the expected share reaches the target.

    In random order, the expected share and the expected number of comparisons grow linearly with the photographs.
    """
    if before >= target:
        return 0.0
    return comparisons * (target - before) / (after - before) if after >= target - 1e-12 else None
