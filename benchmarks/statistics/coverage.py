"""Measure how often a nominal 95 % interval of the score contains the true score, for few and for many animals.

    python benchmarks/statistics/coverage.py > benchmarks/results/coverage.md

For each animal the probability of a correct prediction is drawn from a beta distribution, so that its photographs
correlate by 0.4; then one to about twelve photographs are drawn. BAKS is 0.4, 0.7 or 0.9, and BAUS 0.6, 0.85 or 0.95.
For comparison, the bootstrap that draws animals with replacement is measured too.
"""

from __future__ import annotations

import itertools

import numpy as np

from reidbench.metrics.uncertainty.bootstrap import draw_folds
from reidbench.metrics.uncertainty.rates import IdentityRates

SIZES = ((6, 2), (10, 3), (15, 5), (23, 6), (30, 10), (40, 18), (60, 25), (150, 60), (400, 100))
TRIALS = 300  # for each of nine pairs of means: 2700 for each size, Monte Carlo error .004
FOLDS = 1000
CONCENTRATION = 1.5


def draw_rates(rng: np.random.Generator, count: int, mean: float) -> np.ndarray:
    """Draw the share of correct predictions of ``count`` animals, with the given mean."""
    p_correct = rng.beta(mean * CONCENTRATION, (1 - mean) * CONCENTRATION, count)
    n_photograph = 1 + rng.poisson(3, count)
    return rng.binomial(n_photograph, p_correct) / n_photograph


def plain_bootstrap(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    """Return the mean rate of animals drawn with replacement, ``(FOLDS,)``."""
    weights = rng.multinomial(len(rates), np.full(len(rates), 1 / len(rates)), FOLDS)
    return weights @ rates / len(rates)


def main() -> None:
    """Simulate the intervals and print their coverage and width as a table."""
    rng = np.random.default_rng(0)
    print(
        "Coverage of nominal 95 % intervals of the score; in brackets the lowest and highest of nine pairs of means.\n"
    )
    print("| known | unknown | percentile bootstrap | its width | in use | its width |")
    print("| ---: | ---: | --- | ---: | --- | ---: |")
    for n_known, n_unknown in SIZES:
        covered: dict[str, list[float]] = {"plain": [], "used": []}
        width: dict[str, list[float]] = {"plain": [], "used": []}
        for baks, baus in itertools.product((0.4, 0.7, 0.9), (0.6, 0.85, 0.95)):
            hits = dict.fromkeys(covered, 0)
            for _ in range(TRIALS):
                known, unknown = draw_rates(rng, n_known, baks), draw_rates(rng, n_unknown, baus)
                rates = IdentityRates(
                    np.array([f"{i:04d}" for i in range(n_known + n_unknown)]),
                    np.array(["g"] * (n_known + n_unknown)),
                    np.arange(n_known + n_unknown) < n_known,
                    np.concatenate([known, unknown])[:, None],
                )
                (folds,) = draw_folds([rates], n_folds=FOLDS, seed=int(rng.integers(2**31)))
                plain = np.sqrt(plain_bootstrap(rng, known) * plain_bootstrap(rng, unknown))
                for name, scores in (("plain", plain), ("used", folds.overall.score[:, 0])):
                    low, high = np.quantile(scores, [0.025, 0.975])
                    hits[name] += low <= np.sqrt(baks * baus) <= high
                    width[name].append(high - low)
            for name, count in hits.items():
                covered[name].append(count / TRIALS)
        cells = [
            f"{np.mean(shares):.3f} [{min(shares):.2f}, {max(shares):.2f}] | {np.mean(width[name]):.2f}"
            for name, shares in covered.items()
        ]
        print(f"| {n_known} | {n_unknown} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
