"""How many comparisons a person has to make until a catalogue is right, the least sure answers first.

To review a photograph is to look at its best candidates one by one, best first, until the right animal is found or
all are refused; then it is new. One candidate looked at is one comparison. A person is taken to make no mistake, so
what is left wrong is a known animal that is not among the candidates. New animals are compared with enrolled ones
alone: that two new photographs show one animal is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers

CANDIDATES = 5
TARGETS = (0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Target:
    """What it takes to have a share of photographs filed rightly; ``None`` where reviewing all does not reach it.

    Attributes:
        share: The share.
        comparisons: Comparisons when the least sure are reviewed first.
        photographs: Photographs reviewed for it.
        random: Comparisons in random order, on average.
    """

    share: float
    comparisons: int | None
    photographs: int | None
    random: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """The whole course of a review.

    Attributes:
        n_photograph: Photographs answered.
        candidates: Candidates that are looked at, at most.
        before: Share filed rightly before any review.
        after: Share filed rightly once all are reviewed.
        all_comparisons: Comparisons of reviewing all.
        comparisons: Comparisons after each photograph, the least sure first, from 0, ``(n_photograph + 1,)``.
        share: Share filed rightly then, ``(n_photograph + 1,)``.
        targets: What it takes to reach given shares.
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
    """Count comparisons.

    Args:
        answers: Photographs with truth and candidates.
        right: Whether each answer is right, ``(n,)``.
        sure: How sure each answer is, ``(n,)``; the lowest is reviewed first, ``nan`` before all others.
        targets: Shares to reach, each in (0, 1].
        candidates: Candidates that are looked at, at most, at least 1.

    Raises:
        ValueError: There is no photograph, a target is outside (0, 1], or no candidate is looked at.
    """
    n = len(answers)
    if not n or candidates < 1 or not all(0 < target <= 1 for target in targets):
        raise ValueError(f"{n} photographs, {candidates} candidates, targets {list(targets)}")
    named = answers.candidates[:, :candidates]
    compared = answers.scores[:, :candidates] > -np.inf
    hit = (named == answers.true[:, None]) & compared & answers.known[:, None]
    found = hit.any(axis=1)
    cost = np.where(found, hit.argmax(axis=1) + 1 if hit.shape[1] else 0, compared.sum(axis=1)).astype(np.int64)
    mended = found | ~answers.known
    order = np.argsort(np.nan_to_num(sure, nan=-np.inf), kind="stable")
    comparisons = np.concatenate([[0], np.cumsum(cost[order])])
    gained = mended[order].astype(int) - right[order].astype(int)
    shares = (int(right.sum()) + np.concatenate([[0], np.cumsum(gained)])) / n
    before, after = float(shares[0]), float(shares[-1])
    made = []
    for target in targets:
        there = np.flatnonzero(shares >= target - 1e-12)
        place = int(there[0]) if len(there) else None
        made.append(
            Target(
                target,
                None if place is None else int(comparisons[place]),
                place,
                _random(target, before, after, int(comparisons[-1])),
            )
        )
    return Effort(n, candidates, before, after, int(comparisons[-1]), comparisons, shares, tuple(made))


def _random(target: float, before: float, after: float, comparisons: int) -> float | None:
    """Return the comparisons of a random order at which its expected share reaches the target.

    In random order both grow by the same part of their whole with every photograph, on average.
    """
    if before >= target:
        return 0.0
    return comparisons * (target - before) / (after - before) if after >= target - 1e-12 else None
