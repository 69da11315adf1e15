"""``python -m benchmarks.animalclef.measure FOLDER -o FILE.md``: measure time and memory of ``run`` and ``submit``.

Each command runs in a separate process; the cache is empty before the first one. Wall time, processor time and peak
memory come from the kernel. On a busy machine only the processor time is repeatable. The peak includes pages of mapped
files (libraries, features), which the kernel takes back if memory is short. The private memory of the process is
sampled ten times a second (Linux only).
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
    """Time and memory of one command.

    Attributes:
        wall_s: Elapsed time in seconds.
        cpu_s: Processor time in seconds.
        peak_mib: Peak memory in MiB, with mapped files.
        private_mib: Largest private memory in MiB; ``nan`` if it cannot be measured.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    private_mib: float


def run_measured(arguments: Sequence[str], cache: Path) -> tuple[Cost, str]:
    """Run ``reidbench`` with arguments; return its time and memory, and its output.

    Raises:
        RuntimeError: The command failed.
    """
    environment = {**os.environ, "REIDBENCH_CACHE": str(cache), "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryFile("w+") as stdout:
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", _CALL, *arguments], stdout=stdout, env=environment)
        private_mib: list[float] = []
        ended = threading.Event()
        sampler = threading.Thread(target=_sample_memory, args=(process.pid, private_mib, ended))
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        ended.set()
        sampler.join()
        stdout.seek(0)
        output = stdout.read()
    if status:
        raise RuntimeError(f"reidbench {' '.join(arguments)} failed with status {status}")
    cost = Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, max(private_mib, default=float("nan")))
    return cost, output


def _sample_memory(pid: int, private_mib: list[float], ended: threading.Event) -> None:
    """Add samples of the private memory of a process, in MiB, until it ends."""
    while not ended.wait(0.1):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
            private_mib += [int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")]


def main() -> None:
    """Measure the commands with each method and write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that python -m benchmarks.animalclef wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--method", choices=METHODS, action="append", help="method to measure; repeatable; default all")
    options = parser.parse_args()
    lines = [
        "| method | command | wall s | CPU s | peak MiB | private MiB | score |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    with tempfile.TemporaryDirectory() as work:
        for name in options.method or METHODS:
            folder, submission = Path(work) / name, Path(work) / f"{name}.csv"
            cache, runs, root = folder / "cache", ("--runs", str(folder / "runs")), ("--root", str(options.folder))
            cost, output = run_measured(
                ("run", "--dataset", "AnimalCLEF2025", *root, *METHODS[name], *runs, "--json"), cache
            )
            record = json.loads(output)[0]
            lines.append(_row(name, "run", cost, record["metrics"]["test"]["overall"]["score"]))
            cost, _ = run_measured(("submit", record["id"], *runs, *root, "-o", str(submission)), cache)
            truth = ("--truth", str(options.folder / "solution.csv"), "--json")
            _, output = run_measured(("score", str(submission), *truth), cache)
            lines.append(_row(name, "submit", cost, json.loads(output)["overall"]["score"]))
            print("\n".join(lines[-2:]), flush=True)
    write_text(options.output, "\n".join(lines) + "\n")


def _row(method: str, command: str, cost: Cost, score: float) -> str:
    memory = f"{cost.peak_mib:.0f} | {cost.private_mib:.0f}"
    return f"| {method} | {command} | {cost.wall_s:.0f} | {cost.cpu_s:.0f} | {memory} | {score:.3f} |"


if __name__ == "__main__":
    main()
