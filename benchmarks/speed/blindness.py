"""Measure what the tests for blindness cost a run that extracts everything.

    python benchmarks/speed/blindness.py DATASET METHOD [METHOD …] [--set METHOD:KEY=VALUE] [--repeats 3] [-o FILE.json]

Each run has a process and an empty cache of its own. The share is of the run without the tests, in the same process:
loading the dataset, describing, matching, the gallery's trials and writing, but not imports and weights, which would
only make it smaller. The median of the repeats is given.
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
    """Run one method in this process and return what it and its tests took."""
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
    given = parser.parse_args()
    rows = []
    for method in given.methods:
        mine = [text.partition(":")[2] for text in given.set if text.partition(":")[0] == method]
        settings = dict(text.split("=", 1) for text in mine)
        job = json.dumps([method, given.dataset, settings])
        command = [sys.executable, __file__, "--job", job]
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        measured = []
        for _ in range(given.repeats):
            done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
            measured.append(json.loads(done.stdout.splitlines()[-1]))
        middle = sorted(measured, key=lambda row: row["share"])[len(measured) // 2]
        rows.append({**middle, "shares": sorted(row["share"] for row in measured)})
        cost = f"{middle['tests_s']:8.3f} s of {middle['rest_s']:9.3f} s: {100 * middle['share']:.1f} %"
        asked = f"({middle['status']}, {middle['n_asked']} of {middle['n_queries']} queries)"
        print(f"{method:<22} {cost} {asked}", file=sys.stderr)
    name = given.dataset if given.dataset.startswith("patterns") else Path(given.dataset).parent.name
    result = {"dataset": name, "repeats": given.repeats, "rows": rows}
    text = json.dumps(result, indent=2) + "\n"
    if given.output:
        write_text(given.output, text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
