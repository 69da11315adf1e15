"""Checks of the comparison: a number for each pair, the higher the more alike, whoever else is asked for."""

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
    reason="the core takes the best of each row: a query has one score for each image or identity of the gallery",
    remedy="score(query, gallery) returns an array (n_query, n_gallery) of floats",
    needs=("matching", "plain_arrays"),
)
def scores(tested: MethodUnderTest) -> str | None:
    found = tested.scores
    identities = len(set(tested.drawn.gallery.table["identity"]))
    nearest = tested.fitted.method.matching == "nearest"
    expected = (len(tested.drawn.queries), len(tested.drawn.gallery) if nearest else identities)
    if found.shape != expected:
        return f"scores have shape {found.shape}, not {expected}"
    return None if found.dtype.kind == "f" else f"scores have the type {found.dtype}"


@topic.check(
    reason="nan has no rank; -inf says that a pair was not compared, and nothing is certain enough for +inf",
    remedy="guard divisions by zero; no keypoints or no matches is 0",
    needs=("scores",),
)
def scores_finite(tested: MethodUnderTest) -> str | None:
    found = tested.scores
    if np.isnan(found).any():
        return f"{int(np.isnan(found).sum())} of {found.size} scores are nan"
    if np.isposinf(found).any():
        return "a score is +inf"
    return None if np.isfinite(found).any(axis=1).all() else "a query was compared with nothing"


@topic.check(
    reason="higher is more alike, everywhere: a distance would answer with the least alike animal",
    remedy="return minus the distance",
    needs=("scores_finite",),
)
def higher_is_more_alike(tested: MethodUnderTest) -> str | None:
    method = tested.fitted.method
    if method.matching == "identity":
        raise NotApplicable("it scores identities, not images")
    every = np.arange(len(tested.drawn.gallery))
    found = _against_images(tested, every)
    best, own = found.max(axis=1), found[every, every]
    wrong = np.flatnonzero(own < best - differences.TOLERANCE * np.maximum(1.0, np.abs(best)))
    if not len(wrong):
        return None
    row = int(wrong[0])
    numbers = f"{best[row]:.4g} against {own[row]:.4g}"
    return f"{len(wrong)} of {len(own)} images are more like another than like themselves: {numbers}"


@topic.check(
    reason="queries come in the order of a file; it says nothing of them",
    remedy="let the score of a row depend on that query alone",
    needs=("scores_finite",),
)
def query_order(tested: MethodUnderTest) -> str | None:
    order = np.arange(len(tested.drawn.queries))[::-1]
    found = tested.calibrated.scores(tested.queries.take(order), tested.gallery)
    return differences.of_scores(found, tested.scores[order])


@topic.check(
    reason="blocks of queries fit the memory budget: a score that looks at its block differs between machines",
    remedy="use nothing of the other queries, or declare transductive = True",
    needs=("query_order",),
)
def query_blocks(tested: MethodUnderTest) -> str | None:
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: the scores of one query may depend on the others")
    blocks = [[0], [1, 2, 3], [4, 5, 6, 7, 8, 9]]
    found = tested.calibrated.scores(tested.queries, tested.gallery, blocks)
    return differences.of_scores(found, tested.scores)


@topic.check(
    reason="the gallery's order decides ties, and nothing else",
    remedy="let the score of a pair depend on the two images, not on the place of one in the gallery",
    needs=("scores_finite",),
)
def gallery_order(tested: MethodUnderTest) -> str | None:
    if tested.fitted.method.matching != "nearest":
        raise NotApplicable("queries are compared with identities, which the core orders")
    order = np.arange(len(tested.drawn.gallery))[::-1]
    found = tested.calibrated.scores(tested.queries, tested.gallery.take(order))
    return differences.of_scores(found, tested.scores[:, order])


@topic.check(
    reason="calibration curves are fitted on score_pairs and applied to score",
    remedy="leave score_pairs out, or let it give what score gives",
    needs=("query_blocks", "gallery_order"),
)
def pairs_agree(tested: MethodUnderTest) -> str | None:
    method = tested.fitted.method
    if method.matching != "nearest":
        raise NotApplicable("queries are not compared with images")
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: a pair alone may have another score")
    search = tested.calibrated.search(tested.queries, tested.gallery)
    found = method.score_pairs(search.query.representation, search.gallery.representation, _PAIRS)
    expected = tested.scores[_PAIRS[:, 0], _PAIRS[:, 1]]
    difference = differences.of_scores(np.asarray(found), expected)
    return f"of given pairs, {difference}" if difference else None


def _against_images(tested: MethodUnderTest, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Score gallery images against each other, also for a method whose queries meet centroids."""
    build = tested.calibrated
    search = build.search(tested.gallery.take(rows), tested.gallery)
    return np.asarray(build.method.score(search.query.representation, search.gallery.representation), dtype=np.float64)
