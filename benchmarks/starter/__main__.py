"""Make the starter weights from a seed: python -m benchmarks.starter --work DIR -o FILE

It may be stopped at any time; the same command continues. Drawings and checkpoints in DIR can be deleted afterwards.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# Only one thread gives the same bytes every time; several threads change the order of sums.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Draw the animals, train the network, and write the weights with their card."""
    from benchmarks.starter.recipe import RECIPES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=RECIPES, default="tinynet", help="recipe of the weights (default: tinynet)")
    parser.add_argument("--work", type=Path, required=True, help="folder for drawings and checkpoints")
    parser.add_argument("--sheet", type=Path, help="only draw, and write a .jpg of training images")
    parser.add_argument("-o", "--output", type=Path, help="the .safetensors file to write")
    options = parser.parse_args()
    if options.output is None and options.sheet is None:
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
    recipe = RECIPES[options.recipe]
    options.work.mkdir(parents=True, exist_ok=True)
    Animals(options.work, recipe).draw()
    if options.sheet is not None:
        write_sheet(options.work, recipe, options.sheet)
        return
    trainer = StarterTrainer(recipe, options.work)
    trainer.train()
    sha256 = write_weights(trainer.network, recipe, options.output)
    versions = {module.__name__: module.__version__ for module in (torch, timm, numpy, cv2)}
    facts = {"bytes": options.output.stat().st_size, "train_s": round(trainer.seconds), "versions": versions}
    write_card(recipe, sha256, trainer.history, facts, options.output.with_suffix(".json"))
    print(f"{options.output}: {facts['bytes']} bytes, sha256 {sha256}")


if __name__ == "__main__":
    main()
