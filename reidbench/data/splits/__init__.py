"""Which images are enrolled, which choose the threshold, and which judge.

Three facts hold for every split made here. Images of one *encounter* (one identity, one day) never stand on two
sides, but in a split of the kind ``random``, which is there to show what that is worth. The unknown animals of
calibration and of test are different animals, and neither is enrolled or learnt from. The same images, kind and seed
give the same split on every machine.
"""

from reidbench.data.splits.files import read_split, write_split
from reidbench.data.splits.kinds import KINDS
from reidbench.data.splits.making import make_split
from reidbench.data.splits.split import PARTS, Split

__all__ = [
    "KINDS",
    "PARTS",
    "Split",
    "make_split",
    "read_split",
    "write_split",
]
