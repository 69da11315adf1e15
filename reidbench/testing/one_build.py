"""One build of a method, taken through the stages in the core's own order: prepare, fit, represent, calibrate, score.

What the core does between two stages is the core's own code here too: parts are assembled, similarities
calibrated and galleries turned into centroids or classes by the functions that a run calls.
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

Show = Callable[[ImageSet], Images]


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """Images and what the method made of them; the representation of each leaf apart, as it is cached."""

    images: ImageSet
    representation: Representation
    by_leaf: tuple[Representation, ...]

    def take(self, rows: NDArray[np.int64] | list[int]) -> Extracted:
        chosen = np.asarray(rows, dtype=np.int64)
        by_leaf = tuple(leaf.take(chosen) for leaf in self.by_leaf)
        return Extracted(self.images.take(chosen), self.representation.take(chosen), by_leaf)


class Build:
    """One build of a method.

    Args:
        offer: The method.
        settings: Its effective settings.
        registry: Where its parts are found.
        work_dir: Where a fit may keep checkpoints.
        device: ``cpu`` or ``cuda``.
        show: How images are shown to the method.

    Raises:
        TypeError: ``build`` returned something else than a method.
    """

    def __init__(
        self,
        offer: Offer,
        settings: Any,
        registry: Registry,
        work_dir: Path,
        *,
        device: str = "cpu",
        show: Show = Images,
    ) -> None:
        if offer.spec.parts is None:
            offer.spec.check_installed()
            made = offer.spec.build(settings)
            if not isinstance(made, Method):
                raise TypeError(f"build returned {type(made).__name__}, not a Method")
        self.assembled: Assembled = assemble(offer, settings, registry)
        self.device = device
        self.show = show
        self._work_dir = work_dir
        self._learned = np.empty(0, dtype=str)
        self._numbering: Any = None

    @property
    def method(self) -> Method:
        return self.assembled.method

    @property
    def leaves(self) -> list[Method]:
        return [part.method for part in self.assembled.feature_parts]

    @property
    def transductive(self) -> bool:
        """Whether it says of itself that other queries shape what it says of one."""
        return any(each.transductive for each in (self.method, *self.leaves))

    def prepare(self) -> None:
        self.assembled.prepare(self.device, 0, Progress())

    def fit(self, train: ImageSet) -> list[FitReport]:
        """Fit every leaf on these images, as a run does; return what each reported."""
        identity = train.identity
        self.learned_from(train)
        reports = []
        for number, leaf in enumerate(self.leaves):
            work_dir = self._work_dir / str(number)
            if leaf.learns:
                work_dir.mkdir(parents=True, exist_ok=True)
            context = FitContext(_half_right, 0, self.device, work_dir, Progress())
            reports.append(leaf.fit(LabelledImages(self.show(train), tuple(identity.tolist())), context))
        return reports

    def learned_from(self, train: ImageSet) -> None:
        """Take note whom the method learned from, as the core knows it from the split."""
        self._learned = np.unique(train.identity)

    def extract(self, images: ImageSet) -> Extracted:
        """Ask every leaf once; put together what they say."""
        made = {id(leaf): leaf.represent(self.show(images), Progress()) for leaf in self.leaves}
        for leaf, representation in zip(self.leaves, made.values(), strict=True):
            if not isinstance(representation, Representation):
                kind = type(representation).__name__
                raise TypeError(f"represent of {type(leaf).__name__} returned {kind}, not a Representation")
            if len(representation) != len(images):
                raise ValueError(f"{type(leaf).__name__} extracted {len(representation)} of {len(images)} images")
        return Extracted(images, self._whole(made), tuple(made.values()))

    def from_parts(self, images: ImageSet, by_leaf: tuple[Representation, ...]) -> Extracted:
        """Put together what the leaves said elsewhere, as when it is read from the cache."""
        made = {id(leaf): each for leaf, each in zip(self.leaves, by_leaf, strict=True)}
        return Extracted(images, self._whole(made), by_leaf)

    def calibrate(self, queries: Extracted, gallery: Extracted) -> None:
        """Fit the score curves of every calibrated part, as a run does; nothing where nothing is calibrated."""
        from reidbench.calibration.calibrate import LabelledRows, calibrate, number_curves
        from reidbench.calibration.calibrated import Calibrated

        if not self.method.parts and not isinstance(self.method, Calibrated):
            return
        both = queries.images.table["identity"], gallery.images.table["identity"]
        code = np.unique(np.concatenate(both), return_inverse=True)[1].astype(np.int64)
        groups = [*queries.images.table["group"], *gallery.images.table["group"]]
        self._numbering = number_curves(groups, int(code.max()) + 1, 0)

        def labelled(each: Extracted, codes: NDArray[np.int64]) -> LabelledRows:
            group = each.images.group
            return LabelledRows(each.representation, codes, group, each.images.encounter)

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
        """Return the scores of every query against the gallery's images, centroids or identities.

        Args:
            queries: The queries.
            gallery: The enrolled images.
            blocks: Rows of the queries that are compared at once; by default all.
        """
        search = self.search(queries, gallery)
        compare, target = self.comparison(search)
        asked = search.query.representation
        everything = [list(range(len(asked)))]
        return np.concatenate(
            [np.asarray(compare(asked.take(np.array(block)), target)) for block in blocks or everything]
        )

    def comparison(self, search: Search) -> tuple[Callable[[Representation, Representation], Any], Representation]:
        """Return what compares, and what queries are compared with."""
        return comparison_of(self.method, search), target_of(self.method, search, self._learned)

    def search(self, queries: Extracted, gallery: Extracted) -> Search:
        """Return queries and gallery as the core puts them to a method."""
        identities, codes = np.unique(gallery.images.identity, return_inverse=True)
        places = np.arange(len(queries.images))
        own = np.full(len(places), -1, dtype=np.int64)  # what compares is never told
        rows = (self._rows(queries), self._rows(gallery))
        return Search("", places, *rows, identities, codes, own)

    def _rows(self, extracted: Extracted) -> Features:
        every = np.arange(len(extracted.images))
        representation = extracted.representation.take(every)  # a copy: what a score does to it is judged elsewhere
        if self._numbering is not None:
            groups = extracted.images.group
            representation = representation.judged_by(self._numbering.mean(groups))
        return Features(every, representation)

    def _whole(self, made: dict[int, Representation]) -> Representation:
        return join_representations(self.method, lambda leaf: made[id(leaf)])


def _half_right() -> Validation:
    """Answer a fit's question how it does: numbers that stop nothing early; a whole run gives the true ones."""
    return Validation(rank1=0.5, balanced_rank1=0.5, score=0.5)
