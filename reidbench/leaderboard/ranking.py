"""Leaderboards from saved runs: which runs make one row, and which rows are ranked together."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reidbench.constants import UNDEFINED
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.leaderboard.confidence import confidence_of
from reidbench.leaderboard.rows import CLOSED_SET, OFFICIAL, ROW_METRICS, LeaderboardRow, make_row
from reidbench.leaderboard.selection import (
    describe_query,
    describe_split,
    protocol_of,
    refuse_mixed_galleries,
    refuse_mixed_splits,
    select_runs,
    short,
)
from reidbench.matching.pooling import IMAGE
from reidbench.methods.presets import show_setting
from reidbench.records.finding import FoundRuns
from reidbench.records.run_data import MethodPlugin
from reidbench.records.run_record import RunRecord
from reidbench.records.soundness import require_runs

__all__ = [
    "CLOSED_SET", "OFFICIAL", "ROW_METRICS", "TIE", "LeaderboardRow", "boards", "compare_runs", "describe_query",
    "describe_split", "leaderboard", "ranks", "select_runs", "setup_key",
]  # fmt: skip

TIE = 1e-12
"""Two values that are closer than this have the same rank: the difference is rounding."""


def compare_runs(
    runs: Path | FoundRuns,
    *,
    dataset: str | None = None,
    split: str | None = None,
    gallery: str | None = None,
    mixed_splits: bool = False,
    against: str | None = None,
) -> list[LeaderboardRow]:
    """Select runs of a folder and rank them.

    Args:
        runs: The folder, or the runs found in it.
        dataset: Keep the runs on this dataset.
        split: Keep the runs on the split whose digest begins with this text.
        gallery: Keep the runs with this gallery, ``group`` or ``all``.
        mixed_splits: Rank rows together although they have different splits.
        against: Method of the reference row, for the paired differences of the other rows from it.

    Returns:
        Rows by dataset, best first.

    Raises:
        ReidbenchError: There is no such run, or the runs can't be ranked together.
    """
    folder = runs if isinstance(runs, FoundRuns) else require_runs(runs, "compare")
    chosen = select_runs(folder.records, dataset=dataset, split=split, gallery=gallery)
    return leaderboard(chosen, mixed_splits=mixed_splits, against=against)


def leaderboard(
    runs: Iterable[RunRecord], *, mixed_splits: bool = False, against: str | None = None
) -> list[LeaderboardRow]:
    """Rank methods by the official score, separately for each dataset, protocol of splits and unit of queries.

    If no row of a dataset has a score, as on a closed-set split, rows are ranked by balanced Rank-1.

    Args:
        runs: Finished runs.
        mixed_splits: Rank rows together although they have different splits.
        against: Method of the reference row, for the paired differences of the other rows from it.

    Returns:
        Rows by dataset, best first. Rows whose ranking metric is undefined are last and have no rank.

    Raises:
        ReidbenchError: Rows of one dataset have different galleries or different splits, or ``against`` is not one
            row.
    """
    by_dataset: dict[tuple[str, str, str, str], list[RunRecord]] = {}
    name_of: dict[str, str] = {}
    for run in runs:
        protocol = protocol_of(run.data.split.kind)
        digest = run.data.dataset.digest
        name = name_of.setdefault(digest, run.dataset)  # one dataset can have several names
        by_dataset.setdefault((name, digest, protocol, run.data.query), []).append(run)
    rows: list[LeaderboardRow] = []
    # Runs on single images come before those on encounters.
    for key in sorted(by_dataset, key=lambda key: (*key[:3], key[3] != IMAGE, key[3])):
        rows += _rank_dataset(by_dataset[key], mixed_splits, against)
    return rows


def boards(rows: Iterable[LeaderboardRow]) -> list[list[LeaderboardRow]]:
    """Return one list of rows for each dataset, protocol and unit of queries, in the given order."""
    parted: dict[tuple[str, str, str], list[LeaderboardRow]] = {}
    for row in rows:
        parted.setdefault((row.dataset_digest, row.protocol, row.query), []).append(row)
    return list(parted.values())


def ranks(values: Sequence[float | None]) -> list[int | None]:
    """Return the rank of each value, 1 for the highest.

    Args:
        values: Values; higher is better. ``None`` gets no rank.

    Returns:
        Ranks; values that differ by at most ``TIE`` share one.

    Example:
        >>> ranks([0.5, 0.7, None, 0.5])
        [2, 1, None, 2]
    """
    defined = [value for value in values if value is not None]
    return [None if v is None else 1 + sum(other > v + TIE for other in defined) for v in values]


def _rank_dataset(runs: Sequence[RunRecord], mixed_splits: bool, against: str | None) -> list[LeaderboardRow]:
    dataset = runs[0].dataset
    refuse_mixed_galleries(dataset, runs)
    cells: dict[str, list[RunRecord]] = {}
    for run in runs:
        cells.setdefault(setup_key(run), []).append(run)
    # Sorted, because intervals depend on the order of rows; the order of the runs must not matter.
    setups = [_newest_of_each_cell(of_setup) for _, of_setup in sorted(cells.items())]
    variants = _variants([of_setup[0] for of_setup in setups])
    if not mixed_splits:
        refuse_mixed_splits(dataset, setups, variants)
    rows = [make_row(of_setup, variant) for of_setup, variant in zip(setups, variants, strict=True)]
    ranked_by = OFFICIAL if any(row.metrics[OFFICIAL] is not None for row in rows) else CLOSED_SET
    places = ranks([row.metrics[ranked_by] for row in rows])
    ranked = [replace(row, rank=place, ranked_by=ranked_by) for row, place in zip(rows, places, strict=True)]
    reference = _place_of(against, ranked)
    if ranked_by == OFFICIAL:
        scores = [row.metrics[OFFICIAL] for row in ranked]
        confidences = confidence_of([row.runs for row in ranked], scores, against=reference)
        ranked = [replace(row, confidence=confidence) for row, confidence in zip(ranked, confidences, strict=True)]
    elif reference is not None:
        raise ReidbenchError(
            f"{dataset} has no score to compare: no row has known and new animals",
            where=f"--against {against}",
            remedy="compare methods on an open-set split",
        )
    return sorted(ranked, key=lambda row: (math.inf if row.rank is None else row.rank, row.method, row.variant))


def _place_of(method: str | None, rows: Sequence[LeaderboardRow]) -> int | None:
    """Return the index of the row with this method, or with this method and variant.

    Raises:
        ReidbenchError: No row has this name, or several have.
    """
    if method is None:
        return None
    matches = [i for i, row in enumerate(rows) if method in (row.method, f"{row.method} {row.variant}".strip())]
    if len(matches) == 1:
        return matches[0]
    names = [f"{row.method} {row.variant}".strip() for row in rows]
    hint = did_you_mean(method, names)
    raise ReidbenchError(
        f"'{method}' is not one row of {rows[0].dataset}" + (f"; {hint}" if hint and not matches else ""),
        where=f"--against {method}",
        remedy="choose one of: " + "; ".join(f"'{name}'" for name in names),
    )


def _setup(run: RunRecord) -> dict[str, Any]:
    """Return everything that shaped a run except dataset, split and seed."""
    weights = run.data.weights
    query = {} if run.data.query == IMAGE else {"query": run.data.query}
    return {
        **query,
        "match_sides": run.data.match_sides,
        "masks": short(run.data.masks) or "none",
        **{f"settings.{key}": value for key, value in run.data.settings.effective.items()},
        "threshold": run.data.threshold.policy,
        # The source of random weights contains the seed, and all seeds belong to one row.
        "weights": f"{weights.label} {weights.source}" if weights.pretrained else weights.label,
        "weights.sha256": weights.sha256,
        "plugin": _versions(run.data.plugin),
        **_parts(run),
    }


def _parts(run: RunRecord) -> dict[str, Any]:
    """Return the versions and weights of the parts of a fusion: other versions give other scores."""
    versions = {f"{path}.plugin": _versions(part.plugin) for path, part in run.data.parts.items()}
    weights = {f"{path}.weights": f"{w.label} {w.sha256}".strip() for path, w in run.data.part_weights.items()}
    return versions | weights


def _versions(plugin: MethodPlugin) -> str:
    return " ".join(str(value) for value in plugin.to_json().values() if value is not None)


def setup_key(run: RunRecord) -> str:
    """Return a text that is equal for two runs that differ in dataset, split and seed only."""
    return json.dumps([run.method, _setup(run)], sort_keys=True)


def _newest_of_each_cell(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Keep the newest run of each split and seed; otherwise a repetition would count twice."""
    newest: dict[tuple[str, int], RunRecord] = {}
    for run in sorted(runs, key=lambda run: run.data.created):
        newest[run.split_digest, run.seed] = run
    return [newest[cell] for cell in sorted(newest)]


def _variants(firsts: Sequence[RunRecord]) -> list[str]:
    """Return for each setup the settings in which it differs from the other setups of its method."""
    setups = [_setup(run) for run in firsts]
    labels = []
    for run, setup in zip(firsts, setups, strict=True):
        rivals = [other for first, other in zip(firsts, setups, strict=True) if first.method == run.method]
        keys = dict.fromkeys(key for rival in rivals for key in rival)
        differing = [key for key in keys if any(rival.get(key) != setup.get(key) for rival in rivals)]
        parts = []
        for key in differing:
            value = setup.get(key)
            if value is None:
                shown = UNDEFINED
            else:
                shown = short(str(value)) if key == "weights.sha256" else show_setting(key, value)
            parts.append(f"{key.removeprefix('settings.')}={shown}")
        labels.append(" ".join(parts))
    return labels
