"""``python -m benchmarks.animalclef FOLDER``: draw an AnimalCLEF folder of the true size, or a miniature of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.animalclef.counts import FULL, MINIATURE
from benchmarks.animalclef.folder import make_folder


def main() -> None:
    """Read the options and draw the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to make")
    parser.add_argument("--edition", type=int, choices=sorted(FULL), default=2025, help="default 2025")
    parser.add_argument("--miniature", action="store_true", help="draw only a few hundred images")
    parser.add_argument("--size", type=int, default=96, help="side of an image in pixels, default 96")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    options = parser.parse_args()
    started = time.perf_counter()
    groups = (MINIATURE if options.miniature else FULL)[options.edition]
    make_folder(options.folder, groups, edition=options.edition, size=options.size, seed=options.seed)
    print(f"{options.folder}: drawn in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
