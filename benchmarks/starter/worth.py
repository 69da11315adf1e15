"""Print the scores with and without the starter weights, from the runs of starter.toml.

    python -m benchmarks.starter.worth RUNS

The means are over splits. The 95 % intervals (Student's t) show how much a mean would vary for other splits of these
animals.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import stats

from reidbench import RunRecord, load_runs

METRICS = ("score", "balanced_rank1", "auroc", "oracle_score")


def kind_of(run: RunRecord) -> str:
    """Return the name of the table row that a run belongs to."""
    if run.method != "triplet_effnet":
        return run.method
    effective = run.data.settings.effective
    return f"{run.method}, {effective['weights']}, {'fine-tuned' if effective['epochs'] else 'frozen'}"


def mean_and_interval(values: list[float]) -> str:
    """Return the mean of values with its interval as a text; a single value has no interval."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.3f} ± {half:.3f}"


def main(runs_dir: Path) -> None:
    """Print one table for each dataset."""
    tables: dict[str, dict[str, list[RunRecord]]] = defaultdict(lambda: defaultdict(list))
    for run in load_runs(runs_dir):
        tables[run.dataset][kind_of(run)].append(run)
    for dataset, rows in tables.items():
        chance = np.mean([run.metrics["chance_score"] for runs in rows.values() for run in runs])
        print(f"\n{dataset}: chance {chance:.3f}\n")
        print("| method | splits | score | balanced Rank-1 | AUROC | oracle score |")
        print("| --- | ---: | --- | --- | --- | --- |")
        by_score = sorted(rows.items(), key=lambda row: -float(np.mean([run.metrics["score"] for run in row[1]])))
        for kind, runs in by_score:
            cells = [mean_and_interval([float(run.metrics[key]) for run in runs]) for key in METRICS]
            print(f"| {kind} | {len(runs)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
