"""The causes of a score's variance: the query animals, the split and the training seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Standard deviations of one run's score by cause; ``None`` if the cause did not vary.

    Attributes:
        queries: From the choice of query animals, by the bootstrap of one run.
        splits: From the split, beyond the effect of its query animals and seeds.
        seeds: From the training seed, within a split.
    """

    queries: float | None
    splits: float | None
    seeds: float | None


def variance_components(
    scores: Sequence[Sequence[float]], query_variance: float | None, *, query_variance_between: float | None = None
) -> VarianceComponents:
    """Separate the variance of scores by query animals, split and seed.

    The means of splits vary because of the split itself, its query animals and the seeds in each mean. The last two
    are subtracted. An estimate below 0 becomes 0.

    Args:
        scores: Scores of the seeds of each split.
        query_variance: Variance of one run's score over reweighted animals; ``None`` if it is not known.
        query_variance_between: The part of it that differs between the means of splits. It is smaller if splits test
            the same animals, because these move all scores alike. By default the whole, for splits that share no
            animal.

    Returns:
        Standard deviation of each cause.

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
