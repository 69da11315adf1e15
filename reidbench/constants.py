"""Words that stand in files people exchange."""

from typing import Final

NEW_IDENTITY: Final = "new_individual"
"""The answer that means: this animal is not in the gallery."""
