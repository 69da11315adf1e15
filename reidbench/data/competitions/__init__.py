"""Competitions: reading their folders, splits that imitate their queries, and their submission files."""

from reidbench.data.competitions.catalogue import COMPETITIONS, Competition, find_competition
from reidbench.data.competitions.folder import read_competition, read_sample

__all__ = ["COMPETITIONS", "Competition", "find_competition", "read_competition", "read_sample"]
