"""Two WildFusions and a classifier, combined by a rule whose constants were tuned by hand over 85 submissions.

The rule gives one identity and a confidence for each query. The confidence is not a probability; it reaches about 1.2.
All other identities get a lower score, in the order of the second fusion.

Source: github.com/visan-ionut/Animal_Clef_2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import IdentityCombination, Method

if TYPE_CHECKING:
    from reidbench_convnext import ConvNeXtFusionSettings


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of the rule; the defaults are the published ones.

    Attributes:
        first: Weight of the first fusion if both fusions agree.
        second: Weight of the second fusion; its identity is used if the fusions disagree.
        agreed: Factor if both fusions agree.
        alone: Factor of the second fusion if they disagree.
        classifier: Factor of the classifier's probability.
        confirmed: Factor of the mean if the classifier has the same identity.
        overruled: Factor of the classifier if its identity is used.
    """

    first: float = 0.45
    second: float = 0.55
    agreed: float = 1.2
    alone: float = 1.82
    classifier: float = 0.25
    confirmed: float = 1.7
    overruled: float = 1.2


PAPER = Constants()
"""The published constants."""


def candidates() -> tuple[Constants, ...]:
    """Return the constants to choose from with ``constants=fitted``, the published ones first.

    The two weights sum to 1. The factors vary from no bonus to the published values and, for the classifier, above.
    """
    grid = product((0.0, 0.25, 0.45, 0.75), (1.0, 1.2), (1.0, 1.4, 1.82), (0.0, 0.25, 0.5, 1.0), (1.0, 1.35, 1.7))
    varied = (
        Constants(first, 1 - first, agreed, alone, classifier, confirmed)
        for first, agreed, alone, classifier, confirmed in grid
    )
    return (PAPER, *(constants for constants in varied if constants != PAPER))


def decide(
    first: tuple[NDArray[Any], NDArray[Any]],
    second: tuple[NDArray[Any], NDArray[Any]],
    classifier: tuple[NDArray[Any], NDArray[Any]],
    how: Constants,
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Combine the best identities of three methods into one prediction for each query.

    Args:
        first: Numbers and confidences of the best identities of the first fusion, each ``(n_query,)``.
        second: The same for the second fusion.
        classifier: The same for the classifier.
        how: The constants.

    Returns:
        Numbers of the identities and confidences, each ``(n_query,)``.

    Example:
        >>> one = [(np.array([code]), np.array([confidence])) for code, confidence in ((1, 0.6), (1, 0.7), (1, 0.9))]
        >>> identity, confidence = decide(*one, PAPER)
        >>> identity.tolist(), confidence.round(4).tolist()
        ([1], [0.8597])
    """
    agree = first[0] == second[0]
    both = how.agreed * (how.first * first[1] + how.second * second[1])
    fused = np.where(agree, both, how.alone * how.second * second[1])
    classified = how.classifier * classifier[1]
    confirmed = second[0] == classifier[0]
    overruled = ~confirmed & (fused < classified)
    confidence = np.where(
        confirmed,
        how.confirmed * (fused + classified) / 2,
        np.where(overruled, how.overruled * classified, fused),
    )
    return np.where(overruled, classifier[0], second[0]), confidence


class ConvNeXtFusion(IdentityCombination):
    """The rule over the parts ``first`` and ``second`` (two WildFusions) and ``classifier``."""

    def __init__(self, settings: ConvNeXtFusionSettings, parts: Mapping[str, Method]) -> None:
        self._fitted = settings.constants == "fitted"
        super().__init__(settings, parts)

    @override
    def choices(self) -> Sequence[Constants]:
        return candidates() if self._fitted else (PAPER,)

    @override
    def describe_choice(self, choice: Constants) -> dict[str, float]:
        return asdict(choice)

    @override
    def combine(self, evidence: Sequence[NDArray[Any]], choice: Constants) -> NDArray[np.float64]:
        first, second, classifier = (_best(scores) for scores in evidence)
        winner, confidence = decide(first, second, classifier, choice)
        # The others keep the order of the second fusion, with at most half of the winner's confidence.
        order = np.where(np.isneginf(evidence[1]), -np.inf, confidence[:, None] * np.clip(evidence[1], 0, 1) / 2)
        scores = np.minimum(order, np.nextafter(confidence, -np.inf)[:, None])
        scores[np.arange(len(winner)), winner] = confidence
        return scores


def _best(scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the best identity of each query and its confidence; the confidence is 0 if nothing was compared."""
    best = scores.argmax(axis=1)
    confidence = np.asarray(scores[np.arange(len(scores)), best], dtype=np.float64)
    return best, np.where(np.isneginf(confidence), 0.0, confidence)
