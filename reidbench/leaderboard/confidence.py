"""The uncertainty of one dataset's leaderboard: intervals, ranks, ties and paired differences, from saved runs.

All rows use the same weights of the animals, so their differences are paired. The input is the true and the predicted
identities of each run. A row with a run that lacks them has no interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.metrics.uncertainty.bootstrap import Folds, Interval, draw_folds, interval
from reidbench.metrics.uncertainty.components import VarianceComponents, variance_components
from reidbench.metrics.uncertainty.detectable import smallest_detectable
from reidbench.metrics.uncertainty.paired import SIGNIFICANCE_LEVEL, beats, holm, sign_flip_p_values
from reidbench.metrics.uncertainty.ranks import rank_intervals, tie_groups
from reidbench.metrics.uncertainty.rates import IdentityRates, identity_rates
from reidbench.metrics.uncertainty.reliability import few_animals
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import JudgedAnswers, read_judged_answers


@dataclass(frozen=True, slots=True)
class RowDifference:
    """Score of one row minus the score of another row.

    Attributes:
        value: The difference.
        interval: 95 % interval of the difference, over the same reweighted animals.
        beats: Probability that this row is better.
        p_value: P-value of the permutation test, adjusted for the number of rows compared.
    """

    value: float
    interval: Interval
    beats: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """The uncertainty of a row's score and rank; a value is ``None`` if it can't be computed from the row's runs.

    Attributes:
        score: 95 % interval of the score.
        baks: 95 % interval of BAKS over all groups.
        baus: 95 % interval of BAUS over all groups.
        auroc: 95 % interval of AUROC; ``None`` unless :func:`with_detection_intervals` computed it.
        fpr95: The same for FPR95.
        oracle_score: The same for the oracle score.
        ranks: Best and worst rank that the paired comparisons allow; the intervals of all rows hold together at 95 %.
        tie_group: 1 for the rows that are not shown to differ from the best row, and so on.
        against: Difference from the reference row; ``None`` for that row itself or without a reference.
        reference: Whether this row is the reference.
        detectable: Smallest difference between neighbouring rows that a test on these animals detects with 80 % power.
        warning: Warning if there are few animals; empty otherwise.
        variance: Standard deviations of one run's score by cause.
    """

    score: Interval | None = None
    baks: Interval | None = None
    baus: Interval | None = None
    auroc: Interval | None = None
    fpr95: Interval | None = None
    oracle_score: Interval | None = None
    ranks: tuple[int, int] | None = None
    tie_group: int | None = None
    against: RowDifference | None = None
    reference: bool = False
    detectable: float | None = None
    warning: str = ""
    variance: VarianceComponents = VarianceComponents(None, None, None)

    def to_json(self) -> dict[str, Any]:
        """Return flat JSON values."""
        values: dict[str, Any] = {}
        for name in ("score", "baks", "baus", "auroc", "fpr95", "oracle_score"):
            ends: Interval | None = getattr(self, name)
            values |= {f"{name}_low": ends and ends.low, f"{name}_high": ends and ends.high}
        low, high = self.ranks or (None, None)
        values |= {"rank_low": low, "rank_high": high, "tie_group": self.tie_group}
        difference = self.against
        values |= {
            "detectable_difference": self.detectable,
            "against_difference": difference and difference.value,
            "against_low": difference and difference.interval.low,
            "against_high": difference and difference.interval.high,
            "against_beats": difference and difference.beats,
            "against_p": difference and difference.p_value,
        }
        values |= {f"sd_{cause}": getattr(self.variance, cause) for cause in ("queries", "splits", "seeds")}
        return values


def confidence_of(
    rows: Sequence[Sequence[RunRecord]], scores: Sequence[float | None], *, against: int | None = None
) -> list[Confidence]:
    """Compute the uncertainty of each row.

    Args:
        rows: The runs of each row.
        scores: Score of each row, as the table shows it; ``None`` if it is undefined.
        against: Index of the reference row, for the differences of the other rows from it.

    Returns:
        One entry for each row.

    Raises:
        ReidbenchError: The differences from the reference row can't be computed.
    """
    predictions = [[read_judged_answers(run) for run in runs] for runs in rows]
    usable = [
        place
        for place, of_row in enumerate(predictions)
        if scores[place] is not None
        and not math.isnan(scores[place] or 0.0)
        and all(each is not None for each in of_row)
    ]
    if against is not None and against not in usable:
        raise ReidbenchError(
            "differences from that row can't be computed: its runs have no saved predictions, or no score",
            where="--against",
            remedy="run the method again with --again; features are read from the cache",
        )
    confidences = [Confidence()] * len(rows)
    if not usable:
        return confidences
    parts, owners = _parts([rows[i] for i in usable], [predictions[i] for i in usable])
    folds = draw_folds(parts, owners=owners)
    samples = {side: _of_rows(folds, owners, side, len(usable)) for side in ("score", "baks", "baus")}
    shown = [float(scores[i] or 0.0) for i in usable]
    warning = few_animals(min(part.count(True) for part in parts), min(part.count(False) for part in parts))
    points = {side: _means(parts, owners, side == "baks", len(usable)) for side in ("baks", "baus")}
    pairs = list(combinations(range(len(usable)), 2))
    comparable = len({frozenset(run.split_digest for run in rows[i]) for i in usable}) == 1
    p = holm(sign_flip_p_values(_by_row(parts, owners, len(usable)), pairs)) if pairs and comparable else None
    differs = np.zeros((len(usable), len(usable)), dtype=bool)
    for (a, b), value in zip(pairs, p if p is not None else (), strict=p is not None):
        differs[a, b] = differs[b, a] = value <= SIGNIFICANCE_LEVEL
    all_ranks = rank_intervals(shown, differs) if p is not None else [None] * len(usable)
    ties = tie_groups(shown, differs) if p is not None else [None] * len(usable)
    differences = _against(parts, owners, samples["score"], shown, usable.index(against)) if against is not None else {}
    detectable = _detectable(samples["score"], shown)
    for place, row in enumerate(usable):
        confidences[row] = Confidence(
            score=interval(samples["score"][:, place], shown[place]),
            baks=interval(samples["baks"][:, place], points["baks"][place]),
            baus=interval(samples["baus"][:, place], points["baus"][place]),
            ranks=all_ranks[place],
            tie_group=ties[place],
            against=differences.get(place),
            reference=row == against,
            detectable=detectable,
            warning=warning,
            variance=_variance(parts, folds, owners, place),
        )
    return confidences


def _parts(
    rows: Sequence[Sequence[RunRecord]], predictions: Sequence[Sequence[JudgedAnswers | None]]
) -> tuple[list[IdentityRates], list[list[int]]]:
    """Collect the runs of each split in one table of rates, with the row of each run."""
    by_split: dict[str, list[tuple[int, JudgedAnswers]]] = {}
    for row, (runs, of_row) in enumerate(zip(rows, predictions, strict=True)):
        for run, answers in zip(runs, of_row, strict=True):
            if answers is not None:
                by_split.setdefault(run.split_digest, []).append((row, answers))
    parts, owners = [], []
    for of_split in by_split.values():
        first = of_split[0][1]
        all_answers = [answers for _, answers in of_split]
        # Runs of one split can have other image ids; queries with equal keys are interchangeable.
        keys = [answers.image_key for answers in all_answers if answers.image_key is not None]
        names = keys if len(keys) == len(all_answers) else [answers.image_id for answers in all_answers]
        orders = [np.argsort(each, kind="stable") for each in names]
        predicted = []
        for order, answers in zip(orders, all_answers, strict=True):
            in_order = np.empty(len(first.image_id), dtype=object)
            in_order[orders[0]] = answers.predicted[order]
            predicted.append(in_order)
        parts.append(identity_rates(first.true, first.known, first.group, predicted))
        owners.append([row for row, _ in of_split])
    return parts, owners


def _of_rows(folds: Sequence[Folds], owners: Sequence[Sequence[int]], side: str, n_row: int) -> NDArray[np.float64]:
    """Average folds like rows: seeds within a split first, then splits, ``(n_fold, n_row)``."""
    columns = []
    for row in range(n_row):
        splits = [
            getattr(each.overall, side)[:, [i for i, owner in enumerate(owner_of) if owner == row]].mean(axis=1)
            for each, owner_of in zip(folds, owners, strict=True)
            if row in owner_of
        ]
        columns.append(np.mean(splits, axis=0))
    return np.stack(columns, axis=1)


def _means(parts: Sequence[IdentityRates], owners: Sequence[Sequence[int]], known: bool, n_row: int) -> list[float]:
    """Return each row's BAKS or BAUS, averaged over seeds within a split first, then over splits."""
    of_rows: list[list[float]] = [[] for _ in range(n_row)]
    for part, owner in zip(parts, owners, strict=True):
        of_run = part.rate[part.known == known].mean(axis=0) if part.count(known) else np.full(part.n_run, np.nan)
        for row, values in enumerate(of_rows):
            if row in owner:
                values.append(float(of_run[[i for i, place in enumerate(owner) if place == row]].mean()))
    return [float(np.mean(values)) for values in of_rows]


def _variance(
    parts: Sequence[IdentityRates], folds: Sequence[Folds], owners: Sequence[Sequence[int]], row: int
) -> VarianceComponents:
    """Separate the variance of one row's score by query animals, splits and seeds."""
    scores, of_run, of_split = [], [], []
    for part, each, owner_of in zip(parts, folds, owners, strict=True):
        runs = [i for i, owner in enumerate(owner_of) if owner == row]
        if runs and part.counted_groups():
            scores.append(part.scores()[runs].tolist())
            of_run += list(each.overall.score[:, runs].var(axis=0))
            of_split.append(each.overall.score[:, runs].mean(axis=1))
    if not scores:
        return VarianceComponents(None, None, None)
    moved = np.stack(of_split, axis=1)
    variance_between = float((moved - moved.mean(axis=0)).var(axis=1, ddof=1).mean()) if len(scores) > 1 else None
    return variance_components(scores, float(np.mean(of_run)), query_variance_between=variance_between)


def _by_row(parts: Sequence[IdentityRates], owners: Sequence[Sequence[int]], n_row: int) -> list[IdentityRates]:
    """Average the rates of each animal over the seeds of a row; one column for each row."""
    averaged = []
    for part, owner in zip(parts, owners, strict=True):
        runs_of = [[i for i, place in enumerate(owner) if place == row] for row in range(n_row)]
        rate = np.stack([part.rate[:, runs].mean(axis=1) for runs in runs_of], axis=1)
        averaged.append(IdentityRates(part.animal, part.group, part.known, rate))
    return averaged


def _against(
    parts: Sequence[IdentityRates],
    owners: Sequence[Sequence[int]],
    samples: NDArray[np.float64],
    shown: Sequence[float],
    reference: int,
) -> dict[int, RowDifference]:
    others = [row for row in range(len(shown)) if row != reference]
    if not others:
        return {}
    if any(set(owner) != set(range(len(shown))) for owner in owners):
        raise ReidbenchError(
            "differences are paired by animal, but these rows have different splits",
            where="--against",
            remedy="choose one split that all have with --split-digest DIGEST",
        )
    p = holm(sign_flip_p_values(_by_row(parts, owners, len(shown)), [(row, reference) for row in others]))
    differences = {}
    for row, value in zip(others, p, strict=True):
        moved = samples[:, row] - samples[:, reference]
        difference = shown[row] - shown[reference]
        differences[row] = RowDifference(
            difference, interval(moved, difference), beats(samples[:, row], samples[:, reference]), float(value)
        )
    return differences


def _detectable(samples: NDArray[np.float64], shown: Sequence[float]) -> float | None:
    """Return the median over neighbouring rows of the smallest difference that a test detects."""
    order = np.argsort(-np.asarray(shown), kind="stable")
    errors = [float((samples[:, a] - samples[:, b]).std()) for a, b in zip(order, order[1:], strict=False)]
    return smallest_detectable(float(np.median(errors))) if errors else None
