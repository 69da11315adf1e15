"""Make the runs on which threshold policies are compared; a run that stands is not repeated.

    ZEBRA=…/metadata.csv MOBILENET=….safetensors python benchmarks/thresholds/make_runs.py RUNS

Six split seeds of the drawn animals at each level and of plains zebras (StripeSpotter; near-duplicates of one
sighting and no dates, so "within sighting"), each by two methods without weights and by frozen MobileNetV2. Every
run tries its gallery against itself, so that leave-identity-out can be decided too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from reidbench import evaluate, load_dataset

SPLIT_SEEDS = range(6)
LEVELS = ("easy", "default", "hard")


def main(runs_dir: Path) -> None:
    zebra, mobilenet = os.environ.get("ZEBRA"), os.environ.get("MOBILENET")
    if not zebra or not mobilenet:
        sys.exit("set ZEBRA to the zebras' metadata.csv and MOBILENET to a weights file of mobilenetv2_100")
    frozen = {"backbone": "mobilenetv2_100", "weights": mobilenet, "epochs": 0, "size": 224}
    methods = {"color_histogram": {}, "sift": {}, "triplet_effnet": frozen}
    datasets = [load_dataset(name) for name in (*(f"patterns:level={level}" for level in LEVELS), zebra)]
    for split_seed in SPLIT_SEEDS:  # outermost, so that a table can be made of what is there when it is stopped
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
