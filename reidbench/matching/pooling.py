"""Pool the scores of several photographs of one encounter, so that the encounter is one query.

Photographs are matched one by one. The score of an identity for the encounter is then the best, or the mean, of its
scores for the photographs. It does not matter how the encounters were found.

Matching keeps the best K identities of each photograph, so an identity can be listed for some photographs of an
encounter only. For the others it takes the lowest score that any photograph of the encounter lists. This concerns
identities beyond the best K, and pairs that were never compared (score ``-inf``). The rule ``best`` is exact in spite
of it: K other identities have at least the score of an identity that is not listed. A photograph that lists no
identity is left out, and an encounter of such photographs has no candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.metrics.answers import Answers

Rule = Literal["best", "mean"]
IMAGE: Final = "image"
"""Each photograph is one query."""
QUERY_UNITS: Final = (IMAGE, "encounter:best", "encounter:mean")
"""What one query can be."""


def parse_query(text: str, option: str = "--query") -> str:
    """Return the full name of a query unit; ``encounter`` alone means ``encounter:best``.

    Args:
        text: Value of the option.
        option: The option, for errors.

    Raises:
        ReidbenchError: There is no such unit.

    Example:
        >>> parse_query("encounter"), parse_query("image")
        ('encounter:best', 'image')
    """
    unit = "encounter:best" if text == "encounter" else text
    if unit not in QUERY_UNITS:
        raise ReidbenchError(
            f"a query is a photograph or an encounter, not '{text}'",
            where=f"{option} {text}",
            remedy=f"choose one of: {', '.join(QUERY_UNITS)}",
        )
    return unit


@dataclass(frozen=True, eq=False)
class Pooling:
    """Which photographs are one query, and how their scores become one.

    Attributes:
        encounter: Encounter of each photograph, ``(n_photograph,)``. Photographs with equal values are one query.
        rule: ``best`` or ``mean``.
    """

    encounter: NDArray[Any]
    rule: Rule

    @classmethod
    def of(cls, unit: str, encounter: NDArray[Any]) -> Pooling | None:
        """Return the pooling of a query unit; ``None`` if each photograph is one query."""
        return None if unit == IMAGE else cls(encounter, "mean" if unit == "encounter:mean" else "best")

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Row of the first photograph of each query, ascending, ``(n_query,)``."""
        return np.sort(np.unique(self.encounter, return_index=True)[1]).astype(np.int64)

    @cached_property
    def query(self) -> NDArray[np.int64]:
        """Query of each photograph, ``(n_photograph,)``, numbered in order of their first photographs."""
        _, first, code = np.unique(self.encounter, return_index=True, return_inverse=True)
        number = np.empty(len(first), np.int64)
        number[np.argsort(first)] = np.arange(len(first))
        return number[code.reshape(-1)]

    @cached_property
    def rows(self) -> Sequence[NDArray[np.int64]]:
        """Rows of the photographs of each query, in order."""
        order = np.argsort(self.query, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.query[order])) + 1) if len(order) else []

    def any(self, photographs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether any photograph of each query is marked, ``(n_query,)``."""
        return np.array([photographs[rows].any() for rows in self.rows], dtype=bool)

    def pool(self, answers: Answers) -> Answers:
        """Return the answers of the encounters.

        Args:
            answers: The answers of the photographs.

        Raises:
            ValueError: Two photographs of one encounter have different identities or groups.
        """
        for name in ("true", "group"):
            values = np.asarray(getattr(answers, name), dtype=str)
            if (values != values[self.first][self.query]).any():
                raise ValueError(f"two photographs of one encounter differ in {name}")
        return self.pool_candidates(answers)

    def pool_candidates(self, answers: Answers) -> Answers:
        """Return :meth:`pool` where the true identities are placeholders; that of the first photograph is kept."""
        pooled = answers.take(self.first)
        candidates, scores = pooled.candidates.copy(), pooled.scores.copy()
        for place, rows in enumerate(self.rows):
            if len(rows) > 1:
                candidates[place], scores[place] = _pool(answers.candidates[rows], answers.scores[rows], self.rule)
        undefined = np.full(len(pooled), np.nan)
        return replace(pooled, candidates=candidates, scores=scores, average_precision=undefined, pooled=True)

    def pool_own(self, own_best: NDArray[np.float64], answers: Answers) -> NDArray[np.float64]:
        """Pool the scores of the true identity, ``-inf`` only if it is ``-inf`` for every photograph, ``(n_query,)``.

        Args:
            own_best: Score of the true identity for each photograph, ``(n_photograph,)``.
            answers: The answers of the photographs.
        """
        pooled = own_best[self.first].copy()
        for place, rows in enumerate(self.rows):
            own = own_best[rows]
            if len(rows) > 1 and np.isfinite(own).any():
                lowest = min(own[np.isfinite(own)].min(), _lowest(answers.scores[rows]))
                values = np.where(np.isfinite(own), own, lowest)
                pooled[place] = values.max() if self.rule == "best" else np.sort(values).mean()
        return pooled


def other_best(answers: Answers) -> NDArray[np.float64]:
    """Return the best listed score of another identity than the true one, ``-inf`` without one, ``(n_query,)``."""
    is_other = (answers.candidates != answers.true[:, None]) & (answers.scores > -np.inf)
    return np.asarray(np.where(is_other, answers.scores, -np.inf).max(axis=1, initial=-np.inf), dtype=np.float64)


def _lowest(scores: NDArray[np.float64]) -> float:
    return float(scores[np.isfinite(scores)].min(initial=np.inf))


def _pool(
    candidates: NDArray[Any], scores: NDArray[np.float64], rule: Rule
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Pool the lists of the photographs of one encounter into one list of the same length.

    Equal pooled scores are sorted by the best rank in any photograph, then by name, so that the order of the
    photographs does not matter.
    """
    n_kept = scores.shape[1]
    listed = scores > -np.inf
    names, place = np.unique(candidates[listed].astype(str), return_inverse=True)
    photograph, rank = np.nonzero(listed)
    merged = np.full((len(scores), len(names)), _lowest(scores))
    merged[photograph, place] = scores[listed]
    merged = np.sort(merged[listed.any(axis=1)], axis=0)  # a sorted sum does not depend on the order of photographs
    pooled = merged.max(axis=0, initial=-np.inf) if rule == "best" or not len(merged) else merged.mean(axis=0)
    best_rank = np.full(len(names), n_kept)
    np.minimum.at(best_rank, place, rank)
    order = np.lexsort((np.arange(len(names)), best_rank, -pooled))[:n_kept]
    kept_names, kept_scores = np.full(n_kept, "", dtype=object), np.full(n_kept, -np.inf)
    kept_names[: len(order)], kept_scores[: len(order)] = names[order], pooled[order]
    return kept_names, kept_scores
