"""Measure settings for the preset ``quick`` on photographs.

    python -m benchmarks.quick.search OUT.csv --dataset zebra/metadata.csv --dataset catfaces/metadata.csv \
        --seeds 0,1 [--recipe "160 px" …] [--set weights=FILE]

Each line of the CSV is one run. A run that the file holds already is not repeated, so a search can be interrupted.
Processor time is measured instead of wall time, because other programs do not change it.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
from pathlib import Path
from typing import Any

import reidbench
from benchmarks.quick.recipes import BASE, RECIPES

COLUMNS = ("dataset", "recipe", "seed", "score", "balanced_rank1", "auroc", "oracle_score", "best_epoch", "processor_s")


def processor_s() -> float:
    """Return the processor time of this process so far, of all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(dataset: str, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
    """Run one recipe on one split, without any cache, and return the numbers of its line."""
    started = processor_s()
    record = reidbench.evaluate(
        "triplet_effnet", dataset, preset="quick", settings=settings, split_seed=seed, device="cpu",
        runs_dir=folder / "runs", store_dir=folder / "store", progress=reidbench.Progress(),
    )  # fmt: skip
    numbers = {name: round(float(record.metrics[name]), 4) for name in COLUMNS[3:7]}
    best_epoch = record.data.fit.facts.get("best_epoch", 0)
    return {**numbers, "best_epoch": best_epoch, "processor_s": round(processor_s() - started, 1)}


def main() -> None:
    """Measure what the file lacks, recipe by recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dataset", action="append", required=True)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--recipe", action="append", choices=list(RECIPES))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    further = dict(setting.split("=", 1) for setting in given.set)
    done = set()
    if given.out.exists():
        with given.out.open(newline="", encoding="utf-8") as file:
            done = {(row["dataset"], row["recipe"], int(row["seed"])) for row in csv.DictReader(file)}
    else:
        given.out.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    for recipe in given.recipe or RECIPES:
        for seed in map(int, given.seeds.split(",")):
            for dataset in given.dataset:
                name = Path(dataset).parent.name
                if (name, recipe, seed) in done:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    numbers = measure(dataset, {**BASE, **RECIPES[recipe], **further}, seed, Path(folder))
                line = [name, recipe, seed, *numbers.values()]
                with given.out.open("a", newline="", encoding="utf-8") as file:
                    csv.writer(file, lineterminator="\n").writerow(line)
                print(*line, flush=True)


if __name__ == "__main__":
    main()
