"""Every number of an episode, overall and by group, from answers and thresholds or from predictions alone.

The overall score is the mean of the groups' geometric means, as AnimalCLEF defines it; overall BAKS,
BAUS and ranks pool the queries of all groups. A value that is not defined is ``nan``, ``null`` in
JSON, and ``reasons`` says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.errors import ReidbenchError
from reidbench.metrics.answers import Answers, identity_codes
from reidbench.metrics.chance import chance_score
from reidbench.metrics.detection import auroc, fpr95
from reidbench.metrics.open_set import (
    EmptySide,
    balanced_accuracy,
    filled,
    geometric_mean,
    mean_of_defined,
)
from reidbench.metrics.ranking import balanced_rank_k, rank_k
from reidbench.metrics.sweep import threshold_sweep

__all__ = ["Answers", "EpisodeMetrics", "GroupMetrics", "predict", "summarise", "summarise_predictions"]

NO_QUERIES = "no queries"
NO_KNOWN = "no known queries"
NO_UNKNOWN = "no unknown queries"
NEEDS_SCORES = "needs scores"
NEEDS_GALLERY = "needs the number of identities in the gallery"
SAME_SCORE = 1e-12  # sums of one score in two orders differ by less


class Limits(Protocol):
    """Whatever gives each query the lowest best score at which it counts as known."""

    def limits(self, answers: Answers) -> NDArray[np.float64]:
        """Return the limit of each query, ``(n_query,)``; ties accept."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupMetrics:
    """The metrics of one group, or of all together; rates in [0, 1], ``nan`` where undefined.

    Attributes:
        score: Official score: ``sqrt(baks * baus)`` of a group, the mean of those overall.
        baks: Balanced accuracy on known samples.
        baus: Balanced accuracy on unknown samples.
        pooled_score: Root of overall BAKS and BAUS, all identities pooled; not the official score.
        root_of_means_score: Root of the groups' mean BAKS and mean BAUS; not the official score.
        rank1: Share of known queries whose best candidate is right.
        rank5: Share of known queries whose identity is among the best five.
        balanced_rank1: Rank-1 averaged within identities first.
        balanced_rank5: Rank-5 averaged within identities first.
        map: Mean image-level average precision of known queries.
        auroc: Known against unknown by best score, per image.
        fpr95: Share of unknown images accepted where 95 % of known ones are.
        oracle_score: Score with each group's best threshold on these very queries.
        regret: ``oracle_score - score``.
        chance_score: Score of the best blind guess.
        n_queries: Number of queries.
        n_known: Number of known queries.
        n_unknown: Number of unknown queries.
        n_known_identities: Number of identities among the known queries.
        n_unknown_identities: Number of hidden identities among the unknown queries.
        false_new: Known queries answered ``NEW_IDENTITY``.
        misidentified: Known queries answered with another identity.
        false_match: Unknown queries answered with an identity.
        reasons: Why a value is ``nan``, by its name.
        left_out: Groups that the overall score leaves out, and why.
    """

    score: float
    baks: float
    baus: float
    pooled_score: float
    root_of_means_score: float
    rank1: float
    rank5: float
    balanced_rank1: float
    balanced_rank5: float
    map: float
    auroc: float
    fpr95: float
    oracle_score: float
    regret: float
    chance_score: float
    n_queries: int
    n_known: int
    n_unknown: int
    n_known_identities: int
    n_unknown_identities: int
    false_new: int
    misidentified: int
    false_match: int
    reasons: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in RATES:
            undefined = math.isnan(getattr(self, name))
            if undefined != (name in self.reasons):
                raise ValueError(
                    f"{name} is {getattr(self, name)} but " + ("has no reason" if undefined else "has one")
                )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, ``None`` for what is undefined."""
        record: dict[str, Any] = {name: _or_none(getattr(self, name)) for name in RATES}
        record |= {name: int(getattr(self, name)) for name in COUNTS}
        return {**record, "reasons": dict(self.reasons), "left_out": dict(self.left_out)}


RATES = tuple(each.name for each in fields(GroupMetrics) if each.type == "float")
COUNTS = tuple(each.name for each in fields(GroupMetrics) if each.type == "int")


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeMetrics:
    """The metrics of an episode: all queries together, and each group's."""

    overall: GroupMetrics
    groups: Mapping[str, GroupMetrics]

    def to_json(self) -> dict[str, Any]:
        """Return ``{"overall": {...}, "groups": {group: {...}}}`` of plain JSON values."""
        return {
            "overall": self.overall.to_json(),
            "groups": {name: metrics.to_json() for name, metrics in self.groups.items()},
        }


def predict(answers: Answers, thresholds: Limits) -> NDArray[Any]:
    """Return the answer to each query: its best candidate, or ``NEW_IDENTITY`` below the threshold."""
    best = answers.best_score
    accepted = (best > -np.inf) & (best >= thresholds.limits(answers))
    return np.where(accepted, answers.best_candidate, NEW_IDENTITY).astype(object)


def summarise(answers: Answers, thresholds: Limits, *, empty_side: EmptySide = "null") -> EpisodeMetrics:
    """Measure an episode at given thresholds.

    Args:
        answers: Truth and best candidates of the queries.
        thresholds: Chosen elsewhere, applied as they are.
        empty_side: ``null`` leaves a group without known or without unknown queries out of the score;
            ``zero`` counts that side as 0, as the organisers of AnimalCLEF do.

    Raises:
        ValueError: An identity is known in one query and unknown in another.
    """
    code = answers.identity_code
    mixed = _known_and_new(answers.known, code, answers.true)
    if mixed:
        raise ValueError(f"identity '{mixed}' is both known and unknown")
    return _Episode(
        true=np.asarray(answers.true, dtype=object),
        known=answers.known,
        group=np.asarray(answers.group, dtype=str),
        predicted=predict(answers, thresholds),
        code=code,
        n_identities=answers.gallery_identities,
        answers=answers,
        empty_side=empty_side,
    ).summarise()


def summarise_predictions(
    true: ArrayLike,
    is_known: ArrayLike,
    group: ArrayLike,
    predicted: ArrayLike,
    n_identities: Mapping[str, int] | None = None,
    *,
    empty_side: EmptySide = "null",
) -> EpisodeMetrics:
    """Measure predictions of any origin; what needs scores is undefined.

    Args:
        true: True identities, for a new animal the hidden one, ``(n_query,)`` strings.
        is_known: Whether the identity is enrolled, ``(n_query,)``.
        group: Group of each query, ``(n_query,)`` strings.
        predicted: An identity or ``NEW_IDENTITY``, ``(n_query,)`` strings.
        n_identities: Enrolled identities of each group, for the score of chance, if they are known.
        empty_side: As in :func:`summarise`.

    Raises:
        ReidbenchError: An identity is known in one row and new in another.
        ValueError: Lengths differ.

    Example:
        >>> metrics = summarise_predictions(["ana", "zoe"], [True, False], ["cat"] * 2, ["ana", NEW_IDENTITY])
        >>> metrics.overall.score, metrics.overall.reasons["rank1"]
        (1.0, 'needs scores')
    """
    names, answers = np.asarray(true, dtype=object), np.asarray(predicted, dtype=object)
    groups, known = np.asarray(group, dtype=str), np.asarray(is_known, dtype=bool)
    if not names.shape == known.shape == groups.shape == answers.shape or names.ndim != 1:
        raise ValueError(
            f"true, is_known, group and predicted have shapes {names.shape}, {known.shape}, {groups.shape} "
            f"and {answers.shape}, not one (n_query,)"
        )
    code = identity_codes(groups, names)
    mixed = _known_and_new(known, code, names)
    if mixed:
        raise ReidbenchError(
            f"identity '{mixed}' is marked as new in some rows and as known in others",
            remedy="an animal is new when none of its images is in the gallery: mark all its rows alike",
        )
    return _Episode(names, known, groups, answers, code, n_identities, None, empty_side).summarise()


@dataclass(frozen=True, slots=True, eq=False)
class _Episode:
    """Truth and final answers of an episode; what matching knew beyond them, if it is there."""

    true: NDArray[Any]
    known: NDArray[np.bool_]
    group: NDArray[Any]
    predicted: NDArray[Any]
    code: NDArray[np.int64]
    n_identities: Mapping[str, int] | None
    answers: Answers | None
    empty_side: EmptySide

    def summarise(self) -> EpisodeMetrics:
        groups = {str(name): self._of_group(str(name)) for name in np.unique(self.group)}
        return EpisodeMetrics(self._overall(groups), groups)

    def _of_group(self, name: str) -> GroupMetrics:
        rows = self.group == name
        values, reasons = self._pooled(rows, [name])
        score = geometric_mean(values["baks"], values["baus"])
        values |= {"score": score, "pooled_score": score, "root_of_means_score": score}
        values["oracle_score"] = self._oracle(rows, score)
        values["regret"] = values["oracle_score"] - score
        size = (self.n_identities or {}).get(name)
        values["chance_score"] = math.nan if size is None or math.isnan(score) else chance_score(size)
        empty = next((reasons[side] for side in ("baks", "baus") if side in reasons), "")
        for each in ("score", "pooled_score", "root_of_means_score", "oracle_score", "regret", "chance_score"):
            if math.isnan(values[each]):
                needs = NEEDS_GALLERY if each == "chance_score" else NEEDS_SCORES
                reasons[each] = empty or needs
        return GroupMetrics(**values, **self._counts(rows), reasons=reasons)

    def _overall(self, groups: Mapping[str, GroupMetrics]) -> GroupMetrics:
        values, reasons = self._pooled(np.ones(len(self.true), dtype=bool), list(groups))
        left_out = {name: each.reasons["score"] for name, each in groups.items() if "score" in each.reasons}
        counted = [each for name, each in groups.items() if name not in left_out]
        values["score"] = mean_of_defined([each.score for each in counted])
        values["pooled_score"] = geometric_mean(values["baks"], values["baus"])
        values["root_of_means_score"] = geometric_mean(
            mean_of_defined([each.baks for each in counted]), mean_of_defined([each.baus for each in counted])
        )
        # A mean over fewer groups than the score has would be another protocol's number: all or nothing.
        for each in ("oracle_score", "chance_score"):
            parts = [getattr(one, each) for one in counted]
            values[each] = math.nan if any(map(math.isnan, parts)) else mean_of_defined(parts)
        values["regret"] = max(values["oracle_score"] - values["score"], 0.0) if counted else math.nan
        if math.isnan(values["oracle_score"]):
            values["regret"] = math.nan
        empty = next((reasons[side] for side in ("baks", "baus") if side in reasons), "")
        if math.isnan(values["pooled_score"]):
            reasons["pooled_score"] = empty
        none_left = empty or ("no group has both known and unknown queries" if len(self.true) else NO_QUERIES)
        for each in ("score", "root_of_means_score", "oracle_score", "regret", "chance_score"):
            if math.isnan(values[each]):
                needs = NEEDS_GALLERY if each == "chance_score" else NEEDS_SCORES
                reasons[each] = needs if counted else none_left
        everything = np.ones(len(self.true), dtype=bool)
        return GroupMetrics(**values, **self._counts(everything), reasons=reasons, left_out=left_out)

    def _pooled(self, rows: NDArray[np.bool_], names: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
        """Measure what pools queries, and say why a value is undefined."""
        known, unknown = rows & self.known, rows & ~self.known
        values: dict[str, Any] = {
            "baks": balanced_accuracy(self.predicted[known] == self.true[known], self.code[known]),
            "baus": balanced_accuracy(self.predicted[unknown] == NEW_IDENTITY, self.code[unknown]),
        }
        values = {name: filled(value, self.empty_side) for name, value in values.items()}
        no_known = "" if known.any() else NO_KNOWN if rows.any() else NO_QUERIES
        no_unknown = "" if unknown.any() else NO_UNKNOWN if rows.any() else NO_QUERIES
        why = dict.fromkeys(("baks", "rank1", "rank5", "balanced_rank1", "balanced_rank5", "map"), no_known)
        why |= {"baus": no_unknown, "auroc": no_known or no_unknown, "fpr95": no_known or no_unknown}
        if self.answers is None:
            for name in ("rank1", "rank5", "balanced_rank1", "balanced_rank5", "map", "auroc", "fpr95"):
                values[name], why[name] = math.nan, NEEDS_SCORES
        else:
            found, code = self._found(self.answers, known), self.code[known]
            for k in (1, 5):
                listed = self._lists_enough(names, k)
                values[f"rank{k}"] = rank_k(code, found, k) if listed else math.nan
                values[f"balanced_rank{k}"] = balanced_rank_k(code, found, k) if listed else math.nan
                if not listed and known.any():
                    why[f"rank{k}"] = why[f"balanced_rank{k}"] = f"fewer than {k} candidates of each query were kept"
            precision = self.answers.average_precision[known]
            values["map"] = float(precision.mean()) if len(precision) else math.nan
            if len(precision):
                lacking = int(np.isnan(precision).sum())
                why["map"] = (
                    "no image-level ranking: the method compares with one centroid or class for each identity"
                    if lacking == len(precision)
                    else f"average precision is undefined for {lacking} of {len(precision)} known queries"
                )
            best = self.answers.best_score[rows]
            values["auroc"], values["fpr95"] = auroc(self.known[rows], best), fpr95(self.known[rows], best)
        return values, {name: why[name] for name, value in values.items() if math.isnan(value)}

    def _found(self, answers: Answers, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return candidates as codes: a query's own code where it is named, -1 elsewhere."""
        named = np.asarray(answers.candidates[rows] == self.true[rows, None], dtype=bool)
        named &= answers.scores[rows] > -np.inf
        return np.where(named, self.code[rows, None], -1)

    def _lists_enough(self, names: list[str], k: int) -> bool:
        """Whether the kept candidates suffice for Rank-k: ``k`` of them, or the whole gallery."""
        if self.answers is None:
            return False
        width = self.answers.scores.shape[1]
        return width >= k or all((self.n_identities or {}).get(name, k) <= width for name in names)

    def _oracle(self, rows: NDArray[np.bool_], score: float) -> float:
        if self.answers is None or math.isnan(score):
            return math.nan
        sweep = threshold_sweep(
            self.answers.best_score[rows], self.answers.correct[rows], self.known[rows], self.code[rows]
        )
        best = float(np.nan_to_num(sweep.score, nan=0.0).max())  # nan: an empty side that counts as 0
        return score if best < score + SAME_SCORE else best

    def _counts(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        known, unknown = rows & self.known, rows & ~self.known
        is_new = self.predicted == NEW_IDENTITY
        return {
            "n_queries": int(rows.sum()),
            "n_known": int(known.sum()),
            "n_unknown": int(unknown.sum()),
            "n_known_identities": len(np.unique(self.code[known])),
            "n_unknown_identities": len(np.unique(self.code[unknown])),
            "false_new": int((known & is_new).sum()),
            "misidentified": int((known & ~is_new & (self.predicted != self.true)).sum()),
            "false_match": int((unknown & ~is_new).sum()),
        }


def _known_and_new(known: NDArray[np.bool_], code: NDArray[np.int64], true: NDArray[Any]) -> str:
    """Return the first identity that is known in one row and new in another, or an empty string."""
    both = np.intersect1d(code[known], code[~known])
    return str(true[np.flatnonzero(code == both[0])[0]]) if len(both) else ""


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
