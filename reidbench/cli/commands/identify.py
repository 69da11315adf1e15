"""``reidbench identify``: identify new photographs with a saved run, and enrol the decisions of the review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.confirmation import ask, is_terminal
from reidbench.cli.given import refuse_options
from reidbench.cli.options import (
    BoxOption,
    ColumnsOption,
    DeviceOption,
    EncounterMinutesOption,
    JsonOption,
    MemoryOption,
    NameOption,
    PluginOption,
    RootOption,
    RunDatasetOption,
    RunsOption,
    UnknownOption,
)
from reidbench.errors import ReidbenchError
from reidbench.progress import print_json, print_line
from reidbench.reporting.numbers import show_bytes

if TYPE_CHECKING:
    from reidbench.identifying.answering import Identifications
    from reidbench.registry.registered import Registry

SECTION = "Use a saved run"
RENAMED = {"--gallery": "--enrolled"}


def identify(
    ctx: typer.Context,
    photographs: Annotated[
        Path, typer.Argument(help="Identify these photographs: a folder, or a CSV with a column path.")
    ],
    run: Annotated[
        str, typer.Option(help="Identify with this run: its folder, its id or the first characters of its id.")
    ],
    runs: RunsOption = Path("runs"),
    dataset: RunDatasetOption = None,
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    group: Annotated[str | None, typer.Option(help="Search this group; needed if the gallery has several.")] = None,
    enrolled: Annotated[
        Path | None, typer.Option(help="Search the animals in this CSV too, which --enroll wrote.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Search every image of the dataset; by default the gallery of the split.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT",
            help="Identify all photographs of an encounter as one animal: encounter:best or encounter:mean, as the "
            "run's --query; by default image.",
        ),
    ] = None,
    encounter_minutes: EncounterMinutesOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this CSV; by default identify.csv, with --enroll enlarged.csv."),
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page for the review to this HTML file.")] = None,
    error: Annotated[
        float, typer.Option(help="Allow this share of wrong predictions in the bands certain and new.")
    ] = 0.05,
    enroll: Annotated[
        Path | None, typer.Option(help="Enrol the decisions in this file, which the page saves; identify nothing.")
    ] = None,
    same: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NAME", help="Enrol the first name of the decisions as the second one; repeatable."),
    ] = None,
    new: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Enrol this name as a new animal, in spite of a similar name; repeatable."),
    ] = None,
    device: DeviceOption = "auto",
    memory: MemoryOption = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Identify new photographs with a saved run.

    Each photograph is certain, to be reviewed, or new. --enroll adds the decisions of the review to the dataset.
    """
    from reidbench.data.sources.columns import parse_columns
    from reidbench.registry.registered import load_registry

    registry = load_registry(files=plugin or ())
    if enroll is not None:
        refuse_options(
            ctx, ("whole", "error", "device"), where=f"--enroll {enroll}",
            reason="decisions are enrolled and nothing is identified", remedy="remove --enroll, or the other options",
        )  # fmt: skip
        if page is not None:
            raise ReidbenchError(
                "--enroll writes a dataset and no page", where=f"--page {page}", remedy="remove --page"
            )
        for option, value in (("--by", by), ("--encounter-minutes", encounter_minutes)):
            if value is not None:
                raise ReidbenchError(
                    f"{option} is about identification, and --enroll identifies nothing",
                    where=f"{option} {value}",
                    remedy=f"remove {option}",
                )
        _enroll(
            photographs, run, runs, dataset, root, unknown, name_word,
            parse_columns(columns or ()), bbox or "", group, enrolled, output or Path("enlarged.csv"),
            enroll, same or (), new or (), as_json, registry,
        )  # fmt: skip
        return
    for option, values in (("--same", same), ("--new", new)):
        if values:
            raise ReidbenchError(
                f"{option} is about decisions to enrol", where=f"{option} {values[0]}", remedy="add --enroll FILE"
            )
    from reidbench.identifying.answering import identify as answer
    from reidbench.identifying.answering import to_csv, write_answers

    result = answer(
        photographs, run, dataset=dataset, root=root, unknown=unknown, names=name_word,
        columns=parse_columns(columns or ()), bbox=bbox or "", group=group, gallery=enrolled, whole=whole, error=error,
        by=by, encounter_minutes=encounter_minutes,
        device=device, runs_dir=runs, registry=registry,
    )  # fmt: skip
    output = output or Path("identify.csv")
    write_answers(output, to_csv(result.found, result.options, result.by))
    if page is not None:
        from reidbench.reporting.review import write_review

        size = write_review(page, result)
        print_line(f"review page: {page} ({show_bytes(size)})", stderr=True)
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)
    print_line(f"written to {output}", stderr=True)


def _print(result: Identifications) -> None:
    from reidbench.reporting.review import rate_text, rule_text

    read = result.photographs
    print_line(f"{len(result.found)} photographs, identified by {result.record.method} on {result.record.dataset}")
    for rate in result.rates:
        print_line(f"  {rate.band:<15}{result.count(rate.band):>5}   in the run: {rate_text(rate)}")
    print_line(rule_text(result.certainty.error))
    for note in result.notes:
        print_line(f"note: {note}")
    for note in read.notes:
        print_line(note, stderr=True)
    for name, reason in read.unreadable:
        print_line(f"not read: {name}: {reason}", stderr=True)


def _ask(name: str, other: str) -> bool:
    return ask(f"Is the new animal '{name}' the animal '{other}'?")


def _enroll(
    photographs: Path,
    run: str,
    runs: Path,
    dataset: str | None,
    root: Path | None,
    unknown: list[str] | None,
    names: list[str] | None,
    columns: Mapping[str, str],
    bbox: str,
    group: str | None,
    enrolled: Path | None,
    output: Path,
    decisions: Path,
    same: Sequence[str],
    new: Sequence[str],
    as_json: bool,
    registry: Registry,
) -> None:
    from reidbench.identifying.decided_names import NameChoices
    from reidbench.identifying.enrolment import enrol_decisions

    choices = NameChoices(same, new, _ask if is_terminal() else None)
    done = enrol_decisions(
        decisions, photographs, run, dataset=dataset, root=root, unknown=unknown, names=names,
        columns=columns, bbox=bbox, group=group, gallery=enrolled, choices=choices, output=output,
        runs_dir=runs, registry=registry,
    )  # fmt: skip
    if as_json:
        counts = {"photographs": done.n_photograph, "new_animals": done.n_new, "rejected": done.n_rejected}
        print_json({**counts, "written": str(done.path)})
        return
    print_line(f"{done.n_photograph} photographs enrolled, with {done.n_new} new animals; {done.n_rejected} rejected")
    print_line(f"written to {done.path}; to search it too: reidbench identify … --enrolled {done.path}", stderr=True)
