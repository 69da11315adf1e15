"""Choose a combination's constants on the calibration episode: each candidate is judged, none sees a label.

The judge is the official score at the best common threshold, or balanced Rank-1 where nothing can be
rejected. Evidence is gathered once for a block of queries and combined anew for each candidate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features, GalleryMode, classes_of, searches
from reidbench.matching.match import DEFAULT_BUDGET
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
) -> dict[str, Any]:
    """Set ``method.choice`` to the candidate that does best on these queries; of equals the first.

    Returns:
        The choice, its score, that of the first candidate, and how many there were, for the record.
    """
    choices = list(method.choices())
    identity = images.identity[query.indices]
    group = images.group[query.indices]
    known = np.isin(identity, images.identity[gallery.indices])
    best = np.full((len(choices), len(query.indices)), -np.inf)
    right = np.zeros((len(choices), len(query.indices)), dtype=bool)
    for search in searches(images, query, gallery, mode):
        identities = classes_of(search.identities, learned)
        block = max(1, DEFAULT_BUDGET // (len(search.codes) * 16 * len(method.parts)))
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
    judged = [_judge(best[number], right[number], known, group, code) for number in range(len(choices))]
    winner = int(np.argmax(judged))
    method.choice = choices[winner]
    return {
        "choice": method.describe_choice(method.choice),
        "calibration_score": judged[winner],
        "first": method.describe_choice(choices[0]),
        "first_calibration_score": judged[0],
        "candidates": len(choices),
    }


def _judge(
    best: NDArray[np.float64],
    right: NDArray[np.bool_],
    known: NDArray[np.bool_],
    group: NDArray[Any],
    code: NDArray[Any],
) -> float:
    right = right & (best > -np.inf)
    sweeps = [
        threshold_sweep(best[mine], right[mine], known[mine], code[mine]) for mine in (group == g for g in set(group))
    ]
    usable = [sweep for sweep in sweeps if len(sweep.scores) and not np.isnan(sweep.score[0])]
    if usable:
        return choose_common(usable)[1]
    return float(balanced_accuracy(right[known], code[known]))
