"""Panel "Gallery size": fewer animals, from saved candidates, and fewer images of each animal, from repeated runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from reidbench.experiments.images_per_identity import read_images_per_identity
from reidbench.metrics.gallery_size import gallery_sizes
from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Figure, Grid
from reidbench.reporting.charts import Series
from reidbench.reporting.panels.base import Board, DatasetPanel


def _blocks(board: Board) -> Iterator[Block]:
    figures = [*_animal_figures(board.series), *_image_figures(board.series)]
    if figures:
        yield board.legend
        yield Grid(figures)


def _animal_figures(series: Sequence[Series]) -> list[Figure]:
    """Plot balanced Rank-1 and score against the number of enrolled animals, computed from saved candidates."""
    by_row = []
    for each in series:
        saved = each.curves.saved
        by_row.append(gallery_sizes(saved.test.answers, saved.test.limit, saved.enrolled, saved.enrolled_group))
    captions = {
        "balanced_rank1": "Balanced Rank-1 if only a random part of the animals is enrolled. Vertical lines: standard "
        "deviation over 20 draws. Known queries whose animal is not enrolled are left out.",
        "score": "Score with the same galleries and the thresholds that were chosen for the full gallery.",
    }
    undefined = {
        each.label: size.reason for each, sizes in zip(series, by_row, strict=True) for size in sizes if size.reason
    }
    figures = []
    for metric, caption in captions.items():
        lines = [
            (
                each.index, each.key, each.label, [float(size.n_identities) for size in sizes],
                [size.mean[metric] for size in sizes], [size.sd[metric] for size in sizes],
            )
            for each, sizes in zip(series, by_row, strict=True)
        ]  # fmt: skip
        if any(math.isfinite(mean) for line in lines for mean in line[4]):
            plot = charts.lines_over_size(lines, "animals enrolled", charts.plain(metric))
            gaps = "".join(f" Undefined values are not shown: {label} ({why})." for label, why in undefined.items())
            figures.append(Figure([plot], caption + gaps + _approximate(series)))
    return figures


def _approximate(series: Sequence[Series]) -> str:
    """Return a note on the rows with a shortlist, which would differ for a smaller gallery."""
    settings = {each.label: each.curves.saved.record.data.settings.effective for each in series}
    listed = [label for label, effective in settings.items() if effective.get("shortlist")]
    if not listed:
        return ""
    return f" Approximate for {', '.join(listed)}: with a smaller gallery, the shortlist would hold other images."


def _image_figures(series: Sequence[Series]) -> list[Figure]:
    """Plot balanced Rank-1 and score against the images of each animal, for runs repeated with fewer images."""
    curves = [(each, curve) for each in series if (curve := read_images_per_identity(each.curves.saved.record))]
    figures = []
    for metric in ("balanced_rank1", "score") if curves else ():
        lines = []
        for each, curve in curves:
            sizes = sorted({point.images for point in curve.points})
            values = [
                [_number(point.metrics[metric]) for point in curve.points if point.images == size] for size in sizes
            ]
            means = [float(np.mean(of_size)) for of_size in values]
            deviations = [float(np.std(of_size, ddof=1)) if len(of_size) > 1 else math.nan for of_size in values]
            lines.append((each.index, each.key, each.label, [float(size) for size in sizes], means, deviations))
        plot = charts.lines_over_size(lines, "most gallery images of each animal", charts.plain(metric))
        caption = f"{charts.plain(metric)} of runs repeated with fewer gallery images of each animal"
        figures.append(Figure([plot], charts.capitalised(caption)))
    return figures


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


PANEL = DatasetPanel("Gallery size", _blocks)
