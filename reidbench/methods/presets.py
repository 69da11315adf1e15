"""Two names of one preset: the settings of a paper are the preset ``paper``, which records store as ``report``.

Records keep the stored word, because it is a part of the id of some runs. Plugins and commands of earlier versions use
it too. So every name that comes in goes through :func:`current_preset`, and every name that is stored goes through
:func:`stored_preset`.
"""

from __future__ import annotations

from typing import Any, Final

PAPER: Final = "paper"
STORED: Final = "report"


def current_preset(name: str) -> str:
    """Return today's name of a preset; any other name stays as it is.

    Example:
        >>> current_preset("report"), current_preset("quick")
        ('paper', 'quick')
    """
    return PAPER if name == STORED else name


def stored_preset(name: str) -> str:
    """Return the name under which records store a preset.

    Example:
        >>> stored_preset("paper"), stored_preset("quick")
        ('report', 'quick')
    """
    return STORED if name == PAPER else name


def show_setting(key: str, value: Any) -> str:
    """Return a stored setting as tables show it: with today's name, if it is the preset of a part.

    Example:
        >>> show_setting("classifier_preset", "report"), show_setting("size", 384)
        ('paper', '384')
    """
    return current_preset(str(value)) if key.endswith("preset") else str(value)
