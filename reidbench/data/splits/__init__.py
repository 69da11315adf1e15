"""Splits: the images to enrol, the queries that choose the threshold, and the queries that are judged.

Three facts hold for every split made here:

- The images of one *encounter* are never on two sides: gallery and ``fit``, calibration, or
  test. The only exception is the kind ``random``, which exists to measure how much that matters.
- The unknown animals of calibration and those of test are different animals. None is in the gallery or in ``fit``.
- The same images, kind and seed give the same split on every machine.
"""

from reidbench.data.splits.checks import check_groups_are_enrolled
from reidbench.data.splits.files import read_split, write_split
from reidbench.data.splits.kinds import KINDS
from reidbench.data.splits.making import make_split
from reidbench.data.splits.split import PARTS, QUERIES, Split

__all__ = [
    "KINDS",
    "PARTS",
    "QUERIES",
    "Split",
    "check_groups_are_enrolled",
    "make_split",
    "read_split",
    "write_split",
]
