"""The review page: photographs next to their best candidates, with a decision on each.

The page is one HTML file that needs no network and no server. Without JavaScript it is a list of photographs with
their candidates. With JavaScript it shows one photograph at a time, has keys for decisions, keeps the decisions in the
browser and saves them as a CSV.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.data.pictures import PictureTooLargeError
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.metrics.review_bands import BANDS
from reidbench.reporting.photographs import Thumbnail, thumbnail
from reidbench.reporting.templating import render

if TYPE_CHECKING:
    from reidbench.identifying.answering import BandRate, Identification, Identifications

BUDGET = 40_000_000
"""Bytes of all pictures of a page, as text: a browser still opens it at once."""
SIZES = ((560, 320), (420, 240), (300, 180), (220, 130))
"""Longest sides of photograph and candidate in pixels, largest first: the first that the budget should hold is used."""
_BYTES_PER_PIXEL = 0.16  # of a JPEG at the page's quality, as base64 text, of a photograph in general
_ORDER = {"to be reviewed": 0, "certain": 1, "new": 2}


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One candidate of a photograph, with its score as text."""

    identity: str
    image_id: str
    score: str
    picture: Thumbnail | None


@dataclass(frozen=True, slots=True, eq=False)
class PhotographView:
    """Everything that the page shows about one photograph; ``facts`` are its score and threshold as text."""

    image_id: str
    sha256: str
    group: str
    band: str
    prediction: str
    facts: str
    suggested: str
    picture: Thumbnail | None
    candidates: Sequence[CandidateView]


def write_review(output: Path, identified: Identifications, *, budget: int = BUDGET) -> int:
    """Write the page; photographs to be reviewed come first, the least certain at the top.

    Returns:
        Its size in bytes.

    Raises:
        ReidbenchError: The file can't be written.
    """
    page = review_page(identified, budget=budget).encode("utf-8")
    write_output(output, page, "review page", "--page")
    return len(page)


def review_page(identified: Identifications, *, budget: int = BUDGET) -> str:
    """Return the page as HTML; everything that comes from the data is escaped."""
    ordered = sorted(identified.found, key=_least_certain_first)
    pictures = _Pictures(identified, ordered, budget)
    record = identified.record
    enrolled = sorted(set(identified.gallery.table["identity"].tolist()))
    counts = [(band, identified.count(band)) for band in BANDS]
    banded = ", ".join(f"{count} {band}" for band, count in counts)
    views = [_view(each, number, pictures) for number, each in enumerate(ordered, 1)]
    values = {
        "title": f"Review of {len(ordered)} {'photograph' if len(ordered) == 1 else 'photographs'}",
        "about": f"{record.method} on {record.dataset}, run {record.id}. {banded}.",
        "store": _store_key(record.id, ordered),
        "run": record,
        "photographs": views,
        "counts": counts,
        "rule": rule_text(identified.certainty.error),
        "rates": [(rate.band, rate_text(rate)) for rate in identified.rates],
        "notes": [*identified.notes, *pictures.notes],
        "unreadable": identified.photographs.unreadable,
        "enrolled": enrolled,
    }
    return render("review.html.j2", ("report.css", "review.css"), ("theme.js", "review.js"), values)


def rule_text(error: float) -> str:
    """Return how the bands are chosen, in sentences."""
    return (
        "The bands are chosen on the calibration queries of the run. Certain: the predictions furthest above the "
        "threshold. New: those furthest below it. All others are to be reviewed. Each of the bands "
        "certain and new is as large as possible with an estimated share of errors of at most "
        f"{error:.0%}; the estimate is (wrong + 1) / (predictions + 1). The shares of errors change if new animals are "
        "rarer or more common than in the run."
    )


def rate_text(rate: BandRate) -> str:
    """Return the share of wrong predictions of a band on the test queries, as text."""
    if not rate.n_photograph or rate.interval is None:
        return "no test query was in this band"
    return (
        f"{rate.wrong} of {rate.n_photograph} test queries of {rate.n_animal} animals were predicted wrongly: "
        f"{rate.share:.1%} (95 % interval {rate.interval.low:.1%} to {rate.interval.high:.1%})"
    )


class _Pictures:
    """Reads each picture once, at the largest size that the budget should hold."""

    def __init__(self, identified: Identifications, ordered: Sequence[Identification], budget: int) -> None:
        self._gallery = identified.gallery
        self._row: Mapping[str, int] = {name: row for row, name in enumerate(self._gallery.table["image_id"])}
        self._new = identified.photographs.images
        self._new_row = {name: row for row, name in enumerate(self._new.table["image_id"])}
        self._left = budget
        n_candidates = sum(len(each.candidates) for each in ordered)

        def expected(sizes: tuple[int, int]) -> float:
            return _BYTES_PER_PIXEL * (len(ordered) * sizes[0] ** 2 + n_candidates * sizes[1] ** 2)

        self._sizes = next((sizes for sizes in SIZES if expected(sizes) <= budget), SIZES[-1])
        self._kept: dict[str, Thumbnail | None] = {}

    @property
    def notes(self) -> list[str]:
        return ["some pictures were left out to keep the page small"] if self._left <= 0 else []

    def of_photograph(self, image_id: str) -> Thumbnail | None:
        return self._take(self._new, self._new_row[image_id], self._sizes[0])

    def of_gallery(self, image_id: str) -> Thumbnail | None:
        if image_id not in self._kept:
            self._kept[image_id] = self._take(self._gallery, self._row[image_id], self._sizes[1])
        return self._kept[image_id]

    def _take(self, images: ImageSet, row: int, longest: int) -> Thumbnail | None:
        if self._left <= 0:
            return None
        try:
            pixels = decode(images.image_path(row), images.table["bbox"].iloc[row])
        except PictureTooLargeError:
            raise  # an option reads it
        except ReidbenchError:
            return None  # a lost gallery image costs its picture, not the page
        made = thumbnail(pixels, longest)
        self._left -= len(made.address)
        return made


def _view(each: Identification, number: int, pictures: _Pictures) -> PhotographView:
    facts = f"best score {each.score:.4g}, threshold {each.limit:.4g}" if math.isfinite(each.score) else "not compared"
    if not math.isnan(each.right):
        facts += f", correct with probability {each.right:.2f} (from calibration)"
    return PhotographView(
        image_id=each.image_id,
        sha256=each.sha256,
        group=each.group,
        band=each.band,
        prediction=each.answer,
        facts=facts,
        suggested=f"new_{number:03d}",
        picture=pictures.of_photograph(each.image_id),
        candidates=[
            CandidateView(c.identity, c.image_id, f"score {c.score:.4g}", pictures.of_gallery(c.image_id))
            for c in each.candidates
        ],
    )


def _least_certain_first(each: Identification) -> tuple[int, float, str]:
    return (_ORDER[each.band], -1.0 if math.isnan(each.right) else each.right, each.image_id)


def _store_key(run_id: str, ordered: Sequence[Identification]) -> str:
    """Return the name under which the browser keeps decisions; it depends on the run and on the photographs."""
    text = "\n".join([run_id, *sorted(f"{each.image_id}\t{each.sha256}" for each in ordered)])
    return "reidbench-review-" + hashlib.sha256(text.encode()).hexdigest()[:24]
