"""The graph of one group's images, and its clusters at any cut.

An edge is the probability that two images show one animal: what the method says of the pair or, where both are like
one enrolled animal, the product of those two probabilities. Clusters come from SciPy's hierarchical clustering, which
is computed once and cut anywhere: *components* joins images that any chain of edges above the cut connects;
*average* joins clusters whose mean edge is above it, so that one false edge does not make two animals one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from reidbench.errors import ReidbenchError
from reidbench.matching.match import DEFAULT_BUDGET

Joining = Literal["average", "components"]
_LINKAGE: Final = {"average": "average", "components": "single"}
ANCHORS = 5  # enrolled animals of each image that may tie it to another


@dataclass(frozen=True, slots=True)
class Rule:
    """How a graph becomes clusters, but for the cut.

    Attributes:
        joining: Which clusters are joined.
        anchored: Whether images are tied by enrolled animals that both are like.
    """

    joining: Joining
    anchored: bool


RULES: Final = tuple(Rule(joining, anchored) for joining in ("average", "components") for anchored in (True, False))
"""The rules to choose from; of equals the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The images of one group.

    Attributes:
        group: Name of the group.
        rows: Where they stand in the whole, ``(n,)``.
        alike: Probability that two of them show one animal, ``(n, n)``, symmetric, in [0, 1].
        anchored: The same by way of enrolled animals, ``(n, n)``; 0 where there is none.
    """

    group: str
    rows: NDArray[np.int64]
    alike: NDArray[np.float32]
    anchored: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.rows))
        if self.alike.shape != shape or self.anchored.shape != shape:
            raise ValueError(f"edges have shapes {self.alike.shape} and {self.anchored.shape}, not {shape}")

    def tree(self, rule: Rule) -> NDArray[np.float64]:
        """Return SciPy's linkage of the images; its distances are 1 minus probabilities."""
        edges = np.maximum(self.alike, self.anchored) if rule.anchored else self.alike
        distance = 1.0 - edges.astype(np.float64)
        np.fill_diagonal(distance, 0.0)
        return np.asarray(linkage(squareform(distance, checks=False), _LINKAGE[rule.joining]), dtype=np.float64)


def cut(tree: NDArray[np.float64], height: float, n_image: int) -> NDArray[np.int64]:
    """Return the cluster of each image when everything nearer than ``height`` is joined, ``(n_image,)``.

    Clusters are numbered from 0 by their first image.
    """
    if n_image == 1:
        return np.zeros(1, np.int64)
    named = fcluster(tree, height, criterion="distance")
    _, first, code = np.unique(named, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[code]


def symmetric(scores: NDArray[Any]) -> NDArray[np.float32]:
    """Turn scores of every image against every other into edges: the surer direction, 0 where none was compared."""
    edges = np.maximum(scores, scores.T)
    return np.where(np.isfinite(edges), np.clip(edges, 0.0, 1.0), 0.0).astype(np.float32)


def anchors(candidates: NDArray[Any], scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the probability that two images show one enrolled animal, by their best candidates.

    Args:
        candidates: Best identities of each image, ``(n, K)``; ``""`` is none.
        scores: Their probabilities, ``(n, K)``.

    Example:
        >>> anchors(np.array([["a"], ["a"], ["b"]]), np.array([[0.9], [0.5], [0.9]]))[0].round(2).tolist()
        [0.0, 0.45, 0.0]
    """
    n_image = len(candidates)
    tied = np.zeros((n_image, n_image), dtype=np.float32)
    candidates, scores = candidates[:, :ANCHORS].astype(str), scores[:, :ANCHORS]
    place, column = np.nonzero((candidates != "") & np.isfinite(scores))
    names, code = np.unique(candidates[place, column], return_inverse=True)
    order = np.argsort(code, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(code[order])) + 1) if len(names) else []:
        rows = place[mine]
        probability = np.clip(scores[rows, column[mine]], 0.0, 1.0)
        block = np.ix_(rows, rows)
        tied[block] = np.maximum(tied[block], np.outer(probability, probability))
    np.fill_diagonal(tied, 0.0)
    return tied


def check_size(group: str, n_image: int) -> None:
    """Refuse a group whose pairs don't fit into the memory budget.

    Raises:
        ReidbenchError: It is too large.
    """
    most = int((DEFAULT_BUDGET / 24) ** 0.5)  # three edges of 4 bytes and distances of 8 for each pair, and a copy
    if n_image > most:
        raise ReidbenchError(
            f"group '{group}' has {n_image} images to cluster; every pair of them is an edge, and {most} fit",
            where="the images to cluster",
            remedy="cluster a smaller part, such as one site or one season",
        )
