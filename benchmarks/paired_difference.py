"""Pair saved runs by split and seed and print mean differences with their intervals.

    python benchmarks/paired_difference.py RUNS [KEY [BASE CHANGED]]

Runs are told apart by the effective setting KEY (``epochs`` by default), or by ``method``; with more than two values
name the two that are compared. The interval is Student's, over splits: how sure the difference is for other splits
of these animals.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

from reidbench import RunRecord, load_runs

METRICS = ("score", "baks", "baus", "balanced_rank1", "auroc", "oracle_score")


def main(runs_dir: Path, key: str = "epochs", *wanted: str) -> None:
    by_value: dict[str, dict[tuple[str, int], RunRecord]] = {}
    for run in load_runs(runs_dir):
        value = run.method if key == "method" else str(run.data.settings.effective.get(key))
        by_value.setdefault(value, {})[run.split_digest, run.seed] = run
    named = wanted if wanted else tuple(sorted(by_value))
    if len(named) != 2 or not set(named) <= set(by_value):
        sys.exit(f"{runs_dir} holds these values of '{key}', name two of them: {', '.join(sorted(by_value))}")
    base, changed = named
    pairs = sorted(set(by_value[base]) & set(by_value[changed]))
    if len(pairs) < 2:
        sys.exit(f"{base} and {changed} have {len(pairs)} splits in common; an interval needs two")
    print(f"{key}={changed} minus {key}={base}, {len(pairs)} pairs")
    print(f"| metric | {base} | {changed} | difference | 95 % interval |")
    print("| --- | ---: | ---: | ---: | --- |")
    for metric in METRICS:
        before, after = (
            np.array([by_value[value][pair].metrics[metric] for pair in pairs]) for value in (base, changed)
        )
        difference = after - before
        half = stats.t.ppf(0.975, len(pairs) - 1) * difference.std(ddof=1) / len(pairs) ** 0.5
        mean = difference.mean()
        interval = f"{mean - half:+.3f} … {mean + half:+.3f}"
        print(f"| {metric} | {before.mean():.3f} | {after.mean():.3f} | {mean:+.3f} | {interval} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
