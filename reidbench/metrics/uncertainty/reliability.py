"""What an interval of so few animals is worth: coverage as it was measured, and the warning that goes with it.

Measured by ``benchmarks/statistics/coverage.py`` on simulated animals whose photographs are answered alike;
the numbers are those of its committed result.
"""

from __future__ import annotations

ENOUGH_KNOWN = 40
ENOUGH_UNKNOWN = 18
MEASURED = (((23, 6), 0.95), ((10, 3), 0.94), ((6, 2), 0.94))
"""Mean coverage of the nominal 95 % interval of the score, from so many known and unknown animals up."""


def few_animals(n_known: int, n_unknown: int) -> str:
    """Return a warning where animals are too few for an interval to be taken at its word; empty otherwise.

    Example:
        >>> few_animals(40, 18)
        ''
    """
    if n_known >= ENOUGH_KNOWN and n_unknown >= ENOUGH_UNKNOWN:
        return ""
    has = f"{n_known} known and {n_unknown} unknown animals"
    for (known, unknown), coverage in MEASURED:
        if n_known >= known and n_unknown >= unknown:
            return f"only {has}: intervals are those for small samples, with a measured coverage of {coverage:.0%}"
    return f"only {has}: intervals are too uncertain to decide anything"
