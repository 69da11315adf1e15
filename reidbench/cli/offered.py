"""The commands of plugins beside reidbench's own: found by name when one is asked for, listed by ``--help``.

Plugins are asked only where the name is none of reidbench's own, so that no plugin can slow one of those down or
take its place.
"""

from __future__ import annotations

import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from reidbench.errors import ReidbenchError
from reidbench.registry.commands import CommandSpec


class CommandsWithPlugins(TyperGroup):
    """The group of ``reidbench`` itself."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_listed()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; a plugin's only as far as it can be listed, without loading it."""
        own = super().get_command(ctx, cmd_name)
        spec = None if own is not None else _listed().get(cmd_name)
        return own if spec is None else _as_click(lambda: None, cmd_name, spec.summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and (loaded := _load(args[0])) is not None:
            return args[0], loaded, args[1:]
        return super().resolve_command(ctx, args)


def _listed() -> dict[str, CommandSpec]:
    """Return the commands of plugins by what calls each: its name, whole where two have it."""
    from reidbench.registry.registered import load_registry

    offers = load_registry().commands
    names = [offer.spec.name for offer in offers]
    return {o.spec.name if names.count(o.spec.name) == 1 else f"{o.distribution}:{o.spec.name}": o.spec for o in offers}


def _load(name: str) -> Any:
    """Return a plugin's command, whose failure is one message; ``None`` where no plugin offers it."""
    from reidbench.registry.registered import load_registry

    offer = load_registry().command(name)
    if offer is None:
        return None
    whose = f"the command '{offer.spec.name}' of {offer.distribution} {offer.version}"

    def failed(what: str, error: Exception) -> ReidbenchError:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
        return ReidbenchError(
            f"{whose} {what}: {type(error).__name__}: {error}", where=place, remedy=f"mend {offer.distribution}"
        )

    try:
        command = _as_click(offer.spec.load(), name, offer.spec.summary)
    except ReidbenchError:
        raise
    except Exception as error:  # a stranger's code
        raise failed("can't be loaded", error) from error
    plain = command.invoke

    def invoke(ctx: Any) -> Any:
        try:
            return plain(ctx)
        except (ReidbenchError, typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if hasattr(error, "show"):  # a usage error, told by the command line itself
                raise
            raise failed("failed", error) from error

    command.invoke = invoke
    return command


def _as_click(loaded: Any, name: str, summary: str) -> Any:
    if isinstance(loaded, typer.Typer):
        return typer.main.get_command(loaded)
    if not callable(loaded):
        raise TypeError(f"load returned {type(loaded).__name__}, not a function or a typer.Typer")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, help=summary)(loaded)
    return typer.main.get_command(app)
