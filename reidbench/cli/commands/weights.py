"""``reidbench weights``: show where the weights of each network would come from on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.options import JsonOption, PluginOption
from reidbench.cli.tables import Column, Table
from reidbench.constants import UNDEFINED
from reidbench.progress import plain_console, print_json, print_warning

if TYPE_CHECKING:
    from reidbench.running.networks_used import UsedNetwork

SECTION = "Methods and plugins"


def weights(
    method: Annotated[
        list[str] | None, typer.Argument(help="Show the networks of these methods; by default of all methods.")
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Check if the hub answers, for at most two seconds.")
    ] = False,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where each network's weights come from here."""
    from reidbench.registry.registered import load_registry
    from reidbench.running.networks_used import networks_used, place_of

    used, problems = networks_used(load_registry(files=plugin or ()), method or ())
    by_name: dict[str, list[UsedNetwork]] = {}
    for each in used:
        by_name.setdefault(each.name, []).append(each)
    places = {name: place_of(name, online=online) for name in by_name}
    if as_json:
        rows = [
            {"network": name, "used_by": [{"method": each.method, "preset": each.preset or None} for each in users],
             "place": places[name].kind, "explained": places[name].text, "bytes": places[name].n_bytes or None,
             "licence": places[name].licence or None}
            for name, users in by_name.items()
        ]  # fmt: skip
        print_json({"networks": rows, "problems": problems})
        return
    console = plain_console()
    if by_name:
        table = Table(
            [
                Column("network", wraps=True, least=18),
                Column("used by", wraps=True, least=16),
                Column("weights=auto takes them from", wraps=True, least=24),
                Column("MB", number=True),
                Column("licence", wraps=True, optional=1, least=10),
            ],
            elsewhere="--json or a wider terminal shows them.",
        )
        for name, users in by_name.items():
            place = places[name]
            size = f"{place.n_bytes / 1e6:,.0f}" if place.n_bytes else UNDEFINED
            cells = [name, ", ".join(each.user for each in users), place.text, size, place.licence or UNDEFINED]
            table.add(*cells, style="" if place.kind in ("cache", "package", "hub") else "dim")
        table.print(console)
    else:
        console.print("no network with pretrained weights")
    for problem in problems:
        print_warning(problem, plain_console(stderr=True))
