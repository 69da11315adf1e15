"""``reidbench methods``: what can be run, from which plugin, with which settings."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reidbench.cli.options import PluginOption

if TYPE_CHECKING:
    from reidbench.registry.registered import Offer

SECTION = "Methods and plugins"

_WIDE = 110
"""Columns of a terminal from which all that the list tells fits side by side."""


def methods(
    name: Annotated[str | None, typer.Argument(help="Show this method's settings.")] = None,
    plugin: PluginOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the methods, or one method's settings."""
    from reidbench.registry.registered import load_registry

    registry = load_registry(files=plugin or ())
    console = Console(highlight=False)
    if name is not None:
        _show(registry.find(name), console, as_json)
        return
    if as_json:
        rows = [
            {"name": o.spec.name, "plugin": o.distribution, "version": o.version, "summary": o.spec.summary,
             "needs": o.spec.needs, "licence": o.spec.licence, "absent": list(o.spec.absent),
             "install": o.spec.install}
            for o in registry.offers
        ]  # fmt: skip
        broken = [{"entry_point": b.entry_point, "plugin": b.distribution, "reason": b.reason} for b in registry.broken]
        typer.echo(json.dumps({"methods": rows, "broken": broken}, indent=2))
        return
    wide = console.width >= _WIDE
    table = _table("method", "what it is", *(("needs", "licence") if wide else ()), "plugin")
    for offer in registry.offers:
        spec = offer.spec
        cells = [spec.name, spec.summary, spec.needs, spec.licence or "–", f"{offer.distribution} {offer.version[:16]}"]
        if spec.absent:
            cells[1] = f"{spec.summary}\ncan't be used: {_absence(offer)}"
        table.add_row(*map(Text, cells if wide else _narrow(cells)), style="dim" if spec.absent else None)
    for lost in registry.broken:
        cells = [lost.entry_point, f"can't be used: {lost.reason}", "–", "–", lost.distribution]
        table.add_row(*map(Text, cells if wide else _narrow(cells)), style="dim")
    console.print(table)
    if not wide:
        console.print("Needs and licence: reidbench methods NAME, --json, or a wider terminal.")


def _narrow(cells: Sequence[str]) -> list[str]:
    """Drop needs and licence, which would leave every column a few letters."""
    return [cells[0], cells[1], cells[-1]]


def _show(offer: Offer, console: Console, as_json: bool) -> None:
    spec = offer.spec
    if as_json:
        typer.echo(json.dumps(spec.settings.model_json_schema(), indent=2))
        return
    console.print(f"[bold]{spec.name}[/bold]: {spec.summary}")
    absence = _absence(offer) if spec.absent else ""
    lines = (("source", spec.source), ("licence", spec.licence), ("needs", spec.needs), ("can't be used", absence))
    for title, value in lines:
        if value:
            console.print(f"{title}: {value}", markup=False)
    table = _table("setting", "type", "default", *spec.presets, "what it does")
    for key, field in spec.settings.model_fields.items():
        by_preset = [str(values.get(key, "")) for values in spec.presets.values()]
        default = "required" if field.is_required() else str(field.default)
        kind = _kind(field.annotation, field.metadata)
        table.add_row(*map(Text, (key, kind, default, *by_preset, field.description or "")))
    console.print(table)


def _table(first: str, *others: str) -> Table:
    """Return a table whose first column, a name to be copied, stays whole; the others fold."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=True)
    for title in others:
        table.add_column(title, overflow="fold")
    return table


def _absence(offer: Offer) -> str:
    return f"{' and '.join(offer.spec.absent)} is not installed; {offer.spec.install}"


def _kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Write a type as a user reads it: ``auto | int >= 16`` rather than Python's own form."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        limits = [limit for item in inside[1:] for limit in getattr(item, "metadata", [item])]
        return _kind(inside[0], limits)
    if origin is typing.Literal:
        return " | ".join(str(value) if value != "" else "(empty)" for value in inside)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_kind(part) for part in inside)
    if origin is tuple:
        return ",".join(_kind(part) for part in inside)
    text = str(getattr(annotation, "__name__", annotation)) if origin is None else str(annotation)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [
        f"{sign} {value:g}"
        for item in metadata
        for name, sign in signs.items()
        if isinstance(value := getattr(item, name, None), int | float)
    ]
    return " ".join([text, ", ".join(bounds)]).strip()
