"""Checks of the comparison: one score for each pair, higher for more similar images, independent of other queries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.testing import differences
from reidbench.testing.check import NotApplicable, Topic
from reidbench.testing.method_under_test import MethodUnderTest

topic = Topic("scoring")

_PAIRS = np.array([[0, 0], [3, 7], [9, 15], [3, 1]], dtype=np.int64)


@topic.check(
    reason="the core needs one score for each query and each image (or identity) of the gallery",
    remedy="let score(query, gallery) return an array of floats with shape (n_query, n_gallery)",
    needs=("matching", "plain_arrays"),
)
def scores(tested: MethodUnderTest) -> str | None:
    """Compare the shape and the type of the scores with what the core needs."""
    scores = tested.scores
    identities = len(set(tested.drawn.gallery.table["identity"]))
    nearest = tested.fitted.method.matching == "nearest"
    expected = (len(tested.drawn.queries), len(tested.drawn.gallery) if nearest else identities)
    if scores.shape != expected:
        return f"scores have shape {scores.shape}, not {expected}"
    return None if scores.dtype.kind == "f" else f"scores have the type {scores.dtype}"


@topic.check(
    reason="nan has no rank, -inf is reserved for pairs that were not compared, and +inf has no meaning",
    remedy="avoid division by zero; return 0 if there are no keypoints or no matches",
    needs=("scores",),
)
def scores_finite(tested: MethodUnderTest) -> str | None:
    """Look for nan, +inf and queries without any compared image."""
    scores = tested.scores
    if np.isnan(scores).any():
        return f"{int(np.isnan(scores).sum())} of {scores.size} scores are nan"
    if np.isposinf(scores).any():
        return "a score is +inf"
    return None if np.isfinite(scores).any(axis=1).all() else "a query has no score above -inf"


@topic.check(
    reason="a higher score means more similar; with a distance, the least similar animal would be predicted",
    remedy="return the negative distance",
    needs=("scores_finite",),
)
def higher_is_more_alike(tested: MethodUnderTest) -> str | None:
    """Compare gallery images with each other: no other image may score higher than the image itself."""
    method = tested.fitted.method
    if method.matching == "identity":
        raise NotApplicable("it compares with identities, not with images")
    rows = np.arange(len(tested.drawn.gallery))
    scores = _against_images(tested, rows)
    best, itself = scores.max(axis=1), scores[rows, rows]
    wrong = np.flatnonzero(itself < best - differences.TOLERANCE * np.maximum(1.0, np.abs(best)))
    if not len(wrong):
        return None
    row = int(wrong[0])
    numbers = f"{best[row]:.4g} against {itself[row]:.4g}"
    return (
        f"{len(wrong)} of {len(itself)} images have a higher score with another image than with themselves: {numbers}"
    )


@topic.check(
    reason="the order of the queries has no meaning",
    remedy="let each row of scores depend on its query only",
    needs=("scores_finite",),
)
def query_order(tested: MethodUnderTest) -> str | None:
    """Compare the queries in reverse order."""
    order = np.arange(len(tested.drawn.queries))[::-1]
    reversed_scores = tested.calibrated.scores(tested.queries.take(order), tested.gallery)
    return differences.of_scores(reversed_scores, tested.scores[order])


@topic.check(
    reason="the memory decides how many queries are compared at once, so scores must not depend on the other queries",
    remedy="do not use the other queries, or declare transductive = True",
    needs=("query_order",),
)
def query_blocks(tested: MethodUnderTest) -> str | None:
    """Compare the queries in several blocks."""
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: the scores of one query may depend on the others")
    blocks = [[0], [1, 2, 3], [4, 5, 6, 7, 8, 9]]
    in_blocks = tested.calibrated.scores(tested.queries, tested.gallery, blocks)
    return differences.of_scores(in_blocks, tested.scores)


@topic.check(
    reason="the order of the gallery decides ties and nothing else",
    remedy="let the score of a pair depend on the two images, not on their positions in the gallery",
    needs=("scores_finite",),
)
def gallery_order(tested: MethodUnderTest) -> str | None:
    """Compare with the gallery in reverse order."""
    if tested.fitted.method.matching != "nearest":
        raise NotApplicable("queries are compared with identities, which the core orders")
    order = np.arange(len(tested.drawn.gallery))[::-1]
    reversed_scores = tested.calibrated.scores(tested.queries, tested.gallery.take(order))
    return differences.of_scores(reversed_scores, tested.scores[:, order])


@topic.check(
    reason="calibration curves are fitted on score_pairs and applied to score",
    remedy="do not define score_pairs, or let it return the same scores as score",
    needs=("query_blocks", "gallery_order"),
)
def pairs_agree(tested: MethodUnderTest) -> str | None:
    """Compare some results of score_pairs with those of score."""
    method = tested.fitted.method
    if method.matching != "nearest":
        raise NotApplicable("queries are not compared with images")
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: a pair alone may have another score")
    search = tested.calibrated.search(tested.queries, tested.gallery)
    pair_scores = method.score_pairs(search.query.representation, search.gallery.representation, _PAIRS)
    expected = tested.scores[_PAIRS[:, 0], _PAIRS[:, 1]]
    difference = differences.of_scores(np.asarray(pair_scores), expected)
    return f"score_pairs against score: {difference}" if difference else None


def _against_images(tested: MethodUnderTest, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the scores of gallery images with each other, also for a method that compares with centroids."""
    build = tested.calibrated
    search = build.search(tested.gallery.take(rows), tested.gallery)
    return np.asarray(build.method.score(search.query.representation, search.gallery.representation), dtype=np.float64)
