"""Leaderboards from saved runs: which runs make one row, and which rows may be ranked together.

A row is one method as it was set up; its runs differ in seed and split only. Seeds are averaged within
a split first, then splits are averaged, so a split that was run with more seeds weighs no more than another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.runs import RunRecord, load_runs

OFFICIAL = "score"
CLOSED_SET = "balanced_rank1"
TIE = 1e-12
"""Two values closer than this are one rank: the difference is rounding, not merit."""

METRICS = (
    "score", "baks", "baus", "pooled_score", "root_of_means_score", "rank1", "rank5", "balanced_rank1", "map",
    "auroc", "fpr95", "oracle_score", "regret", "chance_score", "n_queries", "n_known_identities",
    "n_unknown_identities",
)  # fmt: skip
"""Metrics that every row has, null where a run lacks them; others that runs hold follow these."""


@dataclass(frozen=True, slots=True, eq=False)
class LeaderboardRow:
    """One method as it was set up, over its seeds and splits, with its rank on one dataset.

    Attributes:
        rank: 1 is best; equal values share a rank. ``None`` where the ranking metric is undefined.
        method: Name of the method.
        variant: What tells this row from others of the same method; empty where it is the only one.
        dataset: Name of the dataset; ``dataset_digest`` is of its content.
        seeds: Seeds of the method, ascending.
        splits: Digests of the splits; ``split_seeds`` and ``split_kinds`` are in the same order.
        metrics: Every metric of the test episode over all groups; ``None`` is undefined.
        reasons: Why a metric is undefined, by metric.
        left_out: Groups that the score leaves out, and why.
        ranked_by: The metric that ranks this row's table.
        seed_sd: Standard deviation over seeds within a split, by metric; ``None`` with one seed.
        split_sd: Standard deviation over the means of the splits, by metric; ``None`` with one split.
        timing: Mean of each stage, and of their sum as ``seconds``.
    """

    rank: int | None
    method: str
    variant: str
    dataset: str
    dataset_digest: str
    dataset_note: str
    gallery: str
    seeds: tuple[int, ...]
    splits: tuple[str, ...]
    split_seeds: tuple[int | None, ...]
    split_kinds: tuple[str, ...]
    n_runs: int
    metrics: Mapping[str, float | None]
    ranked_by: str
    seed_sd: Mapping[str, float | None]
    split_sd: Mapping[str, float | None]
    weights: str
    pretrained: bool
    threshold: str
    preset: str
    timing: Mapping[str, float | None] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""

    @property
    def random_weights(self) -> bool:
        """Whether a network started from random weights; a method without a network did not."""
        return not self.pretrained and self.weights.startswith("random")

    def to_json(self) -> dict[str, Any]:
        """Return the row as ``compare --json`` gives it: one flat object, undefined values ``None``."""
        spread = {
            "score_sd": self.seed_sd.get(OFFICIAL),
            "split_sd": self.split_sd.get(self.ranked_by),
        }
        if self.ranked_by != OFFICIAL:
            spread[f"{self.ranked_by}_sd"] = self.seed_sd.get(self.ranked_by)
        return {
            "rank": self.rank,
            "method": self.method,
            "variant": self.variant,
            "dataset": self.dataset,
            "dataset_digest": self.dataset_digest,
            "dataset_note": self.dataset_note,
            "gallery": self.gallery,
            "seeds": list(self.seeds),
            "splits": list(self.splits),
            "split_seeds": list(self.split_seeds),
            "split_kinds": list(self.split_kinds),
            "n_runs": self.n_runs,
            "ranked_by": self.ranked_by,
            **self.metrics,
            **spread,
            "weights": self.weights,
            "pretrained": self.pretrained,
            "licence": self.licence,
            "threshold": self.threshold,
            "preset": self.preset,
            **self.timing,
            "reasons": dict(self.reasons),
            "left_out": dict(self.left_out),
        }


def compare_runs(
    runs_dir: Path,
    *,
    dataset: str | None = None,
    split: str | None = None,
    gallery: str | None = None,
    mixed_splits: bool = False,
) -> list[LeaderboardRow]:
    """Read the runs in a folder, keep those asked for, and rank them.

    Raises:
        ReidbenchError: There is no such run, or the runs can't be ranked together.
    """
    runs = load_runs(runs_dir)
    if not runs:
        raise ReidbenchError(
            "there is no finished run to compare",
            where=f"--runs {runs_dir}",
            remedy="name the folder that holds them with --runs DIR, or run a method first: "
            "reidbench run --method color_histogram",
        )
    return leaderboard(select_runs(runs, dataset=dataset, split=split, gallery=gallery), mixed_splits=mixed_splits)


def select_runs(
    runs: Sequence[RunRecord], *, dataset: str | None = None, split: str | None = None, gallery: str | None = None
) -> list[RunRecord]:
    """Keep the runs of one dataset, one split (its digest or how that begins) and one gallery mode.

    Raises:
        ReidbenchError: No run is left, or the beginning of a digest fits several splits.
    """
    kept = list(runs)
    if dataset is not None:
        names = sorted({run.dataset for run in kept})
        kept = [run for run in kept if run.dataset == dataset]
        if not kept:
            hint = did_you_mean(dataset, names)
            raise ReidbenchError(
                f"no run is of dataset '{dataset}'" + (f"; {hint}" if hint else ""),
                where=f"--dataset {dataset}",
                remedy=f"choose one of: {', '.join(names)}",
            )
    if split is not None:
        digests = sorted({run.split_digest for run in kept})
        fitting = [digest for digest in digests if digest.startswith(split)]
        if len(fitting) != 1:
            raise ReidbenchError(
                f"no run is on split '{split}'" if not fitting else f"'{split}' begins the digest of several splits",
                where=f"--split {split}",
                remedy=f"choose one of: {', '.join(_short(digest) for digest in fitting or digests)}",
            )
        kept = [run for run in kept if run.split_digest == fitting[0]]
    if gallery is not None:
        modes = sorted({str(run.data["gallery"]) for run in kept})
        kept = [run for run in kept if run.data["gallery"] == gallery]
        if not kept:
            raise ReidbenchError(
                f"no run searched gallery '{gallery}'",
                where=f"--gallery {gallery}",
                remedy=f"choose one of: {', '.join(modes)}",
            )
    return kept


def leaderboard(runs: Iterable[RunRecord], *, mixed_splits: bool = False) -> list[LeaderboardRow]:
    """Rank methods by the official score, apart on each dataset.

    Where no row of a dataset has a score (a closed-set split has no unknown queries), rows are ranked by
    balanced Rank-1.

    Args:
        runs: Finished runs.
        mixed_splits: Rank rows together although they were judged on different splits.

    Returns:
        Rows by dataset, best first; rows whose ranking metric is undefined come last, without a rank.

    Raises:
        ReidbenchError: Rows of one dataset searched different galleries, or stand on different splits.
    """
    by_dataset: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        by_dataset.setdefault((run.dataset, str(run.data["dataset"]["digest"])), []).append(run)
    rows: list[LeaderboardRow] = []
    for key in sorted(by_dataset):
        rows += _rank_dataset(by_dataset[key], mixed_splits)
    return rows


def boards(rows: Iterable[LeaderboardRow]) -> list[list[LeaderboardRow]]:
    """Part rows into one list for each dataset, order kept."""
    parted: dict[tuple[str, str], list[LeaderboardRow]] = {}
    for row in rows:
        parted.setdefault((row.dataset, row.dataset_digest), []).append(row)
    return list(parted.values())


def ranks(values: Sequence[float | None]) -> list[int | None]:
    """Return the rank of each value, 1 for the highest; values within ``TIE`` share one.

    Example:
        >>> ranks([0.5, 0.7, None, 0.5])
        [2, 1, None, 2]
    """
    defined = [value for value in values if value is not None]
    return [None if v is None else 1 + sum(other > v + TIE for other in defined) for v in values]


def _rank_dataset(runs: Sequence[RunRecord], mixed_splits: bool) -> list[LeaderboardRow]:
    dataset = runs[0].dataset
    _refuse_mixed_galleries(dataset, runs)
    cells: dict[str, list[RunRecord]] = {}
    for run in runs:
        cells.setdefault(_setup_key(run), []).append(run)
    setups = [_newest_of_each_cell(found) for found in cells.values()]
    variants = _variants([found[0] for found in setups])
    if not mixed_splits:
        _refuse_mixed_splits(dataset, setups, variants)
    rows = [_row(found, variant) for found, variant in zip(setups, variants, strict=True)]
    ranked_by = OFFICIAL if any(row.metrics[OFFICIAL] is not None for row in rows) else CLOSED_SET
    places = ranks([row.metrics[ranked_by] for row in rows])
    ranked = [replace(row, rank=place, ranked_by=ranked_by) for row, place in zip(rows, places, strict=True)]
    return sorted(ranked, key=lambda row: (math.inf if row.rank is None else row.rank, row.method, row.variant))


def _setup(run: RunRecord) -> dict[str, Any]:
    """Return everything that shaped a run besides dataset, split and seed."""
    weights = run.data["weights"]
    return {
        **{f"settings.{key}": value for key, value in run.data["settings"]["effective"].items()},
        "threshold": run.data["threshold"]["policy"],
        # The source of random weights names their seed; that must not part the seeds of one row.
        "weights": weights["label"] if not weights["pretrained"] else f"{weights['label']} {weights['source']}",
        "weights.sha256": weights.get("sha256", "") if weights["pretrained"] else "",
        "plugin": " ".join(str(value) for value in run.data["plugin"].values()),
    }


def _setup_key(run: RunRecord) -> str:
    return json.dumps([run.method, _setup(run)], sort_keys=True)


def _newest_of_each_cell(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Keep one run for each split and seed: a repeat would count one result twice."""
    newest: dict[tuple[str, int], RunRecord] = {}
    for run in sorted(runs, key=lambda run: str(run.data.get("created", ""))):
        newest[run.split_digest, run.seed] = run
    return [newest[cell] for cell in sorted(newest)]


def _variants(firsts: Sequence[RunRecord]) -> list[str]:
    """Say for each set-up in what it differs from the others of its method."""
    setups = [_setup(run) for run in firsts]
    labels = []
    for run, setup in zip(firsts, setups, strict=True):
        rivals = [other for first, other in zip(firsts, setups, strict=True) if first.method == run.method]
        keys = dict.fromkeys(key for rival in rivals for key in rival)
        differing = [key for key in keys if any(rival.get(key) != setup.get(key) for rival in rivals)]
        parts = []
        for key in differing:
            value = setup.get(key)
            shown = _short(str(value)) if key == "weights.sha256" else "–" if value is None else str(value)
            parts.append(f"{key.removeprefix('settings.')}={shown}")
        labels.append(" ".join(parts))
    return labels


def _refuse_mixed_galleries(dataset: str, runs: Sequence[RunRecord]) -> None:
    modes: dict[str, set[str]] = {}
    for run in runs:
        modes.setdefault(str(run.data["gallery"]), set()).add(run.method)
    if len(modes) > 1:
        listed = "; ".join(f"'{mode}': {', '.join(sorted(methods))}" for mode, methods in sorted(modes.items()))
        raise ReidbenchError(
            f"runs that searched different galleries can't be ranked together: {listed}",
            where=f"dataset {dataset}",
            remedy="choose one: --gallery group or --gallery all",
        )


def _refuse_mixed_splits(dataset: str, setups: Sequence[Sequence[RunRecord]], variants: Sequence[str]) -> None:
    stands_on = [frozenset(run.split_digest for run in found) for found in setups]
    if len(set(stands_on)) <= 1:
        return
    described = {run.split_digest: f"{_short(run.split_digest)} ({describe_split(run)})" for f in setups for run in f}
    lines = [
        f"  {' '.join(filter(None, (found[0].method, variant)))}: {', '.join(described[s] for s in sorted(splits))}"
        for found, variant, splits in zip(setups, variants, stands_on, strict=True)
    ]
    common = sorted(frozenset.intersection(*stands_on))
    if common:
        remedy = f"rank on a split that all have: --split {_short(common[0])}; or rank as they stand: --mixed-splits"
    else:
        remedy = "no split is common to all: choose one with --split DIGEST, run what is missing, or rank as they " \
            "stand: --mixed-splits"  # fmt: skip
    raise ReidbenchError(
        "methods judged on different splits can't be ranked together:\n" + "\n".join(sorted(lines)),
        where=f"dataset {dataset}",
        remedy=remedy,
    )


def describe_split(run: RunRecord) -> str:
    """Return ``open-set, seed 0``, or ``open-set, from a file`` for a split that was not made from a seed."""
    kind = str(run.data["split"].get("kind") or "split")
    return f"{kind}, from a file" if run.split_seed is None else f"{kind}, seed {run.split_seed}"


def _row(runs: Sequence[RunRecord], variant: str) -> LeaderboardRow:
    first = runs[0]
    by_split: dict[str, list[RunRecord]] = {}
    for run in runs:
        by_split.setdefault(run.split_digest, []).append(run)
    metrics: dict[str, float | None] = {}
    seed_sd: dict[str, float | None] = {}
    split_sd: dict[str, float | None] = {}
    for name in _metric_names(runs):
        values = [[_number(run.metrics.get(name)) for run in found] for found in by_split.values()]
        mean, seed_sd[name], split_sd[name] = _aggregate(values)
        counts = all(isinstance(value, int) for found in values for value in found)
        metrics[name] = int(mean) if mean is not None and counts and mean.is_integer() else mean
    stages = {"fit_s": "fit_s", "represent_s": "represent_s", "match_s": "match_s", "seconds": "total_s"}
    timing = {
        name: _aggregate([[_number(run.data["timing"].get(key)) for run in found] for found in by_split.values()])[0]
        for name, key in stages.items()
    }
    notes: dict[str, dict[str, str]] = {"reasons": {}, "left_out": {}}
    for run in runs:
        for key, found in notes.items():
            found |= {str(name): str(why) for name, why in (run.metrics.get(key) or {}).items()}
    heads = [found[0] for found in by_split.values()]
    return LeaderboardRow(
        rank=None,
        method=first.method,
        variant=variant,
        dataset=first.dataset,
        dataset_digest=str(first.data["dataset"]["digest"]),
        dataset_note=str(first.data["dataset"].get("note") or ""),
        gallery=str(first.data["gallery"]),
        seeds=tuple(sorted({run.seed for run in runs})),
        splits=tuple(by_split),
        split_seeds=tuple(run.split_seed for run in heads),
        split_kinds=tuple(str(run.data["split"].get("kind") or "") for run in heads),
        n_runs=len(runs),
        metrics=metrics,
        ranked_by=OFFICIAL,
        seed_sd=seed_sd,
        split_sd=split_sd,
        weights=str(first.data["weights"]["label"]),
        pretrained=bool(first.data["weights"]["pretrained"]),
        licence=str(first.data["weights"].get("licence") or ""),
        threshold=str(first.data["threshold"]["policy"]),
        preset="/".join(sorted({str(run.data.get("preset") or "") for run in runs} - {""})),
        timing=timing,
        **notes,
    )


def _metric_names(runs: Sequence[RunRecord]) -> list[str]:
    """Return the metrics of every row, then any number that these runs hold besides."""
    others = (key for run in runs for key, value in run.metrics.items() if isinstance(value, int | float))
    return list(dict.fromkeys((*METRICS, *others)))


def _aggregate(by_split: Sequence[Sequence[float | None]]) -> tuple[float | None, float | None, float | None]:
    """Return mean, spread over seeds within a split, and spread over splits, of values by split and seed.

    One undefined value makes the mean undefined: a mean over the rest would be of other queries than its rivals'.
    The spread over seeds pools the variances of the splits that have several.
    """
    defined = [[value for value in values if value is not None] for values in by_split]
    if any(len(kept) < len(values) for kept, values in zip(defined, by_split, strict=True)):
        return None, None, None
    means = [fmean(values) for values in defined]
    several = [values for values in defined if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    squares = sum((len(values) - 1) * stdev(values) ** 2 for values in several)
    return (
        fmean(means),
        math.sqrt(squares / freedom) if freedom else None,
        stdev(means) if len(means) > 1 else None,
    )


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _short(digest: str) -> str:
    return digest[:12]
