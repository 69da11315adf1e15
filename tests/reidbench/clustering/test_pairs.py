"""The scores of all pairs of images that are clustered."""

import numpy as np

from reidbench.clustering.pairs import _scores
from reidbench.methods.representation import Representation


class _Product:
    def score(self, query, gallery):
        return query.dense["value"][:, None] * gallery.dense["value"]


def test_images_of_two_known_sides_are_not_compared():
    images = Representation({"value": np.array([1.0, 2.0, 3.0])})
    scores = _scores(_Product(), images, np.array(["left", "right", ""]), lambda _: None)
    assert scores.tolist() == [[1.0, -np.inf, 3.0], [-np.inf, 4.0, 6.0], [3.0, 6.0, 9.0]]
