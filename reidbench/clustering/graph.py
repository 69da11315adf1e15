"""The graph of the images of one group, and its clusters at any height.

An edge is the probability that two images show one animal. If both images resemble one enrolled animal, the product of
these two probabilities can also be used. Clusters come from SciPy's hierarchical clustering, which is computed once and
can be cut at any height. The joining *components* joins images that a chain of edges above the cut connects. *average*
joins clusters whose mean edge is above the cut, so that one false edge does not join two animals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from reidbench.data.memory import memory_bytes
from reidbench.errors import ReidbenchError

Joining = Literal["average", "components"]
_LINKAGE: Final = {"average": "average", "components": "single"}
ANCHORS = 5  # number of enrolled animals of each image that may connect it with other images


@dataclass(frozen=True, slots=True)
class Rule:
    """How a graph becomes clusters at a given height.

    Attributes:
        joining: Which clusters are joined: by their mean edge, or by any chain of edges.
        anchored: Whether enrolled animals that both images resemble connect two images.
    """

    joining: Joining
    anchored: bool


RULES: Final = tuple(Rule(joining, anchored) for joining in ("average", "components") for anchored in (True, False))
"""The rules to choose from; of two equally good rules the first is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The images of one group and the edges between them.

    Attributes:
        group: Name of the group.
        rows: Indices of the images among all images to cluster, ``(n,)``.
        direct: Probability that two images show one animal, ``(n, n)``, symmetric, 0 to 1.
        anchored: Probability that two images show the same enrolled animal, ``(n, n)``, symmetric, 0 to 1.
    """

    group: str
    rows: NDArray[np.int64]
    direct: NDArray[np.float32]
    anchored: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.rows))
        if self.direct.shape != shape or self.anchored.shape != shape:
            raise ValueError(f"edges have shapes {self.direct.shape} and {self.anchored.shape}, not {shape}")

    def tree(self, rule: Rule) -> NDArray[np.float64]:
        """Return SciPy's linkage of the images; distances are 1 minus probabilities."""
        edges = np.maximum(self.direct, self.anchored) if rule.anchored else self.direct
        distance = 1.0 - edges.astype(np.float64)
        np.fill_diagonal(distance, 0.0)
        return np.asarray(linkage(squareform(distance, checks=False), _LINKAGE[rule.joining]), dtype=np.float64)


def cut(tree: NDArray[np.float64], height: float, n_image: int) -> NDArray[np.int64]:
    """Return the cluster of each image if clusters nearer than ``height`` are joined, ``(n_image,)``.

    Clusters are numbered from 0 in the order of their first images.
    """
    if n_image == 1:
        return np.zeros(1, np.int64)
    labels = fcluster(tree, height, criterion="distance")
    _, first, code = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[code]


def symmetric(scores: NDArray[Any]) -> NDArray[np.float32]:
    """Return edges from the scores of all pairs: the higher direction, and 0 for pairs that were not compared."""
    edges = np.maximum(scores, scores.T)
    return np.where(np.isfinite(edges), np.clip(edges, 0.0, 1.0), 0.0).astype(np.float32)


def anchors(candidates: NDArray[Any], scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the probability that two images show the same enrolled animal, from their best candidates, ``(n, n)``.

    For two images with a common candidate it is the product of both probabilities; with several, the highest product.

    Args:
        candidates: Best identities of each image, ``(n, K)``; ``""`` is no candidate.
        scores: Probability of each candidate, ``(n, K)``.

    Example:
        >>> anchors(np.array([["a"], ["a"], ["b"]]), np.array([[0.9], [0.5], [0.9]]))[0].round(2).tolist()
        [0.0, 0.45, 0.0]
    """
    n_image = len(candidates)
    edges = np.zeros((n_image, n_image), dtype=np.float32)
    candidates, scores = candidates[:, :ANCHORS].astype(str), scores[:, :ANCHORS]
    image, column = np.nonzero((candidates != "") & np.isfinite(scores))
    names, code = np.unique(candidates[image, column], return_inverse=True)
    order = np.argsort(code, kind="stable")
    for of_animal in np.split(order, np.flatnonzero(np.diff(code[order])) + 1) if len(names) else []:
        rows = image[of_animal]
        probability = np.clip(scores[rows, column[of_animal]], 0.0, 1.0)
        block = np.ix_(rows, rows)
        edges[block] = np.maximum(edges[block], np.outer(probability, probability))
    np.fill_diagonal(edges, 0.0)
    return edges


def check_size(group: str, n_image: int) -> None:
    """Refuse a group whose pairs do not fit into the memory budget.

    Raises:
        ReidbenchError: The group has too many images.
    """
    most = int((memory_bytes() / 24) ** 0.5)  # bytes for each pair: three edges of 4, a distance of 8, and a copy
    if n_image > most:
        raise ReidbenchError(
            f"group '{group}' has {n_image} images to cluster; the pairs of at most {most} images fit into memory",
            where="the images to cluster",
            remedy=f"raise the limit with --memory {-(-24 * n_image**2 // (1 << 30))}GiB, or cluster fewer images at "
            "once, such as one site or one season",
        )
