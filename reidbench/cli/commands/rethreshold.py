"""``reidbench rethreshold``: apply another threshold policy to a saved run, without reading an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.options import JsonOption, PluginOption, RunArgument, RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.constants import UNDEFINED
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show, show_interval

if TYPE_CHECKING:
    from reidbench.experiments.rethresholding import PolicyOutcome
    from reidbench.records.run_record import RunRecord
    from reidbench.thresholds import Thresholds

SECTION = "Read saved runs"


def rethreshold(
    run: RunArgument,
    threshold: Annotated[
        str,
        typer.Option(help="Apply this policy, such as conformal=0.1 or max-score:group; all compares all policies."),
    ],
    runs: RunsOption = Path("runs"),
    redraw: Annotated[
        bool,
        typer.Option(
            "--redraw",
            help="Add a second interval: calibration animals get random weights and the threshold is chosen again "
            "each time; takes seconds.",
        ),
    ] = False,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Apply another threshold policy to a saved run.

    Reads no image. Writes a new run next to the old one; with --threshold all, writes nothing.
    """
    from reidbench.experiments.rethresholding import has_one_group, tried_policies, try_policies, warning_of
    from reidbench.experiments.rethresholding import rethreshold as decide
    from reidbench.progress import RichProgress
    from reidbench.records.finding import find_run
    from reidbench.records.saved_run import read_saved_run
    from reidbench.registry.registered import load_registry
    from reidbench.thresholds.redraw import FOLDS

    registry = load_registry(files=plugin or ())
    record = find_run(run, runs)
    if threshold != "all":
        written = decide(record, threshold, registry=registry)
        if as_json and not redraw:
            print_json(written.data.to_json())
            return
        (outcome,) = try_policies(
            read_saved_run(written), [registry.policy(threshold)], redraws=FOLDS * redraw, progress=RichProgress()
        )
        if as_json:
            ends = {name: value for name, value in outcome.to_json().items() if name.endswith(("_low", "_high"))}
            print_json({**written.data.to_json(), "intervals": ends})
            return
        _print_record(written, outcome, redraw)
        return
    saved = read_saved_run(record)
    outcomes = try_policies(saved, tried_policies(registry, saved), redraws=FOLDS * redraw, progress=RichProgress())
    if as_json:
        print_json([each.to_json() for each in outcomes])
        return
    _print_outcomes(record, outcomes, warning_of(saved), plain_console(), redraw, one_group=has_one_group(saved))


def _print_record(record: RunRecord, outcome: PolicyOutcome, redraw: bool) -> None:
    shown = {name: record.metrics.get(name) for name in ("score", "baks", "baus", "regret")}
    numbers = "  ".join(f"{name} {show(value)}" for name, value in shown.items())
    print_line(f"{record.method:<18} {numbers}  threshold: {record.data.threshold.policy}")
    print_line(f"  95 % {show_interval(outcome.interval)} over test animals; the threshold held fixed")
    if redraw:
        redrawn = show_interval(outcome.redrawn)
        print_line(f"  95 % {redrawn} also over calibration animals; the threshold chosen again for each draw")
    for note in record.data.threshold.notes:
        print_line(f"  note: {note}")
    print_line(f"  record: {record.path}")


def _print_outcomes(
    record: RunRecord,
    outcomes: list[PolicyOutcome],
    warning: str,
    console: Console,
    redraw: bool,
    *,
    one_group: bool,
) -> None:
    seed = record.split_seed
    title = f"{record.method} on {record.dataset} · split {record.split_digest[:12]}"
    columns = [Column("policy", wraps=True, least=24), Column("threshold", number=True, optional=1)]
    headings = ("score", "95 %", *(["redrawn"] if redraw else []), "BAKS", "BAUS", "regret")
    table = Table(
        [*columns, *(Column(heading, number=True) for heading in headings)],
        title=title + (f" (seed {seed})" if seed is not None else "") + f" · method seed {record.seed}",
    )
    for outcome in outcomes:
        if outcome.metrics is None:
            continue
        overall = outcome.metrics.overall.to_json()
        table.add(
            outcome.policy,
            _values(outcome.thresholds),
            show(overall.get("score")),
            show_interval(outcome.interval),
            *([show_interval(outcome.redrawn)] if redraw else []),
            *(show(overall.get(name)) for name in ("baks", "baus", "regret")),
            style="bold" if outcome.policy == record.data.threshold.policy else "",
        )
    table.print(console)
    refused: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.refused:
            refused.setdefault(outcome.refused, []).append(outcome.policy)
    for reason, policies in refused.items():
        console.print(f"Not applied: {', '.join(policies)}: {reason}.")
    if one_group:
        console.print(
            "All queries are of one group: a policy gives the same result with :group, with :shrunk and without."
        )
    console.print(
        "Bold: the policy of the run. Threshold: a range if the groups have different ones; ~ if it also changes from "
        "query to query. 95 %: interval of the score over test animals; thresholds held fixed. Regret: the score with "
        "the best threshold of each group, minus the score of the policy."
    )
    if redraw:
        console.print(
            "Redrawn: 95 % interval also over calibration animals. They get random weights, and the threshold is "
            f"chosen again each time; {UNDEFINED} if a policy finds no threshold in more than half of the cases."
        )
    console.print(
        "All numbers are from the test queries. If you choose the best policy of this table, it will probably score "
        "less on other photographs."
    )
    if warning:
        console.print(f"Warning: {warning}.")


def _values(thresholds: Thresholds | None) -> str:
    """Return the threshold, or the range over groups; with ``~`` if each query changes its own."""
    values = sorted(set(thresholds.values.values())) if thresholds else []
    if not thresholds or not values:
        return UNDEFINED
    text = f"{values[0]:.3g}" if f"{values[0]:.3g}" == f"{values[-1]:.3g}" else f"{values[0]:.3g}…{values[-1]:.3g}"
    return text if thresholds.adjustment is None else f"~{text}"
