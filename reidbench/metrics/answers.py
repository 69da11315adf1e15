"""The result of matching the queries of one episode, before any threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Answers:
    """True identities and best candidates of all queries of an episode.

    Properties that are computed from names are computed once, because many policies and metrics read them.

    Attributes:
        true: True identities; for a new animal the hidden one, ``(n_query,)`` strings.
        known: Whether the identity is in the gallery, ``(n_query,)``.
        group: Group of each query, ``(n_query,)`` strings.
        candidates: Best identities, best first, padded with ``""``, ``(n_query, K)`` strings.
        scores: Scores of the candidates, falling along each row, padded with ``-inf``, ``(n_query, K)``.
        average_precision: Image-level average precision of known queries, ``nan`` if it is undefined, ``(n_query,)``.
        gallery_identities: Number of identities in the gallery that the queries of each group are compared with.
        pooled: Whether a query is an encounter, with the pooled scores of its photographs.

    Raises:
        ValueError: Shapes don't fit, ``known`` is not bool, or scores contain ``nan`` or +inf or rise along a row.
    """

    true: NDArray[Any]
    known: NDArray[np.bool_]
    group: NDArray[Any]
    candidates: NDArray[Any]
    scores: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    gallery_identities: Mapping[str, int]
    pooled: bool = False

    def __post_init__(self) -> None:
        n_query = len(self.true)
        for name in ("known", "group", "average_precision"):
            shape = getattr(self, name).shape
            if shape != (n_query,):
                raise ValueError(f"{name} has shape {shape}, not (n_query,) = {(n_query,)}")
        if self.scores.ndim != 2 or self.scores.shape != self.candidates.shape or len(self.scores) != n_query:
            raise ValueError(
                f"candidates and scores have shapes {self.candidates.shape} and {self.scores.shape}, "
                f"not one (n_query, K) with n_query = {n_query}"
            )
        if self.known.dtype != np.bool_:
            raise ValueError(f"known has dtype {self.known.dtype}, not bool")
        if np.isnan(self.scores).any() or np.isposinf(self.scores).any():
            raise ValueError("scores contain nan or +inf; use -inf for a candidate that does not exist")
        if (self.scores[:, 1:] > self.scores[:, :-1]).any():
            raise ValueError("scores do not fall along each row: the best candidate comes first")

    def __len__(self) -> int:
        return len(self.true)

    def take(self, rows: NDArray[Any]) -> Answers:
        """Return the queries that a mask or an array of indices selects, in its order."""
        return Answers(
            true=self.true[rows],
            known=self.known[rows],
            group=self.group[rows],
            candidates=self.candidates[rows],
            scores=self.scores[rows],
            average_precision=self.average_precision[rows],
            gallery_identities=self.gallery_identities,
            pooled=self.pooled,
        )

    @property
    def best_score(self) -> NDArray[np.float64]:
        """Score of the best candidate, ``-inf`` without candidates, ``(n_query,)``."""
        return self.scores[:, 0] if self.scores.shape[1] else np.full(len(self), -np.inf)

    @property
    def second_score(self) -> NDArray[np.float64]:
        """Score of the second candidate, ``-inf`` with fewer than two candidates, ``(n_query,)``."""
        return self.scores[:, 1] if self.scores.shape[1] > 1 else np.full(len(self), -np.inf)

    @property
    def impostor_score(self) -> NDArray[np.float64]:
        """Best score of an identity other than the query's, ``-inf`` without one, ``(n_query,)``."""
        return np.where(self.correct, self.second_score, self.best_score)

    @property
    def best_candidate(self) -> NDArray[Any]:
        """The best identity, before any threshold, ``""`` without candidates, ``(n_query,)``."""
        return self.candidates[:, 0] if self.scores.shape[1] else np.full(len(self), "", dtype=object)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the best candidate is the true identity, ``(n_query,)``, read-only."""
        return _locked(np.asarray(self.best_candidate == self.true, dtype=bool) & (self.best_score > -np.inf))

    @cached_property
    def identity_code(self) -> NDArray[np.int64]:
        """A number for each query's identity, ``(n_query,)``, read-only; one name in two groups is two animals."""
        return _locked(identity_codes(self.group, self.true))

    @cached_property
    def by_group(self) -> Mapping[str, Answers]:
        """The queries of each group, by its name, sorted by name."""
        return {name: self.take(self.group == name) for name in sorted({str(name) for name in self.group})}


def _locked(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False  # all readers share this array
    return array


def identity_codes(group: NDArray[Any], identity: NDArray[Any]) -> NDArray[np.int64]:
    """Number the distinct pairs of group and identity from 0.

    Args:
        group: Group of each row, ``(n,)``.
        identity: Identity of each row, ``(n,)``.

    Returns:
        The number of each row's pair, ``(n,)``; pairs are sorted by group, then by identity.

    Example:
        >>> identity_codes(np.array(["cat", "cat", "dog"]), np.array(["ana", "ana", "ana"])).tolist()
        [0, 0, 1]
    """
    _, group_code = np.unique(np.asarray(group, dtype=str), return_inverse=True)
    names, name_code = np.unique(np.asarray(identity, dtype=str), return_inverse=True)
    pair = group_code.astype(np.int64) * max(len(names), 1) + name_code
    return np.asarray(np.unique(pair, return_inverse=True)[1], dtype=np.int64)
