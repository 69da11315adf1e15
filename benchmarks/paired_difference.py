"""Pair the runs of two settings of one method by split and print the mean difference with its interval.

    python benchmarks/paired_difference.py RUNS [KEY]

Runs are told apart by the effective setting KEY (``epochs`` by default), of which there must be two values.
The interval is Student's, over splits: it says how sure the difference is for other splits of these animals.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

from reidbench import load_runs


def main(runs_dir: Path, key: str) -> None:
    by_value: dict[object, dict[tuple[str, int], dict[str, float]]] = {}
    for run in load_runs(runs_dir):
        value = run.data["settings"]["effective"].get(key)
        by_value.setdefault(value, {})[run.split_digest, run.seed] = dict(run.metrics)
    if len(by_value) != 2:
        sys.exit(f"{runs_dir} holds {len(by_value)} values of '{key}', not two: {sorted(map(str, by_value))}")
    base, changed = sorted(by_value, key=str)
    pairs = sorted(set(by_value[base]) & set(by_value[changed]))
    print(f"{key}={changed} minus {key}={base}, {len(pairs)} pairs")
    print("| metric | " + f"{key}={base} | {key}={changed} | difference | 95 % interval |")
    print("| --- | --- | --- | --- | --- |")
    for metric in ("score", "baks", "baus", "balanced_rank1", "auroc", "oracle_score"):
        before, after = (np.array([by_value[value][pair][metric] for pair in pairs]) for value in (base, changed))
        difference = after - before
        half = stats.t.ppf(0.975, len(pairs) - 1) * difference.std(ddof=1) / len(pairs) ** 0.5
        mean = difference.mean()
        interval = f"{mean - half:+.3f} … {mean + half:+.3f}"
        print(f"| {metric} | {before.mean():.3f} | {after.mean():.3f} | {mean:+.3f} | {interval} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "epochs")
