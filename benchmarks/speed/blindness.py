"""Measure the time that the tests for blindness add to a run that extracts all features.

    python benchmarks/speed/blindness.py DATASET METHOD [METHOD …] [--set METHOD:KEY=VALUE] [--repeats 3] [-o FILE.json]

Each run has a separate process and an empty cache. The share is the time of the tests divided by the time of the rest
of the run in the same process: extraction, matching, the matching of the gallery with itself, and writing. Imports and
weights are not included; they would make the share smaller. The median of the repeats counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from reidbench.files import write_text


def measure(method: str, dataset: str, settings: dict[str, Any], folder: str) -> dict[str, Any]:
    """Run one method in this process and return the times of the run and of its tests."""
    from reidbench import Progress, evaluate, load_dataset
    from reidbench.registry.registered import load_registry

    registry = load_registry()
    images = load_dataset(dataset)
    spec = registry.find(method).spec
    if spec.parts is None:
        spec.build(spec.settings(**settings)).prepare("cpu", 0, Progress())  # imports, and weights into memory
    started = time.perf_counter()
    record = evaluate(
        method,
        images,
        settings=settings,
        device="cpu",
        runs_dir=Path(folder) / "runs",
        store_dir=Path(folder) / "store",
        progress=Progress(),
        registry=registry,
    )
    whole_s = time.perf_counter() - started
    stamp = record.data.blindness
    rest_s = whole_s - stamp.seconds
    return {
        "method": method,
        "status": stamp.status,
        "largest": stamp.largest,
        "differences": dict(stamp.differences),
        "n_asked": stamp.n_query,
        "n_images": sum(record.data.split.counts[part] for part in ("gallery", "calibration", "test")),
        "n_queries": sum(record.data.split.counts[part] for part in ("calibration", "test")),
        "tests_s": stamp.seconds,
        "rest_s": round(rest_s, 3),
        "share": round(stamp.seconds / rest_s, 4),
    }


def main() -> None:
    """Measure the methods and print the result as JSON; with ``--job``, make one run."""
    if len(sys.argv) == 3 and sys.argv[1] == "--job":
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(*json.loads(sys.argv[2]), folder)))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("methods", nargs="+", metavar="METHOD")
    parser.add_argument("--set", action="append", default=[], metavar="METHOD:KEY=VALUE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    rows = []
    for method in options.methods:
        texts = [text.partition(":")[2] for text in options.set if text.partition(":")[0] == method]
        settings = dict(text.split("=", 1) for text in texts)
        job = json.dumps([method, options.dataset, settings])
        command = [sys.executable, __file__, "--job", job]
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        measured = []
        for _ in range(options.repeats):
            result = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
            measured.append(json.loads(result.stdout.splitlines()[-1]))
        median = sorted(measured, key=lambda row: row["share"])[len(measured) // 2]
        rows.append({**median, "shares": sorted(row["share"] for row in measured)})
        cost = f"{median['tests_s']:8.3f} s of {median['rest_s']:9.3f} s: {100 * median['share']:.1f} %"
        tested = f"({median['status']}, {median['n_asked']} of {median['n_queries']} queries)"
        print(f"{method:<22} {cost} {tested}", file=sys.stderr)
    name = options.dataset if options.dataset.startswith("patterns") else Path(options.dataset).parent.name
    text = json.dumps({"dataset": name, "repeats": options.repeats, "rows": rows}, indent=2) + "\n"
    if options.output:
        write_text(options.output, text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
