"""Constants that several packages share; light, so that the command line can show them."""

from typing import Final

NEW_IDENTITY: Final = "new_individual"
"""The answer that means: this animal is not in the gallery."""

DEFAULT_POLICY: Final = "margin:shrunk"
"""The least regret of the policies that every method can use, by benchmarks/results/thresholds.md."""

UNDEFINED: Final = "–"
"""How tables print a value that is undefined or does not exist."""

BUILT_IN: Final = "patterns"
"""Name of the built-in dataset: animals drawn on this machine."""

ENTRY_POINT_GROUP: Final = "reidbench"
"""Group of the entry points of plugins."""
