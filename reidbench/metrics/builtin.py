"""All metrics of a run, one entry for each, in the order of the record."""

from __future__ import annotations

from collections.abc import Mapping

from reidbench.metrics import (
    chance,
    counts,
    detection,
    mean_average_precision,
    mean_reciprocal_rank,
    open_set,
    oracle,
    ranking,
)
from reidbench.metrics.spec import MetricSpec

METRICS: tuple[MetricSpec, ...] = (
    open_set.SCORE,
    open_set.BAKS,
    open_set.BAUS,
    open_set.POOLED_SCORE,
    open_set.ROOT_OF_MEANS_SCORE,
    ranking.RANK1,
    ranking.RANK5,
    ranking.BALANCED_RANK1,
    ranking.BALANCED_RANK5,
    mean_average_precision.MAP,
    mean_reciprocal_rank.MRR,
    detection.AUROC,
    detection.FPR95,
    oracle.ORACLE_SCORE,
    oracle.REGRET,
    chance.CHANCE_SCORE,
    counts.N_QUERIES,
    counts.N_KNOWN,
    counts.N_UNKNOWN,
    counts.N_KNOWN_IDENTITIES,
    counts.N_UNKNOWN_IDENTITIES,
    counts.FALSE_NEW,
    counts.MISIDENTIFIED,
    counts.FALSE_MATCH,
)
"""Every metric; ``run.json``, JSON and CSV have them in this order."""

METRIC: Mapping[str, MetricSpec] = {spec.name: spec for spec in METRICS}
"""The same metrics, by name."""
