"""``reidbench identify``: new photographs against a saved run's gallery, and the enrolment of what was decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.options import PluginOption, RootOption, RunsOption
from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from reidbench.identifying.answering import Identifications
    from reidbench.registry.registered import Registry

SECTION = "Use a saved run"
RENAMED = {"--gallery": "--enrolled"}


def identify(
    photographs: Annotated[Path, typer.Argument(help="Folder of photographs, or a CSV with a column path.")],
    run: Annotated[str, typer.Option(help="Folder of a finished run, or its id or how that begins.")],
    runs: RunsOption = Path("runs"),
    dataset: Annotated[
        str | None, typer.Option(help="The run's dataset, as run --dataset took it; default where it found it.")
    ] = None,
    root: RootOption = None,
    group: Annotated[str | None, typer.Option(help="Group of the photographs, where the gallery has several.")] = None,
    enrolled: Annotated[
        Path | None, typer.Option(help="Search the animals enrolled since too: a CSV that --enroll wrote.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Search every image of the dataset, not the split's gallery alone.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="CSV to write: identify.csv by default, enlarged.csv with --enroll."),
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page to review side by side.")] = None,
    error: Annotated[
        float, typer.Option(help="Share of wrong answers that the bands 'certain' and 'new' may hold.")
    ] = 0.05,
    enroll: Annotated[
        Path | None, typer.Option(help="Enrol these decisions, as the page saves them, instead of identifying.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    plugin: PluginOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Answer new photographs by a saved run: certain, to be reviewed or new; then enrol what was decided."""
    from reidbench.registry.registered import load_registry

    registry = load_registry(files=plugin or ())
    if enroll is not None:
        if page is not None:
            raise ReidbenchError(
                "--enroll writes a dataset and no page", where=f"--page {page}", remedy="leave --page out"
            )
        _enroll(
            photographs, run, runs, dataset, root, group, enrolled, output or Path("enlarged.csv"), enroll, as_json,
            registry,
        )  # fmt: skip
        return
    from reidbench.identifying.answering import identify as answer
    from reidbench.identifying.answering import to_csv, write_answers

    found = answer(
        photographs, run, dataset=dataset, root=root, group=group, gallery=enrolled, whole=whole, error=error,
        device=device, runs_dir=runs, registry=registry,
    )  # fmt: skip
    output = output or Path("identify.csv")
    write_answers(output, to_csv(found.found))
    if page is not None:
        from reidbench.reporting.review import write_review

        size = write_review(page, found)
        typer.echo(f"review page: {page} ({size / 1e6:.1f} MB)", err=True)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print(found)
    typer.echo(f"written to {output}", err=True)


def _print(found: Identifications) -> None:
    from reidbench.reporting.review import rate_text, rule_text

    read = found.photographs
    typer.echo(f"{len(found.found)} photographs by {found.record.method} on {found.record.dataset}")
    for rate in found.rates:
        typer.echo(f"  {rate.band:<15}{found.count(rate.band):>5}   on the run's test: {rate_text(rate)}")
    typer.echo(rule_text(found.certainty.error))
    for note in found.notes:
        typer.echo(f"note: {note}")
    if read.skipped:
        typer.echo(f"{read.skipped} other files of the folder are no photographs by their names", err=True)
    for name, reason in read.unreadable:
        typer.echo(f"not read: {name}: {reason}", err=True)


def _enroll(
    photographs: Path,
    run: str,
    runs: Path,
    dataset: str | None,
    root: Path | None,
    group: str | None,
    enrolled: Path | None,
    output: Path,
    decisions: Path,
    as_json: bool,
    registry: Registry,
) -> None:
    from reidbench.identifying.enrolment import enrol_decisions

    done = enrol_decisions(
        decisions, photographs, run, dataset=dataset, root=root, group=group, gallery=enrolled, output=output,
        runs_dir=runs, registry=registry,
    )  # fmt: skip
    if as_json:
        told = {"photographs": done.n_photograph, "new_animals": done.n_new, "rejected": done.n_rejected}
        typer.echo(json.dumps({**told, "written": str(done.path)}, indent=2))
        return
    typer.echo(
        f"{done.n_photograph} photographs enrolled, {done.n_new} new animals among them; {done.n_rejected} rejected"
    )
    typer.echo(f"written to {done.path}; search it too: reidbench identify … --enrolled {done.path}", err=True)
