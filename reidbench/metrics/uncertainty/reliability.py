"""The measured coverage of intervals over few animals, and the warning for them.

``benchmarks/statistics/coverage.py`` measures the coverage on simulated animals. The photographs of one animal get
equal predictions. The numbers are those of the committed result.
"""

from __future__ import annotations

ENOUGH_KNOWN = 23
ENOUGH_UNKNOWN = 6
"""From these numbers of animals on, the measured coverage of the nominal 95 % interval of the score is 95 %."""
MEASURED = (((10, 3), 0.94), ((6, 2), 0.94))
"""Mean coverage of that interval with at least these numbers of known and unknown animals."""


def few_animals(n_known: int, n_unknown: int) -> str:
    """Return a warning if there are so few animals that the intervals cover less than 95 %; empty otherwise.

    Args:
        n_known: Number of known animals.
        n_unknown: Number of unknown animals.

    Example:
        >>> few_animals(23, 6)
        ''
    """
    if n_known >= ENOUGH_KNOWN and n_unknown >= ENOUGH_UNKNOWN:
        return ""
    has = f"{n_known} known and {n_unknown} unknown animals"
    for (known, unknown), coverage in MEASURED:
        if n_known >= known and n_unknown >= unknown:
            return (
                f"only {has}: with so few, a 95 % interval contains the true score in {100 * coverage:.0f} % of cases"
            )
    return f"only {has}: the intervals are too uncertain to compare methods"
