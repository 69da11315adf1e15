"""Mean average precision over gallery images; matching computes the average precision of each query."""

from __future__ import annotations

import numpy as np

from reidbench.metrics.spec import KNOWN, SCORES, LeaderboardColumn, MetricSpec, Need, Queries


def _no_image_ranking(queries: Queries) -> str:
    if queries.scored.pooled:
        return "no image-level ranking: the photographs of an encounter are one query"
    precision = queries.scored.average_precision[queries.known]
    n_undefined = int(np.isnan(precision).sum())
    if not n_undefined:
        return ""
    if n_undefined == len(precision):
        return "no image-level ranking: the method compares with one centroid or class for each identity"
    return f"average precision is undefined for {n_undefined} of {len(precision)} known queries"


MAP = MetricSpec(
    "map",
    "mAP",
    "mean average precision of known queries over gallery images; undefined for methods that do not "
    "rank gallery images (centroids, classifiers)",
    needs=(SCORES, KNOWN, Need("a ranking of gallery images", _no_image_ranking)),
    compute=lambda queries: queries.scored.average_precision[queries.known].mean(),
    column=LeaderboardColumn(60, 11),
)
