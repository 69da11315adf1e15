"""``reidbench report``: one self-contained HTML page of saved runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.given import refuse_options
from reidbench.cli.options import MemoryOption, PluginOption, RootOption, RunsOption
from reidbench.progress import print_line

SECTION = "Read saved runs"
RENAMED = {"--split": "--split-digest"}


def report(
    ctx: typer.Context,
    run: Annotated[
        list[str] | None, typer.Argument(help="Show these runs, by folder or id; by default all in --runs.")
    ] = None,
    runs: RunsOption = Path("runs"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the page to this file.")] = Path("report.html"),
    dataset: Annotated[str | None, typer.Option(help="Show runs on this dataset; by default on each dataset.")] = None,
    split_digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Show runs on this split: the first characters of its digest.")
    ] = None,
    gallery: Annotated[str | None, typer.Option(help="Show runs that searched this gallery: group or all.")] = None,
    mixed_splits: Annotated[
        bool, typer.Option("--mixed-splits", help="Rank methods together that were run on different splits.")
    ] = False,
    images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATASET", help="Show photographs of this dataset, named as in run --dataset; repeatable."
        ),
    ] = None,
    root: RootOption = None,
    memory: MemoryOption = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="Leave out photographs.")] = False,
    unknown_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Compute expected costs for this share of new animals.")
    ] = 0.3,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=VALUE",
            help="Set the cost of false_new, misidentified or false_match; by default 1; repeatable.",
        ),
    ] = None,
    errors: Annotated[
        int | None,
        typer.Option(min=0, help="Show at most this number of errors of each kind and method; by default up to 6."),
    ] = None,
    plugin: PluginOption = None,
    title: Annotated[str, typer.Option(help="Set the heading of the page.")] = "reidbench report",
) -> None:
    """Write saved runs to one HTML page that needs no network.

    The page has the leaderboard, curves, groups, costs and errors with photographs.
    """
    from reidbench.reporting.build import build_report, parse_costs
    from reidbench.reporting.page import PageOptions

    if no_images:
        refuse_options(
            ctx, ("images", "root"), where="--no-images", reason="the page shows no photographs",
            remedy="remove --no-images, or the other options",
        )  # fmt: skip
    if not images:
        refuse_options(
            ctx, ("root",), where="", reason="it is the folder of a dataset that --images names",
            remedy="add --images DATASET, or remove --root",
        )  # fmt: skip
    options = PageOptions(title=title, unknown_rate=unknown_rate, costs=parse_costs(cost or []), errors=errors)
    size = build_report(
        output, run or [], runs, options, dataset=dataset, split=split_digest, gallery=gallery,
        mixed_splits=mixed_splits, images=None if no_images else images or [], root=root, plugins=plugin or (),
    )  # fmt: skip
    print_line(f"written to {output} ({size / 1e6:.1f} MB)", stderr=True)
