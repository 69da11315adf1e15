"""``python -m benchmarks.animalclef.measure FOLDER -o FILE.md``: what ``run`` and ``submit`` cost at the true size.

Each command runs in a process of its own, with an empty cache before the first; wall time, processor time and peak
memory are the kernel's. Processor time is what repeats on a busy machine. The peak counts pages of mapped files
(libraries, representations), which the kernel takes back when memory is short; what cannot be taken back, the
process's own memory, is looked at ten times a second and stands beside it (Linux only).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.files import write_text

METHODS = {
    "color_histogram": ("--method", "color_histogram"),
    "sift behind a shortlist of 25": (
        "--method", "wildfusion", "--set", "parts=color_histogram,sift", "--set", "shortlist=25",
    ),
}  # fmt: skip
_CALL = "from reidbench.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds by the clock and by the processors, peak memory and the most of its own in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    own_mib: float


def run_measured(arguments: Sequence[str], cache: Path) -> tuple[Cost, str]:
    """Run ``reidbench`` with some arguments and return what it took and what it printed.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "REIDBENCH_CACHE": str(cache), "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryFile("w+") as printed:
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", _CALL, *arguments], stdout=printed, env=environment)
        own: list[float] = []
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, own, ended))
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        ended.set()
        watch.join()
        printed.seek(0)
        text = printed.read()
    if status:
        raise RuntimeError(f"reidbench {' '.join(arguments)} failed with status {status}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, max(own, default=float("nan"))), text


def _watch(pid: int, own: list[float], ended: threading.Event) -> None:
    """Note the memory that belongs to a process alone, in MiB, until it ends."""
    while not ended.wait(0.1):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
            own += [int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that python -m benchmarks.animalclef has made")
    parser.add_argument("-o", "--output", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--method", choices=METHODS, action="append", help="repeatable; default all")
    given = parser.parse_args()
    lines = [
        "| method | command | wall s | CPU s | peak MiB | its own MiB | score |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
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
    write_text(given.output, "\n".join(lines) + "\n")


def _row(method: str, command: str, cost: Cost, score: float) -> str:
    memory = f"{cost.peak_mib:.0f} | {cost.own_mib:.0f}"
    return f"| {method} | {command} | {cost.wall_s:.0f} | {cost.cpu_s:.0f} | {memory} | {score:.3f} |"


if __name__ == "__main__":
    main()
