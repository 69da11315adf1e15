"""Fit the curves of every calibrated part on the calibration queries, and measure their reliability.

Identities are divided into folds. The curve of a fold is fitted on pairs without any image of the fold's identities. It
calibrates the scores of the fold's calibration queries, so no query is scored by a curve that was fitted on its animal.
Test queries use the mean of the curves of all folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.calibration.calibrated import Calibrated, calibrated_parts
from reidbench.calibration.curves import Curve, MeanCurve, stated
from reidbench.calibration.fitting import fit_curve
from reidbench.calibration.pairs import (
    LabelledPairs,
    all_pairs_within,
    identity_folds,
    sample_pairs,
    sample_pairs_within,
)
from reidbench.data.sides import may_compare
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.metrics.reliability import reliability
from reidbench.progress import Progress

FOLDS = 5
"""Number of folds of identities."""
GROUP_IDENTITIES = 15
"""Smallest number of known calibration animals for a separate curve of a group; with fewer, a curve is noise."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Images of one part of a split, with the labels that calibration uses.

    Attributes:
        representation: Features of the images.
        identity: Identity of each image as a number, the same numbers in gallery and queries, ``(n,)``.
        group: Group of each image, ``(n,)`` strings.
        encounter: Encounter of each image, ``(n,)`` strings.
        side: Side of each image, ``(n,)`` strings, empty if it is unknown or does not matter. Curves are fitted only
            on pairs that matching compares. ``None`` if no side matters.
    """

    representation: Representation
    identity: NDArray[np.int64]
    group: NDArray[Any]
    encounter: NDArray[Any]
    side: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """Numbers of the curves: for each group one for each fold and one for their mean, then one pooled curve.

    Attributes:
        groups: Groups that have curves, sorted.
        n_fold: Number of folds of each group; 0 if there are only the mean curves.
        fold: Fold of each identity number, ``(n_identity,)``.
    """

    groups: tuple[str, ...]
    n_fold: int
    fold: NDArray[np.int64]

    @property
    def pooled(self) -> int:
        """The number of the curve of all groups together, for a group that is not in ``groups``."""
        return len(self.groups) * (self.n_fold + 1)

    def held_out(self, rows: LabelledRows) -> NDArray[np.int64]:
        """Return, for each query, the curve that was fitted without images of its animal, ``(n,)``."""
        return self._group(rows.group) * (self.n_fold + 1) + self.fold[rows.identity]

    def mean(self, group: NDArray[Any]) -> NDArray[np.int64]:
        """Return the mean curve of each query's group, or the pooled curve if the group has none, ``(n,)``."""
        return np.where(np.isin(group, self.groups), self._group(group) * (self.n_fold + 1) + self.n_fold, self.pooled)

    def _group(self, group: NDArray[Any]) -> NDArray[np.int64]:
        return np.searchsorted(np.array(self.groups), group).astype(np.int64)


def number_curves(groups: Sequence[str], n_identity: int, seed: int) -> Numbering:
    """Divide identities into folds and number the curves of every group.

    Args:
        groups: Group of each query, in any order.
        n_identity: Number of identities.
        seed: Seed of the folds.
    """
    fold = identity_folds(n_identity, FOLDS, seed)
    return Numbering(tuple(sorted(set(groups))), int(fold.max(initial=0)) + 1, fold)


def calibrate(
    method: Method,
    queries: LabelledRows,
    gallery: LabelledRows,
    numbering: Numbering,
    *,
    by_group: bool,
    seed: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Fit the curves of every calibrated part of a method and install them, inner parts first.

    Args:
        method: The whole method.
        queries: The calibration queries.
        gallery: The enrolled images.
        numbering: Numbers of the curves.
        by_group: Whether queries are compared only with images of their group.
        seed: Seed of the sample of pairs.
        progress: Shows a progress bar.

    Returns:
        For each calibrated part: its path, pairs, scope of each group, notes, curves and reliability.

    Raises:
        ValueError: A similarity is ``nan``; the message names the part.
    """
    nodes = list(calibrated_parts(method))
    entries = []
    with progress.stage("calibrate scores", len(nodes)) as stage:
        for name, node in nodes:
            query, enrolled = queries.representation.part(name), gallery.representation.part(name)
            fit = _NodeFit(node, query, enrolled, queries, gallery, numbering, by_group, seed)
            entries.append({"part": name, **fit.run(name)})
            stage.advance()
    return entries


@dataclass(slots=True, eq=False)
class _NodeFit:
    """The fit of one calibrated part."""

    node: Calibrated
    query: Representation
    enrolled: Representation
    queries: LabelledRows
    gallery: LabelledRows
    numbering: Numbering
    by_group: bool
    seed: int

    def run(self, name: str) -> dict[str, Any]:
        """Fit the curves, install them, and return the record of the part at path ``name``."""
        how = self.node.how
        pairs, first = self._pairs(how)
        pairs = _compared(pairs, first, self.gallery)
        similarity = self._similarity(how, pairs)
        if np.isnan(similarity).any():
            raise ValueError(f"{name or type(self.node.inner).__name__} gives nan as a similarity")
        if how.compat:  # published WildFusion stores similarities in half precision
            similarity = similarity.astype(np.float16).astype(np.float64)
        curves: list[Curve] = []
        scopes: dict[str, str] = {}
        notes: dict[str, None] = {}
        pooled = self._curves(how, np.ones(len(pairs), dtype=bool), pairs, similarity, first, notes)
        for group in self.numbering.groups:
            in_group = first.group[pairs.query] == group
            own, reason = self._has_own_curve(how, pairs, in_group, first)
            scopes[group] = "own" if own else f"pooled{reason}"
            curves += self._curves(how, in_group, pairs, similarity, first, notes) if own else pooled
        self.node.install([*curves, pooled[-1]])
        return {
            "kind": stated(pooled[-1].to_json()),
            "source": how.source,
            "n_pairs": len(pairs),
            "n_same": int(pairs.same.sum()),
            "folds": self.numbering.n_fold if how.held_out else 1,
            "scope": scopes,
            "notes": list(notes),
            "curves": {group: curves[int(self.numbering.mean(np.array(group)))].to_json() for group in scopes},
            "pooled": pooled[-1].to_json(),
            **self._reliability(pairs, similarity, first, curves),
        }

    def _similarity(self, how: Calibration, pairs: LabelledPairs) -> NDArray[np.float64]:
        """Return the similarity of each pair as in the search of its query: in the gallery of its group and side."""
        method, queries, gallery = self.node.inner, self.queries, self.gallery
        if how.source == "gallery":  # a search of the gallery would compare an image with itself first
            return np.asarray(method.score_shortlist(self.enrolled, self.enrolled, pairs.indices), dtype=np.float64)
        group = queries.group[pairs.query] if self.by_group else np.full(len(pairs), "")
        side = np.full(len(pairs), "") if queries.side is None else queries.side[pairs.query]
        similarity = np.empty(len(pairs))
        for of_group, of_side in sorted(set(zip(group.tolist(), side.tolist(), strict=True))):
            places = np.flatnonzero((group == of_group) & (side == of_side))
            searched = self._in_group(gallery, of_group)
            if gallery.side is not None:
                searched = searched & may_compare(of_side, gallery.side)
            enrolled = np.flatnonzero(searched)
            indices = np.stack([pairs.query[places], np.searchsorted(enrolled, pairs.gallery[places])], axis=1)
            similarity[places] = method.score_pairs(self.query, self.enrolled.take(enrolled), indices)
        return similarity

    def _pairs(self, how: Calibration) -> tuple[LabelledPairs, LabelledRows]:
        """Return the pairs, and the images that contain the first image of each pair."""
        gallery, parts = self.gallery, []
        first = gallery if how.source == "gallery" else self.queries
        groups = self.numbering.groups if self.by_group else ("",)
        if how.source == "gallery" and how.images:
            n_image = min(how.images, len(gallery.identity))
            return all_pairs_within(gallery.identity[:n_image]), first
        sizes = [int(self._in_group(first, group).sum()) for group in groups]
        for group, size in zip(groups, sizes, strict=True):
            left, right = (np.flatnonzero(self._in_group(rows, group)) for rows in (first, gallery))
            budget = max(100, how.pairs * size // max(sum(sizes), 1))
            if how.source == "gallery":
                sample = sample_pairs_within(gallery.identity[left], gallery.encounter[left], budget, self.seed)
            else:
                sample = sample_pairs(first.identity[left], gallery.identity[right], budget, self.seed)
            parts.append(LabelledPairs(left[sample.query], right[sample.gallery], sample.same, sample.weight))
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in LabelledPairs.__slots__}
        return LabelledPairs(**joined), first

    def _in_group(self, rows: LabelledRows, group: str) -> NDArray[np.bool_]:
        return rows.group == group if self.by_group else np.ones(len(rows.group), dtype=bool)

    def _has_own_curve(
        self, how: Calibration, pairs: LabelledPairs, in_group: NDArray[np.bool_], first: LabelledRows
    ) -> tuple[bool, str]:
        """Return whether the group of these pairs has a separate curve, and the reason if ``auto`` gives it none."""
        if how.scope != "auto" or len(self.numbering.groups) == 1:
            return how.scope == "group" and bool(in_group.any()), ""
        n_known = len(np.unique(first.identity[pairs.query[in_group & pairs.same]]))
        return n_known >= GROUP_IDENTITIES, f": {n_known} known animals, {GROUP_IDENTITIES} are needed"

    def _curves(
        self,
        how: Calibration,
        chosen: NDArray[np.bool_],
        pairs: LabelledPairs,
        similarity: NDArray[np.float64],
        first: LabelledRows,
        notes: dict[str, None],
    ) -> list[Curve]:
        """Return the curves of the folds and their mean, fitted on the chosen pairs."""
        n_fold, fold = self.numbering.n_fold, self.numbering.fold
        ends = fold[first.identity[pairs.query]], fold[self.gallery.identity[pairs.gallery]]
        if not how.held_out or n_fold < 2:
            curve, fit_notes = self._fit(how, chosen, pairs, similarity)
            notes |= dict.fromkeys(fit_notes)
            return [curve] * (n_fold + 1)
        curves = []
        for number in range(n_fold):
            curve, fit_notes = self._fit(how, chosen & (ends[0] != number) & (ends[1] != number), pairs, similarity)
            notes |= dict.fromkeys(fit_notes)
            curves.append(curve)
        return [*curves, MeanCurve(tuple(curves))]

    def _fit(
        self, how: Calibration, chosen: NDArray[np.bool_], pairs: LabelledPairs, similarity: NDArray[np.float64]
    ) -> tuple[Curve, tuple[str, ...]]:
        fit = None if self.node.offered is None else self.node.offered.fit
        return fit_curve(
            how.kind, similarity[chosen], pairs.same[chosen], pairs.weight[chosen], compat=how.compat, fit=fit
        )

    def _reliability(
        self, pairs: LabelledPairs, similarity: NDArray[np.float64], first: LabelledRows, curves: Sequence[Curve]
    ) -> dict[str, Any]:
        """Return the reliability of the held-out curves: each pair is scored by the curve of its query."""
        number = self.numbering.held_out(first)[pairs.query]
        probability = np.empty(len(pairs))
        for curve in np.unique(number):
            probability[number == curve] = curves[curve](similarity[number == curve])
        compared = np.isfinite(probability)
        if self.node.how.kind == "none" or not compared.any():
            return {"ece": None, "reliability": None}
        result = reliability(probability[compared], pairs.same[compared], weight=pairs.weight[compared])
        return {"ece": result.ece, "reliability": result.to_json()}


def _compared(pairs: LabelledPairs, first: LabelledRows, second: LabelledRows) -> LabelledPairs:
    """Return the pairs that matching compares: those of two known, different sides are left out."""
    if first.side is None or second.side is None:
        return pairs
    return pairs.take(may_compare(first.side[pairs.query], second.side[pairs.gallery]))
