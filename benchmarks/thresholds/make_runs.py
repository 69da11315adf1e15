"""Make the runs on which threshold policies are compared; existing runs are not repeated.

    ZEBRA=…/metadata.csv MOBILENET=….safetensors python benchmarks/thresholds/make_runs.py RUNS

The datasets are drawn animals at three levels of difficulty and plains zebras (StripeSpotter: near-duplicates of one
sighting and no dates, so the scores are "within sighting"). Each has six split seeds and three methods: two without
weights, and frozen features of MobileNetV2. Every run also matches its gallery with itself, which the policy
leave-identity-out needs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from reidbench import evaluate, load_dataset

SPLIT_SEEDS = range(6)
LEVELS = ("easy", "default", "hard")


def main(runs_dir: Path) -> None:
    """Make the runs and print the folder of each."""
    zebra, mobilenet = os.environ.get("ZEBRA"), os.environ.get("MOBILENET")
    if not zebra or not mobilenet:
        sys.exit("set ZEBRA to metadata.csv of the zebras and MOBILENET to a weights file of mobilenetv2_100")
    frozen = {"backbone": "mobilenetv2_100", "weights": mobilenet, "epochs": 0, "size": 224}
    methods = {"color_histogram": {}, "sift": {}, "triplet_effnet": frozen}
    datasets = [load_dataset(name) for name in (*(f"patterns:level={level}" for level in LEVELS), zebra)]
    for split_seed in SPLIT_SEEDS:  # the outer loop, so that the runs can be compared if the script is stopped
        for images in datasets:
            for method, settings in methods.items():
                record = evaluate(
                    method,
                    images,
                    split_seed=split_seed,
                    settings=settings,
                    preset="quick",
                    threshold="leave-identity-out",
                    runs_dir=runs_dir,
                )
                print(f"{images.name} split {split_seed} {method}: {record.path}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/thresholds"))
