"""Choose the constants of a combination on the calibration queries.

The criterion is the score at the best common threshold, or balanced Rank-1 if there are no new animals. The
similarities of the parts are computed once for a block of queries, and combined with each candidate's constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.memory import memory_bytes
from reidbench.data.sides import MatchSides
from reidbench.matching.episode import Features, GalleryMode, classes_of, searches
from reidbench.methods.fusion import Combination
from reidbench.metrics.answers import identity_codes
from reidbench.metrics.open_set import balanced_accuracy
from reidbench.metrics.sweep import threshold_sweep
from reidbench.thresholds.max_score import choose_common


def choose_constants(
    method: Combination,
    images: ImageSet,
    query: Features,
    gallery: Features,
    *,
    mode: GalleryMode,
    learned: NDArray[Any],
    match_sides: MatchSides,
) -> dict[str, Any]:
    """Set ``method.choice`` to the candidate with the best score on these queries; of equal ones the first.

    Args:
        method: The combination; its parts are calibrated.
        images: All images.
        query: Features of the calibration queries.
        gallery: Features of the gallery.
        mode: Whether a query searches the gallery of the same group or of all groups.
        learned: Sorted identities that the method learned from.
        match_sides: Whether images of any side are compared, or only those of the same side.

    Returns:
        The choice, its score, the first candidate and its score, and the number of candidates, for the record.
    """
    choices = list(method.choices())
    identity = images.identity[query.indices]
    group = images.group[query.indices]
    known = np.isin(identity, images.identity[gallery.indices])
    best = np.full((len(choices), len(query.indices)), -np.inf)
    right = np.zeros((len(choices), len(query.indices)), dtype=bool)
    for search in searches(images, query, gallery, mode, match_sides):
        identities = classes_of(search.identities, learned)
        block = max(1, memory_bytes() // (len(search.codes) * 16 * len(method.parts)))
        for start in range(0, len(search.places), block):
            rows = np.arange(start, min(start + block, len(search.places)))
            evidence = method.gather(
                search.query.representation.take(rows), search.gallery.representation, search.codes, identities
            )
            for number, choice in enumerate(choices):
                scores = method.by_identity(method.combine(evidence, choice), search.codes)
                winner = scores.argmax(axis=1)
                best[number, search.places[rows]] = scores[np.arange(len(rows)), winner]
                right[number, search.places[rows]] = winner == search.own[rows]
    code = identity_codes(group, identity)
    criterion = [_criterion(best[number], right[number], known, group, code) for number in range(len(choices))]
    winner = int(np.argmax(criterion))
    method.choice = choices[winner]
    return {
        "choice": method.describe_choice(method.choice),
        "calibration_score": criterion[winner],
        "first": method.describe_choice(choices[0]),
        "first_calibration_score": criterion[0],
        "candidates": len(choices),
    }


def _criterion(
    best: NDArray[np.float64],
    right: NDArray[np.bool_],
    known: NDArray[np.bool_],
    group: NDArray[Any],
    code: NDArray[Any],
) -> float:
    """Return the score of one candidate from the best score of each query and whether it is of the right animal."""
    right = right & (best > -np.inf)
    in_group = [group == name for name in set(group)]
    sweeps = [threshold_sweep(best[rows], right[rows], known[rows], code[rows]) for rows in in_group]
    usable = [sweep for sweep in sweeps if len(sweep.scores) and not np.isnan(sweep.score[0])]
    if usable:
        return choose_common(usable)[1]
    return float(balanced_accuracy(right[known], code[known]))
