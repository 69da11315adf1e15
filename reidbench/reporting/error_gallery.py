"""Pictures of a run's errors: the query, what was answered, the right animal, and for local methods the matches."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reidbench.constants import NEW_IDENTITY
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode
from reidbench.reporting.error_cases import KINDS, ErrorCase, error_cases
from reidbench.reporting.matches import Matcher, draw_matches, matcher_of
from reidbench.reporting.photographs import BUDGET, Photographs, Thumbnail, thumbnail

_MOST_COMPARED = 8  # gallery images of one animal that a local method is tried on for the drawing


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One photograph of an error, or the words that stand for it."""

    role: str
    name: str
    image_id: str
    thumbnail: Thumbnail | None


@dataclass(frozen=True, slots=True, eq=False)
class PicturedError:
    """One error with its pictures; ``matches`` is empty where none are drawn."""

    pictures: Sequence[Picture]
    told: str
    matches: Markup
    matches_told: str


@dataclass(frozen=True, slots=True, eq=False)
class ErrorPictures:
    """The errors of one kind that are shown, and how many there are."""

    title: str
    total: int
    errors: Sequence[PicturedError]

    @property
    def pictured(self) -> bool:
        """Whether any has a photograph, so that a missing one leaves a gap."""
        return any(picture.thumbnail for error in self.errors for picture in error.pictures)


class Gallery:
    """Makes the pictures of a page, within one budget of bytes.

    Args:
        photographs: The images of each dataset, by its digest.
        most: Most errors of each kind and run.
        budget: Bytes of all pictures together.
    """

    def __init__(self, photographs: Mapping[str, Photographs], most: int, budget: int = BUDGET) -> None:
        self._photographs, self._most, self._left = photographs, most, budget

    def of_run(self, run: RunRecord, test: SavedEpisode) -> tuple[list[ErrorPictures], str]:
        """Return the errors of a run by kind, and a note where pictures or matches are missing."""
        photographs = self._photographs[str(run.data["dataset"]["digest"])]
        by_kind = error_cases(test, self._most)
        enrolled = _gallery_ids(run) if photographs.images is not None else []
        matcher, why = matcher_of(run, photographs) if photographs.images is not None else (None, "")
        kinds = [
            ErrorPictures(KINDS[kind], total, [self._pictured(case, photographs, enrolled, matcher) for case in cases])
            for kind, (cases, total) in by_kind.items()
        ]
        notes = [
            f"No photographs: {photographs.reason}." if photographs.reason else "",
            f"No matches: {why}." if why else "",
        ]
        if self._left <= 0:
            notes.append("Some photographs were left out to keep the page small.")
        return kinds, " ".join(filter(None, notes))

    def _pictured(
        self, case: ErrorCase, photographs: Photographs, enrolled: Sequence[str], matcher: Matcher | None
    ) -> PicturedError:
        pictures = [Picture("query", case.true, case.image_id, self._thumbnail(photographs, case.image_id))]
        answered = case.candidate
        role = "best candidate, rejected" if case.answer == NEW_IDENTITY else "answered"
        matches, told = Markup(""), ""
        shown = ""
        if answered:
            shown, matches, told = self._closest(case, answered, photographs, enrolled, matcher, pictures[0].thumbnail)
            pictures.append(Picture(role, answered, shown, self._thumbnail(photographs, shown)))
        if case.kind != "false_match" and answered != case.true:
            right = next(iter(photographs.of_identity(case.true, enrolled, case.image_id)), "")
            pictures.append(Picture("right animal", case.true, right, self._thumbnail(photographs, right)))
        return PicturedError(pictures, _told(case), matches, told)

    def _closest(
        self,
        case: ErrorCase,
        identity: str,
        photographs: Photographs,
        enrolled: Sequence[str],
        matcher: Matcher | None,
        query: Thumbnail | None,
    ) -> tuple[str, Markup, str]:
        """Return the gallery image to show of an animal and, for a local method, its matches with the query.

        A run keeps the score of each animal, not which of its images gave it. A local method, or the local part of a
        fusion, is asked again, on at most a few images; of any other the first image of the same orientation is shown.
        """
        images = photographs.of_identity(identity, enrolled, case.image_id)
        if matcher is None or query is None or not images:
            return next(iter(images), ""), Markup(""), ""
        tried = [(image_id, matcher.match(case.image_id, image_id)) for image_id in images[:_MOST_COMPARED]]
        matched = sorted(((each, found) for each, found in tried if found is not None), key=lambda each: -len(each[1]))
        # Of the cache alone: the file may be damaged since.
        seen = ((each, found, pixels) for each, found in matched if (pixels := photographs.pixels(each)) is not None)
        image_id, points, other = next(seen, ("", None, None))
        if points is None:
            return "", Markup(""), ""
        partner = self._take(other)
        if partner is None:
            return image_id, Markup(""), ""
        counted = f"{len(points)} matches{matcher.whose}"
        label = f"{counted} between query {case.image_id} and {image_id} of {identity}"
        self._left -= len(query.address)
        return image_id, draw_matches(query, partner, points, label), f"{counted} with {image_id}"

    def _thumbnail(self, photographs: Photographs, image_id: str) -> Thumbnail | None:
        pixels = photographs.pixels(image_id) if image_id else None
        return None if pixels is None else self._take(pixels)

    def _take(self, pixels: object) -> Thumbnail | None:
        if self._left <= 0:
            return None
        made = thumbnail(pixels)  # type: ignore[arg-type]
        self._left -= len(made.address)
        return made


def _told(case: ErrorCase) -> str:
    if not math.isfinite(case.score):
        return "nothing was compared"
    parts = [f"score {case.score:.4g}", f"threshold {case.limit:.4g}"]
    if case.kind == "misidentified" or (case.kind == "false_new" and case.candidate != case.true):
        own = f"right animal {case.own_score:.4g}" if math.isfinite(case.own_score) else "right animal not compared"
        parts.append(f"{own}, rank {case.own_rank}" if case.own_rank else f"{own}, not among the best")
    return "; ".join(parts)


def _gallery_ids(run: RunRecord) -> list[str]:
    with (run.path / "split.csv").open(encoding="utf-8", newline="") as file:
        return [row["image_id"] for row in csv.DictReader(file) if row["part"] == "gallery"]
