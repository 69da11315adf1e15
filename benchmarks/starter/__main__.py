"""Make the starter weights, from seed to file: python -m benchmarks.starter --work DIR -o FILE

Stop it at any time; the same command goes on where it was. Pools and checkpoints in DIR may be deleted afterwards.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# Bytes repeat for one thread; more would change the order of sums.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Read the options, train, write the file and its card."""
    from benchmarks.starter.recipe import RECIPES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=RECIPES, default="b1", help="what to make (default: b1)")
    parser.add_argument("--work", type=Path, help="folder of pools and checkpoints")
    parser.add_argument("--draw-only", action="store_true", help="draw the pools, which a training beside it then uses")
    parser.add_argument("--sheet", type=Path, help="only write a picture of what the stages show, a .jpg")
    parser.add_argument("-o", "--output", type=Path, help="the .safetensors file to write")
    given = parser.parse_args()
    recipe = RECIPES[given.recipe]
    if given.sheet is not None:
        from benchmarks.starter.sheet import write_sheet

        write_sheet(recipe, given.sheet)
        return
    if given.work is None:
        parser.error("--work DIR is needed")
    given.work.mkdir(parents=True, exist_ok=True)
    if given.draw_only:
        from benchmarks.starter.pool import draw_pools

        draw_pools(given.work, recipe)
        return
    if given.output is None:
        parser.error("-o FILE is needed")

    import cv2
    import numpy
    import timm
    import torch

    from benchmarks.starter.export import write_card, write_weights
    from benchmarks.starter.train import StarterTrainer

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    trainer = StarterTrainer(recipe, given.work)
    trainer.train()
    sha256 = write_weights(trainer.network, recipe, given.output)
    versions = {module.__name__: module.__version__ for module in (torch, timm, numpy, cv2)}
    facts = {"bytes": given.output.stat().st_size, "train_s": round(trainer.seconds), "versions": versions}
    write_card(recipe, sha256, trainer.history, facts, given.output.with_suffix(".json"))
    print(f"{given.output}: {facts['bytes']} bytes, sha256 {sha256}")


if __name__ == "__main__":
    main()
