"""Which points of two photographs a local method matched, and lines between them.

The points are found anew from the photographs on the page, with the run's own settings: a few images, seconds at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.report.photographs import Thumbnail
from reidbench.representations import Ragged, Representation
from reidbench.runs import RunRecord

if TYPE_CHECKING:
    from reidbench.local_features import LocalFeatureMethod

MOST_LINES = 60
_GAP = 8


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPoints:
    """Points of two images that belong together, x and y as shares of width and height.

    Attributes:
        query: Points of the query, ``(n_match, 2)`` in [0, 1].
        gallery: Their partners in the gallery image, ``(n_match, 2)`` in [0, 1].
    """

    query: NDArray[np.float64]
    gallery: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.query.shape != self.gallery.shape or self.query.ndim != 2 or self.query.shape[1] != 2:
            raise ValueError(f"points have shapes {self.query.shape} and {self.gallery.shape}, not one (n_match, 2)")

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True, slots=True, eq=False)
class Matcher:
    """Finds the matching points of two images.

    Attributes:
        match: Takes the pixels of a query and of a gallery image, each ``(height, width, 3)``.
        part: Path of the part whose matches they are; empty where they are the whole method's.
    """

    match: Callable[[NDArray[np.uint8], NDArray[np.uint8]], MatchedPoints]
    part: str = ""

    @property
    def whose(self) -> str:
        """Words that follow a number of matches: nothing, or which part of the whole they are of."""
        return f" of {self.part}, one part of the whole," if self.part else ""


def matcher_of(record: RunRecord) -> tuple[Matcher | None, str]:
    """Return what finds the matches of a run's method, or ``None`` and why they can't be drawn.

    Loads the method, and with it torch where the method needs it, only for a run that says it compared keypoints.
    Of a method made of parts only the weights of the part that is asked are loaded.
    """
    if not record.data["matching"].get("keypoints"):
        return None, ""
    from reidbench.assembly import assemble, effective_settings
    from reidbench.local_features import keypoint_part
    from reidbench.progress import Progress
    from reidbench.registry import load_registry

    try:
        registry = load_registry()
        offer = registry.find(record.method)
        if offer.spec.version != record.data["plugin"]["method_version"]:
            return None, f"{record.method} is installed in another version than the run's"
        settings = effective_settings(offer.spec, None, record.data["settings"]["effective"])
        assembled = assemble(offer, settings, registry)
        found = keypoint_part(assembled.method)
        if found is None:
            return None, f"{record.method} as installed compares no keypoints"
        if found.path and _version(assembled.parts, found.path) != _version(record.data["parts"], found.path):
            return None, f"{found.path}, a part of {record.method}, is installed in another version than the run's"
        found.method.prepare("cpu", record.seed, Progress())
    except ReidbenchError as error:
        return None, f"{record.method} can't be loaded here: {error.message}"
    method = found.method
    return Matcher(lambda query, gallery: match_images(method, query, gallery), found.path), ""


def match_images(method: LocalFeatureMethod, query: NDArray[np.uint8], gallery: NDArray[np.uint8]) -> MatchedPoints:
    """Describe two images and return the points that the method matches.

    Args:
        method: A method with keypoints, prepared.
        query: Pixels of the query, ``(height, width, 3)``.
        gallery: Pixels of the gallery image, ``(height, width, 3)``.
    """
    left, right = method.describe(query), method.describe(gallery)
    found = method.match(_alone(left), _alone(right), np.zeros((1, 2), np.int64)).of(0)
    return MatchedPoints(
        np.asarray(left["keypoint"], dtype=np.float64)[found[:, 0]],
        np.asarray(right["keypoint"], dtype=np.float64)[found[:, 1]],
    )


def draw_matches(left: Thumbnail, right: Thumbnail, points: MatchedPoints, label: str) -> Markup:
    """Return two pictures side by side, at one height, with a line for each match.

    Of more than :data:`MOST_LINES` matches every so-many-th is drawn: more would hide the animals.
    """
    height = 120.0
    width = [picture.width * height / picture.height for picture in (left, right)]
    offset = width[0] + _GAP
    chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), MOST_LINES)).round().astype(int))
    lines = Markup("").join(
        Markup('<path d="M{} {}L{} {}"/>').format(
            f"{a[0] * width[0]:.1f}", f"{a[1] * height:.1f}", f"{offset + b[0] * width[1]:.1f}", f"{b[1] * height:.1f}"
        )
        for a, b in zip(points.query[chosen], points.gallery[chosen], strict=True)
    )
    return Markup(
        '<svg class="matches" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<image href="{}" width="{}" height="{}"/><image href="{}" x="{}" width="{}" height="{}"/>{}</svg>'
    ).format(
        f"{offset + width[1]:.0f}", f"{height:.0f}", label,
        left.address, f"{width[0]:.1f}", f"{height:.0f}",
        right.address, f"{offset:.1f}", f"{width[1]:.1f}", f"{height:.0f}",
        lines,
    )  # fmt: skip


def _alone(features: Mapping[str, NDArray]) -> Representation:
    return Representation({}, {name: Ragged.from_rows([rows]) for name, rows in features.items()})


def _version(parts: Mapping[str, Any], path: str) -> Any:
    """Return method and version of a part as a record has them, ``None`` where it has no such part."""
    part = parts.get(path)
    return part and (part["method"], part["plugin"]["method_version"])
