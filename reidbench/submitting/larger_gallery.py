"""Ask an episode again, of a larger gallery than it was split for.

The largest impostor score grows with the gallery, so a threshold that was chosen on part of a database accepts too many
new animals once all of it is enrolled. How much it grows is no guess here: each query is compared with the whole
database, without those images of its own animal that the run had not enrolled. Its true answer is therefore as far
away as in the run, a new animal is still new, and everybody else who will be enrolled is there to be mistaken for. The
run's policy then chooses on what comes out, so that whatever it promises, it promises for the larger gallery.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Episode, Features, GalleryMode, match_episode
from reidbench.methods.contract import Method
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress


def ask_again(
    method: Method,
    images: ImageSet,
    query: Features,
    whole: Features,
    enrolled: NDArray[np.int64],
    *,
    mode: GalleryMode,
    learned: NDArray[Any],
    progress: Progress,
) -> Answers:
    """Match an episode's queries with a larger gallery.

    Args:
        method: Compares; calibrated and fitted.
        images: All images.
        query: The episode's queries.
        whole: The larger gallery, which may hold the queries and other images of their animals.
        enrolled: Rows of ``images`` that the run had enrolled.
        mode: Search the query's own group, or all.
        learned: Sorted names of the identities that the method learned from.
        progress: Where the bar goes.

    Returns:
        The answers, in the order of the queries. Of a query's own animal only the images in ``enrolled`` were there.
    """
    identity = images.identity
    group = images.group
    was_enrolled = np.isin(whole.indices, enrolled)
    found: list[tuple[NDArray[np.int64], Answers]] = []
    with progress.stage("ask again, of the whole gallery", len(query.indices)) as stage:
        for name in np.unique(group[query.indices]):
            asking = np.flatnonzero(group[query.indices] == name)
            searched = np.flatnonzero(group[whole.indices] == name) if mode == "group" else np.arange(len(was_enrolled))
            own = identity[whole.indices[searched]]
            for animal in np.unique(identity[query.indices[asking]]):
                places = asking[identity[query.indices[asking]] == animal]
                allowed = searched[was_enrolled[searched] | (own != animal)]
                episode = _answer(method, images, query.take(places), whole.take(allowed), mode, learned)
                found.append((places, episode.answers))
                stage.advance(len(places))
    return _in_order(found, len(query.indices))


def _answer(
    method: Method, images: ImageSet, query: Features, gallery: Features, mode: GalleryMode, learned: NDArray[Any]
) -> Episode:
    """Match a few queries; only the images that take part are looked at, not the whole set each time."""
    rows = np.concatenate([query.indices, gallery.indices])
    few = images.take(rows)
    n_query = len(query.indices)
    return match_episode(
        method,
        few,
        Features(np.arange(n_query), query.representation),
        Features(np.arange(n_query, len(rows)), gallery.representation),
        mode=mode,
        learned=learned,
        progress=Progress(),
    )


def _in_order(found: list[tuple[NDArray[np.int64], Answers]], n_query: int) -> Answers:
    order = np.argsort(np.concatenate([places for places, _ in found]), kind="stable")
    sizes: dict[str, int] = {}
    for _, each in found:  # a query's own animal may be away, so the largest is the gallery's size
        for name, size in each.gallery_identities.items():
            sizes[name] = max(size, sizes.get(name, 0))

    def column(name: str) -> NDArray[Any]:
        return np.asarray(np.concatenate([getattr(each, name) for _, each in found])[order])

    names = ("true", "known", "group", "candidates", "scores", "average_precision")
    if len(order) != n_query:
        raise ValueError(f"{len(order)} of {n_query} queries were asked again")
    return Answers(**{name: column(name) for name in names}, gallery_identities=sizes)
