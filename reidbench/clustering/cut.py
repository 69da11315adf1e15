"""Where to cut: the rule and the heights that give the best clusters of the calibration images.

One rule serves all groups. Each group's height is drawn to the common one the more, the fewer of its animals were seen
twice (as thresholds are shrunk); a group without calibration images takes the common one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.clustering.graph import RULES, Graph, Rule, cut
from reidbench.thresholds.scoped import SHRINK_AT

HEIGHTS = 200  # cuts that are tried, spread over all heights at which anything is joined
SAME = 1e-9  # indices that differ by less are equal


@dataclass(frozen=True, slots=True)
class Cut:
    """How graphs are cut into clusters.

    Attributes:
        rule: How images are joined.
        height: Distance below which they are, 1 minus a probability.
        heights: The same for groups that have their own.
        ari: Mean adjusted Rand index on the images it was chosen on.
    """

    rule: Rule
    height: float
    heights: Mapping[str, float]
    ari: float

    def clusters(self, graph: Graph) -> NDArray[np.int64]:
        """Return the cluster of each of a graph's images, numbered from 0."""
        if len(graph.rows) == 1:
            return np.zeros(1, np.int64)
        return cut(graph.tree(self.rule), self.heights.get(graph.group, self.height), len(graph.rows))


def choose_cut(graphs: Sequence[Graph], identity: NDArray[Any]) -> Cut:
    """Choose rule and heights.

    Args:
        graphs: The groups of the calibration images.
        identity: Animal of each image of the whole, which ``graph.rows`` index.

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
        joined = np.unique(np.concatenate([tree[:, 2] for tree in trees]))
        between = np.concatenate([[0.0], (joined[1:] + joined[:-1]) / 2, [joined[-1] + 1e-6]])
        tried = between[np.unique(np.linspace(0, len(between) - 1, HEIGHTS).round().astype(np.int64))]
        ari = np.array(
            [
                [adjusted_rand_score(identity[graph.rows], cut(tree, height, len(graph.rows))) for height in tried]
                for graph, tree in zip(usable, trees, strict=True)
            ]
        )
        mean = ari.mean(axis=0)
        common = tried[_middle(mean)]
        if best is None or mean.max() > best.ari + SAME:
            own = {}
            for graph, values in zip(usable, ari, strict=True):
                seen = _seen_twice(identity[graph.rows])
                weight = seen / (seen + SHRINK_AT)
                own[graph.group] = float(weight * tried[_middle(values)] + (1 - weight) * common)
            best = Cut(rule, float(common), own, float(mean.max()))
    assert best is not None
    return best


def _middle(values: NDArray[np.float64]) -> int:
    """Return the middle of the longest run of best values."""
    good = np.concatenate([[False], values >= values.max() - SAME, [False]])
    edges = np.flatnonzero(good[1:] != good[:-1])
    starts, ends = edges[::2], edges[1::2] - 1
    longest = int(np.argmax(ends - starts))
    return int((starts[longest] + ends[longest]) // 2)


def _seen_twice(identity: NDArray[Any]) -> int:
    return int((np.unique(identity, return_counts=True)[1] > 1).sum())
