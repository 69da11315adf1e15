"""Compare embedding_cosine with wildlife-tools: the same network, weights, transform, images and split.

    python benchmarks/speed/peer_embedding.py DATASET WEIGHTS [--repeats 3] [-o FILE.json]

Each run has a separate process and an empty cache, and the two methods alternate. The smallest time of the repeats
counts. Wall time depends on other work of the machine; processor time (of the process and its workers) depends on it
much less. Imports are timed separately before the run. Memory is the peak of the main process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

METHODS = ("embedding_cosine", "wildlife_tools")
N_COMPARED = 64
"""Number of images whose embeddings are compared."""


def measure(method: str, dataset: str, settings: dict[str, Any], folder: Path) -> None:
    """Run one method in this process, and write the measurements to ``folder``."""
    import numpy as np

    from reidbench import Images, Progress, evaluate, load_dataset
    from reidbench.registry.registered import load_registry

    spec = load_registry().find(method).spec
    started = time.perf_counter()
    spec.build(spec.settings(**settings))
    import_s = time.perf_counter() - started
    started, cpu = time.perf_counter(), _cpu_s()
    record = evaluate(method, dataset, settings=settings, device="cpu", runs_dir=folder / "runs", progress=Progress())
    measured = {
        "import_s": import_s,
        "whole_s": time.perf_counter() - started,
        "whole_cpu_s": _cpu_s() - cpu,
        "represent_s": record.data.timing["represent_s"],
        "match_s": record.data.timing["match_s"],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "score": record.metrics["score"],
        "environment": record.data.environment.to_json(),
    }
    second = spec.build(spec.settings(**settings))
    second.prepare("cpu", 0, Progress())
    images = load_dataset(dataset).take(np.arange(N_COMPARED))
    embedding = second.represent(Images(images), Progress()).dense["embedding"]
    np.save(folder / "embedding.npy", embedding)
    (folder / "predictions.csv").write_bytes((record.path / "predictions.csv").read_bytes())
    (folder / "measured.json").write_text(json.dumps(measured))


def _cpu_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def compare(dataset: str, settings: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Run both methods alternately, each in a separate process, and return their measurements and differences."""
    import numpy as np
    import pandas as pd

    best: dict[str, dict[str, Any]] = {}
    embedding, predictions = {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        for repeat in range(repeats):
            for method in METHODS:
                folder = Path(temporary) / f"{method}-{repeat}"
                folder.mkdir()
                job = json.dumps([method, dataset, settings, str(folder)])
                environment = {**os.environ, "REIDBENCH_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
                subprocess.run([sys.executable, __file__, "--job", job], check=True, env=environment)
                measured = json.loads((folder / "measured.json").read_text())
                earlier = best.setdefault(method, measured)
                best[method] = {
                    key: min(earlier[key], measured[key]) if key.endswith(("_s", "_mib")) else measured[key]
                    for key in measured
                }
                embedding[method] = np.load(folder / "embedding.npy")
                predictions[method] = pd.read_csv(folder / "predictions.csv")
    ours, theirs = METHODS
    unit = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in embedding.items()}
    pair = predictions[ours].merge(predictions[theirs], on=["image_id", "part"], suffixes=("", "_theirs"))
    whole = best[ours].pop("environment")
    best[theirs].pop("environment")
    environment = {key: whole[key] for key in ("python", "machine", "cpus", "device", "packages")}
    ratios = ("whole_s", "whole_cpu_s", "represent_s", "match_s", "peak_mib")
    return {
        "dataset": Path(dataset).parent.name,
        "settings": {**settings, "weights": Path(settings["weights"]).name},
        "repeats": repeats,
        "methods": best,
        "ours_to_theirs": {key: best[ours][key] / best[theirs][key] for key in ratios},
        "agreement": {
            "n_query": len(pair),
            "same_answer": float((pair["identity"] == pair["identity_theirs"]).mean()),
            "same_candidate": float((pair["candidate"] == pair["candidate_theirs"]).mean()),
            "largest_score_difference": float((pair["score"] - pair["score_theirs"]).abs().max()),
            "n_embedding": N_COMPARED,
            "largest_unit_embedding_difference": float(np.abs(unit[ours] - unit[theirs]).max()),
        },
        "environment": environment,
    }


def main() -> None:
    """Compare the methods and print the result as JSON; with ``--job``, make one run for the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("weights", nargs="?")
    parser.add_argument("--model", default="mobilenetv2_100")
    parser.add_argument("--pad-type", default="same")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        method, dataset, settings, folder = json.loads(options.job)
        measure(method, dataset, settings, Path(folder))
        return
    if not options.weights:
        parser.error("name a dataset and a weights file")
    settings = {
        "model": options.model,
        "weights": options.weights,
        "pad_type": options.pad_type,
        "batch_size": options.batch_size,
    }
    text = json.dumps(compare(options.dataset, settings, options.repeats), indent=2) + "\n"
    if options.output:
        from reidbench.files import write_text

        write_text(options.output, text)
    print(text, end="")


if __name__ == "__main__":
    main()
