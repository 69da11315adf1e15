"""One row of a leaderboard: the mean of the runs of one method with one setup.

Runs are averaged over seeds within a split first, then over splits, so all splits weigh the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from reidbench.leaderboard.confidence import Confidence
from reidbench.leaderboard.selection import protocol_of
from reidbench.matching.pooling import IMAGE
from reidbench.metrics.builtin import METRICS
from reidbench.metrics.counts import N_QUERIES
from reidbench.metrics.open_set import SCORE
from reidbench.metrics.ranking import BALANCED_RANK1
from reidbench.records.run_record import RunRecord

OFFICIAL = SCORE.name
CLOSED_SET = BALANCED_RANK1.name

ROW_METRICS = tuple(metric.name for metric in METRICS if metric.in_every_row)
"""Metrics of every row, ``None`` if its runs lack them. Other numbers that the runs hold follow these."""
GROUP_METRICS = (*(metric.name for metric in METRICS if metric.by_group), N_QUERIES.name)
"""Metrics of each group of a row."""
NOT_IN_RUN = "a run of this row is older than this metric"
"""Why a metric is ``None`` that a run's record does not know."""

_WORST_FIRST = ("differs", "transductive", "untested", "blind")


@dataclass(frozen=True, slots=True, eq=False)
class LeaderboardRow:
    """One method with one setup, over its seeds and splits, with its rank on one dataset.

    Attributes:
        rank: 1 is the best; equal values share a rank. ``None`` if the ranking metric is undefined.
        method: Name of the method.
        variant: The settings in which this row differs from others of the method; empty if it is the only one.
        dataset: Name of the dataset.
        dataset_digest: Digest of the dataset's content.
        dataset_note: A note on the dataset; may be empty.
        gallery: ``group`` if queries are compared with their own group only, or ``all``.
        seeds: Seeds of the method, ascending.
        splits: Digests of the splits.
        split_seeds: Seeds of the splits, in the same order; ``None`` for a split from a file.
        split_kinds: Kinds of the splits, in the same order.
        n_runs: Number of runs.
        metrics: All metrics of the test episode over all groups; ``None`` if undefined.
        ranked_by: The metric that ranks the table.
        seed_sd: Standard deviation over seeds within a split, by metric; ``None`` with one seed.
        split_sd: Standard deviation over the means of the splits, by metric; ``None`` with one split.
        weights: Label of the weights that a network started from.
        pretrained: Whether these weights are pretrained.
        threshold: The threshold policy.
        preset: Names of the presets; may be empty.
        timing: Mean seconds of each stage, of all stages as ``seconds``, and mean peak memory in MiB.
        reasons: Why a metric is undefined, by metric.
        left_out: Why the score leaves out a group, by group.
        licence: Licence of the weights; may be empty.
        device: Devices of the runs; may be empty.
        groups: Metrics of each group, by its name.
        runs: The runs, by split and seed.
        confidence: Uncertainty of the score and the rank.
        blindness: ``blind``, ``transductive``, ``differs`` or ``untested``: the worst result of the runs.
        query: What one query is: ``image``, ``encounter:best`` or ``encounter:mean``.
        follows: The input that a method's predictions depend on although it is not blind; empty for a blind method.
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
    device: str = ""
    groups: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    runs: tuple[RunRecord, ...] = field(default=(), repr=False)
    confidence: Confidence = field(default_factory=Confidence)
    blindness: str = "untested"
    query: str = IMAGE
    follows: str = ""

    @property
    def protocol(self) -> str:
        """The kind of split if it is a separate protocol, otherwise empty."""
        return protocol_of(self.split_kinds[0]) if self.split_kinds else ""

    @property
    def random_weights(self) -> bool:
        """Whether a network started from random weights; ``False`` for a method without a network."""
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
            "query": self.query,
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
            "device": self.device,
            "blindness": self.blindness,
            "follows": self.follows,
            **self.confidence.to_json(),
            "groups": {name: dict(values) for name, values in self.groups.items()},
            "reasons": dict(self.reasons),
            "left_out": dict(self.left_out),
        }


def make_row(runs: Sequence[RunRecord], variant: str) -> LeaderboardRow:
    """Average the runs of one method with one setup: over seeds within a split first, then over splits.

    Args:
        runs: Runs that differ in split and seed only.
        variant: The settings in which the row differs from others of its method.
    """
    first = runs[0]
    by_split: dict[str, list[RunRecord]] = {}
    for run in runs:
        by_split.setdefault(run.split_digest, []).append(run)
    metrics: dict[str, float | None] = {}
    seed_sd: dict[str, float | None] = {}
    split_sd: dict[str, float | None] = {}
    for name in _metric_names(runs):
        values = [[_number(run.metrics.get(name)) for run in of_split] for of_split in by_split.values()]
        mean, seed_sd[name], split_sd[name] = _aggregate(values)
        counts = all(isinstance(value, int) for of_split in values for value in of_split)
        metrics[name] = int(mean) if mean is not None and counts and mean.is_integer() else mean
    stages = {"fit_s": "fit_s", "represent_s": "represent_s", "match_s": "match_s", "seconds": "total_s"}
    timing = {
        name: _aggregate([[_number(run.data.timing.get(key)) for run in of_split] for of_split in by_split.values()])[0]
        for name, key in stages.items()
    }
    machines = [[run.data.environment for run in of_split] for of_split in by_split.values()]
    memory = [[_number(machine.peak_memory_mib) for machine in of_split] for of_split in machines]
    timing["peak_memory_mib"] = _aggregate(memory)[0]
    older = {name: NOT_IN_RUN for name in ROW_METRICS if any(name not in run.metrics for run in runs)}
    notes: dict[str, dict[str, str]] = {"reasons": older, "left_out": {}}
    for run in runs:
        for key, texts in notes.items():
            texts |= {str(name): str(why) for name, why in (run.metrics.get(key) or {}).items()}
    heads = [of_split[0] for of_split in by_split.values()]
    worst = min((run.data.blindness for run in runs), key=lambda stamp: _WORST_FIRST.index(stamp.status))
    return LeaderboardRow(
        rank=None,
        method=first.method,
        variant=variant,
        dataset=first.dataset,
        dataset_digest=first.data.dataset.digest,
        dataset_note=first.data.dataset.note,
        gallery=first.data.gallery,
        seeds=tuple(sorted({run.seed for run in runs})),
        splits=tuple(by_split),
        split_seeds=tuple(run.split_seed for run in heads),
        split_kinds=tuple(run.data.split.kind for run in heads),
        n_runs=len(runs),
        metrics=metrics,
        ranked_by=OFFICIAL,
        seed_sd=seed_sd,
        split_sd=split_sd,
        weights=first.data.weights.label,
        pretrained=first.data.weights.pretrained,
        licence=first.data.weights.licence,
        threshold=first.data.threshold.policy,
        preset="/".join(sorted({run.data.preset or "" for run in runs} - {""})),
        timing=timing,
        device="/".join(sorted({machine.device for of_split in machines for machine in of_split} - {""})),
        groups=_groups(by_split),
        runs=tuple(runs),
        reasons=notes["reasons"],
        left_out=notes["left_out"],
        blindness=worst.status,
        follows=worst.summary,
        query=first.data.query,
    )


def _metric_names(runs: Sequence[RunRecord]) -> list[str]:
    """Return the metrics of every row, then all other numbers of these runs."""
    others = (key for run in runs for key, value in run.metrics.items() if isinstance(value, int | float))
    return list(dict.fromkeys((*ROW_METRICS, *others)))


def _aggregate(by_split: Sequence[Sequence[float | None]]) -> tuple[float | None, float | None, float | None]:
    """Return the mean and the standard deviations over seeds within a split and over splits.

    One undefined value makes the mean undefined, because a mean of the others would cover fewer queries than that of
    other rows. The deviation over seeds pools the variances of the splits with several seeds.
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


def _groups(by_split: Mapping[str, Sequence[RunRecord]]) -> dict[str, dict[str, float | None]]:
    """Average the metrics of each group like those over all groups; a group that a run lacks is left out."""
    of_splits = [[run.data.metrics.test.groups for run in runs] for runs in by_split.values()]
    names = set.intersection(*(set(groups) for of_runs in of_splits for groups in of_runs))
    return {
        name: {
            metric: _aggregate([[_number(groups[name].get(metric)) for groups in of_runs] for of_runs in of_splits])[0]
            for metric in GROUP_METRICS
        }
        for name in sorted(names)
    }
