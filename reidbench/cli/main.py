"""The ``reidbench`` command: collects the commands and turns errors into one message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from reidbench.cli.audit import audit
from reidbench.cli.census import census
from reidbench.cli.cluster import cluster
from reidbench.cli.compare import compare
from reidbench.cli.curve import curve
from reidbench.cli.datasets import datasets
from reidbench.cli.identify import identify
from reidbench.cli.methods import methods
from reidbench.cli.offered import CommandsWithPlugins
from reidbench.cli.plugin import plugin
from reidbench.cli.report import report
from reidbench.cli.rethreshold import rethreshold
from reidbench.cli.run import run
from reidbench.cli.score import score
from reidbench.cli.split import split
from reidbench.cli.submit import submit
from reidbench.cli.tune import tune
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
