"""How many animals there are, from answers that are sometimes wrong: two-sample capture-recapture, corrected.

The gallery is the first occasion: its animals are marked, and their number is known. The photographs are the second:
the share of them that shows marked animals says which share of the population is marked. Answers miss some marked
animals (*false new*) and claim some unmarked ones (*false match*), so that the share answered as known is

    answered = known * (1 - false_new) + (1 - known) * false_match

which is solved for the share that is known. A *mis-identification* puts a photograph into another animal's history
and leaves this share as it is. Neither who the new animals are nor how often each was photographed is needed.

Sources: Chapman 1951 (the estimator for small samples); Rogan and Gladen 1978 (a share seen through errors); Ding and
Fienberg 1994 (capture-recapture with linkage errors); Yoshizaki, Pollock, Brownie and Webster 2009 (what
misidentification of photographs does to a count).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.uncertainty.bootstrap import CONFIDENCE_LEVEL
from reidbench.metrics.uncertainty.shares import AnimalCounts

DRAWS = 4000
_ENDS = ((1 - CONFIDENCE_LEVEL) / 2, 1 - (1 - CONFIDENCE_LEVEL) / 2)  # quantiles of an interval
FEWEST_ANIMALS = 5
"""Labelled animals of each side below which error rates say nothing: of four that were all right, a fifth may fail."""
FEWEST_PHOTOGRAPHS = 20
FEWEST_KNOWN = 5
"""Photographs answered as known below which the number of recaptures is luck."""


class TooLittle(ValueError):
    """The data can't bear an estimate; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredErrors:
    """The errors on photographs whose animal is known, counted by animal.

    Attributes:
        false_new: Photographs of enrolled animals that were answered as new.
        misidentified: Photographs of enrolled animals that were answered as another.
        false_match: Photographs of new animals that were answered as an enrolled one.
    """

    false_new: AnimalCounts
    misidentified: AnimalCounts
    false_match: AnimalCounts

    @classmethod
    def of(cls, animal: ArrayLike, known: ArrayLike, accepted: ArrayLike, right: ArrayLike) -> MeasuredErrors:
        """Count errors.

        Args:
            animal: The true animal of each photograph, ``(n,)``.
            known: Whether it is enrolled, ``(n,)``.
            accepted: Whether an enrolled animal was answered, ``(n,)``.
            right: Whether that animal is the true one, ``(n,)``.
        """
        names = np.asarray(animal)
        enrolled, answered, true = (np.asarray(each, dtype=bool) for each in (known, accepted, right))
        return cls(
            AnimalCounts.of(names[enrolled], ~answered[enrolled]),
            AnimalCounts.of(names[enrolled], (answered & ~true)[enrolled]),
            AnimalCounts.of(names[~enrolled], answered[~enrolled]),
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of animals: ``low`` to ``high`` at a nominal 95 %; ``high`` is ``inf`` where nothing bounds it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The estimate of one group.

    Attributes:
        marked: Enrolled animals.
        photographs: Photographs answered.
        answered_known: Those answered as an enrolled animal.
        naive: The estimate that takes every answer as true.
        corrected: The estimate that does not.
        known_share: Estimated share of photographs that show enrolled animals.
        overdispersion: How much more unevenly enrolled animals are photographed than by chance, at least 1.
        draws: What the number might be, ``(DRAWS,)``.
    """

    marked: int
    photographs: int
    answered_known: int
    naive: float
    corrected: Estimate
    known_share: float
    overdispersion: float
    draws: NDArray[np.float64]


def chapman(marked: float, photographs: float, recaptured: float) -> float:
    """Return Chapman's estimate of the size of a population.

    Example:
        >>> round(chapman(100, 50, 20), 4)
        244.2857
    """
    return (marked + 1) * (photographs + 1) / (recaptured + 1) - 1


def estimate_population(
    answered: Sequence[str | None], marked: int, errors: MeasuredErrors, *, seed: int = 0
) -> Population:
    """Estimate the size of a population from answered photographs.

    The interval carries the chance of who was photographed, with animals photographed unevenly; of each answer, with
    photographs of one animal failing together; and the uncertainty of the error rates, over reweighted animals.

    Args:
        answered: The enrolled animal that each photograph was answered as, ``None`` for a new one.
        marked: Number of enrolled animals.
        errors: What errors the method makes, measured on other photographs.
        seed: Seed of the draws.

    Raises:
        TooLittle: There are too few photographs or animals, errors are too many, or nothing was recaptured beyond
            what false matches explain.
    """
    names = [name for name in answered if name is not None]
    n, accepted = len(answered), len(names)
    _check_enough(n, accepted, marked, errors)
    false_new, misidentified, false_match = (
        each.share for each in (errors.false_new, errors.misidentified, errors.false_match)
    )
    told = 1 - false_new - false_match
    rng = np.random.default_rng(seed)
    drawn_new, drawn_match = errors.false_new.draws(DRAWS, rng), errors.false_match.draws(DRAWS, rng)
    if told <= 0 or np.quantile(drawn_new + drawn_match, _ENDS[1]) >= 1:
        raise TooLittle(
            f"answers hardly tell known from new: {false_new:.0%} false new and {false_match:.0%} false match"
        )
    share = accepted / n
    known = min((share - false_match) / told, 1.0)
    if known <= 0:
        raise TooLittle(
            f"{share:.0%} of the photographs are answered as known, and false matches alone explain {false_match:.0%}"
        )
    counts = np.array(list(_count(names).values()))
    uneven = overdispersion(counts, marked, 1 - false_new - misidentified)
    repeats = float((counts**2).sum() / counts.sum())  # photographs of an animal, as a photograph sees it
    variance = (
        told**2 * known * (1 - known) * uneven
        + known * _answer_variance(errors.false_new, repeats)
        + (1 - known) * _answer_variance(errors.false_match, repeats)
    ) / n
    drawn_share = _draw_share(share, variance, n, rng)
    drawn_told = 1 - drawn_new - drawn_match
    drawn_known = np.where(drawn_told > 0, (drawn_share - drawn_match) / np.where(drawn_told > 0, drawn_told, 1), 0)
    with np.errstate(divide="ignore"):
        draws = np.where(drawn_known > 0, marked / np.minimum(np.maximum(drawn_known, 1e-300), 1), np.inf)
    size = known * (1 - known) / (variance / told**2) if 0 < known < 1 and variance > 0 else float(n)
    value = max(chapman(marked, size, size * known), float(marked))
    low, high = (float(np.quantile(draws, q, method="higher")) for q in _ENDS)
    return Population(
        marked=marked,
        photographs=n,
        answered_known=accepted,
        naive=chapman(marked, n, accepted),
        corrected=Estimate(value, min(low, value), max(high, value)),
        known_share=known,
        overdispersion=uneven,
        draws=draws,
    )


def overdispersion(counts: NDArray[Any], marked: int, right: float) -> float:
    """Return how unevenly enrolled animals are photographed: variance over mean of their counts, at least 1.

    One standard error is added, since it is itself learned from these counts: without, intervals of unevenly
    photographed animals are too narrow.

    Args:
        counts: Photographs answered as each animal that was answered at all.
        marked: Enrolled animals; those that were never answered count 0.
        right: Share of an animal's photographs that are answered as that animal: the others are missing from its
            count, which evens counts out, and is undone.
    """
    mean = counts.sum() / marked
    variance = ((counts - mean) ** 2).sum() + (marked - len(counts)) * mean**2
    degrees = max(marked - 1, 1)
    index = variance / degrees / mean
    if index <= 1:
        return 1.0
    return float((1 + (index - 1) / max(right, 0.2)) * (1 + math.sqrt(2 / degrees)))


def _check_enough(n: int, accepted: int, marked: int, errors: MeasuredErrors) -> None:
    for side, counts in (("enrolled", errors.false_new), ("new", errors.false_match)):
        if counts.n_animal < FEWEST_ANIMALS:
            raise TooLittle(
                f"errors on {side} animals were measured on {counts.n_animal} of them, and {FEWEST_ANIMALS} are needed"
            )
    if n < FEWEST_PHOTOGRAPHS:
        raise TooLittle(f"there are {n} photographs, and {FEWEST_PHOTOGRAPHS} are needed")
    if accepted < FEWEST_KNOWN or marked < FEWEST_KNOWN:
        raise TooLittle(
            f"{accepted} photographs are answered as one of {marked} enrolled animals, and {FEWEST_KNOWN} are needed"
        )


def _answer_variance(counts: AnimalCounts, repeats: float) -> float:
    """Return the variance of a photograph's answer, raised where photographs of one animal fail together."""
    # Half an error and half a right answer more, so that no errors among few is not taken for none.
    share = (counts.true.sum() + 0.5) / (counts.n_photograph + 1)
    return float(share * (1 - share) * (1 + counts.likeness * max(repeats - 1, 0)))


def _draw_share(share: float, variance: float, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    spread = share * (1 - share)
    size = min(max(spread / variance, 1.0), 4.0 * n) if variance > 0 and spread > 0 else float(n)
    return rng.beta(size * share + 0.5, size * (1 - share) + 0.5, DRAWS)


def _count(names: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def total(populations: Sequence[Population]) -> Estimate:
    """Add groups up, draw by draw: animals of one species say nothing of those of another."""
    value = math.fsum(each.corrected.value for each in populations)
    rng = np.random.default_rng(0)
    draws = np.sum([rng.permutation(each.draws) for each in populations], axis=0)
    low, high = (float(np.quantile(draws, q, method="higher")) for q in _ENDS)
    return Estimate(value, min(low, value), max(high, value))
