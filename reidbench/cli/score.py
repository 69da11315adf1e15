"""``reidbench score``: score anybody's predictions, no model involved."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLUMNS = {
    "score": "score",
    "baks": "BAKS",
    "baus": "BAUS",
    "false_new": "false new",
    "misidentified": "mis-identified",
    "false_match": "false match",
    "n_queries": "queries",
    "n_known_identities": "known identities",
    "n_unknown_identities": "unknown identities",
}


class EmptySide(str, Enum):  # noqa: UP042 - typer reads the values of a plain Enum in every version
    """What a group without known or without unknown queries has on that side."""

    null = "null"
    zero = "zero"


def score(
    predictions: Annotated[Path, typer.Argument(help="CSV of answers: image_id,identity.")],
    truth: Annotated[Path, typer.Option(help="CSV of the truth: image_id,identity,is_new and perhaps group.")],
    empty_side: Annotated[
        EmptySide, typer.Option(help="Leave out a group that has no known or no new animals (null), or count 0 (zero).")
    ] = EmptySide.null,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with the keys of metrics.test.")] = False,
) -> None:
    """Score predictions against a truth file."""
    from reidbench.scoring import score_predictions

    metrics: dict[str, Any] = score_predictions(predictions, truth, empty_side=empty_side.value).to_json()
    if as_json:
        typer.echo(json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print(metrics, predictions, truth, Console(highlight=False))


def _print(metrics: dict[str, Any], predictions: Path, truth: Path, console: Console) -> None:
    console.print(Text(f"{predictions.name} · truth {truth.name}", style="bold"))
    table = Table("group", box=None, pad_edge=False)
    for title in _COLUMNS.values():
        table.add_column(title, justify="right")
    for group, values in metrics["groups"].items():
        table.add_row(Text(group), *(_show(values.get(key)) for key in _COLUMNS))
    table.add_section()
    table.add_row(Text("overall"), *(_show(metrics["overall"].get(key)) for key in _COLUMNS), style="bold")
    console.print(table)
    console.print("The score is the mean over groups of √(BAKS · BAUS); overall BAKS and BAUS pool all groups.")
    shown: dict[str, list[str]] = {}
    for where, values in (*metrics["groups"].items(), ("overall", metrics["overall"])):
        for key, reason in values["reasons"].items():
            if key in _COLUMNS:
                shown.setdefault(where, []).append(f"{_COLUMNS[key]}: {reason}")
    for where, reasons in shown.items():
        console.print(Text(f"{where}: {'; '.join(reasons)}"))
    for group, reason in metrics["overall"]["left_out"].items():
        console.print(Text(f"{group} is left out of the score: {reason}; --empty-side zero counts it 0"))


def _show(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
