"""Estimate the size of a population from predictions with errors: two-sample capture-recapture.

The gallery is the first sample: its animals are marked, and their number is known. The photographs are the second
sample: the share of photographs that show marked animals estimates the share of the population that is marked. Some
photographs of marked animals are predicted as new (*false new*), and some of other animals as known (*false match*), so

    predicted as known = known * (1 - false_new) + (1 - known) * false_match

This equation is solved for ``known``, the share of photographs that show marked animals. A *mis-identification* assigns
a photograph to the wrong marked animal and does not change the share. The new animals need not be distinguished.

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
"""Number of random draws for an interval."""
_ENDS = ((1 - CONFIDENCE_LEVEL) / 2, 1 - (1 - CONFIDENCE_LEVEL) / 2)  # quantiles of an interval
FEWEST_ANIMALS = 5
"""Fewest labelled animals on each side, known and new; fewer give no useful error rate."""
FEWEST_PHOTOGRAPHS = 20
"""Fewest photographs for an estimate."""
FEWEST_KNOWN = 5
"""Fewest recaptures (photographs predicted as known) for an estimate, and fewest enrolled animals."""


class TooLittleData(ValueError):
    """The data do not allow an estimate; the message gives the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredErrors:
    """The errors on photographs with known identities, counted by animal.

    Attributes:
        false_new: Photographs of enrolled animals that were predicted as new.
        misidentified: Photographs of enrolled animals that were predicted as another enrolled animal.
        false_match: Photographs of new animals that were predicted as an enrolled animal.
    """

    false_new: AnimalCounts
    misidentified: AnimalCounts
    false_match: AnimalCounts

    @classmethod
    def of(cls, animal: ArrayLike, known: ArrayLike, accepted: ArrayLike, right: ArrayLike) -> MeasuredErrors:
        """Count the errors.

        Args:
            animal: True identity of each photograph, ``(n,)``.
            known: Whether the animal is enrolled, ``(n,)``.
            accepted: Whether an enrolled animal was predicted, ``(n,)``.
            right: Whether the predicted animal is the true one, ``(n,)``.
        """
        names = np.asarray(animal)
        is_known, is_accepted, is_right = (np.asarray(values, dtype=bool) for values in (known, accepted, right))
        return cls(
            AnimalCounts.of(names[is_known], ~is_accepted[is_known]),
            AnimalCounts.of(names[is_known], (is_accepted & ~is_right)[is_known]),
            AnimalCounts.of(names[~is_known], is_accepted[~is_known]),
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated number of animals with its nominal 95 % interval; ``high`` is ``inf`` if the data give no limit."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The estimated number of animals of one group.

    Attributes:
        marked: Number of enrolled animals.
        photographs: Number of photographs.
        answered_known: Number of photographs that were predicted as an enrolled animal.
        naive: Chapman's estimate if every prediction is taken as correct.
        corrected: The estimate corrected for errors, with its interval.
        known_share: Estimated share of photographs that show enrolled animals, 0 to 1.
        overdispersion: Variance over mean of the photographs of each enrolled animal, at least 1.
        draws: Random draws of the number of animals, ``(DRAWS,)``.
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
    """Return Chapman's estimate of the size of a population (Chapman 1951).

    Args:
        marked: Number of marked animals.
        photographs: Number of photographs in the second sample.
        recaptured: Number of these photographs that show marked animals.

    Example:
        >>> round(chapman(100, 50, 20), 4)
        244.2857
    """
    return (marked + 1) * (photographs + 1) / (recaptured + 1) - 1


def estimate_population(
    answered: Sequence[str | None], marked: int, errors: MeasuredErrors, *, seed: int = 0
) -> Population:
    """Estimate the size of a population from predictions.

    The interval includes four sources of variation: which animals were photographed by chance, animals photographed
    unevenly, photographs of one animal that fail together, and the uncertainty of the error rates.

    Args:
        answered: The enrolled animal that was predicted for each photograph, ``None`` for a new one.
        marked: Number of enrolled animals.
        errors: The errors of the method, measured on other photographs.
        seed: Seed of the random draws.

    Raises:
        TooLittleData: There are too few photographs or animals, the errors are too frequent, or false matches alone
            explain the recaptures.
    """
    names = [name for name in answered if name is not None]
    n, accepted = len(answered), len(names)
    _check_enough(n, accepted, marked, errors)
    false_new, misidentified, false_match = (
        counts.share for counts in (errors.false_new, errors.misidentified, errors.false_match)
    )
    slope = 1 - false_new - false_match  # change of the accepted share with the known share
    rng = np.random.default_rng(seed)
    drawn_new, drawn_match = errors.false_new.draws(DRAWS, rng), errors.false_match.draws(DRAWS, rng)
    if slope <= 0 or np.quantile(drawn_new + drawn_match, _ENDS[1]) >= 1:
        raise TooLittleData(
            "the method hardly distinguishes known from new animals: "
            f"{false_new:.0%} false new and {false_match:.0%} false match"
        )
    share = accepted / n
    known = min((share - false_match) / slope, 1.0)
    if known <= 0:
        raise TooLittleData(
            f"{share:.0%} of the photographs are predicted as known, and false matches alone explain {false_match:.0%}"
        )
    photographs_per_animal = np.array(list(_count(names).values()))
    uneven = overdispersion(photographs_per_animal, marked, 1 - false_new - misidentified)
    # Mean number of photographs of the animal that a random photograph shows.
    repeats = float((photographs_per_animal**2).sum() / photographs_per_animal.sum())
    variance = (
        slope**2 * known * (1 - known) * uneven
        + known * _error_variance(errors.false_new, repeats)
        + (1 - known) * _error_variance(errors.false_match, repeats)
    ) / n
    drawn_share = _draw_share(share, variance, n, rng)
    drawn_slope = 1 - drawn_new - drawn_match
    drawn_known = np.where(drawn_slope > 0, (drawn_share - drawn_match) / np.where(drawn_slope > 0, drawn_slope, 1), 0)
    with np.errstate(divide="ignore"):
        draws = np.where(drawn_known > 0, marked / np.minimum(np.maximum(drawn_known, 1e-300), 1), np.inf)
    effective_n = known * (1 - known) / (variance / slope**2) if 0 < known < 1 and variance > 0 else float(n)
    value = max(chapman(marked, effective_n, effective_n * known), float(marked))
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

    One standard error is added, because the value is estimated from few counts. Without it, intervals for unevenly
    photographed animals are too narrow.

    Args:
        counts: Number of photographs predicted as each animal, for animals that were predicted at least once.
        marked: Number of enrolled animals; the other animals count 0.
        right: Share of the photographs of an animal that are predicted as that animal. Missing photographs make the
            counts more even; this is corrected.
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
            raise TooLittleData(
                f"the errors on {side} animals were measured on {counts.n_animal} animals; {FEWEST_ANIMALS} are needed"
            )
    if n < FEWEST_PHOTOGRAPHS:
        raise TooLittleData(f"there are {n} photographs; {FEWEST_PHOTOGRAPHS} are needed")
    if accepted < FEWEST_KNOWN:
        raise TooLittleData(f"{accepted} photographs are predicted as enrolled animals; {FEWEST_KNOWN} are needed")
    if marked < FEWEST_KNOWN:
        raise TooLittleData(f"{marked} animals are enrolled; {FEWEST_KNOWN} are needed")


def _error_variance(counts: AnimalCounts, repeats: float) -> float:
    """Return the variance of one kind of error, which is higher if photographs of one animal fail together.

    Args:
        counts: The measured errors.
        repeats: Mean number of photographs of the animal that a random photograph shows.
    """
    # Half an error and half a correct photograph are added, so that a small sample without errors has a variance too.
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
    """Return the estimate for all groups together; the draws of the groups are independent and are added."""
    value = math.fsum(population.corrected.value for population in populations)
    rng = np.random.default_rng(0)
    draws = np.sum([rng.permutation(population.draws) for population in populations], axis=0)
    low, high = (float(np.quantile(draws, q, method="higher")) for q in _ENDS)
    return Estimate(value, min(low, value), max(high, value))
