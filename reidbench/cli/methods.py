"""``reidbench methods``: what can be run, from which plugin, with which settings."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from reidbench.registry import Offer, load_registry


def methods(
    name: Annotated[str | None, typer.Argument(help="Show this method's settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the methods, or one method's settings."""
    registry = load_registry()
    console = Console(highlight=False)
    if name is not None:
        _show(registry.find(name), console, as_json)
        return
    if as_json:
        rows = [
            {"name": o.spec.name, "plugin": o.distribution, "version": o.version, "summary": o.spec.summary,
             "needs": o.spec.needs, "licence": o.spec.licence}
            for o in registry.offers
        ]  # fmt: skip
        broken = [{"entry_point": b.entry_point, "plugin": b.distribution, "reason": b.reason} for b in registry.broken]
        typer.echo(json.dumps({"methods": rows, "broken": broken}, indent=2))
        return
    table = Table("method", "what it is", "plugin", "needs", title="Methods")
    for offer in registry.offers:
        table.add_row(offer.spec.name, offer.spec.summary, f"{offer.distribution} {offer.version}", offer.spec.needs)
    for plugin in registry.broken:
        table.add_row(plugin.entry_point, f"can't be used: {plugin.reason}", plugin.distribution, "–", style="dim")
    console.print(table)


def _show(offer: Offer, console: Console, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(offer.spec.settings.model_json_schema(), indent=2))
        return
    console.print(f"[bold]{offer.spec.name}[/bold]: {offer.spec.summary}")
    for title, value in (("source", offer.spec.source), ("licence", offer.spec.licence), ("needs", offer.spec.needs)):
        if value:
            console.print(f"{title}: {value}", markup=False)
    table = Table("setting", "type", "default", *offer.spec.presets, "what it does")
    for key, field in offer.spec.settings.model_fields.items():
        kind = getattr(field.annotation, "__name__", None) if isinstance(field.annotation, type) else None
        by_preset = [str(values.get(key, "")) for values in offer.spec.presets.values()]
        default = "required" if field.is_required() else str(field.default)
        table.add_row(key, kind or str(field.annotation).replace("typing.", ""), default, *by_preset, field.description)
    console.print(table)
