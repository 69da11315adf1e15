"""``reidbench plugin new``: a complete package to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new(
    name: Annotated[str, typer.Argument(help="Name of the method, such as fur_pattern.")],
    kind: Annotated[str, typer.Option(help="embedding, pair, fusion, classifier or scores.")] = "embedding",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder to write; by default NAME.")
    ] = None,
    licence: Annotated[str, typer.Option(help="SPDX licence expression for its packaging.")] = "MIT",
) -> None:
    """Write a package with a method, its settings, a test and a README; it runs as it is."""
    from reidbench.scaffold import PluginPlan, check_free, write_plugin

    plan = PluginPlan(name, kind, licence)
    check_free(plan)
    folder = output or Path(name)
    for path in write_plugin(plan, folder):
        typer.echo(path)
    typer.echo(f"next: pip install -e {folder} && reidbench run --method {name} && reidbench compare", err=True)
