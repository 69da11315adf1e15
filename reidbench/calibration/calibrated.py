"""A method whose similarities are mapped to probabilities by calibration curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.calibration.curves import Curve
from reidbench.calibration.specs import CalibrationSpec
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import FitContext, FitReport, Images, LabelledImages, Method, Weights
from reidbench.methods.representation import Representation
from reidbench.progress import Progress


class Calibrated(Method):
    """A wrapper of a method; its scores are probabilities that two images show the same animal.

    The representation of a query contains the number of its curve (:meth:`Representation.judged_by`), so scores depend
    only on the two representations.

    Args:
        inner: The method that computes similarities.
        how: The options of the calibration.
        offered: The plugin's curve that ``how`` names; ``None`` for a curve of reidbench.

    Raises:
        ValueError: The method scores identities, which can't be calibrated.
    """

    def __init__(self, inner: Method, how: Calibration, offered: CalibrationSpec | None = None) -> None:
        if inner.matching == "identity":
            raise ValueError(f"{type(inner).__name__} scores identities; only similarities of images can be calibrated")
        super().__init__(inner.settings)
        self.inner = inner
        self.how = how
        self.offered = offered
        self.metric = inner.metric
        self._curves: tuple[Curve, ...] = ()

    def install(self, curves: Sequence[Curve]) -> None:
        """Set the curves, in the order of the numbers that representations carry."""
        self._curves = tuple(curves)

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        return self._calibrate(self.inner.score(query, gallery), self._numbers(query))

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        return self._calibrate(self.inner.score_pairs(query, gallery, pairs), self._numbers(query)[pairs[:, 0]])

    @override
    def score_shortlist(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        return self._calibrate(self.inner.score_shortlist(query, gallery, pairs), self._numbers(query)[pairs[:, 0]])

    @property
    @override
    def weights(self) -> Weights:
        return self.inner.weights

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        self.inner.prepare(device, seed, progress)

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        return self.inner.fit(train, context)

    @override
    def fingerprint(self) -> str:
        return self.inner.fingerprint()

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        return self.inner.represent(images, progress)

    def _numbers(self, query: Representation) -> NDArray[np.int64]:
        if query.curve is None:
            raise ValueError("the representation of the queries has no numbers of calibration curves")
        return query.curve

    def _calibrate(self, similarity: Any, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        score = np.empty(values.shape)
        for number in np.unique(numbers):
            rows = numbers == number
            score[rows] = self._curves[number](values[rows])
        return score


def calibrated_parts(method: Method) -> Iterator[tuple[str, Calibrated]]:
    """Yield the path and the wrapper of every calibrated part of a method, inner parts first.

    The path of the whole method is empty; the path of a part of a part is ``outer/inner``.
    """
    yield from _calibrated_below(method, "")


def _calibrated_below(method: Method, path: str) -> Iterator[tuple[str, Calibrated]]:
    for name, part in method.parts.items():
        yield from _calibrated_below(part, f"{path}/{name}" if path else name)
    if isinstance(method, Calibrated):
        yield from _calibrated_below(method.inner, path)
        yield path, method
