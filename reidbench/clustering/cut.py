"""Choose the rule and the heights of the cut that give the best clusters of the calibration images.

All groups use one rule. The height of a group is shrunk towards the common height, as thresholds are: the fewer of its
animals have several images, the closer. A group without calibration images uses the common height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.clustering.graph import RULES, Graph, Rule, cut
from reidbench.thresholds.scoped import SHRINK_AT

HEIGHTS = 200  # number of heights that are tried, spread over all heights at which clusters are joined
SAME = 1e-9  # Rand indices that differ by less are equal


@dataclass(frozen=True, slots=True)
class Cut:
    """The rule and the heights at which graphs are cut into clusters.

    Attributes:
        rule: How images are joined.
        height: Common height: the distance (1 minus a probability) below which clusters are joined.
        heights: Height of each group with calibration images.
        ari: Mean adjusted Rand index over the groups of the calibration images, with the common height.
    """

    rule: Rule
    height: float
    heights: Mapping[str, float]
    ari: float

    def clusters(self, graph: Graph) -> NDArray[np.int64]:
        """Return the cluster of each image of a graph, numbered from 0, ``(n,)``."""
        if len(graph.rows) == 1:
            return np.zeros(1, np.int64)
        return cut(graph.tree(self.rule), self.heights.get(graph.group, self.height), len(graph.rows))


def choose_cut(graphs: Sequence[Graph], identity: NDArray[Any]) -> Cut:
    """Choose the rule and the heights with the highest mean adjusted Rand index.

    Args:
        graphs: One graph for each group of calibration images.
        identity: Identity of each calibration image; ``graph.rows`` are its indices.

    Raises:
        ValueError: No group has two images.
    """
    from sklearn.metrics import adjusted_rand_score

    usable = [graph for graph in graphs if len(graph.rows) > 1]
    if not usable:
        raise ValueError("no group has two calibration images")
    best: Cut | None = None
    for rule in RULES:
        trees = [graph.tree(rule) for graph in usable]
        joins = np.unique(np.concatenate([tree[:, 2] for tree in trees]))
        midpoints = np.concatenate([[0.0], (joins[1:] + joins[:-1]) / 2, [joins[-1] + 1e-6]])
        heights = midpoints[np.unique(np.linspace(0, len(midpoints) - 1, HEIGHTS).round().astype(np.int64))]
        ari = np.array(
            [
                [adjusted_rand_score(identity[graph.rows], cut(tree, height, len(graph.rows))) for height in heights]
                for graph, tree in zip(usable, trees, strict=True)
            ]
        )
        mean = ari.mean(axis=0)
        common = heights[_middle_of_best(mean)]
        if best is None or mean.max() > best.ari + SAME:
            by_group = {}
            for graph, values in zip(usable, ari, strict=True):
                n_repeated = _animals_with_several_images(identity[graph.rows])
                weight = n_repeated / (n_repeated + SHRINK_AT)
                by_group[graph.group] = float(weight * heights[_middle_of_best(values)] + (1 - weight) * common)
            best = Cut(rule, float(common), by_group, float(mean.max()))
    assert best is not None
    return best


def _middle_of_best(values: NDArray[np.float64]) -> int:
    """Return the index in the middle of the longest run of highest values."""
    good = np.concatenate([[False], values >= values.max() - SAME, [False]])
    edges = np.flatnonzero(good[1:] != good[:-1])
    starts, ends = edges[::2], edges[1::2] - 1
    longest = int(np.argmax(ends - starts))
    return int((starts[longest] + ends[longest]) // 2)


def _animals_with_several_images(identity: NDArray[Any]) -> int:
    return int((np.unique(identity, return_counts=True)[1] > 1).sum())
