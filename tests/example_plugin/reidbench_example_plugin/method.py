"""The method example_plugin: the embedding of an image is a small version of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from reidbench import EmbeddingMethod


class ExamplePlugin(EmbeddingMethod):
    """The pixels of a small picture, minus their mean."""

    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray:
        """Return one vector for each image; the core compares them by cosine."""
        size = (self.settings.side, self.settings.side)
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in pixels]
        vectors = np.stack(small).reshape(len(small), -1).astype(np.float32)
        return vectors - vectors.mean(axis=1, keepdims=True)
