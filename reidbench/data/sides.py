"""Compare photographs of the same side only: ``--match-sides same`` and the column ``orientation``.

The patterns of the two flanks of an animal differ, so comparing photographs of two sides may add only false matches. A
photograph whose side is unknown is compared with all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.data.side_words import side_of
from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from reidbench.data.images import ImageSet

MatchSides = Literal["any", "same"]
ANY: Final = "any"
"""Photographs of all sides are compared."""
MATCH_SIDES: Final = (ANY, "same")
"""What can be compared."""


def parse_match_sides(text: str, option: str = "--match-sides") -> MatchSides:
    """Check which sides are compared.

    Args:
        text: Value of the option.
        option: The option, for errors.

    Raises:
        ReidbenchError: It is neither ``any`` nor ``same``.
    """
    for value in MATCH_SIDES:
        if text == value:
            return value
    raise ReidbenchError(
        f"photographs of the same side are compared, or of any side, not '{text}'",
        where=f"{option} {text}",
        remedy=f"choose one of: {', '.join(MATCH_SIDES)}",
    )


def sides_of(images: ImageSet, match_sides: MatchSides = "same") -> NDArray[np.str_]:
    """Return the side of each image, empty if it is unknown, ``(n,)``.

    :func:`reidbench.data.side_words.side_of` decides which words mean the same side.

    Args:
        images: The images.
        match_sides: With ``any``, all sides are empty, so that all images are compared.
    """
    if match_sides == ANY:
        return np.zeros(len(images), dtype=str)
    return np.array([side_of(str(value)) for value in images.table["orientation"]], dtype=str)


def may_compare(side: Any, other: Any) -> NDArray[np.bool_]:
    """Return whether two images, or arrays of images, are compared: their sides are equal, or one is unknown.

    Example:
        >>> may_compare("left", np.array(["left", "right", ""])).tolist()
        [True, False, True]
    """
    side, other = np.asarray(side, dtype=str), np.asarray(other, dtype=str)
    return np.asarray((side == other) | (side == "") | (other == ""), dtype=bool)


def check_sides(images: ImageSet, match_sides: MatchSides) -> str:
    """Check that the dataset has sides to match, and return a warning if they change nothing, else empty text.

    Raises:
        ReidbenchError: No image has a known side.
    """
    if match_sides == ANY:
        return ""
    known = np.unique(sides_of(images))
    known = known[known != ""]
    if not len(known):
        raise ReidbenchError(
            "the dataset has no sides: no image has a known value in the column orientation",
            where="--match-sides same",
            remedy="add the column orientation, name it with --columns orientation=NAME, or remove --match-sides",
        )
    if len(known) == 1:
        return f"all images with a known side show the side '{known[0]}': --match-sides same changes nothing"
    return ""
