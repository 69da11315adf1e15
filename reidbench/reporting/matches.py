"""The points that a local method matches in two photographs, drawn as lines.

A record keeps no matches, so the method matches the images again with the settings of the run. The local features are
read from the cache, where the run stored them. For an image that is not in the cache they are extracted once.
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
    from reidbench.running.representation_store import RepresentationStore

MOST_LINES = 60
_GAP = 8


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPoints:
    """Matching points of two images; x and y are shares of width and height.

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
        match: Takes the ids of a query and of a gallery image; returns ``None`` if one of them can't be read.
        part: Path of the part of a fusion that matches; empty if the whole method does.
    """

    match: Callable[[str, str], MatchedPoints | None]
    part: str = ""

    @property
    def of_part(self) -> str:
        """Text to follow a number of matches: empty, or the part of the fusion that found them."""
        return f" of {self.part} (a part of the fusion)" if self.part else ""


@dataclass(slots=True, eq=False)
class LocalFeatures:
    """The local features of the images of a page, from the cache or extracted once.

    Attributes:
        method: The method, prepared.
        photographs: The images.
        store: Cached features of the method; ``None`` if they are not cached by image.
        content: Key of each image in ``store``, by its id.
    """

    method: LocalFeatureMethod
    photographs: Photographs
    store: RepresentationStore | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    _features: dict[str, Representation | None] = field(default_factory=dict)

    def of(self, image_id: str) -> Representation | None:
        """Return the features of one image, ``None`` if it is not cached and can't be read."""
        if image_id not in self._features:
            cached = self._cached(image_id)
            self._features[image_id] = self._extracted(image_id) if cached is None else cached
        return self._features[image_id]

    def _cached(self, image_id: str) -> Representation | None:
        key = self.content.get(image_id)
        if self.store is None or key is None or len(self.store.missing([key])):
            return None
        return self.store.read([key])

    def _extracted(self, image_id: str) -> Representation | None:
        from reidbench.methods.contract import Images
        from reidbench.methods.local_features import inside_mask

        pixels = self.photographs.pixels(image_id)
        if pixels is None:
            return None
        features = self.method.describe(pixels)
        images = self.photographs.images
        if self.method.uses_masks and images is not None:
            row = np.array([self.photographs.row[image_id]])
            features = inside_mask(features, Images(images.take(row), masks=True).mask(0))
        return _one_image(features)

    def match(self, query: str, gallery: str) -> MatchedPoints | None:
        """Return the points of two images that the method matches."""
        left, right = self.of(query), self.of(gallery)
        return None if left is None or right is None else match_images(self.method, left, right)


def matcher_of(record: RunRecord, photographs: Photographs) -> tuple[Matcher | None, str]:
    """Return the matcher of a run's method, or ``None`` and the reason why matches can't be drawn.

    The method, and torch if it needs it, are loaded only if the run compared keypoints. For a fusion, only the weights
    of the part that matches keypoints are loaded.

    Args:
        record: The run.
        photographs: The images of the run.
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
            return None, f"the installed version of {record.method} is not that of the run"
        settings = effective_settings(offer.spec, None, record.data.settings.effective)
        assembled = assemble(offer, settings, registry)
        part = keypoint_part(assembled.method)
        if part is None:
            return None, f"the installed {record.method} compares no keypoints"
        if part.path and _version(assembled.recorded_parts, part.path) != _version(record.data.parts, part.path):
            return None, f"the installed version of {part.path}, a part of {record.method}, is not that of the run"
        part.method.prepare("cpu", record.seed, Progress())
    except ReidbenchError as error:
        return None, f"{record.method} can't be loaded here: {error.message}"
    features = LocalFeatures(part.method, photographs, *_cached(assembled, part.method, photographs))
    return Matcher(features.match, part.path), ""


def match_images(method: LocalFeatureMethod, query: Representation, gallery: Representation) -> MatchedPoints:
    """Return the points of two images that the method matches.

    Args:
        method: A method with keypoints, prepared.
        query: Features of the query, one row.
        gallery: Features of the gallery image, one row.
    """
    pairs = method.match(query, gallery, np.zeros((1, 2), np.int64)).of(0)
    return MatchedPoints(
        np.asarray(query.ragged["keypoint"][0], dtype=np.float64)[pairs[:, 0]],
        np.asarray(gallery.ragged["keypoint"][0], dtype=np.float64)[pairs[:, 1]],
    )


def _cached(
    assembled: Assembled, method: LocalFeatureMethod, photographs: Photographs
) -> tuple[RepresentationStore | None, dict[str, str]]:
    """Return the store of the method's features, and the key of each image in it by the id of the image."""
    from reidbench.data.image_masks import masked_contents
    from reidbench.running.representation_store import RepresentationStore, features_key

    offer = next((part.offer for part in assembled.feature_parts if part.method is method), None)
    if offer is None or photographs.images is None or method.learns or method.transductive:
        return None, {}  # such features are cached by run, not by image
    contents = photographs.images.contents()
    if method.uses_masks:
        contents = masked_contents(photographs.images, contents)
    return RepresentationStore(features_key(offer, method)), dict(zip(photographs.row, contents, strict=True))


def draw_matches(left: Thumbnail, right: Thumbnail, points: MatchedPoints, label: str) -> Markup:
    """Return two pictures side by side at one height, with a line for each match.

    At most :data:`MOST_LINES` matches are drawn, evenly chosen, because more would hide the animals.
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


def _one_image(features: Mapping[str, NDArray[Any]]) -> Representation:
    return Representation({}, {name: Ragged.from_rows([rows]) for name, rows in features.items()})


def _version(parts: Mapping[str, PartData], path: str) -> tuple[str, str] | None:
    """Return method and version of a part of a record, ``None`` if there is no such part."""
    part = parts.get(path)
    return None if part is None else (part.method, part.plugin.method_version)
