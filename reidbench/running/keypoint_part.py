"""Find the part of a method that matches keypoints, for the record and to draw its matches."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.calibration.calibrated import Calibrated
from reidbench.methods.contract import Method
from reidbench.methods.local_features import LocalFeatureMethod


@dataclass(frozen=True, slots=True, eq=False)
class KeypointPart:
    """A method that matches keypoints: the whole method or a part of it.

    Attributes:
        method: The method.
        path: Its path in the tree of parts; empty for the whole method.
    """

    method: LocalFeatureMethod
    path: str = ""


def keypoint_part(method: Method, path: str = "") -> KeypointPart | None:
    """Return the first part of a method that matches keypoints, ``None`` if there is none.

    The matches of a part are not those of the whole method, so a page that shows them has to name the part.

    Args:
        method: The whole method.
        path: Its path, if it is itself a part.
    """
    while isinstance(method, Calibrated):
        method = method.inner
    if isinstance(method, LocalFeatureMethod):
        return KeypointPart(method, path)
    in_parts = (keypoint_part(part, f"{path}/{name}" if path else name) for name, part in method.parts.items())
    return next((part for part in in_parts if part is not None), None)
