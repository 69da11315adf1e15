"""Print the mean differences of two kinds of saved runs on the same splits and seeds, with their intervals.

    python benchmarks/paired_difference.py RUNS [KEY [BASE CHANGED]]

The two kinds differ in the effective setting KEY (``epochs`` by default), or in ``method``. BASE and CHANGED are the
two values to compare; they are needed if the runs have more than two. The 95 % interval (Student's t) is over splits:
it shows how much the mean difference would vary for other splits of these animals.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

from reidbench import RunRecord, load_runs

METRICS = ("score", "baks", "baus", "balanced_rank1", "auroc", "oracle_score")


def main(runs_dir: Path, key: str = "epochs", *values: str) -> None:
    """Pair the runs and print a table; exit if there are fewer than two pairs.

    Args:
        runs_dir: Folder of the runs.
        key: Name of a setting, or ``method``.
        values: The two values of ``key`` to compare, base first; by default the two that the runs have.
    """
    by_value: dict[str, dict[tuple[str, int], RunRecord]] = {}
    for run in load_runs(runs_dir):
        value = run.method if key == "method" else str(run.data.settings.effective.get(key))
        by_value.setdefault(value, {})[run.split_digest, run.seed] = run
    compared = values if values else tuple(sorted(by_value))
    if len(compared) != 2 or not set(compared) <= set(by_value):
        sys.exit(f"name two of the values of '{key}' in {runs_dir}: {', '.join(sorted(by_value))}")
    base, changed = compared
    pairs = sorted(set(by_value[base]) & set(by_value[changed]))
    if len(pairs) < 2:
        sys.exit(f"{base} and {changed} have {len(pairs)} splits in common; an interval needs at least two")
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
