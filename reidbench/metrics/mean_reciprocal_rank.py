"""Mean reciprocal rank: how far down the list of candidates the right identity is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from reidbench.metrics.ranking import hits_within
from reidbench.metrics.spec import KNOWN, SCORES, LeaderboardColumn, MetricSpec


def mean_reciprocal_rank(true: ArrayLike, candidates: ArrayLike) -> float:
    """Mean over queries of 1 / rank of the right identity.

    The rank is the place in the list of candidates, as for Rank-k; matching has broken ties between equal scores.

    Args:
        true: True identities, names or codes, ``(n_query,)``.
        candidates: Best identities, best first, ``(n_query, K)``.

    Returns:
        Mean in [0, 1]. A query whose identity is not among its ``K`` candidates counts 0; ``nan`` without queries.

    Raises:
        ValueError: Shapes do not fit.

    Source: Voorhees, TREC-8 question answering track report, 1999.

    Example:
        >>> mean_reciprocal_rank([7, 7, 3], [[7, 1], [1, 7], [1, 2]])
        0.5
    """
    truth, best = np.asarray(true), np.asarray(candidates)
    hits_within(truth, best, 1)  # checks the shapes
    if not len(truth):
        return math.nan
    reciprocal = (best == truth[:, None]) / np.arange(1, best.shape[1] + 1)
    return float(reciprocal.max(axis=1, initial=0.0).mean())


MRR = MetricSpec(
    "mrr",
    "MRR",
    "mean over known queries of 1 / rank of the correct identity, 0 if it is not among the saved candidates; "
    "no threshold",
    needs=(SCORES, KNOWN),
    compute=lambda queries: mean_reciprocal_rank(queries.code[queries.known], queries.named),
    column=LeaderboardColumn(65, 25),
)
