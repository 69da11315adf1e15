"""Cards of a run's errors: photographs of query, prediction and correct animal, and the matches of a local method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.csv_files import read_csv
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode
from reidbench.reporting.blocks import Card, Cards, Figure, Photograph
from reidbench.reporting.error_cases import KINDS, ErrorCase, error_cases
from reidbench.reporting.matches import Matcher, draw_matches, matcher_of
from reidbench.reporting.photographs import BUDGET, Photographs, Thumbnail, thumbnail

_MOST_COMPARED = 8  # gallery images of one animal that a local method compares for the drawing


@dataclass(frozen=True, slots=True, eq=False)
class ErrorsOfKind:
    """The errors of one kind: the cards that are shown, and the number of all errors of the kind."""

    title: str
    total: int
    cards: Cards


class ErrorCards:
    """Makes the cards of all errors on a page; their pictures share one budget of bytes.

    Args:
        photographs: The images of each dataset, by its digest.
        most: Most errors of each kind and run.
        budget: Bytes of all pictures together.
    """

    def __init__(self, photographs: Mapping[str, Photographs], most: int, budget: int = BUDGET) -> None:
        self._photographs, self._most, self._bytes_left = photographs, most, budget

    def of_run(self, run: RunRecord, test: SavedEpisode) -> tuple[list[ErrorsOfKind], str]:
        """Return the errors of a run by kind, and a note if pictures or matches are missing."""
        photographs = self._photographs[run.data.dataset.digest].of_run(run)
        by_kind = error_cases(test, self._most)
        enrolled = _gallery_ids(run) if photographs.images is not None else []
        matcher, why = matcher_of(run, photographs) if photographs.images is not None else (None, "")
        kinds = [
            ErrorsOfKind(
                KINDS[kind], total, Cards([self._card(case, photographs, enrolled, matcher) for case in cases])
            )
            for kind, (cases, total) in by_kind.items()
        ]
        notes = [
            f"No photographs: {photographs.reason}." if photographs.reason else "",
            f"No matches: {why}." if why else "",
        ]
        if self._bytes_left <= 0:
            notes.append("Some photographs were left out to keep the page small.")
        return kinds, " ".join(filter(None, notes))

    def _card(
        self, case: ErrorCase, photographs: Photographs, enrolled: Sequence[str], matcher: Matcher | None
    ) -> Card:
        query = self._thumbnail(photographs, case.image_id)
        pictures = [_photograph("query", case.true, case.image_id, query)]
        figure = None
        if case.candidate:
            role = "best candidate, rejected" if case.predicted == NEW_IDENTITY else "predicted"
            shown, figure = self._closest(case, case.candidate, photographs, enrolled, matcher, query)
            pictures.append(_photograph(role, case.candidate, shown, self._thumbnail(photographs, shown)))
        if case.kind != "false_match" and case.candidate != case.true:
            own = next(iter(photographs.of_identity(case.true, enrolled, case.image_id)), "")
            pictures.append(_photograph("correct animal", case.true, own, self._thumbnail(photographs, own)))
        return Card(pictures, _scores_text(case), figure)

    def _closest(
        self,
        case: ErrorCase,
        identity: str,
        photographs: Photographs,
        enrolled: Sequence[str],
        matcher: Matcher | None,
        query: Thumbnail | None,
    ) -> tuple[str, Figure | None]:
        """Return the gallery image of an animal to show and, for a local method, its matches with the query.

        A run keeps the score of each animal, not the gallery image that gave it. A local method, or the local part of a
        fusion, therefore compares a few images again. For other methods, the first image with the orientation of the
        query is shown.
        """
        images = photographs.of_identity(identity, enrolled, case.image_id)
        if matcher is None or query is None or not images:
            return next(iter(images), ""), None
        compared = [(image_id, matcher.match(case.image_id, image_id)) for image_id in images[:_MOST_COMPARED]]
        matched = [(image_id, points) for image_id, points in compared if points is not None]
        for image_id, points in sorted(matched, key=lambda pair: -len(pair[1])):
            pixels = photographs.pixels(image_id)
            if pixels is None:  # its features are in the cache, but the file was damaged since
                continue
            partner = self._take(pixels)
            if partner is None:
                return image_id, None
            count = f"{len(points)} matches{matcher.of_part}"
            label = f"{count} between query {case.image_id} and {image_id} of {identity}"
            self._bytes_left -= len(query.address)
            return image_id, Figure([draw_matches(query, partner, points, label)], f"{count} with {image_id}")
        return "", None

    def _thumbnail(self, photographs: Photographs, image_id: str) -> Thumbnail | None:
        pixels = photographs.pixels(image_id) if image_id else None
        return None if pixels is None else self._take(pixels)

    def _take(self, pixels: NDArray[np.uint8]) -> Thumbnail | None:
        if self._bytes_left <= 0:
            return None
        made = thumbnail(pixels)
        self._bytes_left -= len(made.address)
        return made


def _photograph(role: str, identity: str, image_id: str, picture: Thumbnail | None) -> Photograph:
    return Photograph(picture, f"{role}: {identity}, image {image_id}", (role, identity, image_id), bold=1)


def _scores_text(case: ErrorCase) -> str:
    if not math.isfinite(case.score):
        return "not compared with any gallery image"
    parts = [f"score {case.score:.4g}", f"threshold {case.limit:.4g}"]
    if case.kind == "misidentified" or (case.kind == "false_new" and case.candidate != case.true):
        own = f"correct animal {case.own_score:.4g}" if math.isfinite(case.own_score) else "correct animal not compared"
        parts.append(f"{own}, rank {case.own_rank}" if case.own_rank else f"{own}, not among the saved candidates")
    if case.n_image > 1:
        parts.append(f"pooled from {case.n_image} photographs of one encounter")
    return "; ".join(parts)


def _gallery_ids(run: RunRecord) -> list[str]:
    split = read_csv(run.path / "split.csv", "split of a run", remedy="run it again with --again")
    split.require("image_id", "part")
    parts = zip(split.column("image_id"), split.column("part"), strict=True)
    return [image_id for image_id, part in parts if part == "gallery"]
