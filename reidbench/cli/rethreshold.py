"""``reidbench rethreshold``: decide a saved run again by another policy, no image touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reidbench.cli.options import RunsOption

if TYPE_CHECKING:
    from reidbench.rethresholding import PolicyOutcome
    from reidbench.runs import RunRecord
    from reidbench.thresholds import Thresholds

UNDEFINED = "–"


def rethreshold(
    run: Annotated[str, typer.Argument(help="Folder of a finished run, or its id or how that begins.")],
    threshold: Annotated[
        str, typer.Option(help="Policy, such as conformal=0.1 or max-score:group; 'all' compares every one.")
    ],
    runs: RunsOption = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Decide a saved run again: write a new record beside it, or compare all policies and write none."""
    from reidbench.registry import load_registry
    from reidbench.rethresholding import rethreshold as decide
    from reidbench.rethresholding import tried_policies, try_policies, warning_of
    from reidbench.saved import find_run, read_saved_run

    registry = load_registry()
    record = find_run(run, runs)
    if threshold != "all":
        written = decide(record, threshold, registry=registry)
        if as_json:
            typer.echo(json.dumps(dict(written.data), indent=2, ensure_ascii=False))
            return
        _print_record(written)
        return
    saved = read_saved_run(record)
    outcomes = try_policies(saved, tried_policies(registry))
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in outcomes], indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print_outcomes(record, outcomes, warning_of(saved), Console(highlight=False))


def _print_record(record: RunRecord) -> None:
    shown = {name: record.metrics.get(name) for name in ("score", "baks", "baus", "regret")}
    numbers = "  ".join(f"{name} {_show(value)}" for name, value in shown.items())
    typer.echo(f"{record.method:<18} {numbers}  threshold: {record.data['threshold']['policy']}")
    for note in record.data["threshold"]["notes"]:
        typer.echo(f"  note: {note}")
    typer.echo(f"  record: {record.path}")


def _print_outcomes(record: RunRecord, outcomes: list[PolicyOutcome], warning: str, console: Console) -> None:
    seed = record.split_seed
    title = f"{record.method} on {record.dataset} · split {record.split_digest[:12]}"
    console.print(
        Text(title + (f" (seed {seed})" if seed is not None else "") + f" · seed {record.seed}", style="bold")
    )
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("policy", no_wrap=True)
    for heading in ("threshold", "score", "95 %", "BAKS", "BAUS", "regret"):
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        if outcome.metrics is None:
            continue
        overall = outcome.metrics.overall.to_json()
        between = f"{outcome.interval.low:.3f}–{outcome.interval.high:.3f}" if outcome.interval else UNDEFINED
        table.add_row(
            Text(outcome.policy),
            _values(outcome.thresholds),
            _show(overall.get("score")),
            between,
            *(_show(overall.get(name)) for name in ("baks", "baus", "regret")),
            style="bold" if outcome.policy == record.data["threshold"]["policy"] else None,
        )
    console.print(table)
    for outcome in outcomes:
        if outcome.refused:
            console.print(Text(f"{outcome.policy} refuses: {outcome.refused}."))
    console.print("In bold: the run's own policy. Intervals: reweighted test animals, thresholds as they are.")
    console.print("Regrets are of this run's test queries: a policy taken from this table was chosen on test.")
    if warning:
        console.print(Text(f"Warning: {warning}."))


def _values(thresholds: Thresholds | None) -> str:
    """Return the threshold, or the range of those of the groups; ``~`` where each query moves its own."""
    values = sorted(set(thresholds.values.values())) if thresholds else []
    if not thresholds or not values:
        return UNDEFINED
    text = f"{values[0]:.3g}" if f"{values[0]:.3g}" == f"{values[-1]:.3g}" else f"{values[0]:.3g}…{values[-1]:.3g}"
    return text if thresholds.adjustment is None else f"~{text}"


def _show(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3f}"
