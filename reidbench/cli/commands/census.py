"""``reidbench census``: estimate the number of animals, and the effort to correct a catalogue."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.options import JsonOption, PluginOption, RunArgument, RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.constants import UNDEFINED
from reidbench.matching.pooling import IMAGE
from reidbench.progress import plain_console, print_json, print_line

if TYPE_CHECKING:
    from reidbench.counting.census import Census, GroupCensus
    from reidbench.counting.population import Estimate
    from reidbench.metrics.uncertainty.shares import AnimalCounts

SECTION = "Use a saved run"


def census(
    run: RunArgument,
    runs: RunsOption = Path("runs"),
    photographs: Annotated[
        Path | None,
        typer.Option(
            help="Count the photographs in this table of identify; by default the test photographs of the run."
        ),
    ] = None,
    target: Annotated[
        list[float] | None,
        typer.Option(
            help="Estimate the effort until this share of photographs is right; repeatable; by default 0.95 and 0.99."
        ),
    ] = None,
    candidates: Annotated[
        int, typer.Option(min=1, max=50, help="Let a reviewer see at most this many candidates.")
    ] = 5,
    curve: Annotated[
        Path | None, typer.Option(help="Write to this CSV how the share of right photographs rises during the review.")
    ] = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate the number of animals in spite of errors.

    Also estimates how many comparisons of photographs a correct catalogue takes.
    """
    from reidbench.counting.census import take_census, write_curve
    from reidbench.counting.effort import TARGETS
    from reidbench.registry.registered import load_registry

    result = take_census(
        run, photographs=photographs, targets=target or TARGETS, candidates=candidates, runs_dir=runs,
        registry=load_registry(files=plugin) if plugin else None,
    )  # fmt: skip
    if curve is not None:
        write_curve(curve, result.effort)
        print_line(f"written to {curve}", stderr=True)
    if as_json:
        print_json(result.to_json())
        return
    _print(result, plain_console())


def _print(result: Census, console: Console) -> None:
    from reidbench.counting.census import ASSUMPTIONS

    record = result.record
    table = _table(
        f"{record.method} on {record.dataset} · run {record.id} · {result.counted}",
        "group", "enrolled", "photos", "called new", "naive", "estimate", "95 %", "without errors",
    )  # fmt: skip
    for each in result.groups:
        table.add(each.group, *_cells(each))
    if result.total is not None:
        table.add("all", "", "", "", "", _whole(result.total.value), _between(result.total), "", style="bold")
    table.print(console)
    console.print(
        "Called new: photographs that were predicted as new. Naive: the number of animals if every prediction is taken "
        "as correct. Estimate: the number corrected for errors. Without errors: the number from correct predictions."
    )
    rates = _table("Rates of errors", "group", "false new", "mis-identified", "false match")
    for each in result.groups:
        shares = (each.errors.false_new, each.errors.misidentified, each.errors.false_match)
        rates.add(each.group, *(_share(counts) for counts in shares))
    rates.print(console)
    for measured_on in dict.fromkeys(each.errors_from for each in result.groups):
        groups = ", ".join(each.group for each in result.groups if each.errors_from == measured_on)
        console.print(f"Errors of {groups}: measured on {measured_on}.")
    for each in result.groups:
        if each.refused:
            console.print(f"No estimate for {each.group}: {each.refused}.")
    _print_effort(result, console)
    console.print("The estimate assumes: " + "; ".join(ASSUMPTIONS) + ".")
    for note in result.notes:
        console.print(f"Note: {note}.")


def _print_effort(result: Census, console: Console) -> None:
    effort, unit = result.effort, "photographs" if result.record.data.query == IMAGE else "encounters"
    console.print(
        f"Review of the {effort.n_photograph} test {unit} of the run, up to {effort.candidates} candidates each: "
        f"{effort.before:.1%} are right before the review, {effort.after:.1%} after all {effort.all_comparisons} "
        "comparisons."
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
    population = each.population
    without = UNDEFINED if each.without_errors is None else _whole(each.without_errors)
    if population is None:
        return [*counts, UNDEFINED, UNDEFINED, UNDEFINED, without]
    return [
        *counts,
        _whole(population.naive),
        _whole(population.corrected.value),
        _between(population.corrected),
        without,
    ]


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
