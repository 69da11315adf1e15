"""Time BAKS, BAUS and score at all thresholds and 10,000 bootstrap folds, compared with wildlife_datasets.metrics.

    OMP_NUM_THREADS=2 python benchmarks/speed/metrics.py > benchmarks/results/speed_statistics.md

The data are 30,000 queries of 8,400 identities, as many as in the test part of WildlifeReID-10k. Both packages get
coded identities. A call of wildlife_datasets.metrics computes one metric at one threshold and no score. All times are
measured in this process; the smallest of the repeats counts.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from wildlife_datasets import metrics as peer

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.sweep import threshold_sweep
from reidbench.metrics.uncertainty.bootstrap import draw_folds
from reidbench.metrics.uncertainty.rates import identity_rates

N_QUERY, N_IDENTITY, N_UNKNOWN, N_METHOD, FOLDS = 30_000, 8_400, 1_400, 10, 10_000


def least_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the smallest time of several calls in seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Check that both packages agree, then time them and print a table."""
    rng = np.random.default_rng(0)
    code = np.sort(np.concatenate([np.arange(N_IDENTITY), rng.integers(N_IDENTITY, size=N_QUERY - N_IDENTITY)]))
    known = code >= N_UNKNOWN
    correct = known & (rng.random(N_QUERY) < 0.7)
    best = rng.normal(size=N_QUERY) + known
    accepted = best >= 0.5
    new = -1
    wrong = (code + 1) % N_IDENTITY
    answer = np.where(accepted, np.where(correct, code, wrong), new)
    unknown = list(range(N_UNKNOWN))

    sweep = threshold_sweep(best, correct, known, code)
    peer_baks, peer_baus = peer.BAKS(code, answer, unknown), peer.BAUS(code, answer, unknown, new)
    index = int(sweep.index(0.5))
    if not np.allclose([sweep.baks[index], sweep.baus[index]], [peer_baks, peer_baus], atol=1e-12):
        raise SystemExit(
            f"the packages disagree: {sweep.baks[index]}, {sweep.baus[index]} and {peer_baks}, {peer_baus}"
        )
    ours = least_seconds(lambda: threshold_sweep(best, correct, known, code), 20)
    baks = least_seconds(lambda: peer.BAKS(code, answer, unknown), 2)
    baus = least_seconds(lambda: peer.BAUS(code, answer, unknown, new), 2)

    true = np.char.add("a", code.astype(str))
    answers = []
    for _ in range(N_METHOD):
        right = rng.random(N_QUERY) < 0.7
        answers.append(np.where(known, np.where(right, true, "x"), np.where(right, NEW_IDENTITY, "x")))
    rates = identity_rates(true, known, np.full(N_QUERY, "g"), answers)
    folds = least_seconds(lambda: draw_folds([rates], n_folds=FOLDS), 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2

    print(f"{N_QUERY:,} queries of {N_IDENTITY:,} identities; {processor()}, {os.cpu_count()} cores, "
          f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, Python {platform.python_version()}, "
          f"numpy {np.__version__}.\n")  # fmt: skip
    print("| work | seconds | ratio to the first row |")
    print("| --- | ---: | ---: |")
    print(f"| BAKS, BAUS and score at all {len(sweep.thresholds):,} thresholds | {ours:.4f} | 1 |")
    print(f"| one call of `wildlife_datasets.metrics.BAKS`, one threshold | {baks:.2f} | {baks / ours:,.0f} |")
    print(f"| one call of `wildlife_datasets.metrics.BAUS`, one threshold | {baus:.2f} | {baus / ours:,.0f} |")
    print(f"| {FOLDS:,} bootstrap folds of BAKS, BAUS and score, {N_METHOD} methods | {folds:.2f} | |")
    print(f"\nPeak memory of the whole process: {peak:.2f} GiB. Values of both agree to 1e-12.")


def processor() -> str:
    """Return the name of the processor."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


if __name__ == "__main__":
    main()
