"""Open-set identification metrics: BAKS, BAUS and their geometric mean.

A query is *known* if its identity is in the gallery, and *unknown* otherwise. Accuracy is averaged within each identity
first, then over identities. An animal with 200 photographs therefore weighs as much as one with two.

Source: BAKS and BAUS of AnimalCLEF 2025, averaged as in ``wildlife_datasets.metrics``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.group_metrics import GroupMetrics
from reidbench.metrics.spec import COUNTED_GROUP, KNOWN_SIDE, UNKNOWN_SIDE, LeaderboardColumn, MetricSpec, Queries


def balanced_accuracy(right: ArrayLike, identity: ArrayLike) -> float:
    """Mean over identities of the share of correct predictions.

    Args:
        right: Whether the prediction of each query is correct, ``(n_query,)``.
        identity: Identity of each query, as names or codes, ``(n_query,)``.

    Returns:
        Mean in [0, 1]; ``nan`` without queries.

    Example:
        >>> balanced_accuracy([True, False, True], ["ana", "ana", "bo"])
        0.75
    """
    right = np.asarray(right, dtype=np.float64)
    if not len(right):
        return math.nan
    _, code = np.unique(np.asarray(identity), return_inverse=True)
    return float(np.mean(np.bincount(code, weights=right) / np.bincount(code)))


def baks(true: Sequence[str], predicted: Sequence[str], enrolled: Collection[str]) -> float:
    """Balanced accuracy on known samples.

    Args:
        true: True identity of each query, length ``n_query``.
        predicted: Identity predicted for each query, or ``NEW_IDENTITY``, length ``n_query``.
        enrolled: Identities in the gallery.

    Returns:
        Mean accuracy over identities in [0, 1]; ``nan`` without known queries. A zero would count as an error of the
        method.

    Raises:
        ValueError: ``true`` and ``predicted`` differ in length.

    Example:
        >>> baks(["ana", "ana", "bo"], ["ana", NEW_IDENTITY, "bo"], enrolled={"ana", "bo"})
        0.75
    """
    names, answers, known = _sides(true, predicted, enrolled)
    return balanced_accuracy(answers[known] == names[known], names[known])


def baus(true: Sequence[str], predicted: Sequence[str], enrolled: Collection[str]) -> float:
    """Balanced accuracy on unknown samples: the share predicted as ``NEW_IDENTITY``, averaged by hidden identity.

    Args:
        true: True identity of each query; for a new animal the hidden one, length ``n_query``.
        predicted: Identity predicted for each query, or ``NEW_IDENTITY``, length ``n_query``.
        enrolled: Identities in the gallery.

    Returns:
        Mean accuracy over identities in [0, 1]; ``nan`` without unknown queries.

    Raises:
        ValueError: ``true`` and ``predicted`` differ in length.

    Example:
        >>> baus(["ana", "zoe", "zoe"], ["ana", NEW_IDENTITY, "ana"], enrolled={"ana"})
        0.5
    """
    names, answers, known = _sides(true, predicted, enrolled)
    return balanced_accuracy(answers[~known] == NEW_IDENTITY, names[~known])


def geometric_mean(known_side: float, unknown_side: float) -> float:
    """Return ``sqrt(BAKS * BAUS)``; ``nan`` if one of the two is ``nan``.

    Args:
        known_side: BAKS, in [0, 1].
        unknown_side: BAUS, in [0, 1].

    Example:
        >>> geometric_mean(0.25, 1.0)
        0.5
    """
    return math.sqrt(known_side * unknown_side)


def mean_of_defined(values: Sequence[float]) -> float:
    """Mean of the values that are not ``nan``; ``nan`` if all are."""
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def _sides(
    true: Sequence[str], predicted: Sequence[str], enrolled: Collection[str]
) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.bool_]]:
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} true identities but {len(predicted)} predictions")
    names, answers = np.asarray(true, dtype=str), np.asarray(predicted, dtype=str)
    return names, answers, np.isin(names, np.asarray(sorted(enrolled), dtype=str))


def _known_side(queries: Queries) -> float:
    rows = queries.known
    right = queries.predicted[rows] == queries.true[rows]
    return balanced_accuracy(right, queries.code[rows]) if rows.any() else 0.0  # 0: the empty side counts as zero


def _unknown_side(queries: Queries) -> float:
    rows = ~queries.known
    return balanced_accuracy(queries.predicted[rows] == NEW_IDENTITY, queries.code[rows]) if rows.any() else 0.0


def _root(queries: Queries) -> float:
    return geometric_mean(queries.value(BAKS), queries.value(BAUS))


def _root_of_means(groups: Sequence[GroupMetrics]) -> float:
    return geometric_mean(
        mean_of_defined([each.baks for each in groups]), mean_of_defined([each.baus for each in groups])
    )


SCORE = MetricSpec(
    "score",
    "score",
    "the official score: mean of the groups' `sqrt(BAKS · BAUS)`",
    needs=(COUNTED_GROUP,),
    compute=_root,
    over_groups=lambda groups: mean_of_defined([each.score for each in groups]),
    column=LeaderboardColumn(0, 0),
    by_group=True,
)
BAKS = MetricSpec(
    "baks",
    "BAKS",
    "share of known queries with the correct identity, averaged within each identity, then over identities",
    needs=(KNOWN_SIDE,),
    compute=_known_side,
    column=LeaderboardColumn(10, 1),
    by_group=True,
)
BAUS = MetricSpec(
    "baus",
    "BAUS",
    "share of unknown queries predicted as new, averaged within each unknown animal, then over them",
    needs=(UNKNOWN_SIDE,),
    compute=_unknown_side,
    column=LeaderboardColumn(20, 1),
    by_group=True,
)
POOLED_SCORE = MetricSpec(
    "pooled_score",
    "pooled",
    "`sqrt(BAKS · BAUS)` as if all groups were one; not the official score",
    needs=(KNOWN_SIDE, UNKNOWN_SIDE),
    compute=_root,
    column=LeaderboardColumn(110, 20),
)
ROOT_OF_MEANS_SCORE = MetricSpec(
    "root_of_means_score",
    "root of means",
    "square root of (mean BAKS · mean BAUS), with means over groups; not the official score",
    needs=(COUNTED_GROUP,),
    compute=_root,
    over_groups=_root_of_means,
    column=LeaderboardColumn(120, 21),
)
