"""Find the part of a method that knows which keypoints it matched, for the record and for drawing matches."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.calibration.calibrated import Calibrated
from reidbench.methods.contract import Method
from reidbench.methods.local_features import LocalFeatureMethod


@dataclass(frozen=True, slots=True, eq=False)
class KeypointPart:
    """The method in a tree that can say which keypoints it matched.

    Attributes:
        method: The method.
        path: Its parts' names from the whole down, joined by ``/``; empty where it is the whole.
    """

    method: LocalFeatureMethod
    path: str = ""


def keypoint_part(method: Method, path: str = "") -> KeypointPart | None:
    """Return what can say which keypoints it matched, looking through score calibration and into parts.

    Of several parts it is the first; ``None`` where all compare images otherwise. A part's matches are not the
    whole's, so whoever shows them names the part.
    """
    while isinstance(method, Calibrated):
        method = method.inner
    if isinstance(method, LocalFeatureMethod):
        return KeypointPart(method, path)
    found = (keypoint_part(part, f"{path}/{name}" if path else name) for name, part in method.parts.items())
    return next((part for part in found if part is not None), None)
