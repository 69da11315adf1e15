"""The plots of the report.

Each row of a leaderboard has one colour and one marker, the same in every plot of a dataset.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from reidbench.leaderboard.run_curves import MAX_RANK, GroupCurves, Moves, RunCurves
from reidbench.metrics.reliability import Reliability
from reidbench.metrics.uncertainty.shares import wilson_interval
from reidbench.reporting.svg import Axis, Plot, as_step, marker, series

_UNIT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_SMALL = {"width": 380.0, "height": 230.0}


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One leaderboard row as plots show it.

    Attributes:
        index: Place in the leaderboard from 0; gives colour and marker.
        key: Key of the row for the page's filter.
        label: Name of the method, with the variant if there are several.
        curves: Curves of the run that represents the row.
        others: Curves of other splits and seeds of the row, drawn as thin lines.
    """

    index: int
    key: str
    label: str
    curves: RunCurves
    others: tuple[RunCurves, ...] = ()

    @property
    def css(self) -> str:
        """Classes of the row's colour and dash pattern."""
        return series(self.index)

    @property
    def marker(self) -> str:
        """Shape of the row's points."""
        return marker(self.index)


@dataclass(frozen=True, slots=True)
class CostPoint:
    """Score and seconds of a leaderboard row; ``low`` and ``high`` are the ends of its interval, ``nan`` if unknown."""

    index: int
    key: str
    label: str
    seconds: float
    score: float
    low: float
    high: float


def swatch(index: int) -> Markup:
    """Return a line with a marker, as a legend shows a series."""
    plot = Plot(Axis(0, 1, ""), Axis(0, 1, ""), width=86, height=64)  # the part inside the frame is 20 x 10
    plot.line([0, 1], [0.5, 0.5], series(index))
    plot.mark(0.5, 0.5, marker(index), series(index), size=3.5)
    return Markup('<svg class="swatch" viewBox="50 11 24 12" aria-hidden="true">{}</svg>').format(plot.marks())


def score_against_cost(points: Sequence[CostPoint], metric: str) -> Markup:
    """Plot the score of each row against the seconds of its runs."""
    x = Axis.around([point.seconds for point in points], "seconds for fitting, extraction and matching", log=True)
    plot = Plot(x, Axis(0, 1, metric, ticks=_UNIT), width=560, height=320)
    for point in points:
        css, title = series(point.index), f"{point.label}: {metric} {point.score:.3f}, {point.seconds:.1f} s"
        plot.span(point.seconds, point.low, point.high, css, row=point.key)
        plot.mark(point.seconds, point.score, marker(point.index), css, title=title, row=point.key, size=6)
        plot.note(point.seconds, point.score, point.label, css, row=point.key)
    return plot.write(
        f"{metric} against seconds", "; ".join(f"{p.label} {p.score:.3f} in {p.seconds:.1f} s" for p in points)
    )


def open_set_curve(rows: Sequence[Series]) -> Markup:
    """Plot BAKS against 1 − BAUS for every threshold; filled: predictions of the run, hollow: best thresholds.

    The curve has one threshold for all queries. A mark whose threshold moves by group or query may lie off it: its
    outline is dashed, and its title says so.
    """
    plot = Plot(
        Axis(0, 1, "unknown animals accepted (1 − BAUS)", ticks=_UNIT),
        Axis(0, 1, "known animals found (BAKS)", ticks=_UNIT),
    )
    described = []
    for row, other in _others(rows):
        plot.line(1 - other.sweep.baus, other.sweep.baks, f"{row.css} other", row=row.key)
    for row in rows:
        curves = row.curves
        plot.line(1 - curves.sweep.baus, curves.sweep.baks, row.css, title=row.label, row=row.key)
    for row in rows:
        curves = row.curves
        baks, baus = curves.oracle
        oracle_moves: Moves = "by group" if len({group.oracle for group in curves.groups}) > 1 else ""
        plot.mark(
            1 - baus, baks, row.marker, f"{row.css} hollow{_dashed(oracle_moves)}", row=row.key, size=6,
            title=f"{row.label}, best threshold in hindsight{_moving(oracle_moves)}: BAKS {baks:.3f}, BAUS {baus:.3f}",
        )  # fmt: skip
        baks, baus = curves.chosen
        plot.mark(
            1 - baus, baks, row.marker, f"{row.css}{_dashed(curves.moves)}", row=row.key,
            title=f"{row.label}, as predicted{_moving(curves.moves)}: BAKS {baks:.3f}, BAUS {baus:.3f}",
        )  # fmt: skip
        described.append(f"{row.label}: predictions with BAKS {_spoken(baks)}, BAUS {_spoken(baus)}")
    return plot.write("BAKS against 1 minus BAUS over every threshold", "; ".join(described))


def _dashed(moves: Moves) -> str:
    return " moves" if moves else ""


def _moving(moves: Moves) -> str:
    return f" (the threshold moves {moves})" if moves else ""


def rank_curves(rows: Sequence[Series]) -> Markup:
    """Plot balanced Rank-k of known queries for k up to 20, without a threshold."""
    plot = Plot(
        Axis(1, MAX_RANK, "k", ticks=(1, 5, 10, 15, 20)), Axis(0, 1, "balanced Rank-k of known queries", ticks=_UNIT)
    )
    for row, other in _others(rows):
        plot.line(np.arange(1, MAX_RANK + 1), other.balanced_rank, f"{row.css} other", row=row.key)
    for row in rows:
        ranks = row.curves.balanced_rank
        plot.line(np.arange(1, MAX_RANK + 1), ranks, row.css, title=row.label, row=row.key)
        plot.mark(1, float(ranks[0]), row.marker, row.css, title=f"{row.label}: {_spoken(ranks[0])}", row=row.key)
    described = "; ".join(f"{row.label} from {_spoken(row.curves.balanced_rank[0])}" for row in rows)
    return plot.write("Balanced Rank-k, k from 1 to 20", described)


def _others(rows: Sequence[Series]) -> Iterator[tuple[Series, RunCurves]]:
    return ((row, other) for row in rows for other in row.others)


def cost_lines(rows: Sequence[Series], costs: Mapping[str, float], stated: float) -> Markup:
    """Plot the expected cost of a query with the predictions of the run against the share of unknown animals."""
    rates = np.linspace(0, 1, 21)
    lines = []
    for row in rows:
        errors = row.curves.answered_rates
        known_side = costs["false_new"] * errors["false_new"] + costs["misidentified"] * errors["misidentified"]
        lines.append((1 - rates) * known_side + rates * costs["false_match"] * errors["false_match"])
    top = max((float(np.nanmax(line)) for line in lines if np.isfinite(line).any()), default=1.0)
    plot = Plot(
        Axis(0, 1, "share of unknown animals among the queries", ticks=_UNIT),
        Axis(0, 1.05 * top or 1.0, "expected cost"),
    )
    plot.upright(stated, "stated", f"{stated:g}")
    for row, line in zip(rows, lines, strict=True):
        plot.line(rates, line, row.css, title=row.label, row=row.key)
        place = round(stated * 20)
        plot.mark(rates[place], float(line[place]), row.marker, row.css, title=row.label, row=row.key)
    return plot.write("Expected cost of a query against the share of unknown animals", "")


def threshold_curves(group: GroupCurves, label: str) -> Markup:
    """Plot BAKS, BAUS and score of one group for every threshold, with the chosen and the best threshold."""
    x = _score_axis(group)
    plot = Plot(x, Axis(0, 1, "rate", ticks=_UNIT), **_SMALL)
    sweep = group.sweep
    rising = sweep.scores[::-1]
    for name, values in (("baks", sweep.baks), ("baus", sweep.baus), ("score", sweep.score)):
        # The values change only at scores; a threshold equal to a score accepts it.
        xs, ys = as_step([x.low, *rising, x.high], [*values[::-1], values[0]])
        plot.line(xs, ys, name, title={"baks": "BAKS", "baus": "BAUS", "score": "score"}[name])
    plot.upright(group.oracle, "oracle", "best", title=f"best in hindsight: {group.oracle:.4g}", level=1)
    plot.upright(group.chosen, "chosen", "chosen", title=f"chosen: {group.chosen:.4g}")
    chosen = f"chosen threshold {_spoken(group.chosen)}" if math.isfinite(group.chosen) else "as predicted"
    described = (
        f"{chosen}: score {_spoken(group.score)}; "
        f"best in hindsight {_spoken(group.oracle)}: score {_spoken(group.oracle_score)}"
    )
    return plot.write(f"{label}, {group.name}: BAKS, BAUS and score against the threshold", described)


def score_histogram(group: GroupCurves, label: str) -> Markup:
    """Plot histograms of the best scores of known and unknown queries of one group."""
    top = max([0.05, *group.known.tolist(), *group.unknown.tolist()])
    plot = Plot(_score_axis(group), Axis(0, 1.08 * top, "share of queries"), **_SMALL)
    if len(group.edges):
        plot.area(group.edges, group.unknown, "unknown", title=f"{group.n_unknown} unknown queries")
        plot.area(group.edges, group.known, "known", title=f"{group.n_known} known queries")
    plot.upright(group.oracle, "oracle", "")
    plot.upright(group.chosen, "chosen", "")
    return plot.write(
        f"{label}, {group.name}: best scores of known and unknown queries",
        f"{group.n_known} known and {group.n_unknown} unknown queries",
    )


def reliability_diagram(bins: Reliability, label: str) -> Markup:
    """Plot observed against predicted probability, each bin with a 95 % Wilson interval.

    Args:
        bins: Bins of pairs that all have the same weight: ``observed`` is a share of ``count``.
        label: Name of the row, for the title.
    """
    plot = Plot(Axis(0, 1, "predicted probability", ticks=_UNIT), Axis(0, 1, "observed share", ticks=_UNIT), **_SMALL)
    plot.line([0, 1], [0, 1], "ideal", title="as predicted")
    for predicted, observed, count in zip(bins.predicted, bins.observed, bins.count, strict=True):
        interval = wilson_interval(round(observed * count), int(count))
        plot.span(float(predicted), interval.low, interval.high, "s0")
        title = f"predicted {predicted:.3f}, observed {observed:.3f} of {count} queries"
        plot.mark(float(predicted), float(observed), "circle", "s0", title=title)
    plot.line(bins.predicted, bins.observed, "s0")
    return plot.write(f"{label}: reliability", f"expected calibration error {bins.ece:.3f}")


def training_history(history: Sequence[Mapping[str, Any]], label: str) -> list[tuple[str, Markup]]:
    """Return plots of the training history by epoch, with their names: the loss, and Rank-1 on calibration."""
    plots = []
    epochs = [float(row.get("epoch", index + 1)) for index, row in enumerate(history)]
    if not epochs:
        return []
    x = Axis(min(epochs) - 0.3, max(epochs) + 0.3, "epoch") if len(set(epochs)) < 6 else Axis.around(epochs, "epoch")
    for title, names, unit in (
        ("loss", ("loss",), False),
        ("Rank-1 on calibration", ("rank1", "balanced_rank1"), True),
    ):
        columns = {name: [_value(row.get(name)) for row in history] for name in names}
        columns = {name: values for name, values in columns.items() if np.isfinite(values).any()}
        if not columns:
            continue
        values = np.concatenate(list(columns.values()))
        plot = Plot(x, Axis(0, 1, title, ticks=_UNIT) if unit else Axis.around(values, title), **_SMALL)
        for index, (name, column) in enumerate(columns.items()):
            shown = [(epoch, value) for epoch, value in zip(epochs, column, strict=True) if math.isfinite(value)]
            plot.line([epoch for epoch, _ in shown], [value for _, value in shown], f"s{index}", title=name)
            for epoch, value in shown if len(shown) <= 40 else ():
                plot.mark(
                    epoch, value, marker(index), f"s{index}", title=f"{name}, epoch {epoch:g}: {value:.4g}", size=3
                )
        plots.append((title, plot.write(f"{label}: {title} by epoch", f"{len(epochs)} epochs")))
    return plots


def lines_over_size(
    rows: Sequence[tuple[int, str, str, Sequence[float], Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    *,
    log: bool = True,
) -> Markup:
    """Plot a metric against the gallery size or the images per identity.

    Args:
        rows: For each series its index, key, label, sizes, means, and standard deviations (``nan`` for none).
        x_label: Meaning of the size.
        y_label: The metric.
        log: Use a logarithmic axis for sizes.
    """
    sizes = [size for _, _, _, xs, _, _ in rows for size in xs]
    plot = Plot(Axis.around(sizes, x_label, log=log), Axis(0, 1, y_label, ticks=_UNIT))
    for index, key, label, xs, means, deviations in rows:
        css = series(index)
        plot.line(xs, means, css, title=label, row=key)
        for x, mean, deviation in zip(xs, means, deviations, strict=True):
            plot.span(x, mean - deviation, mean + deviation, css, row=key)
            plot.mark(x, mean, marker(index), css, title=f"{label}: {mean:.3f} at {x:g}", row=key, size=4)
    return plot.write(f"{y_label} against {x_label}", "")


def plain(metric: str) -> str:
    """Return the name of a metric for readers.

    Example:
        >>> plain("balanced_rank1")
        'balanced Rank-1'
    """
    return {"balanced_rank1": "balanced Rank-1", "auroc": "AUROC"}.get(metric, metric.replace("_", " "))


def capitalised(text: str) -> str:
    """Return a text that begins with a capital letter; the rest stays as it is.

    Example:
        >>> capitalised("balanced Rank-1")
        'Balanced Rank-1'
    """
    return text[:1].upper() + text[1:]


def _score_axis(group: GroupCurves) -> Axis:
    values = [*group.edges[[0, -1]]] if len(group.edges) else []
    return Axis.around([*values, *(v for v in (group.chosen, group.oracle) if math.isfinite(v))], "best score")


def _value(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _spoken(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "undefined"
