"""``reidbench methods``: list the methods that plugins offer, or show the settings of one."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from reidbench.cli.options import JsonOption, PluginOption
from reidbench.cli.tables import Column, Table
from reidbench.constants import UNDEFINED
from reidbench.progress import plain_console, print_json

if TYPE_CHECKING:
    from reidbench.registry.registered import Offer
    from reidbench.running.networks_used import UsedNetwork

SECTION = "Methods and plugins"


def methods(
    name: Annotated[
        str | None, typer.Argument(help="Show the settings of this method; by default list all methods.")
    ] = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the methods, or show the settings of one."""
    from reidbench.registry.registered import load_registry
    from reidbench.running.networks_used import networks_used

    registry = load_registry(files=plugin or ())
    console = plain_console()
    if name is not None:
        offer = registry.find(name)
        _show(offer, networks_used(registry, [name])[0], console, as_json)
        return
    used = networks_used(registry)[0]
    if as_json:
        rows = [
            {"name": o.spec.name, "plugin": o.distribution, "version": o.version, "summary": o.spec.summary,
             "needs": o.spec.needs, "licence": o.spec.licence, "absent": list(o.spec.absent),
             "install": o.spec.install, "weights": _sources_as_json(used, o.spec.name)}
            for o in registry.offers
        ]  # fmt: skip
        broken = [{"entry_point": b.entry_point, "plugin": b.distribution, "reason": b.reason} for b in registry.broken]
        print_json({"methods": rows, "broken": broken})
        return
    table = Table(
        [
            Column("method"),
            Column("what it is", wraps=True, least=32),
            Column("needs", wraps=True, optional=3, least=20),
            Column("weights here", wraps=True, optional=2, least=16),
            Column("licence", wraps=True, optional=1, least=14),
            Column("plugin", wraps=True, least=15),
        ],
        elsewhere="reidbench methods NAME, --json or a wider terminal shows them.",
    )
    for offer in registry.offers:
        spec = offer.spec
        cells = [
            spec.name,
            spec.summary,
            spec.needs,
            _sources_in_brief(used, spec.name) or UNDEFINED,
            spec.licence or UNDEFINED,
            f"{offer.distribution} {offer.version[:16]}",
        ]
        if spec.absent:
            cells[1] = f"{spec.summary}\ncan't be used: {_absence(offer)}"
        table.add(*cells, style="dim" if spec.absent else "")
    for lost in registry.broken:
        cells = [lost.entry_point, f"can't be used: {lost.reason}", UNDEFINED, UNDEFINED, UNDEFINED, lost.distribution]
        table.add(*cells, style="dim")
    table.print(console)


def _sources_as_json(used: Sequence[UsedNetwork], method: str) -> list[dict[str, Any]]:
    from reidbench.running.networks_used import place_of

    rows = []
    for each in used:
        if each.method == method:
            place = place_of(each.name)
            rows.append(
                {"network": each.name, "preset": each.preset or None, "place": place.kind, "explained": place.text,
                 "bytes": place.n_bytes or None, "licence": place.licence or None}
            )  # fmt: skip
    return rows


def _sources_in_brief(used: Sequence[UsedNetwork], method: str) -> str:
    """Return for each preset whether all its weights are on this machine, such as ``quick: missing``."""
    from reidbench.running.networks_used import HERE, place_of

    here: dict[str, bool] = {}
    for each in used:
        if each.method == method:
            here[each.preset] = here.get(each.preset, True) and place_of(each.name).kind in HERE
    states = {preset: "on this machine" if all_here else "missing" for preset, all_here in here.items()}
    return "; ".join(f"{preset}: {state}" if preset else state for preset, state in states.items())


def _show(offer: Offer, used: Sequence[UsedNetwork], console: Console, as_json: bool) -> None:
    spec = offer.spec
    if as_json:
        print_json(spec.settings.model_json_schema())
        return
    console.print(Text.assemble((spec.name, "bold"), f": {spec.summary}"))
    absence = _absence(offer) if spec.absent else ""
    lines = (("source", spec.source), ("licence", spec.licence), ("needs", spec.needs), ("can't be used", absence))
    for title, value in lines:
        if value:
            console.print(f"{title}: {value}")
    for row in _sources_as_json(used, spec.name):
        preset = f" ({row['preset']})" if row["preset"] else ""
        size = f", {row['bytes'] / 1e6:,.0f} MB" if row["bytes"] else ""
        licence = f", {row['licence']}" if row["licence"] else ""
        console.print(f"weights{preset}: {row['network']}: {row['explained']}{size}{licence}", markup=False)
    headings = ("type", "default", *spec.presets, "what it does")
    table = Table([Column("setting"), *(Column(heading, wraps=True) for heading in headings)])
    for key, field in spec.settings.model_fields.items():
        by_preset = [str(values.get(key, "")) for values in spec.presets.values()]
        default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
        kind = _kind(field.annotation, field.metadata)
        table.add(key, kind, default, *by_preset, field.description or "")
    table.print(console)


def _absence(offer: Offer) -> str:
    return f"{' and '.join(offer.spec.absent)} is not installed; {offer.spec.install}"


def _kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Return a type in plain form, such as ``auto | int >= 16``."""
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
    text = str(getattr(origin or annotation, "__name__", annotation))
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [
        f"{sign} {value:g}"
        for item in metadata
        for name, sign in signs.items()
        if isinstance(value := getattr(item, name, None), int | float)
    ]
    return " ".join([text, ", ".join(bounds)]).strip()
