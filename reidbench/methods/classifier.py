"""Base class of classifiers: methods that compute a probability for each animal they were trained on.

Class ``i`` is the ``i``-th of the sorted training identities. The core derives the same order from the split.
A representation from the cache can therefore be scored without the network.
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
from reidbench.methods.decoded_batches import decoded_batches
from reidbench.methods.representation import Representation
from reidbench.progress import Progress


class ClassifierMethod(Method):
    """A method that computes a probability for each training identity.

    Subclasses implement ``fit`` and :meth:`classify`. The core compares queries with identities instead of images:
    ``score`` receives the class of each enrolled identity as its gallery.

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
    """Most images in one call of :meth:`classify`; fewer if photographs are large and :meth:`shrink` keeps them."""

    @abstractmethod
    def classify(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        """Return probabilities ``(len(pixels), n_class)``, with the classes in the order of the sorted identities.

        The probabilities of an image may sum to less than 1; the rest is the probability of an unknown animal.
        """

    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what :meth:`classify` needs of one image, such as the image at the size of the network's input.

        The default returns the image itself. A method with a network should resize it here: then every batch has
        ``batch_size`` images, whatever their size and the memory.
        """
        return pixels

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        """Classify every image.

        Returns:
            A representation with the array ``probability``, ``(n, n_class)`` float32.
        """
        batches = Batches(self.batch_size, progress)

        def classify(pixels: list[NDArray[Any]]) -> NDArray[np.float32]:
            several = batches.run(len(pixels), lambda rows: self.classify([pixels[row] for row in rows]))
            return np.concatenate([np.asarray(probability, dtype=np.float32) for probability in several])

        with progress.stage("classify", len(images)) as stage:
            probabilities = list(
                decoded_batches(images, self.batch_size, classify, shrink=self.shrink, advance=stage.advance)
            )
        self.batch_size = batches.size  # the next call starts with the size that fits, without a second warning
        return Representation({"probability": np.concatenate(probabilities)})

    def classify_all(
        self, n_image: int, pixels: Callable[[range], list[NDArray[np.uint8]]], progress: Progress
    ) -> Representation:
        """Classify images in batches, which are halved if the GPU's memory runs out.

        Args:
            n_image: Number of images.
            pixels: Returns the pixels of a range of images that the method keeps.
            progress: Shows a progress bar and a warning if memory runs out.
        """
        batches = Batches(self.batch_size, progress)
        probabilities = []
        with progress.stage("classify", n_image) as stage:
            for probability in batches.run(n_image, lambda rows: self.classify(pixels(rows))):
                probabilities.append(np.asarray(probability, dtype=np.float32))
                stage.advance(len(probability))
        self.batch_size = batches.size  # the next call starts with the size that fits, without a second warning
        return Representation({"probability": np.concatenate(probabilities)})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        """Return the probability of each enrolled identity, ``(n_query, n_identity)``.

        Args:
            query: Representation with ``probability``, ``(n_query, n_class)``.
            gallery: Representation with ``class``: the class number of each enrolled identity, ``(n_identity,)``;
                ``-1`` if it is not a training identity.

        Returns:
            ``-inf`` for an identity that is not a training identity.

        Raises:
            ValueError: A class number is outside the range of the probabilities.
        """
        probability, classes = query.dense["probability"], gallery.dense["class"]
        if classes.min(initial=-1) < -1 or classes.max(initial=-1) >= probability.shape[1]:
            raise ValueError(
                f"classes run from {classes.min()} to {classes.max()}, not 0 to {probability.shape[1] - 1}"
            )
        score = np.full((len(query), len(gallery)), -np.inf, dtype=np.float32)
        trained = classes >= 0
        score[:, trained] = probability[:, classes[trained]]
        return score
