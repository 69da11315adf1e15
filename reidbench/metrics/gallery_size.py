"""Metrics for smaller galleries, computed from the candidates that a run saved.

Removing an animal from the gallery removes one candidate from each list and changes no other score. The result for a
smaller gallery is therefore exact if a candidate is left, or if the list held the whole gallery. Known queries of a
removed animal are left out. They don't become unknown, so the unknown animals are the same at every size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.detection import auroc
from reidbench.metrics.open_set import balanced_accuracy, mean_of_defined
from reidbench.metrics.oracle import oracle_of
from reidbench.metrics.sweep import threshold_sweep

SIZE_METRICS = ("score", "oracle_score", "balanced_rank1", "auroc")


@dataclass(frozen=True, slots=True, eq=False)
class GallerySize:
    """Metrics of galleries with one number of animals, over random draws of the animals.

    Attributes:
        share: Share of each group's animals that is enrolled, in (0, 1].
        n_identities: Number of enrolled animals over all groups.
        mean: Mean of each metric over the draws; ``nan`` if it is undefined.
        sd: Standard deviation of each metric over the draws; ``nan`` with one draw.
        reason: Why the metrics are undefined; empty if they are defined.
    """

    share: float
    n_identities: int
    mean: dict[str, float]
    sd: dict[str, float]
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, ``None`` for an undefined one."""
        return {
            "share": self.share,
            "n_identities": self.n_identities,
            "mean": {name: _written(value) for name, value in self.mean.items()},
            "sd": {name: _written(value) for name, value in self.sd.items()},
            "reason": self.reason,
        }


def restrict_gallery(answers: Answers, enrolled: NDArray[Any]) -> tuple[Answers, int]:
    """Restrict an episode to a gallery with some of the animals.

    Args:
        answers: The episode with the whole gallery.
        enrolled: Identities that stay in the gallery, sorted strings.

    Returns:
        The episode without known queries of a removed animal, and the number of queries that lost all saved candidates
        although the gallery held more: their best candidate is not known.

    Example:
        >>> import numpy as np
        >>> answers = Answers(np.array(["a"]), np.array([True]), np.array(["g"]), np.array([["b", "a"]]),
        ...                   np.array([[0.9, 0.5]]), np.array([1.0]), {"g": 2})
        >>> restrict_gallery(answers, np.array(["a"]))[0].best_candidate.tolist()
        ['a']
    """
    staying = np.flatnonzero(~answers.known | np.isin(answers.true.astype(str), enrolled))
    candidates, scores = answers.candidates[staying], answers.scores[staying]
    listed = scores > -np.inf
    kept = listed & np.isin(candidates.astype(str), enrolled)
    order = np.argsort(~kept, axis=1, kind="stable")  # candidates that stay move to the front, in their order
    kept = np.take_along_axis(kept, order, axis=1)
    searched = np.array([answers.gallery_identities.get(str(name), 0) for name in answers.group[staying]])
    undetermined = int((~kept.any(axis=1) & (listed.sum(axis=1) < searched)).sum()) if kept.shape[1] else 0
    reduced = replace(
        answers,
        true=answers.true[staying],
        known=answers.known[staying],
        group=answers.group[staying],
        candidates=np.where(kept, np.take_along_axis(candidates, order, axis=1), ""),
        scores=np.where(kept, np.take_along_axis(scores, order, axis=1), -np.inf),
        average_precision=np.full(len(staying), np.nan),  # image-level ranks change with the gallery and were not saved
    )
    return reduced, undetermined


def gallery_sizes(
    answers: Answers,
    limits: NDArray[np.float64],
    identity: NDArray[Any],
    group: NDArray[Any],
    *,
    shares: Sequence[float] = (0.125, 0.25, 0.5, 0.75, 1.0),
    draws: int = 20,
    seed: int = 0,
) -> list[GallerySize]:
    """Compute metrics for galleries with random shares of the animals.

    Args:
        answers: The episode with the whole gallery.
        limits: Threshold of each query, chosen for the whole gallery, ``(n_query,)``.
        identity: The gallery's identities, each once, ``(n_identity,)`` strings.
        group: Group of each identity, ``(n_identity,)`` strings.
        shares: Shares of each group's animals, in (0, 1]; at least one animal of each group stays.
        draws: Number of random draws for each share below 1.
        seed: Seed of the draws.

    Returns:
        One entry for each share. ``score`` uses the given thresholds, ``oracle_score`` each group's best threshold.

    Raises:
        ValueError: A share is outside (0, 1], or lengths differ.
    """
    if len(limits) != len(answers) or len(identity) != len(group):
        raise ValueError(
            f"{len(limits)} limits for {len(answers)} queries, {len(group)} groups for {len(identity)} identities"
        )
    if any(not 0 < share <= 1 for share in shares):
        raise ValueError(f"shares must lie in (0, 1], not {list(shares)}")
    rng = np.random.default_rng(seed)
    by_group = [np.asarray(identity, dtype=str)[group == name] for name in np.unique(group)]
    sizes = []
    for share in shares:
        counts = [max(1, round(share * len(names))) for names in by_group]
        values: dict[str, list[float]] = {name: [] for name in SIZE_METRICS}
        lost = 0
        for _ in range(1 if share == 1 else draws):
            chosen = [rng.choice(names, count, replace=False) for names, count in zip(by_group, counts, strict=True)]
            enrolled = np.concatenate(chosen)
            staying = ~answers.known | np.isin(answers.true.astype(str), enrolled)
            reduced, undetermined = restrict_gallery(answers, enrolled)
            lost = max(lost, undetermined)
            for name, value in _measure(reduced, limits[staying]).items():
                values[name].append(value)
        reason = ""
        if lost:
            reason = f"in one draw {lost} queries lost all {answers.scores.shape[1]} saved candidates"
        undefined = bool(reason)
        sizes.append(
            GallerySize(
                share=float(share),
                n_identities=sum(counts),
                mean={name: math.nan if undefined else mean_of_defined(each) for name, each in values.items()},
                sd={name: math.nan if undefined else _deviation(each) for name, each in values.items()},
                reason=reason,
            )
        )
    return sizes


def _measure(answers: Answers, limits: NDArray[np.float64]) -> dict[str, float]:
    best, correct, known, code = answers.best_score, answers.correct, answers.known, answers.identity_code
    accepted = (best >= limits) & (best > -np.inf)
    scores, oracles = [], []
    for name in np.unique(answers.group.astype(str)):
        in_group = answers.group == name
        sides = (
            balanced_accuracy((accepted & correct)[in_group & known], code[in_group & known]),
            balanced_accuracy(~accepted[in_group & ~known], code[in_group & ~known]),
        )
        scores.append(math.sqrt(sides[0] * sides[1]))
        sweep = threshold_sweep(best[in_group], correct[in_group], known[in_group], code[in_group])
        oracles.append(oracle_of(sweep).score)  # nan if a side is empty
    return {
        "score": mean_of_defined(scores),
        "oracle_score": mean_of_defined(oracles),
        "balanced_rank1": balanced_accuracy(correct[known], code[known]),
        "auroc": auroc(known, best),
    }


def _deviation(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else math.nan


def _written(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
