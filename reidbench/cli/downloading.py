"""Ask before a download: what it is, how large, under which licence."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console

from reidbench.errors import ReidbenchError


def fetch(dataset: str, root: Path | None, *, yes: bool, console: Console) -> None:
    """Download a dataset unless it is there, after the user has agreed.

    Raises:
        ReidbenchError: It has no place to go, nobody can be asked, or the download fails.
        typer.Exit: The user did not agree.
    """
    from reidbench.data.sources.download import download, is_downloaded, offer_download

    offer = offer_download(dataset)
    if root is None:
        raise ReidbenchError(
            "a download needs a folder to go to", where="--download", remedy=f"--dataset {dataset} --root DIR"
        )
    if is_downloaded(dataset, root):
        console.print(f"{dataset} is in {root} already")
        return
    for line in offer.lines():
        console.print(line)
    if not yes:
        if not _can_ask():
            raise ReidbenchError(
                "nobody is there to agree to this download",
                where="--download",
                remedy="read the lines above, then add --yes",
            )
        if not typer.confirm(f"download into {root}?", err=True):
            console.print("nothing was downloaded")
            raise typer.Exit(1)
    download(dataset, root)


def _can_ask() -> bool:
    return sys.stdin.isatty()
