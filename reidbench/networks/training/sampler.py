"""Batches of M identities with K images each, for losses that compare images within a batch.

Each identity has the same probability, whatever its number of photographs. The state of the random generator can be
saved, so that a resumed training draws the same batches.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


class IdentitySampler:
    """Draws batches of M identities with K images each.

    An epoch has ``ceil(n_image / (M * K))`` batches. An identity occurs once in a batch. If there are fewer than M
    identities, each batch contains them all. Images of an identity with fewer than K images repeat.

    Args:
        labels: Identity of each image as an integer, ``(n_image,)``.
        identities_per_batch: M.
        images_per_identity: K.
        seed: Seed of all random choices.
        groups: Group of each image. If given, each batch comes from one group with at least two identities; the
            probability of a group is proportional to its number of identities.

    Raises:
        ValueError: There are no images.

    Example:
        >>> sampler = IdentitySampler(np.array([0, 0, 0, 1, 1, 2]), 2, 2, seed=0)
        >>> len(sampler), [len(batch) for batch in sampler.epoch()]
        (2, [4, 4])
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        identities_per_batch: int,
        images_per_identity: int,
        seed: int,
        groups: Sequence[str] | None = None,
    ) -> None:
        if not len(labels):
            raise ValueError("there are no images to draw from")
        self._images = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
        self._identities_per_batch = identities_per_batch
        self._images_per_identity = images_per_identity
        self._n_batch = -(-len(labels) // (identities_per_batch * images_per_identity))
        self._random = np.random.default_rng(seed)
        self._pools = [np.array(sorted(self._images))]
        if groups is not None:
            members: dict[str, set[int]] = {}
            for label, group in zip(labels, groups, strict=True):
                members.setdefault(group, set()).add(int(label))
            # A group with one identity has no negatives, so the network would learn nothing from its batches.
            pools = [np.array(sorted(labels)) for _, labels in sorted(members.items()) if len(labels) > 1]
            self._pools = pools or self._pools
        sizes = np.array([len(pool) for pool in self._pools], dtype=np.float64)
        self._shares = sizes / sizes.sum()

    def __len__(self) -> int:
        return self._n_batch

    def epoch(self) -> Iterator[NDArray[np.int64]]:
        """Yield the batches of one epoch as image indices, with the K images of an identity in sequence."""
        for _ in range(self._n_batch):
            yield self._draw()

    def _draw(self) -> NDArray[np.int64]:
        pool = self._pools[0]
        if len(self._pools) > 1:
            pool = self._pools[int(self._random.choice(len(self._pools), p=self._shares))]
        n_identity = min(self._identities_per_batch, len(pool))
        rows = []
        for label in self._random.choice(pool, n_identity, replace=False):
            images = self._images[int(label)]
            repeat = len(images) < self._images_per_identity
            rows.append(self._random.choice(images, self._images_per_identity, replace=repeat))
        return np.concatenate(rows)

    def state(self) -> str:
        """Return the state of the random generator as JSON, because its integers have 128 bits."""
        return json.dumps(self._random.bit_generator.state)

    def restore(self, state: str) -> None:
        """Continue from a state that :meth:`state` returned."""
        self._random.bit_generator.state = json.loads(state)
