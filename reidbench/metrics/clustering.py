"""How well clusters match animals: adjusted Rand index, adjusted mutual information and the number of clusters.

The score of AnimalCLEF 2026 is the mean over datasets of the adjusted Rand index. The index is 1 for the true clusters,
0 on average for random clusters of the same sizes, and negative for worse clusters. It counts pairs of photographs, so
animals with many photographs weigh more than in BAKS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class ClusterMetrics:
    """The metrics of the clusters of one group, or of all groups.

    Attributes:
        ari: Adjusted Rand index, at most 1; over all groups their mean.
        ami: Adjusted mutual information, at most 1; over all groups their mean.
        n_images: Number of images.
        n_animals: Number of animals on the images.
        n_found: Number of clusters.
    """

    ari: float
    ami: float
    n_images: int
    n_animals: int
    n_found: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ClusteringScore:
    """Cluster metrics overall and by group.

    Attributes:
        overall: Means of the groups' indices, and sums of their counts.
        groups: Metrics of each group, by its name.
    """

    overall: ClusterMetrics
    groups: Mapping[str, ClusterMetrics]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "overall": self.overall.to_json(),
            "groups": {name: each.to_json() for name, each in self.groups.items()},
        }


def score_clusters(true: ArrayLike, cluster: ArrayLike, group: ArrayLike) -> ClusteringScore:
    """Score the clusters of each group against its animals.

    Args:
        true: Animal of each image, ``(n_image,)``.
        cluster: Cluster of each image, ``(n_image,)``; one name in two groups is two clusters.
        group: Group of each image, ``(n_image,)``.

    Raises:
        ValueError: Lengths differ, or there is no image.

    Sources: Hubert and Arabie 1985 (the adjusted Rand index); Vinh, Epps and Bailey 2010 (adjusted mutual
    information); both as in scikit-learn.

    Example:
        >>> score_clusters(["a", "a", "b"], ["1", "1", "1"], ["g"] * 3).overall.ari
        0.0
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    true, cluster, group = (np.asarray(values, dtype=str) for values in (true, cluster, group))
    if not len(true) or not true.shape == cluster.shape == group.shape:
        raise ValueError(f"animals, clusters and groups have shapes {true.shape}, {cluster.shape} and {group.shape}")
    groups = {}
    for name in np.unique(group):
        in_group = group == name
        groups[str(name)] = ClusterMetrics(
            ari=float(adjusted_rand_score(true[in_group], cluster[in_group])),
            ami=float(adjusted_mutual_info_score(true[in_group], cluster[in_group])),
            n_images=int(in_group.sum()),
            n_animals=len(np.unique(true[in_group])),
            n_found=len(np.unique(cluster[in_group])),
        )
    overall = ClusterMetrics(
        ari=float(np.mean([each.ari for each in groups.values()])),
        ami=float(np.mean([each.ami for each in groups.values()])),
        n_images=len(true),
        n_animals=sum(each.n_animals for each in groups.values()),
        n_found=sum(each.n_found for each in groups.values()),
    )
    return ClusteringScore(overall, groups)
