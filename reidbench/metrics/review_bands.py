"""How far an answer can be trusted, learned from the calibration episode: what is certain, what a person should see.

All that is looked at is the *excess*: the best score minus the threshold it was held against, so that it means the
same for every query whatever moved its threshold. Above 0 the best candidate was answered, below 0 "new".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers

Band = Literal["certain", "to be reviewed", "new"]
BANDS: tuple[Band, ...] = ("certain", "to be reviewed", "new")

OWN_QUERIES = 60
"""A group has bounds of its own from this many calibration queries on: 5 % of fewer than 60 is at most two."""


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """What calibration showed of answers by their excess, for one group or for all.

    Attributes:
        certain_from: Lowest excess of the band ``certain``; ``inf`` where no answer is that sure.
        new_until: Highest excess of the band ``new``, below 0; ``-inf`` where no rejection is that sure.
        accepted: Rising excesses and P(right) of answers that name an animal, each ``(n,)``.
        rejected: Rising excesses and P(right) of answers that say "new", each ``(n,)``.
    """

    certain_from: float
    new_until: float
    accepted: tuple[NDArray[np.float64], NDArray[np.float64]]
    rejected: tuple[NDArray[np.float64], NDArray[np.float64]]

    def __post_init__(self) -> None:
        if not (self.certain_from >= 0 > self.new_until):
            raise ValueError(f"the bands overlap: certain from {self.certain_from}, new until {self.new_until}")

    def right(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(right) of each answer, ``nan`` where calibration held no such answer."""
        probability = np.full(excess.shape, np.nan)
        for side, (known, share) in ((excess >= 0, self.accepted), (excess < 0, self.rejected)):
            if len(known):
                probability[side] = np.interp(np.maximum(excess[side], known[0]), known, share)
        return probability


@dataclass(frozen=True, slots=True, eq=False)
class Certainty:
    """The rule of the bands, fitted.

    Attributes:
        error: Share of wrong answers that a sure band may hold.
        pooled: What all groups together showed.
        groups: Groups with bounds of their own.
    """

    error: float
    pooled: Trust
    groups: Mapping[str, Trust]

    def of(self, group: NDArray[Any], excess: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return band and P(right) of each answer, each ``(n_query,)``.

        Args:
            group: Group of each query.
            excess: Best score minus threshold; ``-inf`` where nothing was compared, which is always reviewed.
        """
        band = np.full(len(excess), "to be reviewed", dtype=object)
        probability = np.full(len(excess), np.nan)
        for name in np.unique(np.asarray(group, dtype=str)):
            mine = np.asarray(group, dtype=str) == name
            trust = self.groups.get(str(name), self.pooled)
            probability[mine] = trust.right(excess[mine])
            band[mine & (excess >= trust.certain_from)] = "certain"
            band[mine & (excess <= trust.new_until) & (excess > -np.inf)] = "new"
        return band, probability


def excess_of(answers: Answers, limit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return best score minus threshold, ``-inf`` where nothing was compared, ``(n_query,)``."""
    best = answers.best_score
    with np.errstate(invalid="ignore"):
        return np.where(best > -np.inf, best - limit, -np.inf)


def is_right(answers: Answers, excess: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each answer is right: the true animal, or "new" for one that is not enrolled, ``(n_query,)``."""
    return np.where(excess >= 0, answers.correct & answers.known, ~answers.known)


def learn_certainty(answers: Answers, limit: NDArray[np.float64], error: float = 0.05) -> Certainty:
    """Find the bands on the calibration episode.

    A band takes the surest answers, as many as it can while ``(wrong + 1) / (answers + 1)`` stays at ``error`` or
    below: one more answer, were it wrong, is counted already, so a rate of 5 % needs 19 right answers.

    Args:
        answers: The calibration episode.
        limit: Threshold of each of its queries, ``(n_query,)``.
        error: Share of wrong answers that a sure band may hold, in (0, 1).

    Raises:
        ValueError: ``error`` is outside (0, 1).
    """
    if not 0 < error < 1:
        raise ValueError(f"error is {error}, not in (0, 1)")
    excess, group = excess_of(answers, limit), np.asarray(answers.group, dtype=str)
    right = is_right(answers, excess)
    names, counts = np.unique(group, return_counts=True)
    own = [str(name) for name, count in zip(names, counts, strict=True) if len(names) > 1 and count >= OWN_QUERIES]
    return Certainty(
        error,
        _trust(excess, right, error),
        {name: _trust(excess[group == name], right[group == name], error) for name in own},
    )


def _trust(excess: NDArray[np.float64], right: NDArray[np.bool_], error: float) -> Trust:
    compared = excess > -np.inf
    accepted, rejected = compared & (excess >= 0), compared & (excess < 0)
    return Trust(
        certain_from=surest(excess[accepted], right[accepted], error),
        new_until=-surest(-excess[rejected], right[rejected], error),
        accepted=_rising(excess[accepted], right[accepted], increasing=True),
        rejected=_rising(excess[rejected], right[rejected], increasing=False),
    )


def surest(sureness: NDArray[np.float64], right: NDArray[np.bool_], error: float) -> float:
    """Return the lowest sureness from which on ``(wrong + 1) / (answers + 1)`` is at most ``error``; ``inf`` if none.

    Example:
        >>> surest(np.arange(40.0), np.arange(40) >= 10, 0.05)
        10.0
    """
    values, place = np.unique(-sureness, return_inverse=True)  # the surest first; equal ones go in together
    answers = np.cumsum(np.bincount(place, minlength=len(values)))
    wrong = np.cumsum(np.bincount(place, weights=~right, minlength=len(values)))
    fits = np.flatnonzero((wrong + 1) / (answers + 1) <= error)
    return float(-values[fits[-1]]) if len(fits) else float("inf")


def _rising(
    excess: NDArray[np.float64], right: NDArray[np.bool_], *, increasing: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the isotonic P(right) over excess; half a right and half a wrong answer keep it inside (0, 1)."""
    if not len(excess):
        return np.zeros(0), np.zeros(0)
    from sklearn.isotonic import IsotonicRegression

    ends = excess.min(), excess.max()
    unsure, sure = ends if increasing else ends[::-1]
    x = np.concatenate([excess, [unsure, sure]])
    y = np.concatenate([right.astype(float), [0.0, 1.0]])
    weight = np.concatenate([np.ones(len(excess)), [0.5, 0.5]])
    fitted = IsotonicRegression(increasing=increasing, y_min=0.0, y_max=1.0).fit(x, y, sample_weight=weight)
    knots = np.unique(x)
    share = np.asarray(fitted.predict(knots), dtype=np.float64)
    # An end whose only answers are all of one kind would claim to be certain.
    return knots, np.clip(share, 0.5 / (len(excess) + 1), 1 - 0.5 / (len(excess) + 1))
