"""Measure how often nominal 95 % intervals of AUROC, FPR95 and the oracle score contain the true value.

    python benchmarks/statistics/detection_coverage.py >> benchmarks/results/coverage.md

The score of a known query is the higher of two: that of its animal, normal with a mean of 1, 2 or 3, and that of the
best other animal, normal with a mean of 0. An unknown query has only the score of the best other animal. Photographs of
one animal correlate by 0.4. The true values are measured on a million animals. The true oracle score is the score of
the best threshold on them; the oracle score of a few queries is higher. For comparison, intervals from folds without
end animals (animals that were not seen) are measured too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.detection import auroc, fpr95
from reidbench.metrics.oracle import oracle_of
from reidbench.metrics.sweep import threshold_sweep
from reidbench.metrics.uncertainty.bootstrap import END_ANIMALS, Interval, interval
from reidbench.metrics.uncertainty.detection import DetectionFolds, auroc_interval, draw_detection_folds

SIZES = ((6, 2), (10, 3), (15, 5), (23, 6), (40, 18), (60, 25), (150, 60))
MEANS = (1.0, 2.0, 3.0)
TRIALS = 60  # for each mean: 180 for each size, Monte Carlo error .016
CORRELATION = 0.4
MANY = 500_000
METRICS = {"auroc": "AUROC", "fpr95": "FPR95", "oracle_score": "oracle"}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Drawn queries.

    Attributes:
        animal: True animal of each query.
        known: Whether the animal is known.
        score: Best score of each query.
        right: Whether the best score is that of the true animal.
    """

    animal: NDArray[np.int64]
    known: NDArray[np.bool_]
    score: NDArray[np.float64]
    right: NDArray[np.bool_]

    def measure(self) -> dict[str, float]:
        """Return AUROC, FPR95 and the oracle score of the queries."""
        sweep = threshold_sweep(self.score, self.right, self.known, self.animal)
        return {
            "auroc": auroc(self.known, self.score),
            "fpr95": fpr95(self.known, self.score),
            "oracle_score": oracle_of(sweep).score,
        }

    def answers(self) -> Answers:
        """Return the queries in the form that the intervals are computed from."""
        name = self.animal.astype(str)
        return Answers(
            true=name,
            known=self.known,
            group=np.full(len(name), "g"),
            candidates=np.where(self.right, name, "other")[:, None],
            scores=self.score[:, None],
            average_precision=np.full(len(name), np.nan),
            gallery_identities={"g": int(self.known.sum())},
        )


def draw(rng: np.random.Generator, n_known: int, n_unknown: int, mean: float, *, single: bool = False) -> Drawn:
    """Draw queries: one to about twelve photographs of each animal, or one of each."""
    n_animal = n_known + n_unknown
    animal = np.repeat(np.arange(n_animal), 1 if single else 1 + rng.poisson(3, n_animal))
    known = animal < n_known

    def scores() -> NDArray[np.float64]:
        shared = rng.standard_normal(n_animal)[animal] * np.sqrt(CORRELATION)
        return np.asarray(shared + rng.standard_normal(len(animal)) * np.sqrt(1 - CORRELATION))

    own, other = mean + scores(), scores()
    right = known & (own > other)
    return Drawn(animal, known, np.where(right, own, other), right)


def in_use(folds: DetectionFolds, name: str, value: float) -> Interval:
    """Return the interval that ``compare --intervals`` shows."""
    if name == "auroc":
        return auroc_interval(folds.auroc, folds.plain_auroc, value)
    return interval(getattr(folds, name), value)


def main() -> None:
    """Simulate the intervals and print their coverage and width as a table."""
    rng = np.random.default_rng(0)
    truth = {mean: draw(rng, MANY, MANY, mean, single=True).measure() for mean in MEANS}
    print("\n## AUROC, FPR95 and oracle\n")
    print(
        f"{len(MEANS) * TRIALS} trials for each size; in brackets the lowest and highest of three means. The folds of"
    )
    print("the intervals in use have two half animals more, one above and one below all others; plain folds do not.")
    print("The interval of AUROC in use spans both kinds of folds.\n")
    headings = (f"{name}, plain | {name}, in use | its width" for name in METRICS.values())
    print("| known | unknown | " + " | ".join(headings) + " |")
    print("| ---: | ---: |" + " --- | --- | ---: |" * len(METRICS))
    for n_known, n_unknown in SIZES:
        covered: dict[tuple[str, bool], list[float]] = {(name, used): [] for name in METRICS for used in (False, True)}
        width: dict[str, list[float]] = {name: [] for name in METRICS}
        for mean in MEANS:
            hits = dict.fromkeys(covered, 0)
            for _ in range(TRIALS):
                drawn = draw(rng, n_known, n_unknown, mean)
                value, seed = drawn.measure(), int(rng.integers(2**31))
                (plain,), (folds,) = (
                    draw_detection_folds([drawn.answers()], end_animals=ends, seed=seed) for ends in (0.0, END_ANIMALS)
                )
                for name in METRICS:
                    without_ends, used = interval(getattr(plain, name), value[name]), in_use(folds, name, value[name])
                    hits[name, False] += without_ends.low <= truth[mean][name] <= without_ends.high
                    hits[name, True] += used.low <= truth[mean][name] <= used.high
                    width[name].append(used.high - used.low)
            for key, count in hits.items():
                covered[key].append(count / TRIALS)
        cells = [
            f"{_cell(covered[name, False])} | {_cell(covered[name, True])} | {np.mean(width[name]):.2f}"
            for name in METRICS
        ]
        print(f"| {n_known} | {n_unknown} | {' | '.join(cells)} |", flush=True)


def _cell(shares: list[float]) -> str:
    return f"{np.mean(shares):.3f} [{min(shares):.2f}, {max(shares):.2f}]"


if __name__ == "__main__":
    main()
