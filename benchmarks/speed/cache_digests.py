"""Measure how much of a cold run the digests of the cache take.

python benchmarks/speed/cache_digests.py METHOD [METHOD ...]

Each method runs on the built-in dataset with an empty cache. The time inside the digests (written once, checked once,
and those of index and notes) is added up and printed with its share of the run.
"""

import os
import sys
import tempfile
import time
from functools import wraps

from reidbench.data.patterns import PatternsOptions, ensure
from reidbench.progress import Progress
from reidbench.running import block_digests
from reidbench.running.evaluation import evaluate


def timed(function, spent):
    @wraps(function)
    def measured(*args, **options):
        started = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            spent.append(time.perf_counter() - started)

    return measured


def main():
    spent: list[float] = []
    digests = block_digests.FileDigests
    digests.of = classmethod(timed(digests.of.__func__, spent))
    digests.check = timed(digests.check, spent)
    block_digests._digest = timed(block_digests._digest, spent)
    for method in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["REIDBENCH_CACHE"] = folder
            ensure(PatternsOptions())  # drawing the animals is no part of the run
            spent.clear()
            started = time.perf_counter()
            evaluate(method, "patterns", runs_dir=f"{folder}/runs", progress=Progress(), device="cpu")
            whole = time.perf_counter() - started
        print(f"{method}: {whole:.2f} s, of which digests {sum(spent):.4f} s ({sum(spent) / whole:.2%})")


if __name__ == "__main__":
    main()
