"""The base of methods that classify: a probability for each animal that they were trained on.

Class ``i`` is the ``i``-th of the sorted identities learned from. The core derives the same order from the
split, so a representation read from the cache can be scored without the network that made it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.methods.batches import Batches
from reidbench.methods.contract import Images, Method
from reidbench.methods.representation import Representation
from reidbench.progress import Progress


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
    def classify(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        """Return ``(len(pixels), n_class)`` probabilities; classes in the order of the sorted identities."""

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        """Classify every image; the representation holds ``probability``, ``(n, n_class)`` float32."""
        return self.classify_all(len(images), lambda rows: [images.pixels(row) for row in rows], progress)

    def classify_all(
        self, n_image: int, pixels: Callable[[range], list[NDArray[np.uint8]]], progress: Progress
    ) -> Representation:
        """Classify images batch by batch, in halved batches from where a GPU's memory runs out.

        Args:
            n_image: Number of images.
            pixels: Returns the pixels of a range of them; a method that keeps decoded images gives its own.
            progress: Where bar and warning go.
        """
        batches = Batches(self.batch_size, progress)
        made = []
        with progress.stage("classify", n_image) as stage:
            for probability in batches.run(n_image, lambda rows: self.classify(pixels(rows))):
                made.append(np.asarray(probability, dtype=np.float32))
                stage.advance(len(probability))
        self.batch_size = batches.size  # what fits is found, and said, once
        return Representation({"probability": np.concatenate(made)})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
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
