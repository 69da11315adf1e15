"""``run --memory``: a size is the memory budget; a number without a unit is the older limit of the process in GiB."""

from __future__ import annotations

from pathlib import Path

import typer

from reidbench.cli.options import use_memory
from reidbench.errors import ReidbenchError
from reidbench.progress import plain_console, print_warning


def is_number(text: str) -> bool:
    """Return whether a text is a number without a unit.

    Example:
        >>> is_number("8"), is_number("8GiB")
        (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def use_memory_or_limit(ctx: typer.Context, value: str | None) -> str | None:
    """Use a memory budget until the command ends; a number without a unit is left to :func:`limit_of_number`."""
    return value if value is not None and is_number(value) else use_memory(ctx, value)


def limit_of_number(memory: str, memory_limit: float | None, repeated: Path | None) -> float:
    """Return the limit of the process in GiB that ``--memory NUMBER`` sets, with a warning.

    Args:
        memory: The number.
        memory_limit: The value of ``--memory-limit``.
        repeated: The run of ``--from``, which is not isolated.

    Raises:
        ReidbenchError: ``--memory-limit`` or ``--from`` was given too.
    """
    other = "--memory-limit" if memory_limit is not None else "--from" if repeated is not None else ""
    if other:
        raise ReidbenchError(
            f"--memory {memory} has no unit; such a number limits the process, which {other} does not allow",
            where=f"--memory {memory} {other}",
            remedy=f"write --memory {memory}GiB for the memory of decoded photographs, or remove --memory",
        )
    print_warning(
        f"--memory {memory} without a unit limits the memory of the process, which is now called --memory-limit "
        f"{memory}; the old spelling will be removed in a later release. --memory {memory}GiB sets the memory of "
        "decoded photographs",
        plain_console(stderr=True),
    )
    return float(memory)
