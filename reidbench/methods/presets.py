"""Two names of one preset: the preset ``paper`` is stored as ``report`` in run records.

Records keep the old name, because it is part of the id of some runs. Plugins and commands of earlier versions use it
too. Convert every name from outside with :func:`current_preset`, and every name to store with :func:`stored_preset`.
"""

from __future__ import annotations

from typing import Any, Final

PAPER: Final = "paper"
STORED: Final = "report"


def current_preset(name: str) -> str:
    """Return the current name of a preset; names other than ``report`` are unchanged.

    Example:
        >>> current_preset("report"), current_preset("quick")
        ('paper', 'quick')
    """
    return PAPER if name == STORED else name


def stored_preset(name: str) -> str:
    """Return the name of a preset in run records; names other than ``paper`` are unchanged.

    Example:
        >>> stored_preset("paper"), stored_preset("quick")
        ('report', 'quick')
    """
    return STORED if name == PAPER else name


def show_setting(key: str, value: Any) -> str:
    """Return a stored setting for tables, with the current name if it is the preset of a part.

    Example:
        >>> show_setting("classifier_preset", "report"), show_setting("size", 384)
        ('paper', '384')
    """
    return current_preset(str(value)) if key.endswith("preset") else str(value)
