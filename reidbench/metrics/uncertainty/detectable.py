"""The smallest difference that a test on these animals detects."""

from __future__ import annotations

from statistics import NormalDist

from reidbench.metrics.uncertainty.paired import SIGNIFICANCE_LEVEL

POWER = 0.8


def smallest_detectable(standard_error: float, *, level: float = SIGNIFICANCE_LEVEL, power: float = POWER) -> float:
    """Return the true difference that a two-sided test detects with probability ``power``.

    Args:
        standard_error: Standard error of the difference of two methods on these animals.
        level: Significance level of the test.
        power: Probability that the test detects the difference.

    Example:
        >>> round(smallest_detectable(0.01), 4)  # (1.96 + 0.84) standard errors
        0.028
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * standard_error
