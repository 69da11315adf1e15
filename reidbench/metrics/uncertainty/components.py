"""Where the variance of a score comes from: which animals were asked, how the data were split, which seed trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Standard deviations of one run's score by their cause; ``None`` where it was not varied.

    Attributes:
        queries: Over the animals that happen to be asked, from the bootstrap of one run.
        splits: Over splits, beyond what other query animals and seeds explain.
        seeds: Over training seeds within a split.
    """

    queries: float | None
    splits: float | None
    seeds: float | None


def variance_components(
    scores: Sequence[Sequence[float]], query_variance: float | None, *, query_variance_between: float | None = None
) -> VarianceComponents:
    """Part the variance of scores by split and seed.

    The means of splits vary by the split itself, by the animals that each asks, and by what is left of the seeds
    in a mean; the last two are taken off. An estimate below 0 is 0: nothing of that cause shows.

    Args:
        scores: Scores of the seeds of each split.
        query_variance: Variance of one run's score over reweighted animals, ``None`` where it is not known.
        query_variance_between: What of it parts the means of splits: less than the whole where splits ask the same
            animals, who move all their scores alike. By default the whole, as of splits that share no animal.

    Example:
        >>> found = variance_components([[0.4, 0.6], [0.5, 0.7]], query_variance=0.0)
        >>> round(found.seeds, 4), found.splits  # seeds .02; split means .5 and .6: .005 - .02 / 2 is below 0
        (0.1414, 0.0)
    """
    several = [seeds for seeds in scores if len(seeds) > 1]
    freedom = sum(len(seeds) - 1 for seeds in several)
    seed_variance = sum((len(s) - 1) * variance(s) for s in several) / freedom if freedom else None
    split_variance = None
    if len(scores) > 1:
        per_mean = fmean(1 / len(seeds) for seeds in scores) * (seed_variance or 0.0)
        of_queries = query_variance if query_variance_between is None else query_variance_between
        split_variance = max(variance(map(fmean, scores)) - per_mean - (of_queries or 0.0), 0.0)
    return VarianceComponents(*(_root(value) for value in (query_variance, split_variance, seed_variance)))


def _root(value: float | None) -> float | None:
    return None if value is None else value**0.5
