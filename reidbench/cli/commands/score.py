"""``reidbench score``: score predictions of any origin, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from reidbench.cli.given import refuse_options
from reidbench.cli.options import NameOption
from reidbench.cli.tables import Column, Table
from reidbench.errors import ReidbenchError
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show_metric, undefined_line

SECTION = "Run methods"

_COUNTS = ("false_new", "misidentified", "false_match", "n_queries")


class Task(str, Enum):  # noqa: UP042 - typer reads the values of a plain Enum in every version
    """What the predictions are."""

    identification = "identification"
    clustering = "clustering"


class EmptySide(str, Enum):  # noqa: UP042 - typer reads the values of a plain Enum in every version
    """What a group counts that has no known or no unknown queries."""

    null = "null"
    zero = "zero"


def score(
    ctx: typer.Context,
    predictions: Annotated[
        Path,
        typer.Argument(help="Read predictions from this CSV: image_id,identity, or for clusters image_id,cluster."),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="Read the truth (correct identities) from this CSV: image_id,identity,is_new and optionally group."
        ),
    ],
    empty_side: Annotated[
        EmptySide,
        typer.Option(
            help="Leave a group without known or without new animals out of the score (null), or count it as 0 (zero)."
        ),
    ] = EmptySide.null,
    task: Annotated[
        Task, typer.Option(help="Score identities, or score clusters by ARI and AMI (two measures of agreement).")
    ] = Task.identification,
    unknown: Annotated[
        list[str] | None,
        typer.Option("--unknown", metavar="WORD", help="Count this word as new_individual too; repeatable."),
    ] = None,
    name_word: NameOption = None,
    allow_unmatched: Annotated[
        bool,
        typer.Option("--allow-unmatched", help="Compute scores even if no predicted name is an identity of the truth."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the keys of metrics.test in run.json.")
    ] = False,
) -> None:
    """Score predictions of any program against a truth."""
    if task is Task.clustering:
        refuse_options(
            ctx, ("empty_side",), where="--task clustering", reason="clusters have no known and new queries",
            remedy="remove --empty-side",
        )  # fmt: skip
        if allow_unmatched:
            raise ReidbenchError(
                "clusters have no names that could be unmatched",
                where="--allow-unmatched --task clustering",
                remedy="remove --allow-unmatched",
            )
        _score_clusters(predictions, truth, unknown or (), name_word or (), as_json=as_json)
        return
    from reidbench.scoring.predictions import score_predictions

    metrics: dict[str, Any] = score_predictions(
        predictions, truth, empty_side=empty_side.value, unknown=unknown or (), names=name_word or (),
        allow_unmatched=allow_unmatched, note=_print_note,
    ).to_json()  # fmt: skip
    if as_json:
        print_json(metrics)
        return
    _print(metrics, predictions, truth, plain_console())


def _print_note(text: str) -> None:
    print_line(f"note: {text}", stderr=True)


def _score_clusters(
    predictions: Path, truth: Path, unknown: Sequence[str], names: Sequence[str], *, as_json: bool
) -> None:
    from reidbench.cli.commands.cluster import print_clusters
    from reidbench.scoring.clusters import score_cluster_file

    score_of_clusters = score_cluster_file(predictions, truth, unknown=unknown, names=names, note=_print_note)
    if as_json:
        print_json(score_of_clusters.to_json())
        return
    print_clusters(score_of_clusters, f"{predictions.name} · truth {truth.name}", plain_console())


def _print(metrics: dict[str, Any], predictions: Path, truth: Path, console: Console) -> None:
    from reidbench.metrics.builtin import METRIC, METRICS
    from reidbench.metrics.spec import SCORES

    overall = metrics["overall"]
    columns = (*(metric.name for metric in METRICS if metric.by_group and SCORES not in metric.needs), *_COUNTS)
    headings = (*(METRIC[name].title.replace(" ", "\n") for name in columns), "identities\nknown + new")
    table = Table(
        [Column("group", wraps=True), *(Column(heading, number=True) for heading in headings)],
        title=f"{predictions.name} · truth {truth.name}",
    )
    for name, values in (*metrics["groups"].items(), ("overall", overall)):
        identities = f"{values['n_known_identities']} + {values['n_unknown_identities']}"
        cells = (*(show_metric(values[key], 4) for key in columns), identities)
        table.add(name, *cells, style="bold" if values is overall else "")
    table.print(console)
    console.print(
        "Score: mean over groups of √(BAKS · BAUS). Overall BAKS and BAUS count the animals of all groups as one group."
    )
    if overall["score"] is None:
        console.print(f"No score: {overall['reasons']['score']}.")
    else:
        for group, reason in overall["left_out"].items():
            console.print(f"{group} is left out of the score: {reason}; --empty-side zero counts it 0.")
    for line in _undefined(overall["reasons"]):
        console.print(line)


def _undefined(reasons: dict[str, str]) -> list[str]:
    """Return one line for each reason, with the metrics that are undefined for it."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return [undefined_line(reason, names) for reason, names in by_reason.items()]
