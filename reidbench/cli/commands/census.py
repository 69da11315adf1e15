"""``reidbench census``: what the errors of a run do to a count of animals, and what it takes to mend them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from reidbench.cli.options import RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.constants import UNDEFINED
from reidbench.progress import plain_console

if TYPE_CHECKING:
    from reidbench.counting.census import Census, GroupCensus
    from reidbench.counting.population import Estimate
    from reidbench.metrics.uncertainty.shares import AnimalCounts

SECTION = "Use a saved run"


def census(
    run: Annotated[str, typer.Argument(help="Folder of a finished run, or its id or how that begins.")],
    runs: RunsOption = Path("runs"),
    photographs: Annotated[
        Path | None, typer.Option(help="Count these answers of identify; by default the run's test photographs.")
    ] = None,
    target: Annotated[
        list[float] | None,
        typer.Option(help="Share of photographs filed rightly; 0.95 and 0.99 by default; repeatable."),
    ] = None,
    candidates: Annotated[int, typer.Option(min=1, max=50, help="Candidates that a reviewer looks at, at most.")] = 5,
    curve: Annotated[Path | None, typer.Option(help="Write the course of the review as a CSV.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate how many animals there are from answers with errors, and how many comparisons mend the catalogue."""
    from reidbench.counting.census import take_census, write_curve
    from reidbench.counting.effort import TARGETS

    found = take_census(
        run, photographs=photographs, targets=target or TARGETS, candidates=candidates, runs_dir=runs
    )  # fmt: skip
    if curve is not None:
        write_curve(curve, found.effort)
        typer.echo(f"written to {curve}", err=True)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print(found, plain_console())


def _print(found: Census, console: Console) -> None:
    from reidbench.counting.census import ASSUMPTIONS

    record = found.record
    table = _table(
        f"{record.method} on {record.dataset} · run {record.id} · {found.counted}",
        "group", "enrolled", "photos", "called new", "naive", "estimate", "95 %", "without errors",
    )  # fmt: skip
    for each in found.groups:
        table.add(each.group, *_cells(each))
    if found.total is not None:
        table.add("all", "", "", "", "", _whole(found.total.value), _between(found.total), "", style="bold")
    table.print(console)
    rates = _table("", "group", "false new", "mis-identified", "false match")
    for each in found.groups:
        shares = (each.errors.false_new, each.errors.misidentified, each.errors.false_match)
        rates.add(each.group, *(_share(counts) for counts in shares))
    rates.print(console)
    for told in dict.fromkeys(each.errors_from for each in found.groups):
        mine = ", ".join(each.group for each in found.groups if each.errors_from == told)
        console.print(Text(f"Errors of {mine}: measured on {told}."))
    for each in found.groups:
        if each.refused:
            console.print(Text(f"{each.group}: no estimate: {each.refused}."))
    _print_effort(found, console)
    console.print(Text("The estimate assumes: " + "; ".join(ASSUMPTIONS) + "."))
    for note in found.notes:
        console.print(Text(f"Note: {note}."))


def _print_effort(found: Census, console: Console) -> None:
    effort = found.effort
    console.print(
        Text(
            f"Review of the run's {effort.n_photograph} test photographs, up to {effort.candidates} candidates each: "
            f"{effort.before:.1%} are right before it, {effort.after:.1%} after all of them "
            f"({effort.all_comparisons} comparisons)."
        )
    )
    table = _table("", "right", "comparisons, least sure first", "photographs", "in random order", "saved")
    for each in effort.targets:
        if each.comparisons is None or each.random is None:
            table.add(f"{each.share:.1%}", "not reached", UNDEFINED, UNDEFINED, UNDEFINED)
            continue
        saved = f"{1 - each.comparisons / each.random:.0%}" if each.random else UNDEFINED
        table.add(f"{each.share:.1%}", str(each.comparisons), str(each.photographs), f"{each.random:.0f}", saved)
    table.print(console)


def _table(title: str, first: str, *numbers: str) -> Table:
    return Table([Column(first, wraps=True), *(Column(number, number=True) for number in numbers)], title=title)


def _cells(each: GroupCensus) -> list[str]:
    counts = [str(each.marked), str(each.photographs), str(each.answered_new)]
    found = each.population
    without = UNDEFINED if each.without_errors is None else _whole(each.without_errors)
    if found is None:
        return [*counts, UNDEFINED, UNDEFINED, UNDEFINED, without]
    return [*counts, _whole(found.naive), _whole(found.corrected.value), _between(found.corrected), without]


def _share(counts: AnimalCounts) -> str:
    between = counts.interval()
    if between is None:
        return UNDEFINED
    return f"{counts.share:.1%} ({between.low:.1%}–{between.high:.1%})"


def _between(estimate: Estimate) -> str:
    high = _whole(estimate.high) if math.isfinite(estimate.high) else "∞"
    return f"{_whole(estimate.low)}–{high}"


def _whole(value: float) -> str:
    return f"{value:.0f}"
