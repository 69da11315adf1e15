"""One build of a method, with the stages in the order of a run: prepare, fit, represent, calibrate, score.

Between the stages the functions of a run are used: they assemble parts, calibrate similarities, and turn galleries into
centroids or classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features, Search, comparison_of, target_of
from reidbench.methods.contract import FitContext, FitReport, Images, LabelledImages, Method, Validation
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench.running.building import Assembled, assemble, join_representations

ImagesFor = Callable[[ImageSet, bool], Images]


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """Images with their features.

    Attributes:
        images: The images.
        representation: Their features.
        by_part: The features of each part of a fusion, as the cache stores them; one item for other methods.
    """

    images: ImageSet
    representation: Representation
    by_part: tuple[Representation, ...]

    def take(self, rows: NDArray[np.int64] | list[int]) -> Extracted:
        """Return the images at ``rows`` with their features, in that order."""
        indices = np.asarray(rows, dtype=np.int64)
        by_part = tuple(part.take(indices) for part in self.by_part)
        return Extracted(self.images.take(indices), self.representation.take(indices), by_part)


class Build:
    """One build of a method.

    Args:
        offer: The method and its plugin.
        settings: Effective settings of the method.
        registry: Methods that a fusion takes its parts from.
        work_dir: Folder for the checkpoints of fit.
        device: ``cpu`` or ``cuda``.
        images_for: Makes the images that a method receives, from an image set and whether the method reads masks.

    Raises:
        TypeError: ``build`` did not return a method.
    """

    def __init__(
        self,
        offer: Offer,
        settings: Any,
        registry: Registry,
        work_dir: Path,
        *,
        device: str = "cpu",
        images_for: ImagesFor = lambda images, masks: Images(images, masks=masks),
    ) -> None:
        if offer.spec.parts is None:
            offer.spec.check_installed()
            built = offer.spec.build(settings)
            if not isinstance(built, Method):
                raise TypeError(f"build returned {type(built).__name__}, not a Method")
        self.assembled: Assembled = assemble(offer, settings, registry, drawn=True)
        self.device = device
        self.images_for = images_for
        self._work_dir = work_dir
        self._trained_identities = np.empty(0, dtype=str)
        self._numbering: Any = None

    @property
    def method(self) -> Method:
        """The assembled method."""
        return self.assembled.method

    @property
    def parts(self) -> list[Method]:
        """The methods that extract features: the parts of a fusion, otherwise the method itself."""
        return [part.method for part in self.assembled.feature_parts]

    @property
    def transductive(self) -> bool:
        """Whether the method or one of its parts declares that it uses the other queries."""
        return any(method.transductive for method in (self.method, *self.parts))

    def prepare(self) -> None:
        """Load the weights of all parts."""
        self.assembled.prepare(self.device, 0, Progress(), may_substitute=True)  # the images are drawn

    def fit(self, train: ImageSet) -> list[FitReport]:
        """Fit all parts on images, as a run does; return their reports."""
        identity = train.identity
        self.set_trained_identities(train)
        reports = []
        for number, part in enumerate(self.parts):
            work_dir = self._work_dir / str(number)
            if part.learns:
                work_dir.mkdir(parents=True, exist_ok=True)
            context = FitContext(_fixed_validation, 0, self.device, work_dir, Progress())
            reports.append(
                part.fit(LabelledImages(self.images_for(train, part.uses_masks), tuple(identity.tolist())), context)
            )
        return reports

    def set_trained_identities(self, train: ImageSet) -> None:
        """Set the identities that the method counts as trained on, without a call of fit."""
        self._trained_identities = np.unique(train.identity)

    def extract(self, images: ImageSet) -> Extracted:
        """Extract the features of images, with one call of represent for each part.

        Raises:
            TypeError: A part did not return a representation.
            ValueError: A part did not return one entry for each image.
        """
        by_id = {id(part): part.represent(self.images_for(images, part.uses_masks), Progress()) for part in self.parts}
        for part, representation in zip(self.parts, by_id.values(), strict=True):
            if not isinstance(representation, Representation):
                kind = type(representation).__name__
                raise TypeError(f"represent of {type(part).__name__} returned {kind}, not a Representation")
            if len(representation) != len(images):
                raise ValueError(
                    f"represent of {type(part).__name__} returned {len(representation)} entries, "
                    f"but there are {len(images)} images"
                )
        return Extracted(images, self._combined(by_id), tuple(by_id.values()))

    def from_parts(self, images: ImageSet, by_part: tuple[Representation, ...]) -> Extracted:
        """Combine features of the parts that were extracted before, as when they are read from the cache."""
        by_id = {id(part): representation for part, representation in zip(self.parts, by_part, strict=True)}
        return Extracted(images, self._combined(by_id), by_part)

    def calibrate(self, queries: Extracted, gallery: Extracted) -> None:
        """Fit the calibration curves of all calibrated parts, as a run does; do nothing if there are none."""
        from reidbench.calibration.calibrate import LabelledRows, calibrate, number_curves
        from reidbench.calibration.calibrated import Calibrated

        if not self.method.parts and not isinstance(self.method, Calibrated):
            return
        both = queries.images.table["identity"], gallery.images.table["identity"]
        code = np.unique(np.concatenate(both), return_inverse=True)[1].astype(np.int64)
        groups = [*queries.images.table["group"], *gallery.images.table["group"]]
        self._numbering = number_curves(groups, int(code.max()) + 1, 0)

        def labelled(extracted: Extracted, codes: NDArray[np.int64]) -> LabelledRows:
            images = extracted.images
            return LabelledRows(extracted.representation, codes, images.group, images.encounter)

        calibrate(
            self.method,
            labelled(queries, code[: len(queries.images)]),
            labelled(gallery, code[len(queries.images) :]),
            self._numbering,
            by_group=False,
            seed=0,
            progress=Progress(),
        )

    def scores(self, queries: Extracted, gallery: Extracted, blocks: list[list[int]] | None = None) -> NDArray[Any]:
        """Return the scores of the queries with the images, centroids or identities of the gallery.

        Args:
            queries: The queries.
            gallery: The gallery.
            blocks: Rows of the queries that are compared at once; by default all.
        """
        search = self.search(queries, gallery)
        compare, target = self.comparison(search)
        query = search.query.representation
        all_rows = [list(range(len(query)))]
        return np.concatenate(
            [np.asarray(compare(query.take(np.array(block)), target)) for block in blocks or all_rows]
        )

    def comparison(self, search: Search) -> tuple[Callable[[Representation, Representation], Any], Representation]:
        """Return the function that compares, and the representation of the gallery that it compares with."""
        return comparison_of(self.method, search), target_of(self.method, search, self._trained_identities)

    def search(self, queries: Extracted, gallery: Extracted) -> Search:
        """Return queries and gallery in the form that the core gives to a method."""
        identities, codes = np.unique(gallery.images.identity, return_inverse=True)
        rows = np.arange(len(queries.images))
        true_codes = np.full(len(rows), -1, dtype=np.int64)  # a method never receives the identity of a query
        return Search("", rows, self._features(queries), self._features(gallery), identities, codes, true_codes)

    def _features(self, extracted: Extracted) -> Features:
        rows = np.arange(len(extracted.images))
        representation = extracted.representation.take(rows)  # a copy, because score may change it
        if self._numbering is not None:
            groups = extracted.images.group
            representation = representation.judged_by(self._numbering.mean(groups))
        return Features(rows, representation)

    def _combined(self, by_id: dict[int, Representation]) -> Representation:
        return join_representations(self.method, lambda part: by_id[id(part)])


def _fixed_validation() -> Validation:
    """Return a fixed validation result, which does not stop a training early."""
    return Validation(rank1=0.5, balanced_rank1=0.5, score=0.5)
