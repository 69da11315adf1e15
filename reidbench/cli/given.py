"""Which options the user gave, and errors for those that would have no effect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from reidbench.errors import ReidbenchError


def given_options(ctx: Any) -> dict[str, str]:
    """Return the options on the command line: the name of each parameter with its option, in the order of the help.

    Args:
        ctx: The context of the command.
    """
    return {
        param.name: max(param.opts, key=len)
        for param in ctx.command.params
        if param.param_type_name == "option" and ctx.get_parameter_source(param.name).name == "COMMANDLINE"
    }


def refuse_others(ctx: Any, option: str, obeyed: Collection[str], *, reason: str, remedy: str) -> None:
    """Refuse all options that have no effect together with another option.

    Args:
        ctx: The context of the command.
        option: The other option, as the user gave it.
        obeyed: Parameters that have an effect with this option, and the parameter of the option itself.
        reason: Why the others have no effect.
        remedy: What to do.

    Raises:
        ReidbenchError: An option without effect was given.
    """
    others = [name for parameter, name in given_options(ctx).items() if parameter not in obeyed]
    if others:
        raise ReidbenchError(
            f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} no effect with {option.split()[0]}: {reason}",
            where=f"{option} {' '.join(others)}",
            remedy=remedy,
        )


def refuse_options(ctx: Any, parameters: Collection[str], *, where: str, reason: str, remedy: str) -> None:
    """Refuse options that have no effect in the present combination.

    Args:
        ctx: The context of the command.
        parameters: Parameters without effect.
        where: The part of the command that makes them ineffective, such as ``--no-split``.
        reason: Why they have no effect.
        remedy: What to do.

    Raises:
        ReidbenchError: One of these options was given.
    """
    others = [option for parameter, option in given_options(ctx).items() if parameter in parameters]
    if others:
        raise ReidbenchError(
            f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} no effect here: {reason}",
            where=" ".join(filter(None, (where, *others))),
            remedy=remedy,
        )


def refuse_repeats(command: Any) -> None:
    """Make a command refuse an option with one value that is given twice; without this, the last one counts."""
    for inner in getattr(command, "commands", {}).values():
        refuse_repeats(inner)
    if hasattr(command, "commands"):
        return
    plain: Callable[[Any, list[str]], list[str]] = command.parse_args

    def parse_args(ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        rest = plain(ctx, args)
        _, _, order = command.make_parser(ctx).parse_args(args=given)
        _check_once(order)
        return rest

    command.parse_args = parse_args


def _check_once(order: Sequence[Any]) -> None:
    for param in order:
        single = param.param_type_name == "option" and not (param.multiple or param.is_flag or param.count)
        if single and sum(other is param for other in order) > 1:
            option = max(param.opts, key=len)
            raise ReidbenchError(
                f"{option} was given more than once, and it takes one value",
                where=option,
                remedy=f"give {option} once",
            )
