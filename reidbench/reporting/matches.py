"""Which points of two photographs a local method matched, and lines between them.

The matches are found anew, with the run's own settings: a record keeps none. What the method says of each image is read
from the cache, where the run left it; an image that is not there is described once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.methods.representation import Ragged, Representation
from reidbench.records.run_data import PartData
from reidbench.records.run_record import RunRecord
from reidbench.reporting.photographs import Photographs, Thumbnail

if TYPE_CHECKING:
    from reidbench.methods.local_features import LocalFeatureMethod
    from reidbench.running.building import Assembled

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
        match: Takes the ids of a query and of a gallery image; ``None`` where one of them can't be read.
        part: Path of the part whose matches they are; empty where they are the whole method's.
    """

    match: Callable[[str, str], MatchedPoints | None]
    part: str = ""

    @property
    def whose(self) -> str:
        """Words that follow a number of matches: nothing, or which part of the whole they are of."""
        return f" of {self.part}, one part of the whole," if self.part else ""


@dataclass(slots=True, eq=False)
class Described:
    """What a local method says of the images of a page, each asked for once.

    Attributes:
        method: The method, prepared.
        photographs: The images.
        kept: What the cache holds of them; ``None`` where it holds nothing.
        place: Row in ``kept`` of each image id that is there.
    """

    method: LocalFeatureMethod
    photographs: Photographs
    kept: Representation | None = None
    place: Mapping[str, int] = field(default_factory=dict)
    _made: dict[str, Representation | None] = field(default_factory=dict)

    def of(self, image_id: str) -> Representation | None:
        """Return what is said of one image, ``None`` where it is neither in the cache nor to be read."""
        if self.kept is not None and image_id in self.place:
            return self.kept.take(np.array([self.place[image_id]]))
        if image_id not in self._made:
            pixels = self.photographs.pixels(image_id)
            self._made[image_id] = None if pixels is None else _alone(self.method.describe(pixels))
        return self._made[image_id]

    def match(self, query: str, gallery: str) -> MatchedPoints | None:
        """Return the points of two images that the method matches."""
        left, right = self.of(query), self.of(gallery)
        return None if left is None or right is None else match_images(self.method, left, right)


def matcher_of(record: RunRecord, photographs: Photographs) -> tuple[Matcher | None, str]:
    """Return what finds the matches of a run's method, or ``None`` and why they can't be drawn.

    Loads the method, and with it torch where the method needs it, only for a run that says it compared keypoints.
    Of a method made of parts only the weights of the part that is asked are loaded.

    Args:
        record: The run.
        photographs: The images that it was made of.
    """
    if not record.data.matching.keypoints:
        return None, ""
    from reidbench.progress import Progress
    from reidbench.registry.registered import load_registry
    from reidbench.running.building import assemble, effective_settings
    from reidbench.running.keypoint_part import keypoint_part

    try:
        registry = load_registry()
        offer = registry.find(record.method)
        if offer.spec.version != record.data.plugin.method_version:
            return None, f"{record.method} is installed in another version than the run's"
        settings = effective_settings(offer.spec, None, record.data.settings.effective)
        assembled = assemble(offer, settings, registry)
        found = keypoint_part(assembled.method)
        if found is None:
            return None, f"{record.method} as installed compares no keypoints"
        if found.path and _version(assembled.recorded_parts, found.path) != _version(record.data.parts, found.path):
            return None, f"{found.path}, a part of {record.method}, is installed in another version than the run's"
        found.method.prepare("cpu", record.seed, Progress())
    except ReidbenchError as error:
        return None, f"{record.method} can't be loaded here: {error.message}"
    described = Described(found.method, photographs, *_kept(assembled, found.method, photographs))
    return Matcher(described.match, found.path), ""


def match_images(method: LocalFeatureMethod, query: Representation, gallery: Representation) -> MatchedPoints:
    """Return the points of two images that the method matches.

    Args:
        method: A method with keypoints, prepared.
        query: What it says of the query, one row.
        gallery: What it says of the gallery image, one row.
    """
    found = method.match(query, gallery, np.zeros((1, 2), np.int64)).of(0)
    return MatchedPoints(
        np.asarray(query.ragged["keypoint"][0], dtype=np.float64)[found[:, 0]],
        np.asarray(gallery.ragged["keypoint"][0], dtype=np.float64)[found[:, 1]],
    )


def _kept(
    assembled: Assembled, method: LocalFeatureMethod, photographs: Photographs
) -> tuple[Representation | None, dict[str, int]]:
    """Return what the cache holds of the images, and the row of each that is there."""
    from reidbench.running.representation_store import RepresentationStore, features_key

    offer = next((part.offer for part in assembled.feature_parts if part.method is method), None)
    if offer is None or photographs.images is None or method.learns or method.transductive:
        return None, {}  # what a method learned, or said in company, is kept by run
    contents = dict(zip(photographs.row, photographs.images.contents(), strict=True))
    store = RepresentationStore(features_key(offer, method))
    names = list(contents)
    absent = {contents[names[place]] for place in store.missing(list(contents.values()))}
    there = [image_id for image_id, content in contents.items() if content not in absent]
    if not there:
        return None, {}
    return store.read([contents[image_id] for image_id in there]), {image_id: row for row, image_id in enumerate(there)}


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


def _alone(features: Mapping[str, NDArray[Any]]) -> Representation:
    return Representation({}, {name: Ragged.from_rows([rows]) for name, rows in features.items()})


def _version(parts: Mapping[str, PartData], path: str) -> tuple[str, str] | None:
    """Return method and version of a part as a record has them, ``None`` where it has no such part."""
    part = parts.get(path)
    return None if part is None else (part.method, part.plugin.method_version)
