"""``python -m benchmarks.animalclef FOLDER``: draw a folder of the true size, or a miniature of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.animalclef.counts import FULL, MINIATURE
from benchmarks.animalclef.folder import make_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to make")
    parser.add_argument("--edition", type=int, choices=sorted(FULL), default=2025, help="default 2025")
    parser.add_argument("--miniature", action="store_true", help="a few hundred images of the same shape")
    parser.add_argument("--size", type=int, default=96, help="side of an image in pixels, default 96")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    given = parser.parse_args()
    started = time.perf_counter()
    groups = (MINIATURE if given.miniature else FULL)[given.edition]
    make_folder(given.folder, groups, edition=given.edition, size=given.size, seed=given.seed)
    print(f"{given.folder}: drawn in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
