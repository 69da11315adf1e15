"""Match the queries of a run with a larger gallery, so that a threshold can be chosen for it.

The highest impostor score rises with the size of the gallery. A threshold that was chosen with part of a database
therefore accepts too many new animals when the whole database is enrolled. Here each query is compared with the whole
database, without those images of its animal that the run had not enrolled. The images of the correct animal are
the same as in the run, new animals are still new, and all other animals are possible false matches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.sides import MatchSides
from reidbench.matching.episode import Episode, Features, GalleryMode, match_episode
from reidbench.methods.contract import Method
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress


def match_larger_gallery(
    method: Method,
    images: ImageSet,
    query: Features,
    gallery: Features,
    enrolled: NDArray[np.int64],
    *,
    mode: GalleryMode,
    learned: NDArray[Any],
    progress: Progress,
    match_sides: MatchSides,
) -> Answers:
    """Match the queries of an episode with a larger gallery.

    Args:
        method: The method, fitted and calibrated.
        images: All images; the rows of ``query`` and ``gallery`` are their indices.
        query: Features of the queries.
        gallery: Features of the larger gallery. It may contain the queries and other images of their animals.
        enrolled: Rows of ``images`` that the run had enrolled.
        mode: Search the group of the query, or all groups.
        learned: Sorted names of the identities that the method was trained on.
        progress: Shows a progress bar.
        match_sides: Compare images of any side, or only of the same side.

    Returns:
        The candidates and scores, in the order of the queries. Images of the query's animal are compared only if the
        run had enrolled them.
    """
    identity = images.identity
    group = images.group
    was_enrolled = np.isin(gallery.indices, enrolled)
    matched: list[tuple[NDArray[np.int64], Answers]] = []
    with progress.stage("match with the whole gallery", len(query.indices)) as stage:
        for name in np.unique(group[query.indices]):
            in_group = np.flatnonzero(group[query.indices] == name)
            searched = (
                np.flatnonzero(group[gallery.indices] == name) if mode == "group" else np.arange(len(was_enrolled))
            )
            searched_identity = identity[gallery.indices[searched]]
            for animal in np.unique(identity[query.indices[in_group]]):
                rows = in_group[identity[query.indices[in_group]] == animal]
                allowed = searched[was_enrolled[searched] | (searched_identity != animal)]
                episode = _match(method, images, query.take(rows), gallery.take(allowed), mode, learned, match_sides)
                matched.append((rows, episode.answers))
                stage.advance(len(rows))
    return _in_query_order(matched, len(query.indices))


def _match(
    method: Method,
    images: ImageSet,
    query: Features,
    gallery: Features,
    mode: GalleryMode,
    learned: NDArray[Any],
    match_sides: MatchSides,
) -> Episode:
    """Match a few queries; to save time, only their images and those of the gallery are passed on."""
    rows = np.concatenate([query.indices, gallery.indices])
    n_query = len(query.indices)
    return match_episode(
        method,
        images.take(rows),
        Features(np.arange(n_query), query.representation),
        Features(np.arange(n_query, len(rows)), gallery.representation),
        mode=mode,
        learned=learned,
        progress=Progress(),
        match_sides=match_sides,
    )


def _in_query_order(matched: list[tuple[NDArray[np.int64], Answers]], n_query: int) -> Answers:
    order = np.argsort(np.concatenate([rows for rows, _ in matched]), kind="stable")
    sizes: dict[str, int] = {}
    for _, answers in matched:  # the animal of a query may be left out, so the largest number is the gallery's
        for name, size in answers.gallery_identities.items():
            sizes[name] = max(size, sizes.get(name, 0))

    def column(name: str) -> NDArray[Any]:
        return np.asarray(np.concatenate([getattr(answers, name) for _, answers in matched])[order])

    if len(order) != n_query:
        raise ValueError(f"{len(order)} of {n_query} queries were matched")
    return Answers(
        true=column("true"),
        known=column("known"),
        group=column("group"),
        candidates=column("candidates"),
        scores=column("scores"),
        average_precision=column("average_precision"),
        gallery_identities=sizes,
    )
