"""Compute every metric of an episode, overall and by group, from scores and thresholds or from predictions alone.

The overall score is the mean of the groups' geometric means, as AnimalCLEF defines it. Overall BAKS, BAUS and ranks
pool the queries of all groups. An undefined value is ``nan``, and ``null`` in JSON; ``reasons`` says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.errors import ReidbenchError
from reidbench.metrics.answers import Answers, identity_codes
from reidbench.metrics.builtin import METRICS
from reidbench.metrics.group_metrics import EpisodeMetrics, GroupMetrics
from reidbench.metrics.spec import EmptySide, Queries

__all__ = ["Answers", "EpisodeMetrics", "GroupMetrics", "predict", "summarise", "summarise_predictions"]


class Limits(Protocol):
    """Thresholds that give each query the lowest best score at which it counts as known."""

    def limits(self, answers: Answers) -> NDArray[np.float64]:
        """Return the threshold of each query, ``(n_query,)``; a score that equals it is accepted."""


def predict(answers: Answers, thresholds: Limits) -> NDArray[Any]:
    """Predict the identity of each query.

    Args:
        answers: Candidates and scores of the queries.
        thresholds: The lowest best score at which each query counts as known.

    Returns:
        The best candidate, or ``NEW_IDENTITY`` if its score is below the threshold or there is none, ``(n_query,)``.
    """
    best = answers.best_score
    accepted = (best > -np.inf) & (best >= thresholds.limits(answers))
    return np.where(accepted, answers.best_candidate, NEW_IDENTITY).astype(object)


def summarise(answers: Answers, thresholds: Limits, *, empty_side: EmptySide = "null") -> EpisodeMetrics:
    """Compute the metrics of an episode at given thresholds.

    Args:
        answers: True identities, candidates and scores of the queries.
        thresholds: Thresholds, chosen on another episode.
        empty_side: ``null`` leaves a group without known or without unknown queries out of the score;
            ``zero`` counts that side as 0, as the organisers of AnimalCLEF do.

    Raises:
        ValueError: An identity is known in one query and unknown in another.
    """
    code = answers.identity_code
    mixed = _known_and_new(answers.known, code, answers.true)
    if mixed:
        raise ValueError(f"identity '{mixed}' is both known and unknown")
    return _summarise(
        Queries(
            true=np.asarray(answers.true, dtype=object),
            known=answers.known,
            group=np.asarray(answers.group, dtype=str),
            predicted=predict(answers, thresholds),
            code=code,
            gallery_identities=answers.gallery_identities,
            answers=answers,
            empty_side=empty_side,
        )
    )


def summarise_predictions(
    true: ArrayLike,
    is_known: ArrayLike,
    group: ArrayLike,
    predicted: ArrayLike,
    n_identities: Mapping[str, int] | None = None,
    *,
    empty_side: EmptySide = "null",
) -> EpisodeMetrics:
    """Compute the metrics of predictions from any source; metrics that need scores are undefined.

    Args:
        true: True identities; for a new animal the hidden one, ``(n_query,)`` strings.
        is_known: Whether the identity is in the gallery, ``(n_query,)``.
        group: Group of each query, ``(n_query,)`` strings.
        predicted: An identity or ``NEW_IDENTITY``, ``(n_query,)`` strings.
        n_identities: Number of identities in each group's gallery, if it is known, for the chance score.
        empty_side: As in :func:`summarise`.

    Raises:
        ReidbenchError: An identity is known in one row and new in another.
        ValueError: Lengths differ.

    Example:
        >>> metrics = summarise_predictions(["ana", "zoe"], [True, False], ["cat"] * 2, ["ana", NEW_IDENTITY])
        >>> metrics.overall.score, metrics.overall.reasons["rank1"]
        (1.0, 'needs scores')
    """
    names, answers = np.asarray(true, dtype=object), np.asarray(predicted, dtype=object)
    groups, known = np.asarray(group, dtype=str), np.asarray(is_known, dtype=bool)
    if not names.shape == known.shape == groups.shape == answers.shape or names.ndim != 1:
        raise ValueError(
            f"true, is_known, group and predicted have shapes {names.shape}, {known.shape}, {groups.shape} "
            f"and {answers.shape}, not one (n_query,)"
        )
    code = identity_codes(groups, names)
    mixed = _known_and_new(known, code, names)
    if mixed:
        raise ReidbenchError(
            f"identity '{mixed}' is marked as new in some rows and as known in others",
            remedy="an animal is new when none of its images is in the gallery: mark all its rows alike",
        )
    return _summarise(Queries(names, known, groups, answers, code, n_identities or {}, None, empty_side))


def _summarise(queries: Queries) -> EpisodeMetrics:
    """Compute every metric of each group, then of all groups together."""
    groups = {name: _measure(queries.of_group(name), {}) for name in queries.group_names}
    left_out = {name: each.reasons["score"] for name, each in groups.items() if "score" in each.reasons}
    counted = {name: each for name, each in groups.items() if name not in left_out}
    return EpisodeMetrics(_measure(replace(queries, counted=counted), left_out), groups)


def _measure(queries: Queries, left_out: Mapping[str, str]) -> GroupMetrics:
    values = {metric.name: queries.value(metric) for metric in METRICS}
    reasons = {metric.name: metric.reason(queries) for metric in METRICS if math.isnan(values[metric.name])}
    return GroupMetrics(values, reasons, left_out)


def _known_and_new(known: NDArray[np.bool_], code: NDArray[np.int64], true: NDArray[Any]) -> str:
    """Return the first identity that is known in one row and new in another, or an empty string."""
    both = np.intersect1d(code[known], code[~known])
    return str(true[np.flatnonzero(code == both[0])[0]]) if len(both) else ""
