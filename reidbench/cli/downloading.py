"""Download a dataset after the user has seen its size and licence and has agreed."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from reidbench.cli.confirmation import confirm
from reidbench.errors import ReidbenchError


def fetch(dataset: str, root: Path | None, *, yes: bool, console: Console) -> None:
    """Download a dataset if its folder does not have it yet.

    Raises:
        ReidbenchError: No folder is named, stdin is not a terminal, or the download fails.
        typer.Exit: The user does not agree.
    """
    from reidbench.data.sources.download import download, is_downloaded, offer_download

    offer = offer_download(dataset)
    if root is None:
        raise ReidbenchError(
            "--download needs a folder to download into",
            where="--download",
            remedy=f"add --root DIR: --dataset {dataset} --root DIR --download",
        )
    if is_downloaded(dataset, root):
        console.print(f"{dataset} is already in {root}")
        return
    for line in offer.lines():
        console.print(line)
    confirm(f"Download into {root}?", "Nothing was downloaded.", yes=yes)
    download(dataset, root)
