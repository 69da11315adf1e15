"""Make the starter weights, from seed to file: python -m benchmarks.starter --work DIR -o FILE

Stop it at any time; the same command goes on where it was. Pictures and checkpoints in DIR may be deleted afterwards.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# Bytes repeat for one thread; more would change the order of sums.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Read the options, draw, train, write the file and its card."""
    from benchmarks.starter.recipe import RECIPES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=RECIPES, default="tinynet", help="what to make (default: tinynet)")
    parser.add_argument("--work", type=Path, required=True, help="folder of drawings and checkpoints")
    parser.add_argument("--sheet", type=Path, help="only draw, and write a picture of what is shown, a .jpg")
    parser.add_argument("-o", "--output", type=Path, help="the .safetensors file to write")
    given = parser.parse_args()
    if given.output is None and given.sheet is None:
        parser.error("-o FILE is needed")

    import cv2
    import numpy
    import timm
    import torch

    from benchmarks.starter.animals import Animals
    from benchmarks.starter.export import write_card, write_weights
    from benchmarks.starter.sheet import write_sheet
    from benchmarks.starter.train import StarterTrainer

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    recipe = RECIPES[given.recipe]
    given.work.mkdir(parents=True, exist_ok=True)
    Animals(given.work, recipe).draw()
    if given.sheet is not None:
        write_sheet(given.work, recipe, given.sheet)
        return
    trainer = StarterTrainer(recipe, given.work)
    trainer.train()
    sha256 = write_weights(trainer.network, recipe, given.output)
    versions = {module.__name__: module.__version__ for module in (torch, timm, numpy, cv2)}
    facts = {"bytes": given.output.stat().st_size, "train_s": round(trainer.seconds), "versions": versions}
    write_card(recipe, sha256, trainer.history, facts, given.output.with_suffix(".json"))
    print(f"{given.output}: {facts['bytes']} bytes, sha256 {sha256}")


if __name__ == "__main__":
    main()
