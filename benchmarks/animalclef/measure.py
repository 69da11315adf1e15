"""``python -m benchmarks.animalclef.measure FOLDER -o FILE.md``: what ``run`` and ``submit`` cost at the true size.

Each command runs in a process of its own, with an empty cache before the first; wall time, processor time and peak
memory are the kernel's. Processor time is what repeats on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

METHODS = {
    "color_histogram": ("--method", "color_histogram"),
    "sift behind a shortlist of 25": (
        "--method", "wildfusion", "--set", "parts=color_histogram,sift", "--set", "shortlist=25",
    ),
}  # fmt: skip
_CALL = "from reidbench.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds by the clock and by the processors, and peak memory in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def run_measured(arguments: Sequence[str], cache: Path) -> tuple[Cost, str]:
    """Run ``reidbench`` with some arguments and return what it took and what it printed.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "REIDBENCH_CACHE": str(cache), "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryFile("w+") as printed:
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", _CALL, *arguments], stdout=printed, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        printed.seek(0)
        text = printed.read()
    if status:
        raise RuntimeError(f"reidbench {' '.join(arguments)} failed with status {status}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that python -m benchmarks.animalclef has made")
    parser.add_argument("-o", "--output", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--method", choices=METHODS, action="append", help="repeatable; default all")
    given = parser.parse_args()
    lines = ["| method | command | wall s | CPU s | peak MiB | score |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as work:
        for name in given.method or METHODS:
            cache, runs, answers = Path(work) / name / "cache", Path(work) / name / "runs", Path(work) / f"{name}.csv"
            where = ("--dataset", "AnimalCLEF2025", "--root", str(given.folder))
            cost, printed = run_measured(("run", *where, *METHODS[name], "--runs", str(runs), "--json"), cache)
            record = json.loads(printed)[0]
            lines.append(_row(name, "run", cost, record["metrics"]["test"]["overall"]["score"]))
            order = ("submit", record["id"], "--runs", str(runs), "--root", str(given.folder), "-o", str(answers))
            cost, _ = run_measured(order, cache)
            truth = ("--truth", str(given.folder / "solution.csv"), "--json")
            _, scored = run_measured(("score", str(answers), *truth), cache)
            lines.append(_row(name, "submit", cost, json.loads(scored)["overall"]["score"]))
            print("\n".join(lines[-2:]), flush=True)
    given.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(method: str, command: str, cost: Cost, score: float) -> str:
    return f"| {method} | {command} | {cost.wall_s:.0f} | {cost.cpu_s:.0f} | {cost.peak_mib:.0f} | {score:.3f} |"


if __name__ == "__main__":
    main()
