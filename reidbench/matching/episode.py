"""One episode: all queries of a part searched in the gallery, group by group, as one table of candidates and scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.sides import ANY, MatchSides, may_compare, sides_of
from reidbench.matching.match import BEST_IDENTITIES, IdentityScores, centroids, match
from reidbench.methods.contract import Method
from reidbench.methods.fusion import IdentityCombination
from reidbench.methods.representation import Representation
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress

GalleryMode = Literal["group", "all"]
CLASS = "class"
"""Name of the array that holds the class of each enrolled identity: its place among the sorted training identities.

The class is -1 for an identity that is not a training identity.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Features of some images of a set, such as one part of a split.

    Attributes:
        indices: Rows of the images in the set, ``(n,)``.
        representation: Features of these images, in the same order.
    """

    indices: NDArray[np.int64]
    representation: Representation

    def take(self, chosen: NDArray[np.int64]) -> Features:
        """Return the images at the given places, in the given order."""
        return Features(self.indices[chosen], self.representation.take(chosen))

    def part(self, path: str) -> Features:
        """Return the features that one part of the method extracted; ``path`` is its path in the tree of parts."""
        return Features(self.indices, self.representation.part(path))

    def judged_by(self, curve: NDArray[np.int64]) -> Features:
        """Return the features with the number of the calibration curve of each image."""
        return Features(self.indices, self.representation.judged_by(curve))


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """The queries of one group, or of one side in it, and the gallery images that they are compared with.

    Attributes:
        group: Name of the group of the queries.
        places: Row of each query in the episode, ``(n_query,)``.
        query: The queries.
        gallery: The gallery images.
        identities: Identities in this gallery, sorted, ``(n_identity,)``.
        codes: Identity of each gallery image, an index into ``identities``.
        own: True identity of each query, an index into ``identities``; -1 if it is not in this gallery.
    """

    group: str
    places: NDArray[np.int64]
    query: Features
    gallery: Features
    identities: NDArray[Any]
    codes: NDArray[np.int64]
    own: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """The queries of one part with their candidates and scores.

    Attributes:
        rows: Row of each query in the image set, ``(n_query,)``.
        answers: Candidates and scores of each query.
        own_best: Best score of the query's true identity, without images of the query's encounter, ``(n_query,)``;
            ``-inf`` if there is none.
        other_best: Best score of any other identity, ``(n_query,)``; ``-inf`` if there is none.
        metrics: Metrics of the episode, set by the core after a threshold is chosen.
    """

    rows: NDArray[np.int64]
    answers: Answers
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]


def searches(
    images: ImageSet, query: Features, gallery: Features, mode: GalleryMode, match_sides: MatchSides = ANY
) -> Iterator[Search]:
    """Yield the queries of each group with their gallery images; queries without gallery images are left out.

    Args:
        images: The image set.
        query: The queries of the episode.
        gallery: The enrolled images.
        mode: ``group`` searches only images of the query's group, ``all`` searches all.
        match_sides: ``same`` yields the queries of each side separately, each with the images of its side and those
            of unknown side.
    """
    identity, group, side = images.identity, images.group, sides_of(images, match_sides)
    for name in sorted(set(group[query.indices])):
        in_group = np.flatnonzero(group[query.indices] == name)
        of_group = _searched(images, gallery, name, mode)
        for of_side in np.unique(side[query.indices[in_group]]):
            places = in_group[side[query.indices[in_group]] == of_side]
            searched = of_group[may_compare(of_side, side[gallery.indices[of_group]])]
            if not len(searched):
                continue
            identities, codes = np.unique(identity[gallery.indices[searched]], return_inverse=True)
            own = np.searchsorted(identities, identity[query.indices[places]])
            own = np.where(np.isin(identity[query.indices[places]], identities), own, -1)
            yield Search(name, places, query.take(places), gallery.take(searched), identities, codes, own)


def _searched(images: ImageSet, gallery: Features, group: str, mode: GalleryMode) -> NDArray[np.int64]:
    """Return the places of the gallery images that queries of a group search, whatever their sides."""
    if mode == "group":
        return np.flatnonzero(images.group[gallery.indices] == group)
    return np.arange(len(gallery.indices))


def match_episode(
    method: Method,
    images: ImageSet,
    query: Features,
    gallery: Features,
    *,
    mode: GalleryMode,
    learned: NDArray[Any],
    progress: Progress,
    match_sides: MatchSides = ANY,
) -> Episode:
    """Compare every query with its gallery images.

    Args:
        method: The method, fitted and calibrated.
        images: The image set.
        query: The queries of the episode.
        gallery: The enrolled images.
        mode: ``group`` searches only images of the query's group, ``all`` searches all.
        learned: Sorted training identities of the method.
        progress: Shows a progress bar.
        match_sides: ``same`` compares only images of the same side, and those of unknown side with all. Other pairs
            count as not compared (``-inf``). For average precision, the images of the query's animal that were not
            compared count as never found.
    """
    identity = images.identity
    encounter = images.encounter
    n_query = len(query.indices)
    candidates = np.full((n_query, BEST_IDENTITIES), "", dtype=object)
    scores = np.full((n_query, BEST_IDENTITIES), -np.inf)
    precision = np.full(n_query, np.nan)
    own_best, other_best = np.full(n_query, -np.inf), np.full(n_query, -np.inf)
    searched = {
        name: len(np.unique(identity[gallery.indices[_searched(images, gallery, name, mode)]]))
        for name in sorted(set(images.group[query.indices]))
    }
    n_own_compared = np.zeros(n_query)
    with progress.stage("match", n_query) as stage:
        for search in searches(images, query, gallery, mode, match_sides):
            by_image = method.matching == "nearest"
            encounters = encounter[search.query.indices], encounter[search.gallery.indices]
            best = match(
                search.query.representation,
                target_of(method, search, learned),
                search.codes if by_image else np.arange(len(search.identities)),
                search.own,
                comparison_of(method, search),
                encounter=encounters if by_image else None,
                image_level=by_image,
                n_compared=len(search.codes),
                advance=stage.advance,
            )
            _fill(search, best, candidates, scores)
            precision[search.places] = best.average_precision
            n_own_compared[search.places] = np.where(search.own >= 0, np.bincount(search.codes)[search.own], 0)
            own_best[search.places], other_best[search.places] = best.own_best, best.other_best
    if match_sides != ANY and method.matching == "nearest":
        n_own = np.sum(identity[query.indices][:, None] == identity[gallery.indices], axis=1)
        precision = np.nan_to_num(precision) * n_own_compared / np.where(n_own, n_own, np.nan)
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
    """Return the gallery of a classifier: the class of each enrolled identity, -1 if it is not a training identity."""
    number = np.minimum(np.searchsorted(learned, identities), max(len(learned) - 1, 0))
    return Representation({CLASS: np.where(learned[number] == identities, number, -1).astype(np.int64)})


def target_of(method: Method, search: Search, learned: NDArray[Any]) -> Representation:
    """Return the gallery entries of a search: images, the centroid of each identity, or the class of each identity."""
    if method.matching == "identity":
        return classes_of(search.identities, learned)
    if method.matching == "centroid":
        renormalise = getattr(method.settings, "renormalise_centroid", True)
        return centroids(search.gallery.representation, search.codes, renormalise=renormalise)
    return search.gallery.representation


def comparison_of(method: Method, search: Search) -> Any:
    """Return the function that compares a block of queries with the result of :func:`target_of`.

    A fusion over identities also needs the gallery images, for those of its parts that compare images.
    """
    if not isinstance(method, IdentityCombination):
        return method.score

    def score(query: Representation, identities: Representation) -> NDArray[Any]:
        return method.score_identities(query, search.gallery.representation, search.codes, identities)

    return score


def _fill(search: Search, best: IdentityScores, candidates: NDArray[Any], scores: NDArray[Any]) -> None:
    columns = np.arange(best.identity.shape[1])
    names = np.where(best.identity >= 0, search.identities[np.maximum(best.identity, 0)], "")
    candidates[search.places[:, None], columns] = names
    scores[search.places[:, None], columns] = best.score
