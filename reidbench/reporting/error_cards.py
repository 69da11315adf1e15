"""Pictures of a run's errors: the query, what was answered, the right animal, and for local methods the matches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reidbench.constants import NEW_IDENTITY
from reidbench.csv_files import read_csv
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode
from reidbench.reporting.blocks import Card, Cards, Figure, Photograph
from reidbench.reporting.error_cases import KINDS, ErrorCase, error_cases
from reidbench.reporting.matches import Matcher, draw_matches, matcher_of
from reidbench.reporting.photographs import BUDGET, Photographs, Thumbnail, thumbnail

_MOST_COMPARED = 8  # gallery images of one animal that a local method is tried on for the drawing


@dataclass(frozen=True, slots=True, eq=False)
class ErrorsOfKind:
    """The errors of one kind: the cards that are shown, and the number of all errors of the kind."""

    title: str
    total: int
    cards: Cards


class ErrorCards:
    """Makes the cards of a page's errors, with pictures within one budget of bytes.

    Args:
        photographs: The images of each dataset, by its digest.
        most: Most errors of each kind and run.
        budget: Bytes of all pictures together.
    """

    def __init__(self, photographs: Mapping[str, Photographs], most: int, budget: int = BUDGET) -> None:
        self._photographs, self._most, self._left = photographs, most, budget

    def of_run(self, run: RunRecord, test: SavedEpisode) -> tuple[list[ErrorsOfKind], str]:
        """Return the errors of a run by kind, and a note if pictures or matches are missing."""
        photographs = self._photographs[run.data.dataset.digest]
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
        if self._left <= 0:
            notes.append("Some photographs were left out to keep the page small.")
        return kinds, " ".join(filter(None, notes))

    def _card(
        self, case: ErrorCase, photographs: Photographs, enrolled: Sequence[str], matcher: Matcher | None
    ) -> Card:
        query = self._thumbnail(photographs, case.image_id)
        pictures = [_photograph("query", case.true, case.image_id, query)]
        figure = None
        if case.candidate:
            role = "best candidate, rejected" if case.answer == NEW_IDENTITY else "answered"
            shown, figure = self._closest(case, case.candidate, photographs, enrolled, matcher, query)
            pictures.append(_photograph(role, case.candidate, shown, self._thumbnail(photographs, shown)))
        if case.kind != "false_match" and case.candidate != case.true:
            right = next(iter(photographs.of_identity(case.true, enrolled, case.image_id)), "")
            pictures.append(_photograph("right animal", case.true, right, self._thumbnail(photographs, right)))
        return Card(pictures, _told(case), figure)

    def _closest(
        self,
        case: ErrorCase,
        identity: str,
        photographs: Photographs,
        enrolled: Sequence[str],
        matcher: Matcher | None,
        query: Thumbnail | None,
    ) -> tuple[str, Figure | None]:
        """Return the gallery image to show of an animal and, for a local method, its matches with the query.

        A run keeps the score of each animal, not which of its images gave it. A local method, or the local part of a
        fusion, is asked again, on at most a few images; of any other the first image of the same orientation is shown.
        """
        images = photographs.of_identity(identity, enrolled, case.image_id)
        if matcher is None or query is None or not images:
            return next(iter(images), ""), None
        tried = [(image_id, matcher.match(case.image_id, image_id)) for image_id in images[:_MOST_COMPARED]]
        matched = sorted(((each, found) for each, found in tried if found is not None), key=lambda each: -len(each[1]))
        # Of the cache alone: the file may be damaged since.
        seen = ((each, found, pixels) for each, found in matched if (pixels := photographs.pixels(each)) is not None)
        image_id, points, other = next(seen, ("", None, None))
        if points is None:
            return "", None
        partner = self._take(other)
        if partner is None:
            return image_id, None
        counted = f"{len(points)} matches{matcher.whose}"
        label = f"{counted} between query {case.image_id} and {image_id} of {identity}"
        self._left -= len(query.address)
        return image_id, Figure([draw_matches(query, partner, points, label)], f"{counted} with {image_id}")

    def _thumbnail(self, photographs: Photographs, image_id: str) -> Thumbnail | None:
        pixels = photographs.pixels(image_id) if image_id else None
        return None if pixels is None else self._take(pixels)

    def _take(self, pixels: object) -> Thumbnail | None:
        if self._left <= 0:
            return None
        made = thumbnail(pixels)  # type: ignore[arg-type]
        self._left -= len(made.address)
        return made


def _photograph(role: str, identity: str, image_id: str, picture: Thumbnail | None) -> Photograph:
    return Photograph(picture, f"{role}: {identity}, image {image_id}", (role, identity, image_id), bold=1)


def _told(case: ErrorCase) -> str:
    if not math.isfinite(case.score):
        return "nothing was compared"
    parts = [f"score {case.score:.4g}", f"threshold {case.limit:.4g}"]
    if case.kind == "misidentified" or (case.kind == "false_new" and case.candidate != case.true):
        own = f"right animal {case.own_score:.4g}" if math.isfinite(case.own_score) else "right animal not compared"
        parts.append(f"{own}, rank {case.own_rank}" if case.own_rank else f"{own}, not among the best")
    return "; ".join(parts)


def _gallery_ids(run: RunRecord) -> list[str]:
    split = read_csv(run.path / "split.csv", "split of a run", remedy="run it again with --again")
    split.require("image_id", "part")
    parts = zip(split.column("image_id"), split.column("part"), strict=True)
    return [image_id for image_id, part in parts if part == "gallery"]
