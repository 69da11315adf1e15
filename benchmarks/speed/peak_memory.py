"""Measure the largest memory of reidbench on photographs of 24 megapixels.

Draws 64 photographs of 6000 x 4000 pixels of 16 animals into a folder, then runs each command in a process of its
own, with an empty cache. Prints a table: seconds and peak memory (resident set) of each process, and what a process
needs that only loads the command on tiny pictures of the same animals. ``--memory`` is passed on.

    python benchmarks/speed/peak_memory.py FOLDER [--memory 512MB] [--only sift]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

import cv2
import numpy as np

ANIMALS, EACH = 16, 4
WIDTH, HEIGHT = 6000, 4000
SMALL = 60  # the tiny pictures are smaller by this factor
NETWORK = ["--set", "model=mobilenetv2_100", "--set", "weights=random"]


def draw(folder: Path) -> None:
    """Write the photographs and their tiny copies; those that exist are kept."""
    for animal in range(ANIMALS):
        pattern = np.random.default_rng(animal).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        for number in range(EACH):
            path = folder / "large" / f"animal_{animal:02d}" / f"{number}.jpg"
            if path.exists():
                continue
            noise = np.random.default_rng((animal, number)).normal(0, 25, pattern.shape)
            coarse = np.clip(pattern + noise, 0, 255).astype(np.uint8)
            small = folder / "tiny" / path.relative_to(folder / "large")
            for target, factor in ((small, SMALL), (path, 1)):
                target.parent.mkdir(parents=True, exist_ok=True)
                size = (WIDTH // factor, HEIGHT // factor)
                cv2.imwrite(str(target), cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))


def commands(photographs: str, work: Path, memory: list[str]) -> dict[str, list[str]]:
    """Return the arguments of each measured command, by name; a report needs the run of the first one."""
    run = ["run", "--dataset", photographs, "--runs", str(work / "runs"), *memory, "--method"]
    return {
        "color_histogram": [*run, "color_histogram"],
        "sift": [*run, "sift"],
        "embedding_cosine": [*run, "embedding_cosine", *NETWORK],
        "audit": ["audit", photographs, "--output", str(work / "audit.html"), *memory],
        "report": ["report", "--runs", str(work / "runs"), "--images", photographs, *memory,
                   "--output", str(work / "report.html")],
    }  # fmt: skip


def measure(args: list[str], cache: Path) -> tuple[float, float]:
    """Run reidbench in a process; return its seconds and its peak memory in MiB."""
    started = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "reidbench", *args],
        os.environ | {"REIDBENCH_CACHE": str(cache)},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"reidbench {' '.join(args)} ended with status {status}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    """Parse the arguments, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--memory", help="passed on to each command")
    parser.add_argument("--only", action="append", help="measure only this command; repeatable")
    chosen = parser.parse_args()
    draw(chosen.folder)
    memory = ["--memory", chosen.memory] if chosen.memory else []
    print("| command | s | peak MiB | with tiny pictures | difference |\n| --- | ---: | ---: | ---: | ---: |")
    shutil.rmtree(chosen.folder / "work", ignore_errors=True)
    for name in commands("", Path(), []):
        if chosen.only and name not in chosen.only:
            continue
        peak = {}
        for size in ("tiny", "large"):
            work = chosen.folder / "work" / size
            photographs = str(chosen.folder / size)
            seconds, peak[size] = measure(commands(photographs, work, memory)[name], work / "cache")
        large, tiny = peak["large"], peak["tiny"]
        print(f"| {name} | {seconds:.0f} | {large:.0f} | {tiny:.0f} | {large - tiny:.0f} |", flush=True)


if __name__ == "__main__":
    main()
