"""Methods that combine the scores of other methods, their parts.

The scores of the parts are computed once (:meth:`Combination.gather`). Combining them is fast
(:meth:`Combination.combine`), so the core can try several constants on the calibration queries.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from typing_extensions import override

from reidbench.methods.by_identity import best_by_identity
from reidbench.methods.contract import Images, Method, Weights
from reidbench.methods.representation import Representation
from reidbench.progress import Progress

Average = Literal["probability", "logit"]

# Probabilities are clipped to [1e-9, 1 - 1e-9]: the logit of 0 or 1 is infinite and would outvote all other parts.
_SMALLEST_PROBABILITY = 1e-9


class Combination(Method):
    """A method that combines the scores of its parts.

    Args:
        settings: The settings of the combination.
        parts: Built methods by name, in order.

    Attributes:
        choice: The constants in use; one of :meth:`choices`, the first until the core sets another.
    """

    def __init__(self, settings: Any, parts: Mapping[str, Method]) -> None:
        super().__init__(settings)
        self.parts = dict(parts)
        self.choice: Any = self.choices()[0]

    @abstractmethod
    def gather(
        self, query: Representation, gallery: Representation, codes: NDArray[np.int64], identities: Representation
    ) -> list[NDArray[Any]]:
        """Return the scores of each part for a block of queries, each ``(n_query, n_target)``.

        A target is a gallery image or an identity, depending on the subclass.

        Args:
            query: A block of queries.
            gallery: The gallery images to search.
            codes: Identity of each gallery image as a number.
            identities: The enrolled identities, with their class numbers for parts that are classifiers.
        """

    @abstractmethod
    def combine(self, evidence: Sequence[NDArray[Any]], choice: Any) -> NDArray[np.float64]:
        """Return the combined scores ``(n_query, n_target)``.

        Args:
            evidence: The scores of each part, from :meth:`gather`.
            choice: The constants, one of :meth:`choices`.
        """

    @abstractmethod
    def by_identity(self, scores: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
        """Return the score of each identity, ``(n_query, n_identity)``.

        Args:
            scores: Result of :meth:`combine`.
            codes: Identity of each gallery image as a number.
        """

    def choices(self) -> Sequence[Any]:
        """Return the constants to choose from.

        The core takes those with the best score on calibration; of equal ones, the first.
        """
        return (None,)

    def describe_choice(self, choice: Any) -> Any:
        """Return the constants as JSON values for the run record."""
        return choice

    @property
    @override
    def weights(self) -> Weights:
        return Weights.join([part.weights for part in self.parts.values()])

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        for part in self.parts.values():
            part.prepare(device, seed, progress)

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        return Representation.join({name: part.represent(images, progress) for name, part in self.parts.items()})


class Fusion(Combination):
    """The weighted mean of the calibrated scores of the parts.

    The first part selects a shortlist of gallery images for each query; the other parts compare only these.

    Source: WildFusion, Cermak et al. 2024, arXiv 2408.12934.

    Args:
        settings: The settings of the fusion.
        parts: Built methods by name; the first selects the shortlist and should be fast.
        shortlist: Number of gallery images for each query that the other parts compare; 0 compares all.
        weights: Weight of each part, ``fitted`` to choose them on calibration, or ``None`` for equal weights.
        average: Mean of probabilities, as published, or of their logits. With logits, a probability near 0 or 1
            counts for more.

    Raises:
        ValueError: There are no parts, or the weights are negative, all zero or not one for each part.
    """

    def __init__(
        self,
        settings: Any,
        parts: Mapping[str, Method],
        *,
        shortlist: int = 0,
        weights: Sequence[float] | Literal["fitted"] | None = None,
        average: Average = "probability",
    ) -> None:
        if not parts:
            raise ValueError("a fusion needs at least one part")
        fixed = () if weights is None or weights == "fitted" else tuple(weights)
        if fixed and (len(fixed) != len(parts) or min(fixed) < 0 or not sum(fixed) > 0):
            raise ValueError(f"{len(parts)} parts can't have the weights {list(fixed)}")
        self._weights = weights
        self._shortlist = shortlist
        self._average = average
        super().__init__(settings, parts)

    @override
    def choices(self) -> Sequence[tuple[float, ...]]:
        """Return the possible weights of the parts, each set with sum 1.

        Fitted weights are a grid in steps of 0.1, after equal weights.
        """
        n_part = len(self.parts)
        equal = (1.0 / n_part,) * n_part
        if self._weights is None:
            return (equal,)
        if self._weights != "fitted":
            total = float(sum(self._weights))
            return (tuple(float(weight) / total for weight in self._weights),)
        grid = [tenths for tenths in product(range(11), repeat=n_part) if sum(tenths) == 10]
        return (equal, *(tuple(tenth / 10 for tenth in tenths) for tenths in grid))

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        return self.combine(self.evidence(query, gallery), self.choice)

    @override
    def gather(
        self, query: Representation, gallery: Representation, codes: NDArray[np.int64], identities: Representation
    ) -> list[NDArray[Any]]:
        return self.evidence(query, gallery)

    @override
    def by_identity(self, scores: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
        return best_by_identity(scores, codes)

    def n_listed(self, n_gallery: int) -> int:
        """Return the number of gallery images of each query that the parts after the first compare."""
        return min(self._shortlist or n_gallery, n_gallery)

    def evidence(self, query: Representation, gallery: Representation) -> list[NDArray[Any]]:
        """Return the scores of each part, ``(n_query, n_gallery)``; ``-inf`` for an image outside the shortlist."""
        first, *later = self.parts
        scores = np.asarray(self.parts[first].score(query.part(first), gallery.part(first)), dtype=np.float64)
        n_gallery = scores.shape[1]
        if not self._shortlist or self._shortlist >= n_gallery:
            return [scores, *(self.parts[name].score(query.part(name), gallery.part(name)) for name in later)]
        # A stable sort lists the lower gallery index first if scores are equal, whatever the block of queries.
        listed = np.argsort(-scores, axis=1, kind="stable")[:, : self._shortlist]
        listed.sort(axis=1)
        rows = np.repeat(np.arange(len(scores)), self._shortlist)
        pairs = np.stack([rows, listed.ravel()], axis=1)
        compared = np.zeros(scores.shape, dtype=bool)
        compared[rows, listed.ravel()] = True
        gathered = [np.where(compared, scores, -np.inf)]
        for name in later:
            of_part = np.full(scores.shape, -np.inf)
            of_part[rows, listed.ravel()] = self.parts[name].score_shortlist(
                query.part(name), gallery.part(name), pairs
            )
            gathered.append(of_part)
        return gathered

    @override
    def combine(self, evidence: Sequence[NDArray[Any]], choice: tuple[float, ...]) -> NDArray[np.float64]:
        compared = np.logical_and.reduce([scores > -np.inf for scores in evidence])
        total = np.zeros(evidence[0].shape)
        for scores, weight in zip(evidence, choice, strict=True):
            values = np.where(compared, scores, 0.5)
            total += weight * (values if self._average == "probability" else logit(_clipped(values)))
        return np.where(compared, total if self._average == "probability" else expit(total), -np.inf)


def _clipped(probability: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.clip(probability, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY))


class IdentityCombination(Combination):
    """A combination that scores identities, so that its parts may compare images or be classifiers."""

    matching = "identity"

    @override
    def gather(
        self, query: Representation, gallery: Representation, codes: NDArray[np.int64], identities: Representation
    ) -> list[NDArray[Any]]:
        gathered = []
        for name, part in self.parts.items():
            if part.matching == "identity":
                gathered.append(part.score(query.part(name), identities))
            else:
                gathered.append(best_by_identity(part.score(query.part(name), gallery.part(name)), codes))
        return gathered

    @override
    def by_identity(self, scores: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
        return scores

    def score_identities(
        self, query: Representation, gallery: Representation, codes: NDArray[np.int64], identities: Representation
    ) -> NDArray[np.float64]:
        """Return the score of each identity, ``(n_query, n_identity)``; for the arguments see :meth:`gather`."""
        return self.combine(self.gather(query, gallery, codes, identities), self.choice)

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        raise TypeError("this method scores identities, not images; call score_identities")
