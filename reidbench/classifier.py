"""The base of methods that classify: a probability for each animal that they were trained on.

Class ``i`` is the ``i``-th of the sorted identities learned from. The core derives the same order from the
split, so a representation read from the cache can be scored without the network that made it.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from reidbench.method import Images, Method
from reidbench.progress import Progress
from reidbench.representations import Representation


class ClassifierMethod(Method):
    """A probability for each identity trained on; subclasses write ``fit`` and :meth:`classify`.

    The core compares queries with identities, not with images: ``score`` gets the class of each enrolled
    identity as its gallery.

    Example:
        >>> class Uniform(ClassifierMethod):
        ...     def fit(self, train, context):
        ...         self.n_class = len(np.unique(train.identities))
        ...         return FitReport()
        ...
        ...     def classify(self, pixels):
        ...         return np.full((len(pixels), self.n_class), 1 / self.n_class)
    """

    matching = "identity"
    metric = "probability"
    learns = True
    batch_size: int = 32

    @abstractmethod
    def classify(self, pixels: list[NDArray[np.uint8]]) -> NDArray:
        """Return ``(len(pixels), n_class)`` probabilities; classes in the order of the sorted identities."""

    def represent(self, images: Images, progress: Progress) -> Representation:
        """Classify every image; the representation holds ``probability``, ``(n, n_class)`` float32."""
        batches = []
        with progress.stage("classify", len(images)) as stage:
            for start in range(0, len(images), self.batch_size):
                batch = [images.pixels(i) for i in range(start, min(start + self.batch_size, len(images)))]
                batches.append(np.asarray(self.classify(batch), dtype=np.float32))
                stage.advance(len(batch))
        return Representation({"probability": np.concatenate(batches)})

    def score(self, query: Representation, gallery: Representation) -> NDArray:
        """Return the probability of each enrolled identity, ``(n_query, n_identity)``.

        Args:
            query: Holds ``probability``.
            gallery: Holds ``class``, ``(n_identity,)`` integers, ``-1`` for an identity not trained on.

        Returns:
            ``-inf`` stands where an identity was not trained on.

        Raises:
            ValueError: A class that the probabilities do not have.
        """
        probability, classes = query.dense["probability"], gallery.dense["class"]
        if classes.min(initial=-1) < -1 or classes.max(initial=-1) >= probability.shape[1]:
            raise ValueError(f"classes run from {classes.min()} to {classes.max()}, not within {probability.shape[1]}")
        score = np.full((len(query), len(gallery)), -np.inf, dtype=np.float32)
        trained = classes >= 0
        score[:, trained] = probability[:, classes[trained]]
        return score
