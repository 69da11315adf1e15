"""Apply every threshold policy to every saved run, and write a table of the regrets by dataset.

    python benchmarks/thresholds/regrets.py RUNS -o benchmarks/results/thresholds.md

Regret is the score with the best threshold of each group on test, minus the score, in points. The regret of a dataset
is the mean over its runs; the last columns are means over datasets. The interval of the difference from the policy in
the first row redraws split seeds within each dataset: it shows how much the difference would vary for other splits of
these animals. A policy that refuses a run cannot be a default, so it has no mean.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from reidbench import ReidbenchError, load_runs
from reidbench.experiments.rethresholding import tried_policies
from reidbench.files import write_text
from reidbench.metrics.summary import summarise
from reidbench.records.saved_run import read_saved_run
from reidbench.registry.registered import load_registry
from reidbench.thresholds.apply import choose_thresholds

Cell = tuple[str, int | None, str]  # dataset, split seed, method


def measure(runs_dir: Path) -> tuple[list[Cell], dict[str, list[float]]]:
    """Return the cell of each run, and for each policy the regret of each run, ``nan`` if the policy refused it."""
    policies = tried_policies(load_registry())
    cells: list[Cell] = []
    regrets: dict[str, list[float]] = defaultdict(list)
    for record in load_runs(runs_dir):
        cell = (record.dataset, record.split_seed, record.method)
        if cell in cells:
            continue  # the same scores with another policy
        cells.append(cell)
        saved_run = read_saved_run(record)
        for policy in policies:
            try:
                thresholds = choose_thresholds(policy, saved_run.calibration.answers, saved_run.gallery)
            except ReidbenchError:
                regrets[policy.text].append(float("nan"))
                continue
            regrets[policy.text].append(100 * summarise(saved_run.test.answers, thresholds).overall.regret)
    return cells, regrets


def table(cells: list[Cell], regrets: dict[str, list[float]], folds: int = 2000) -> str:
    """Return the table as Markdown, the policy with the lowest mean regret first."""
    datasets = sorted({dataset for dataset, _, _ in cells})
    blocks = {
        dataset: [
            [i for i, cell in enumerate(cells) if cell[:2] == (dataset, seed)]
            for seed in sorted({cell[1] for cell in cells if cell[0] == dataset}, key=str)
        ]
        for dataset in datasets
    }
    values = {name: np.array(regret) for name, regret in regrets.items()}

    def mean(name: str, drawn: dict[str, list[list[int]]]) -> float:
        return float(np.mean([values[name][[i for block in drawn[d] for i in block]].mean() for d in datasets]))

    complete = sorted((name for name in values if not np.isnan(values[name]).any()), key=lambda n: mean(n, blocks))
    best = complete[0]
    rng = np.random.default_rng(0)
    redrawn = [
        {d: [blocks[d][k] for k in rng.integers(len(blocks[d]), size=len(blocks[d]))] for d in datasets}
        for _ in range(folds)
    ]
    first = np.array([mean(best, drawn) for drawn in redrawn])
    methods = sorted({method for _, _, method in cells})
    seeds = max(len(by_seed) for by_seed in blocks.values())
    lines = [
        f"Regret in points: {len(cells)} runs, {len(datasets)} datasets, {seeds} split seeds, "
        f"methods {', '.join(methods)}.",
        "",
        "| policy | " + " | ".join(datasets) + f" | mean | above {best} (95 %) |",
        "| --- |" + " ---: |" * (len(datasets) + 2),
    ]
    for name in complete:
        by_dataset = [f"{values[name][[i for block in blocks[d] for i in block]].mean():.1f}" for d in datasets]
        above = np.array([mean(name, drawn) for drawn in redrawn]) - first
        low, high = np.quantile(above, [0.025, 0.975])
        gap = "" if name == best else f"{mean(name, blocks) - mean(best, blocks):.1f} ({low:+.1f} … {high:+.1f})"
        lines.append(f"| `{name}` | " + " | ".join(by_dataset) + f" | {mean(name, blocks):.1f} | {gap} |")
    for name in sorted(set(values) - set(complete)):
        refused = int(np.isnan(values[name]).sum())
        lines.append(f"| `{name}` | " + "| " * len(datasets) + f"| refuses {refused} of {len(cells)} | |")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results/thresholds.md"))
    options = parser.parse_args()
    text = table(*measure(options.runs))
    write_text(options.output, text)
    print(text)
