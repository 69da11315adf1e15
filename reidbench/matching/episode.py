"""One episode: queries of a part against the gallery, group by group, collected into one table of answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.matching.match import BEST_IDENTITIES, IdentityScores, centroids, match
from reidbench.methods.contract import Method
from reidbench.methods.fusion import IdentityCombination
from reidbench.methods.representation import Representation
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress

GalleryMode = Literal["group", "all"]
CLASS = "class"
"""Array of a gallery of identities: the class of each, among the sorted identities that were learned; -1 is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Features of some images of a set, such as one part of a split.

    Attributes:
        indices: Rows of the images in the set, ``(n,)``.
        representation: What the method extracted from them.
    """

    indices: NDArray[np.int64]
    representation: Representation

    def take(self, chosen: NDArray[np.int64]) -> Features:
        """Return the features of the images at these places, in that order."""
        return Features(self.indices[chosen], self.representation.take(chosen))


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """The queries of one group and the gallery that they search.

    Attributes:
        group: Name of the queries' group.
        places: Where the queries stand in the episode, ``(n_query,)``.
        query: The queries.
        gallery: The gallery images they may be compared with.
        identities: Names of the gallery's identities, sorted, ``(n_identity,)``.
        codes: Identity of each gallery image, an index into ``identities``.
        own: Identity of each query, an index into ``identities``, -1 for one that is not enrolled here.
    """

    group: str
    places: NDArray[np.int64]
    query: Features
    gallery: Features
    identities: NDArray[Any]
    codes: NDArray[np.int64]
    own: NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Episode:
    """Queries of one part against the gallery, and what was concluded of them.

    ``own_best`` and ``other_best`` are the best scores of each query's own identity outside its encounter and
    of any other identity, ``-inf`` where there is none.
    """

    rows: NDArray[np.int64]
    answers: Answers
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]
    metrics: Any = None


def searches(images: ImageSet, query: Features, gallery: Features, mode: GalleryMode) -> Iterator[Search]:
    """Yield each group's queries with the gallery they search; a group without gallery images is left out."""
    identity, group = images.identity, images.group
    for name in sorted(set(group[query.indices])):
        places = np.flatnonzero(group[query.indices] == name)
        everything = np.arange(len(gallery.indices))
        inside = np.flatnonzero(group[gallery.indices] == name) if mode == "group" else everything
        if not len(inside):
            continue
        identities, codes = np.unique(identity[gallery.indices[inside]], return_inverse=True)
        own = np.searchsorted(identities, identity[query.indices[places]])
        own = np.where(np.isin(identity[query.indices[places]], identities), own, -1)
        yield Search(name, places, query.take(places), gallery.take(inside), identities, codes, own)


def match_episode(
    method: Method,
    images: ImageSet,
    query: Features,
    gallery: Features,
    *,
    mode: GalleryMode,
    learned: NDArray[Any],
    progress: Progress,
) -> Episode:
    """Match every query with the gallery it may search.

    Args:
        method: Compares; calibrated and fitted.
        images: All images.
        query: The episode's queries.
        gallery: The enrolled images.
        mode: Search the query's own group, or all.
        learned: Sorted names of the identities that the method learned from.
        progress: Where the bar goes.
    """
    identity = images.identity
    encounter = images.encounter
    n_query = len(query.indices)
    candidates = np.full((n_query, BEST_IDENTITIES), "", dtype=object)
    scores = np.full((n_query, BEST_IDENTITIES), -np.inf)
    precision = np.full(n_query, np.nan)
    own_best, other_best = np.full(n_query, -np.inf), np.full(n_query, -np.inf)
    searched = dict.fromkeys(sorted(set(images.group[query.indices])), 0)
    with progress.stage("match", n_query) as stage:
        for search in searches(images, query, gallery, mode):
            searched[search.group] = len(search.identities)
            by_image = method.matching == "nearest"
            days = encounter[search.query.indices], encounter[search.gallery.indices]
            found = match(
                search.query.representation,
                target_of(method, search, learned),
                search.codes if by_image else np.arange(len(search.identities)),
                search.own,
                comparison_of(method, search),
                encounter=days if by_image else None,
                image_level=by_image,
                n_compared=len(search.codes),
                advance=stage.advance,
            )
            _fill(search, found, candidates, scores)
            precision[search.places] = found.average_precision
            own_best[search.places], other_best[search.places] = found.own_best, found.other_best
    answers = Answers(
        true=identity[query.indices],
        known=np.isin(identity[query.indices], identity[gallery.indices]),
        group=images.group[query.indices],
        candidates=candidates,
        scores=scores,
        average_precision=precision,
        gallery_identities=searched,
    )
    return Episode(query.indices, answers, own_best, other_best)


def classes_of(identities: NDArray[Any], learned: NDArray[Any]) -> Representation:
    """Return the gallery of a method that knows identities as such: the class of each, -1 for one never learned."""
    place = np.minimum(np.searchsorted(learned, identities), max(len(learned) - 1, 0))
    return Representation({CLASS: np.where(learned[place] == identities, place, -1).astype(np.int64)})


def target_of(method: Method, search: Search, learned: NDArray[Any]) -> Representation:
    """Return what a search is compared with: images, one centroid for each identity, or identities as such."""
    if method.matching == "identity":
        return classes_of(search.identities, learned)
    if method.matching == "centroid":
        renormalise = getattr(method.settings, "renormalise_centroid", True)
        return centroids(search.gallery.representation, search.codes, renormalise=renormalise)
    return search.gallery.representation


def comparison_of(method: Method, search: Search) -> Any:
    """Return what compares a block of queries with the target; parts that compare images need the images too."""
    if not isinstance(method, IdentityCombination):
        return method.score

    def score(query: Representation, identities: Representation) -> NDArray[Any]:
        return method.score_identities(query, search.gallery.representation, search.codes, identities)

    return score


def _fill(search: Search, found: IdentityScores, candidates: NDArray[Any], scores: NDArray[Any]) -> None:
    columns = np.arange(found.identity.shape[1])
    named = np.where(found.identity >= 0, search.identities[np.maximum(found.identity, 0)], "")
    candidates[search.places[:, None], columns] = named
    scores[search.places[:, None], columns] = found.score
