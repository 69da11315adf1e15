"""How every table prints a number, an interval or a size; a value that is undefined prints as ``–``, never as 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reidbench.constants import UNDEFINED

if TYPE_CHECKING:
    from reidbench.metrics.uncertainty.bootstrap import Interval


def show(value: float | None, digits: int = 3) -> str:
    """Return a number as tables print it; ``–`` for ``None``, ``nan`` or infinity.

    Example:
        >>> show(0.5), show(None), show(float("nan"), 1)
        ('0.500', '–', '–')
    """
    return UNDEFINED if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def show_metric(value: float | None, digits: int = 3) -> str:
    """Return a metric as tables print it: a count whole, any other value as :func:`show` does."""
    return str(value) if isinstance(value, int) else show(value, digits)


def show_interval(interval: Interval | None) -> str:
    """Return an interval as tables print it, ``0.412–0.630``; ``–`` for ``None``."""
    return UNDEFINED if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"


def show_difference(value: float | None) -> str:
    """Return a difference with its sign, ``+0.120``; ``–`` for ``None``."""
    return UNDEFINED if value is None else f"{value:+.3f}"


def show_difference_interval(interval: Interval | None) -> str:
    """Return the interval of a difference with both signs, ``-0.023…+0.201``; ``–`` for ``None``."""
    return UNDEFINED if interval is None else f"{interval.low:+.3f}…{interval.high:+.3f}"


def show_bytes(size: float) -> str:
    """Return a number of bytes in the largest decimal unit that fits.

    Example:
        >>> show_bytes(12), show_bytes(12_345), show_bytes(2.5e9)
        ('12 B', '12 kB', '2.5 GB')
    """
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size:.0f} B"


def undefined_line(reason: str, names: Sequence[str]) -> str:
    """Return a sentence that names the metrics without a value, and why they have none.

    Args:
        reason: The reason as a record holds it, such as ``needs scores`` or ``no known queries``.
        names: The metrics.

    Example:
        >>> undefined_line("needs scores", ["rank1", "map"])
        'No value, because scores would be needed: rank1, map.'
    """
    because = reason
    if reason.startswith("needs "):
        because = f"{reason.removeprefix('needs ')} would be needed"
    elif reason in ("no queries", "no known queries", "no unknown queries"):
        because = f"there are {reason}"
    return f"No value, because {because}: {', '.join(names)}."
