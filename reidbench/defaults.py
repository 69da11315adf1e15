"""What is taken where nothing is asked for; light, so that the command line can show it."""

from typing import Final

DEFAULT_POLICY: Final = "margin:shrunk"
"""The least regret of the policies that every method can use, by benchmarks/results/thresholds.md."""
