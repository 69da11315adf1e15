"""Competitions whose folders are read as they are unpacked, imitated in a validation split and answered in a file."""

from reidbench.data.competitions.catalogue import COMPETITIONS, Competition, find_competition
from reidbench.data.competitions.folder import read_competition, read_sample

__all__ = ["COMPETITIONS", "Competition", "find_competition", "read_competition", "read_sample"]
