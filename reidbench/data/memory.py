"""The memory budget: how many bytes decoded pictures and blocks of similarities may take at once.

The budget belongs to the process, like the limit of Pillow that it replaces, because pictures are decoded in many
places and in several threads. It changes how many items are in memory at once, never a number of a result.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from reidbench.errors import ReidbenchError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

DEFAULT_MEMORY = 1 << 30
"""Default budget in bytes: 1 GiB."""
SMALLEST_MEMORY = 64 << 20
"""Smallest budget in bytes: a photograph of 5 megapixels can be decoded."""
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")

_budget = DEFAULT_MEMORY
_reserved = 0  # bytes that threads decode into at the moment
_released = threading.Condition()


def memory_bytes() -> int:
    """Return the budget of this process in bytes."""
    return _budget


@contextmanager
def memory_budget(size: str | int | None) -> Iterator[None]:
    """Use another budget in the ``with`` block.

    Args:
        size: A size such as ``512MB`` or ``2GiB``, or a number of bytes; ``None`` keeps the current budget.

    Raises:
        ReidbenchError: It is not a size, or it is below :data:`SMALLEST_MEMORY`.
    """
    global _budget
    before = _budget
    if size is not None:
        _budget = parse_size(size)
    try:
        yield
    finally:
        _budget = before


def obeys_memory(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Make a function use the budget that its keyword argument ``memory`` gives, as :func:`memory_budget` takes it."""

    @functools.wraps(function)
    def within_budget(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with memory_budget(kwargs.get("memory")):  # type: ignore[arg-type]
            return function(*args, **kwargs)

    return within_budget


def parse_size(size: str | int, option: str = "--memory", least: int | None = None) -> int:
    """Return a size in bytes.

    Args:
        size: A number with one of the units MB, GB (powers of 1000), MiB, GiB (powers of 1024), in any case; or a
            number of bytes.
        option: The option that the size comes from, for the message.
        least: Smallest size in bytes; by default :data:`SMALLEST_MEMORY`.

    Raises:
        ReidbenchError: It is not a size, or it is below ``least``.

    Example:
        >>> parse_size("512MB"), parse_size("1.5 GiB")
        (512000000, 1610612736)
    """
    where, remedy = f"{option} {size}", f"write a number with a unit, such as {option} 512MB or {option} 2GiB"
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        unit = _UNITS.get(match[2].upper()) if match else None
        if match is None or unit is None:
            raise ReidbenchError(f"'{size}' is not a size", where=where, remedy=remedy)
        n_bytes = int(float(match[1]) * unit)
    else:
        n_bytes = int(size)
    least = SMALLEST_MEMORY if least is None else least
    if n_bytes < least:
        raise ReidbenchError(f"the memory must be at least {show_size(least)}, not {size}", where=where, remedy=remedy)
    return n_bytes


def show_size(n_bytes: float) -> str:
    """Return a number of bytes as text, in MiB below 1 GiB and else in GiB.

    Example:
        >>> show_size(64 << 20), show_size(1 << 30), show_size(2_123_000_000)
        ('64 MiB', '1 GiB', '1.98 GiB')
    """
    if n_bytes < 1 << 30:
        return f"{n_bytes / (1 << 20):.0f} MiB"
    return f"{n_bytes / (1 << 30):.2f}".rstrip("0").rstrip(".") + " GiB"


@contextmanager
def reserved(n_bytes: int) -> Iterator[None]:
    """Wait until other threads leave enough of the budget; a request for more than the budget waits for all of it.

    Args:
        n_bytes: Largest memory that the ``with`` block needs.
    """
    global _reserved
    with _released:
        _released.wait_for(lambda: _reserved == 0 or _reserved + n_bytes <= _budget)
        _reserved += n_bytes
    try:
        yield
    finally:
        with _released:
            _reserved -= n_bytes
            _released.notify_all()
