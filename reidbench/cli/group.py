"""The group of ``reidbench`` itself: it finds the commands by name and loads the one that was called.

A command of reidbench is a module of :mod:`reidbench.cli.commands`. The module holds a function or a ``typer.Typer`` of
its own name, and ``SECTION``, the heading of ``reidbench --help`` that lists it. No other file names the command. An
option that got a new name is in ``RENAMED``, old name first; the old name is accepted with a warning.

Plugins are loaded only for ``reidbench --help`` and for a name that is not a command of reidbench. So no plugin can
slow down or replace a command of reidbench.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import traceback
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from reidbench.cli.given import refuse_repeats
from reidbench.cli.renamed import with_new_names
from reidbench.constants import ENTRY_POINT_GROUP
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.registry.commands import CommandSpec, own_commands

SECTIONS = (
    "Run methods",
    "Read saved runs",
    "Use a saved run",
    "Images and splits",
    "Methods and plugins",
)
"""Headings of ``reidbench --help`` in their order. A heading that is not in the list comes after these."""
_PLUGINS = "From plugins"


class Commands(TyperGroup):
    """The commands of reidbench, and those that plugins offer."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return [*own_commands(), *_offered()]

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in own_commands():
            return _own(cmd_name)[1]
        spec = _offered().get(cmd_name)
        return None if spec is None else _as_click(lambda: None, cmd_name, spec.summary)

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, *rest = args
        if name in own_commands():
            module, command = _own(name)
            return name, command, with_new_names(rest, getattr(module, "RENAMED", {}))
        loaded = _load_offered(name)
        if loaded is None:
            hint = did_you_mean(name, self.list_commands(ctx))
            ctx.fail(f"No such command '{name}'" + (f"; {hint}" if hint else "."))
        return name, loaded, rest

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        listed: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        names = self.list_commands(ctx)
        width = max(map(len, names))
        for name in own_commands():
            module, command = _own(name)
            listed.setdefault(module.SECTION, []).append((name, command.get_short_help_str(formatter.width)))
        for name, spec in _offered().items():
            listed.setdefault(_PLUGINS, []).append((name, spec.summary))
        for section, rows in listed.items():
            if rows:
                with formatter.section(section):
                    formatter.write_dl([(name.ljust(width), summary) for name, summary in rows])


def _own(name: str) -> tuple[ModuleType, Any]:
    """Import the module of a command of reidbench, and return it with the command."""
    module = importlib.import_module(f"reidbench.cli.commands.{name}")
    command = _as_click(getattr(module, name), name)
    refuse_repeats(command)
    return module, command


def _offered() -> dict[str, CommandSpec]:
    """Return the commands of plugins by name; with the distribution's name if two plugins use one name.

    The plugins of reidbench offer none, so nothing is loaded if there are no others.
    """
    entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    if all(entry_point.dist is not None and entry_point.dist.name == "reidbench" for entry_point in entry_points):
        return {}
    from reidbench.registry.registered import load_registry

    offers = load_registry().commands
    names = [offer.spec.name for offer in offers]
    return {o.spec.name if names.count(o.spec.name) == 1 else f"{o.distribution}:{o.spec.name}": o.spec for o in offers}


def _load_offered(name: str) -> Any:
    """Return a plugin's command, whose failure is one message; ``None`` if no plugin offers the name."""
    from reidbench.registry.registered import load_registry

    offer = load_registry().command(name)
    if offer is None:
        return None
    plugin = f"{offer.distribution} {offer.version}"

    def failed(what: str, error: Exception) -> ReidbenchError:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
        return ReidbenchError(
            f"the command '{offer.spec.name}' of {plugin} {what}: {type(error).__name__}: {error}",
            where=place,
            remedy=f"correct or uninstall {offer.distribution}",
        )

    try:
        command = _as_click(offer.spec.load(), name, offer.spec.summary)
    except ReidbenchError:
        raise
    except Exception as error:  # the code of a plugin can raise anything
        raise failed("can't be loaded", error) from error
    plain = command.invoke

    def invoke(ctx: Any) -> Any:
        try:
            return plain(ctx)
        except (ReidbenchError, typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if hasattr(error, "show"):  # a usage error, which the command line prints itself
                raise
            raise failed("failed", error) from error

    command.invoke = invoke
    return command


def _as_click(loaded: Any, name: str, summary: str | None = None) -> Any:
    """Return a function or a ``typer.Typer`` as a command; ``summary`` replaces the docstring of a function."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=name)  # below an app of ours, so that its help looks like that of other commands
        group: Any = typer.main.get_command(app)
        return group.commands[name]
    if not callable(loaded):
        raise TypeError(f"load returned {type(loaded).__name__}, not a function or a typer.Typer")
    app.command(name, help=summary)(loaded)
    return typer.main.get_command(app)
