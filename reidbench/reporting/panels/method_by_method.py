"""Panel "Method by method": one row's curves by group, reliability, training history, facts and errors."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reidbench.leaderboard.ranking import LeaderboardRow, describe_split
from reidbench.leaderboard.run_curves import GroupCurves, RunCurves
from reidbench.methods.presets import current_preset, show_setting
from reidbench.records.run_data import PluginData, ThresholdData
from reidbench.records.run_record import RunRecord
from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, ColourKey, Facts, Figure, Foldable, Grid, Heading, Remark
from reidbench.reporting.charts import Series
from reidbench.reporting.error_cards import ErrorCards
from reidbench.reporting.numbers import show
from reidbench.reporting.panels.base import Board, DatasetPanel

_COLOURS = ColourKey([
    ("baks", "BAKS"), ("baus", "BAUS"), ("score", "score"), ("chosen", "chosen"), ("oracle", "best in hindsight"),
    ("known", "known queries"), ("unknown", "unknown queries"),
])  # fmt: skip
_SHA256_DIGITS = 64


def _blocks(board: Board) -> Iterator[Block]:
    for name, each, row in zip(board.names, board.series, board.rows, strict=True):
        yield Foldable(name, list(_of_row(each, row, board.errors)), is_open=each.index == 0)


def _of_row(each: Series, row: LeaderboardRow, error_cards: ErrorCards) -> Iterator[Block]:
    run = each.curves.saved.record
    yield Remark(
        f"run {run.id}: split {run.split_digest[:12]} ({describe_split(run)}), seed {run.seed}"
        + (f"; the first of {len(row.runs)} runs of this row" if len(row.runs) > 1 else "")
    )
    yield Facts(_facts(run))
    history = charts.training_history(run.data.fit.history, each.label)
    yield Heading("Thresholds, scores, reliability" + (" and training" if history else ""), level=4)
    yield _COLOURS
    figures = [_group_figure(group, each.label) for group in each.curves.groups]
    figures.append(_reliability_figure(each.curves, each.label))
    if history:
        names = ", ".join(name for name, _ in history)
        figures.append(Figure([plot for _, plot in history], f": {names} by epoch", name="Training"))
    yield Grid(figures, "groups")
    yield Heading("Errors", level=4)
    yield from _error_blocks(run, each.curves, error_cards)


def _group_figure(group: GroupCurves, label: str) -> Figure:
    moving = (
        ""
        if math.isfinite(group.chosen)
        else "; each query has its own threshold, so none is drawn and the score may exceed the oracle"
    )
    return Figure(
        [charts.threshold_curves(group, label), charts.score_histogram(group, label)],
        f": score {show(group.score)}, oracle {show(group.oracle_score)}{moving}",
        name=group.name,
    )


def _reliability_figure(curves: RunCurves, label: str) -> Figure:
    note = charts.capitalised(curves.reliability_note)
    if curves.reliability is None:
        return Figure([], f". {note}.", name="Reliability")
    plot = charts.reliability_diagram(curves.reliability, label)
    return Figure([plot], f": ECE {show(curves.reliability.ece)}. {note}.", name="Reliability")


def _error_blocks(run: RunRecord, curves: RunCurves, error_cards: ErrorCards) -> Iterator[Block]:
    kinds, note = error_cards.of_run(run, curves.saved.test)
    if note:
        yield Remark(note)
    for kind in kinds:
        shown = len(kind.cards.cards)
        counted = f"{shown} of {kind.total}" if kind.total else "none"
        cut = " shown, the most certain first" if shown < kind.total else ""
        yield Heading(kind.title, level=5, remark=counted + cut)
        if shown:
            yield kind.cards


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    data = run.data
    plugin, weights, matching, chosen = data.plugin, data.weights, data.matching, data.threshold
    settings = ", ".join(f"{key}={show_setting(key, value)}" for key, value in data.settings.effective.items())
    return [
        ("plugin", describe_plugin(plugin)),
        ("settings", settings or "none"),
        ("preset", current_preset(data.preset or "none")),
        ("weights", weights.label + (f" ({weights.source})" if weights.source != weights.label else "")),
        ("matching", f"{matching.rule}, {matching.metric}; gallery: {data.gallery}"),
        ("threshold", describe_threshold(chosen)),
        ("device", data.environment.device),
        *(("note", note) for note in [*chosen.notes, *data.fit.notes]),
    ]


def describe_plugin(plugin: PluginData) -> str:
    """Name the plugin and its version; a plugin file has the digest of its bytes as version of file and method."""
    if plugin.version == plugin.method_version and len(plugin.version) == _SHA256_DIGITS:
        return f"file {plugin.name}, SHA-256 {plugin.version[:12]}…"
    return f"{plugin.name} {plugin.version}, method version {plugin.method_version}"


def describe_threshold(chosen: ThresholdData) -> str:
    """Name the policy and the threshold of each group, or one threshold if all groups have the same."""
    values = {group: f"{float(value):.4g}" for group, value in chosen.values.items()}
    same = len(set(values.values())) == 1
    shown = next(iter(values.values())) if same else ", ".join(f"{group} {value}" for group, value in values.items())
    term = "" if chosen.adjustment is None else "; a term that depends on the query is added"
    return f"{chosen.policy}: {shown}{term}"


PANEL = DatasetPanel("Method by method", _blocks)
