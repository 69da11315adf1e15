"""``reidbench cache``: list what the cache holds, check it, and remove some of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reidbench.cli.confirmation import confirm
from reidbench.cli.options import JsonOption, RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.errors import ReidbenchError
from reidbench.files import cache_dir
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show_bytes

if TYPE_CHECKING:
    from reidbench.running.cache_contents import CacheEntry

SECTION = "Methods and plugins"

cache = typer.Typer(no_args_is_help=True, help="List, check and remove cached features and trained models.")


@cache.command("path")
def path_() -> None:
    """Print the folder of the cache."""
    print_line(cache_dir().absolute())


@cache.command("ls")
def list_(as_json: JsonOption = False) -> None:
    """List what the cache holds, the most recently used first."""
    from reidbench.running.cache_contents import list_cache

    entries = list_cache()
    if as_json:
        print_json({"cache": str(cache_dir().absolute()), "entries": [_row(entry) for entry in entries]})
        return
    if entries:
        _table(entries).print(plain_console())
    size = sum(entry.size for entry in entries)
    print_line(f"{_counted(len(entries))} in {cache_dir().absolute()}, {show_bytes(size)}")


@cache.command("verify")
def verify(as_json: JsonOption = False) -> None:
    """Compare everything in the cache with its digests.

    Nothing is changed. The exit code is 1 if something is damaged; the next run that needs it makes it again.
    """
    from reidbench.running.cache_contents import check_entry, list_cache

    results = [(entry, check_entry(entry)) for entry in list_cache()]
    damaged = [text for _, checked in results for text in checked.damaged]
    without = [path for _, checked in results for path in checked.without_digests]
    n_checked = sum(checked.n_checked for _, checked in results)
    if as_json:
        print_json({"checked": n_checked, "without_digests": [str(path) for path in without], "damaged": damaged})
    else:
        for text in damaged:
            print_line(f"damaged: {text}")
        for path in without:
            print_line(f"no digests, written by an earlier version: {path}")
        print_line(
            f"{n_checked} files and folders match their digests; {len(damaged)} are damaged; "
            f"{len(without)} have no digests"
        )
        if damaged:
            print_line("the next run that needs a damaged one removes it and makes it again")
    if damaged:
        raise typer.Exit(1)


@cache.command("prune")
def prune(
    method: Annotated[
        list[str] | None,
        typer.Option(help="Remove what this method computed, or the drawn dataset of this name; repeatable."),
    ] = None,
    unused: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Remove what was last used this number of days ago or earlier.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Remove what was not used for longest, until the cache has at most this size, such as 2GB.",
        ),
    ] = None,
    runs: RunsOption = Path("runs"),
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking for confirmation.")] = False,
) -> None:
    """Remove entries of the cache, and temporary files.

    Entries have to match every option. Without --method, --unused and --max-size, only temporary files are removed:
    those in the cache, in the folder of runs and in the temporary folder of the system that are more than a day old
    and whose process does not run.
    """
    from reidbench.data.memory import parse_size
    from reidbench.running.cache_contents import entries_to_prune, list_cache
    from reidbench.running.leftovers import leftovers, removal_line

    if unused is not None and not unused >= 0:
        raise ReidbenchError(
            "a number of days can't be negative", where=f"--unused {unused}", remedy="write --unused 30"
        )
    limit = None if max_size is None else parse_size(max_size, "--max-size", least=0)
    entries = list_cache()
    names = {entry.name for entry in entries}
    for name in method or ():
        if name not in names:
            raise ReidbenchError(
                f"the cache holds nothing of '{name}'", where=f"--method {name}", remedy="reidbench cache ls"
            )
    chosen: list[CacheEntry] = []
    if method or unused is not None or limit is not None:
        chosen = entries_to_prune(entries, now=time.time(), methods=method or (), unused_days=unused, max_size=limit)
    temporary = leftovers(runs if runs.is_dir() else None)
    if not chosen and not temporary:
        print_line("there is nothing to remove")
        return
    if not yes:
        for entry in chosen:
            print_line(f"{entry.name}  {', '.join(entry.holds)}  {show_bytes(entry.size)}", stderr=True)
        for each in temporary:
            print_line(f"{each.path}  {show_bytes(each.size)}", stderr=True)
    size = sum(entry.size for entry in chosen) + sum(each.size for each in temporary)
    what = f"{_counted(len(chosen))} and {len(temporary)} temporary files and folders"
    confirm(f"Remove {what} ({show_bytes(size)})?", "Nothing was removed.", yes=yes)
    for entry in chosen:
        entry.remove()
        print_line(f"removed {entry.name} ({', '.join(entry.holds)})")
    removed = [each for each in temporary if each.remove()]
    if removed:
        print_line(removal_line(removed))
    print_line(f"removed {what}, {show_bytes(size)} freed")


def _table(entries: list[CacheEntry]) -> Table:
    table = Table(
        [
            Column("method or dataset", wraps=True, least=15),
            Column("version", optional=2),
            Column("holds", wraps=True),
            Column("size", number=True),
            Column("created (UTC)", optional=3),
            Column("last used (UTC)"),
            Column("key", optional=1),
        ],
        elsewhere="--json prints them.",
    )
    for entry in entries:
        row = _row(entry)
        table.add(
            entry.name, entry.version, ", ".join(entry.holds), show_bytes(entry.size),
            row["created"][:16].replace("T", " "), row["last_used"][:16].replace("T", " "), entry.key[:12],
        )  # fmt: skip
    return table


def _row(entry: CacheEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "version": entry.version,
        "holds": list(entry.holds),
        "key": entry.key,
        "bytes": entry.size,
        "created": _utc(entry.created),
        "last_used": _utc(entry.used),
        "folders": [str(folder) for folder in entry.folders],
    }


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _counted(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"
