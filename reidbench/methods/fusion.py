"""Methods made of other methods: evidence of each part, and one number from it.

What parts say is gathered once (:meth:`Combination.evidence`); how it becomes a score is cheap
(:meth:`Combination.combine`) and may have constants that the core chooses on the calibration episode.
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

# A part that claims certainty would outvote all others in logits.
_CERTAIN = 1e-9


class Combination(Method):
    """A method made of parts.

    Args:
        settings: The options.
        parts: Built methods by name, in order.

    Attributes:
        choice: The constants in use, one of :meth:`choices`.
    """

    def __init__(self, settings: Any, parts: Mapping[str, Method]) -> None:
        super().__init__(settings)
        self.parts = dict(parts)
        self.choice: Any = self.choices()[0]

    @abstractmethod
    def gather(
        self, query: Representation, gallery: Representation, codes: NDArray[np.int64], identities: Representation
    ) -> list[NDArray[Any]]:
        """Return what each part says of a block of queries, each ``(n_query, n_target)``.

        Args:
            query: A block of queries.
            gallery: The images that may be searched.
            codes: Identity of each of them.
            identities: Those identities, with their classes for parts that learned them.
        """

    @abstractmethod
    def combine(self, evidence: Sequence[NDArray[Any]], choice: Any) -> NDArray[np.float64]:
        """Return the scores ``(n_query, n_target)`` that given constants make of the evidence."""

    @abstractmethod
    def by_identity(self, scores: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
        """Return the score of each identity, ``(n_query, n_identity)``, from what :meth:`combine` gave."""

    def choices(self) -> Sequence[Any]:
        """Return the constants to choose from; the core takes the best on calibration, the first of equals."""
        return (None,)

    def describe_choice(self, choice: Any) -> Any:
        """Return constants as plain JSON values for the record."""
        return choice

    @property
    @override
    def weights(self) -> Weights:
        """Say whose weights the parts use."""
        return Weights.join([part.weights for part in self.parts.values()])

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        for part in self.parts.values():
            part.prepare(device, seed, progress)

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        return Representation.join({name: part.represent(images, progress) for name, part in self.parts.items()})


class Fusion(Combination):
    """The weighted mean of calibrated parts, over a shortlist that the first part draws up.

    Source: WildFusion, Cermak et al. 2024, arXiv 2408.12934.

    Args:
        settings: The options.
        parts: Built methods by name; the first is cheap and picks the shortlist.
        shortlist: Gallery images of each query that the other parts compare; 0 is all.
        weights: Weight of each part, ``fitted`` to have them chosen on calibration, or ``None`` for equal ones.
        average: Mean of probabilities, as published, or of their logits, where a sure part counts for more.
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
            raise ValueError("a fusion needs a part")
        given = () if weights is None or weights == "fitted" else tuple(weights)
        if given and (len(given) != len(parts) or min(given) < 0 or not sum(given) > 0):
            raise ValueError(f"{len(parts)} parts can't have the weights {list(given)}")
        self._given = weights
        self._shortlist = shortlist
        self._average = average
        super().__init__(settings, parts)

    @override
    def choices(self) -> Sequence[tuple[float, ...]]:
        """Return weights that sum to 1: the given or equal ones, or a grid in steps of a tenth, equal ones first."""
        n_part = len(self.parts)
        equal = (1.0 / n_part,) * n_part
        if self._given is None:
            return (equal,)
        if self._given != "fitted":
            total = float(sum(self._given))
            return (tuple(float(weight) / total for weight in self._given),)
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

    def evidence(self, query: Representation, gallery: Representation) -> list[NDArray[Any]]:
        """Return each part's scores ``(n_query, n_gallery)``, ``-inf`` off the shortlist."""
        first, *others = self.parts
        scores = np.asarray(self.parts[first].score(query.part(first), gallery.part(first)), dtype=np.float64)
        n_gallery = scores.shape[1]
        if not self._shortlist or self._shortlist >= n_gallery:
            return [scores, *(self.parts[name].score(query.part(name), gallery.part(name)) for name in others)]
        # Stable, so that of equal scores the lower gallery index is listed, whatever the block.
        listed = np.argsort(-scores, axis=1, kind="stable")[:, : self._shortlist]
        listed.sort(axis=1)
        rows = np.repeat(np.arange(len(scores)), self._shortlist)
        pairs = np.stack([rows, listed.ravel()], axis=1)
        compared = np.zeros(scores.shape, dtype=bool)
        compared[rows, listed.ravel()] = True
        gathered = [np.where(compared, scores, -np.inf)]
        for name in others:
            found = np.full(scores.shape, -np.inf)
            found[rows, listed.ravel()] = self.parts[name].score_pairs(query.part(name), gallery.part(name), pairs)
            gathered.append(found)
        return gathered

    @override
    def combine(self, evidence: Sequence[NDArray[Any]], choice: tuple[float, ...]) -> NDArray[np.float64]:
        compared = np.logical_and.reduce([scores > -np.inf for scores in evidence])
        total = np.zeros(evidence[0].shape)
        for scores, weight in zip(evidence, choice, strict=True):
            values = np.where(compared, scores, 0.5)
            total += weight * (values if self._average == "probability" else logit(_in_doubt(values)))
        return np.where(compared, total if self._average == "probability" else expit(total), -np.inf)


def _in_doubt(probability: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.clip(probability, _CERTAIN, 1 - _CERTAIN))


class IdentityCombination(Combination):
    """A combination that decides over identities: parts may compare images or know identities as such."""

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
        """Return a score for each identity, ``(n_query, n_identity)``; the arguments are those of :meth:`gather`."""
        return self.combine(self.gather(query, gallery, codes, identities), self.choice)

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        raise TypeError("this method scores identities, not images: the core calls score_identities")
