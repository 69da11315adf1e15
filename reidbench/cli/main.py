"""The ``reidbench`` command: collects the commands and turns errors into one message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from reidbench.cli.commands.audit import audit
from reidbench.cli.commands.census import census
from reidbench.cli.commands.cluster import cluster
from reidbench.cli.commands.compare import compare
from reidbench.cli.commands.curve import curve
from reidbench.cli.commands.datasets import datasets
from reidbench.cli.commands.identify import identify
from reidbench.cli.commands.methods import methods
from reidbench.cli.commands.plugin import plugin
from reidbench.cli.commands.report import report
from reidbench.cli.commands.rethreshold import rethreshold
from reidbench.cli.commands.run import run
from reidbench.cli.commands.score import score
from reidbench.cli.commands.split import split
from reidbench.cli.commands.submit import submit
from reidbench.cli.commands.tune import tune
from reidbench.cli.offered import CommandsWithPlugins
from reidbench.errors import ReidbenchError
from reidbench.progress import print_error
from reidbench.version import __version__

app = typer.Typer(
    cls=CommandsWithPlugins,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Benchmark open-set re-identification of individual animals.",
)
for command in (
    run,
    compare,
    report,
    rethreshold,
    methods,
    datasets,
    split,
    audit,
    tune,
    score,
    submit,
    cluster,
    identify,
    census,
):
    app.command()(command)
app.add_typer(curve, name="curve")
app.add_typer(plugin, name="plugin")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"reidbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Compare approaches to open-set re-identification of individual animals under one protocol."""


def main() -> None:
    """Run the command line; exit 0 done, 1 what a user can mend, 2 usage, 130 for Ctrl-C."""
    console = Console(stderr=True, highlight=False)
    try:
        code = app(standalone_mode=False)
    except ReidbenchError as error:
        print_error(error, console)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        console.print("\nstopped; everything that was finished is kept, and the same command goes on from there")
        sys.exit(130)
    except Exception as error:
        show = getattr(error, "show", None)  # click's own usage errors, vendored by typer or not
        if show is None:
            raise
        show()
        sys.exit(int(getattr(error, "exit_code", 2)))
    sys.exit(code if isinstance(code, int) else 0)
