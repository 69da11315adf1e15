"""Old names of options and values: accepted for one minor release, with a warning that gives the new name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reidbench.methods.presets import PAPER, STORED
from reidbench.progress import plain_console, print_warning


def with_new_names(args: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """Return arguments with the new names of options.

    Args:
        args: The arguments of a command as they were given.
        renamed: New names of options by old name.
    """
    changed = []
    for arg in args:
        option, equals, value = arg.partition("=")
        if option in renamed:
            _warn(option, renamed[option])
            option = renamed[option]
        changed.append(option + equals + value)
    return changed


def with_new_preset(name: str | None) -> str | None:
    """Return the value of ``--preset`` with its new name."""
    if name != STORED:
        return name
    _warn(f"--preset {STORED}", f"--preset {PAPER}")
    return PAPER


def _warn(old: str, new: str) -> None:
    print_warning(
        f"{old} is now called {new}; the old spelling will be removed in a later release", plain_console(stderr=True)
    )
