"""``reidbench plugin``: what the writer of a plugin needs, one file a command."""

from __future__ import annotations

import typer

from reidbench.cli.plugin_check import check
from reidbench.cli.plugin_new import new

plugin = typer.Typer(no_args_is_help=True, help="Write a method of your own, and check it.")
for command in (new, check):
    plugin.command()(command)
