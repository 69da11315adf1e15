"""``reidbench plugin``: write a package with a method, and check a method against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from reidbench.cli.given import refuse_options
from reidbench.cli.options import JsonOption, PluginOption, SetOption, SettingsFileOption, parse_settings, settled
from reidbench.cli.renamed import with_new_preset
from reidbench.cli.tables import Column, Table
from reidbench.errors import ReidbenchError
from reidbench.progress import plain_console, print_json, print_line

if TYPE_CHECKING:
    from reidbench.testing import Examination

SECTION = "Methods and plugins"

plugin = typer.Typer(no_args_is_help=True, help="Write a method of your own, and check it.")

_MARKS = {"passed": ("passed", "green"), "failed": ("FAILED", "bold red"), "not applicable": ("n/a", "dim")}


@plugin.command()
def new(
    name: Annotated[str, typer.Argument(help="Give the method this name, such as fur_pattern.")],
    kind: Annotated[
        str, typer.Option(help="Write a method of this kind: embedding, pair, fusion, classifier or scores.")
    ] = "embedding",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write to this folder; by default NAME.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Set the SPDX licence expression of the package.")] = "MIT",
) -> None:
    """Write a package with a method, a test and a README."""
    from reidbench.scaffold import PluginPlan, check_free, write_plugin

    plan = PluginPlan(name, kind, licence)
    check_free(plan)
    folder = output or Path(name)
    for path in write_plugin(plan, folder):
        print_line(path)
    print_line(f"next: pip install -e {folder} && reidbench run --method {name} && reidbench compare", stderr=True)


@plugin.command()
def check(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Check this method, or distribution:method.")] = None,
    set_: SetOption = None,
    settings: SettingsFileOption = None,
    preset: Annotated[
        str | None,
        typer.Option(callback=with_new_preset, help="Use named settings; by default quick, else paper, if they exist."),
    ] = None,
    plugin_files: PluginOption = None,
    only: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="Report only this check; repeatable.")] = None,
    memory: Annotated[
        float, typer.Option(min=0, metavar="MIB", help="Allow each stage this much memory on tiny images.")
    ] = 4096.0,
    list_: Annotated[bool, typer.Option("--list", help="List the checks with their reasons.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a method against the rules for methods.

    The exit code is 1 if the method fails a check.
    """
    console = plain_console()
    if list_:
        refuse_options(
            ctx, ("set_", "settings", "preset", "plugin_files", "only", "memory"), where="--list",
            reason="the checks are listed and no method is checked", remedy="remove --list, or the other options",
        )  # fmt: skip
        if name is not None:
            raise ReidbenchError(
                "--list lists the checks and checks no method",
                where=f"{name} --list",
                remedy="remove --list, or the method",
            )
        _print_checks(console, as_json)
        return
    if name is None:
        raise ReidbenchError(
            "no method is named",
            where="reidbench plugin check",
            remedy="reidbench plugin check color_histogram   # reidbench methods lists all",
        )
    from reidbench.experiments.shared_settings import settings_by_method
    from reidbench.progress import RichProgress
    from reidbench.registry.registered import load_registry
    from reidbench.testing import examine

    file = None
    if settings is not None:
        from reidbench.experiments.settings_file import read_settings_file

        file = read_settings_file(settings)
        settled("NAME", name.rpartition(":")[2], file.method, settings)
        preset = settled("--preset", preset, file.preset, settings)
    registry = load_registry(files=plugin_files or ())
    method = name.rpartition(":")[2]
    by_method, _ = settings_by_method([method], parse_settings(set_, file), registry)
    examination = examine(
        name,
        settings=by_method[method],
        preset=preset,
        only=only or (),
        memory_mib=memory,
        registry=registry,
        progress=RichProgress(),
    )
    if as_json:
        print_json(examination.to_json())
    else:
        _print(examination, console)
    if examination.failed:
        raise typer.Exit(1)


def _print(examination: Examination, console: Console) -> None:
    settings = ", ".join(f"{key}={value}" for key, value in examination.settings.items()) or "no settings"
    console.print(Text.assemble((examination.method, "bold"), f" of {examination.plugin}: {settings}"))
    table = Table([Column("check"), Column("result"), Column("what differed", wraps=True)])
    topic = ""
    for outcome in examination.outcomes:
        if outcome.check.topic != topic:
            topic = outcome.check.topic
            table.add(Text(topic, style="italic"), "", "")
        mark, style = _MARKS[outcome.verdict]
        difference = Text(outcome.difference, style="dim" if outcome.verdict == "not applicable" else "")
        table.add(f"  {outcome.check.name}", Text(mark, style=style), difference)
        if outcome.verdict == "failed":
            table.add("", "", f"reason: {outcome.check.reason}")
            table.add("", "", f"remedy: {outcome.remedy}")
    table.print(console)
    took = sum(outcome.seconds for outcome in examination.outcomes)
    counts = ", ".join(f"{examination.count(verdict)} {verdict}" for verdict in _MARKS)
    console.print(f"{counts}, {took:.1f} s", style="bold red" if examination.failed else "bold green")


def _print_checks(console: Console, as_json: bool) -> None:
    from reidbench.testing import CHECKS

    if as_json:
        rows = [
            {"check": each.name, "topic": each.topic, "reason": each.reason, "remedy": each.remedy} for each in CHECKS
        ]
        print_json(rows)
        return
    table = Table([Column("check"), *(Column(heading, wraps=True) for heading in ("about", "reason", "remedy"))])
    for each in CHECKS:
        table.add(each.name, each.topic, each.reason, each.remedy)
    table.print(console)
