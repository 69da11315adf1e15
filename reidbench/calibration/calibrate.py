"""Fit the curves of every calibrated part on the calibration episode, and say how reliable they are.

Identities are dealt into folds. The curve of a fold is fitted on pairs that have neither end in it, and it
judges the calibration queries of that fold. Test queries are judged by the mean of the folds' curves.
Nothing is judged by a curve that saw it.
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
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.metrics.reliability import reliability
from reidbench.progress import Progress

FOLDS = 5
GROUP_IDENTITIES = 15
"""A group has a curve of its own from this many known calibration animals on; fewer make it an accident of them."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Images of one part of a split with what calibration may know of them.

    Attributes:
        representation: What the method made of them.
        identity: Identity code of each, the same numbers in gallery and queries, ``(n,)``.
        group: Group of each, ``(n,)`` strings.
        encounter: Encounter of each, ``(n,)`` strings.
    """

    representation: Representation
    identity: NDArray[np.int64]
    group: NDArray[Any]
    encounter: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """Which curve judges a query: one number for each group and fold, one for the mean of a group's folds, one pooled.

    Attributes:
        groups: Groups that have curves, sorted.
        n_fold: Folds of each group; 0 where only the means are known.
        fold: Fold of each identity code.
    """

    groups: tuple[str, ...]
    n_fold: int
    fold: NDArray[np.int64]

    @property
    def pooled(self) -> int:
        """The curve of all groups together, the last one: of a group that the run asked nothing about."""
        return len(self.groups) * (self.n_fold + 1)

    def held_out(self, rows: LabelledRows) -> NDArray[np.int64]:
        """Return the curve that saw neither end of any pair of each query's animal, ``(n,)``."""
        return self._group(rows.group) * (self.n_fold + 1) + self.fold[rows.identity]

    def mean(self, group: NDArray[Any]) -> NDArray[np.int64]:
        """Return the mean curve of each query's group, ``(n,)``; the pooled one where the group has none."""
        return np.where(np.isin(group, self.groups), self._group(group) * (self.n_fold + 1) + self.n_fold, self.pooled)

    def _group(self, group: NDArray[Any]) -> NDArray[np.int64]:
        return np.searchsorted(np.array(self.groups), group).astype(np.int64)


def number_curves(groups: Sequence[str], n_identity: int, seed: int) -> Numbering:
    """Deal identities into folds and number the curves of every group."""
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
    """Fit and install the curves of every calibrated method in a tree of parts, inner ones first.

    Args:
        method: The whole method.
        queries: The calibration queries.
        gallery: The enrolled images.
        numbering: Which curve judges which query.
        by_group: Whether queries search their own group only, so that other pairs are never compared.
        seed: Seed of the pair sample.
        progress: Where the bar goes.

    Returns:
        For each calibrated method: its name in the tree, pairs, scope by group, notes, curves, reliability.

    Raises:
        ValueError: A similarity is ``nan``; names the part.
    """
    nodes = list(calibrated_parts(method))
    described = []
    with progress.stage("calibrate scores", len(nodes)) as stage:
        for name, node in nodes:
            query, enrolled = queries.representation.part(name), gallery.representation.part(name)
            fit = _NodeFit(node, query, enrolled, queries, gallery, numbering, by_group, seed)
            described.append({"part": name, **fit.run(name)})
            stage.advance()
    return described


@dataclass(slots=True, eq=False)
class _NodeFit:
    """The fit of one calibrated method."""

    node: Calibrated
    query: Representation
    enrolled: Representation
    queries: LabelledRows
    gallery: LabelledRows
    numbering: Numbering
    by_group: bool
    seed: int

    def run(self, name: str) -> dict[str, Any]:
        how = self.node.how
        pairs, first = self._pairs(how)
        left = self.enrolled if how.source == "gallery" else self.query
        similarity = np.asarray(self.node.inner.score_pairs(left, self.enrolled, pairs.indices), dtype=np.float64)
        if np.isnan(similarity).any():
            raise ValueError(f"{name or type(self.node.inner).__name__} gives nan as a similarity")
        if how.compat:  # kept in half precision, as published
            similarity = similarity.astype(np.float16).astype(np.float64)
        curves: list[Curve] = []
        scopes: dict[str, str] = {}
        notes: dict[str, None] = {}
        pooled = self._curves(how, np.ones(len(pairs), dtype=bool), pairs, similarity, first, notes)
        for group in self.numbering.groups:
            mine = first.group[pairs.query] == group
            own, why = self._has_own(how, group, pairs, mine, first)
            scopes[group] = "own" if own else f"pooled{why}"
            curves += self._curves(how, mine, pairs, similarity, first, notes) if own else pooled
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

    def _pairs(self, how: Calibration) -> tuple[LabelledPairs, LabelledRows]:
        """Return the pairs and whose rows their first ends are."""
        gallery, parts = self.gallery, []
        first = gallery if how.source == "gallery" else self.queries
        groups = self.numbering.groups if self.by_group else ("",)
        if how.source == "gallery" and how.images:
            n_image = min(how.images, len(gallery.identity))
            return all_pairs_within(gallery.identity[:n_image]), first
        sizes = [len(np.flatnonzero(self._inside(first, group))) for group in groups]
        for group, size in zip(groups, sizes, strict=True):
            left, right = (np.flatnonzero(self._inside(rows, group)) for rows in (first, gallery))
            budget = max(100, how.pairs * size // max(sum(sizes), 1))
            if how.source == "gallery":
                drawn = sample_pairs_within(gallery.identity[left], gallery.encounter[left], budget, self.seed)
            else:
                drawn = sample_pairs(first.identity[left], gallery.identity[right], budget, self.seed)
            parts.append(LabelledPairs(left[drawn.query], right[drawn.gallery], drawn.same, drawn.weight))
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in LabelledPairs.__slots__}
        return LabelledPairs(**joined), first

    def _inside(self, rows: LabelledRows, group: str) -> NDArray[np.bool_]:
        return rows.group == group if self.by_group else np.ones(len(rows.group), dtype=bool)

    def _has_own(
        self, how: Calibration, group: str, pairs: LabelledPairs, mine: NDArray[np.bool_], first: LabelledRows
    ) -> tuple[bool, str]:
        if how.scope != "auto" or len(self.numbering.groups) == 1:
            return how.scope == "group" and bool(mine.any()), ""
        known = len(np.unique(first.identity[pairs.query[mine & pairs.same]]))
        return known >= GROUP_IDENTITIES, f": {known} known animals, {GROUP_IDENTITIES} are needed"

    def _curves(
        self,
        how: Calibration,
        mine: NDArray[np.bool_],
        pairs: LabelledPairs,
        similarity: NDArray[np.float64],
        first: LabelledRows,
        notes: dict[str, None],
    ) -> list[Curve]:
        """Return the curve of each fold and their mean."""
        n_fold, fold = self.numbering.n_fold, self.numbering.fold
        ends = fold[first.identity[pairs.query]], fold[self.gallery.identity[pairs.gallery]]
        if not how.held_out or n_fold < 2:
            curve, said = self._fit(how, mine, pairs, similarity)
            notes |= dict.fromkeys(said)
            return [curve] * (n_fold + 1)
        curves = []
        for number in range(n_fold):
            curve, said = self._fit(how, mine & (ends[0] != number) & (ends[1] != number), pairs, similarity)
            notes |= dict.fromkeys(said)
            curves.append(curve)
        return [*curves, MeanCurve(tuple(curves))]

    def _fit(
        self, how: Calibration, kept: NDArray[np.bool_], pairs: LabelledPairs, similarity: NDArray[np.float64]
    ) -> tuple[Curve, tuple[str, ...]]:
        fit = None if self.node.offered is None else self.node.offered.fit
        return fit_curve(how.kind, similarity[kept], pairs.same[kept], pairs.weight[kept], compat=how.compat, fit=fit)

    def _reliability(
        self, pairs: LabelledPairs, similarity: NDArray[np.float64], first: LabelledRows, curves: Sequence[Curve]
    ) -> dict[str, Any]:
        """Judge each pair by the curve that judges its query, which saw neither of its ends' animals as a query."""
        number = self.numbering.held_out(first)[pairs.query]
        probability = np.empty(len(pairs))
        for curve in np.unique(number):
            probability[number == curve] = curves[curve](similarity[number == curve])
        compared = np.isfinite(probability)
        if self.node.how.kind == "none" or not compared.any():
            return {"ece": None, "reliability": None}
        found = reliability(probability[compared], pairs.same[compared], weight=pairs.weight[compared])
        return {"ece": found.ece, "reliability": found.to_json()}
