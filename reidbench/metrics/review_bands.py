"""How reliable a prediction is, learned on the calibration episode: which are certain and which a person should review.

The only input is the *excess*: the best score minus the query's threshold. It means the same for all queries, also if
their thresholds differ. From 0 up the prediction is the best candidate, below 0 it is "new".
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
"""A group with at least so many calibration queries gets separate bounds: 5 % of fewer than 60 is at most two."""


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """How often predictions were right on calibration, by excess, for one group or for all groups.

    Attributes:
        certain_from: Lowest excess of the band ``certain``, at least 0; ``inf`` if no prediction is certain enough.
        new_until: Highest excess of the band ``new``, below 0; ``-inf`` if no rejection is certain enough.
        accepted: Rising excesses and P(right) of predictions of an animal, each ``(n,)``.
        rejected: Rising excesses and P(right) of predictions "new", each ``(n,)``.

    Raises:
        ValueError: The bands overlap.
    """

    certain_from: float
    new_until: float
    accepted: tuple[NDArray[np.float64], NDArray[np.float64]]
    rejected: tuple[NDArray[np.float64], NDArray[np.float64]]

    def __post_init__(self) -> None:
        if not (self.certain_from >= 0 > self.new_until):
            raise ValueError(f"the bands overlap: certain from {self.certain_from}, new until {self.new_until}")

    def right(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability that each prediction is right.

        Args:
            excess: Best score minus threshold, ``(n_query,)``.

        Returns:
            Probabilities, ``(n_query,)``; ``nan`` if calibration has no prediction of the kind.
        """
        probability = np.full(excess.shape, np.nan)
        for side, (known, share) in ((excess >= 0, self.accepted), (excess < 0, self.rejected)):
            if len(known):
                probability[side] = np.interp(np.maximum(excess[side], known[0]), known, share)
        return probability


@dataclass(frozen=True, slots=True, eq=False)
class Certainty:
    """The fitted bounds of the bands.

    Attributes:
        error: Largest share of wrong predictions in the bands ``certain`` and ``new``.
        pooled: The bounds for all groups together.
        groups: Separate bounds of groups with enough queries, by group.
    """

    error: float
    pooled: Trust
    groups: Mapping[str, Trust]

    def of(self, group: NDArray[Any], excess: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the band of each prediction and the probability that it is right, each ``(n_query,)``.

        Args:
            group: Group of each query, ``(n_query,)``.
            excess: Best score minus threshold, ``(n_query,)``; ``-inf`` for a query that was not compared, which is
                always to be reviewed.
        """
        band = np.full(len(excess), "to be reviewed", dtype=object)
        probability = np.full(len(excess), np.nan)
        for name in np.unique(np.asarray(group, dtype=str)):
            in_group = np.asarray(group, dtype=str) == name
            trust = self.groups.get(str(name), self.pooled)
            probability[in_group] = trust.right(excess[in_group])
            band[in_group & (excess >= trust.certain_from)] = "certain"
            band[in_group & (excess <= trust.new_until) & (excess > -np.inf)] = "new"
        return band, probability


def excess_of(answers: Answers, limit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return best score minus threshold, ``(n_query,)``; ``-inf`` for a query that was not compared.

    Args:
        answers: The episode.
        limit: Threshold of each query, ``(n_query,)``.
    """
    best = answers.best_score
    with np.errstate(invalid="ignore"):
        return np.where(best > -np.inf, best - limit, -np.inf)


def is_right(answers: Answers, excess: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each prediction is right: the true animal, or "new" for an unknown one, ``(n_query,)``.

    Args:
        answers: The episode.
        excess: Best score minus threshold, ``(n_query,)``.
    """
    return np.where(excess >= 0, answers.correct & answers.known, ~answers.known)


def learn_certainty(answers: Answers, limit: NDArray[np.float64], error: float = 0.05) -> Certainty:
    """Choose the bounds of the bands on the calibration episode.

    A band takes the most certain predictions, as many as possible with ``(wrong + 1) / (predictions + 1)`` at most
    ``error``. The formula counts one more prediction as wrong, so a rate of 5 % needs at least 19 right predictions.

    Args:
        answers: The calibration episode.
        limit: Threshold of each query, ``(n_query,)``.
        error: Largest share of wrong predictions in the bands ``certain`` and ``new``, in (0, 1).

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
    """Return the lowest bound whose predictions have ``(wrong + 1) / (predictions + 1)`` of at most ``error``.

    Args:
        sureness: How certain each prediction is; higher is more certain, ``(n,)``.
        right: Whether each prediction is right, ``(n,)``.
        error: Largest share of wrong predictions.

    Returns:
        The bound, which is the lowest sureness in the band; ``inf`` if no bound fits.

    Example:
        >>> surest(np.arange(40.0), np.arange(40) >= 10, 0.05)
        10.0
    """
    values, place = np.unique(-sureness, return_inverse=True)  # the most certain first; equal values together
    answers = np.cumsum(np.bincount(place, minlength=len(values)))
    wrong = np.cumsum(np.bincount(place, weights=~right, minlength=len(values)))
    fits = np.flatnonzero((wrong + 1) / (answers + 1) <= error)
    return float(-values[fits[-1]]) if len(fits) else float("inf")


def _rising(
    excess: NDArray[np.float64], right: NDArray[np.bool_], *, increasing: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the isotonic P(right) over excess; half a right and half a wrong prediction keep it inside (0, 1)."""
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
    # Without this, an end with predictions of one kind only would have probability 0 or 1.
    return knots, np.clip(share, 0.5 / (len(excess) + 1), 1 - 0.5 / (len(excess) + 1))
