"""Time the search for near-duplicates: python benchmarks/speed/near_duplicates.py [--images N] [-o FILE.json]

Small pictures with the spectrum of photographs are drawn from a seed, by default 140,000. One in a hundred is a copy
with other brightness and noise. For comparison, all pairs of 64-bit hashes are compared on the same machine; this is
timed for some of the rows and scaled to all. Hashes find no cropped photograph, and their time grows with the square of
the number of images.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import cv2
import numpy as np

from reidbench.auditing.fingerprints import SIDE, Fingerprints, low_frequencies
from reidbench.auditing.near_duplicates import near_duplicates, nearest_pairs
from reidbench.files import write_text
from reidbench.running.environment import describe_environment


def main() -> None:
    """Draw pictures, search for copies, and print times, hits and memory as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=140_000)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    small, source, copy = draw(options.images, rng)
    start = time.perf_counter()
    frequencies = low_frequencies(small)
    transformed = time.perf_counter()
    candidates = nearest_pairs(frequencies)
    searched = time.perf_counter()
    n = len(small)
    empty = np.full(n, "", dtype=object)
    fingerprints = Fingerprints(empty, empty, small, frequencies, np.ones((n, 2), np.int64), {})
    pairs = {tuple(pair) for pair in near_duplicates(fingerprints).rows.tolist()}
    done = time.perf_counter()
    planted = {tuple(sorted(pair)) for pair in zip(source.tolist(), copy.tolist(), strict=True)}
    result = {
        "n_images": n,
        "n_candidates": len(candidates),
        "places_s": round(transformed - start, 1),
        "nearest_s": round(searched - transformed, 1),
        "nearest_and_compared_s": round(done - searched, 1),
        "found_of_planted": len(planted & pairs) / len(planted),
        "not_planted": len(pairs - planted),
        "all_pairs_of_hashes_s": round(all_pairs(n, rng), 1),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "environment": describe_environment("cpu"),
    }
    result["ratio"] = round(result["all_pairs_of_hashes_s"] / result["nearest_and_compared_s"], 2)
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    if options.output:
        write_text(options.output, text)


def draw(n_image: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return small pictures, ``(n_image, SIDE, SIDE)``, the rows of the copied ones and the rows of their copies."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    fall = 1 / np.maximum(frequency, 1 / SIDE) ** 1.2
    small = np.zeros((n_image, SIDE, SIDE), np.uint8)
    for begin in range(0, n_image, 2000):
        block = small[begin : begin + 2000]
        drawn = np.fft.ifft2(np.fft.fft2(rng.standard_normal(block.shape, dtype=np.float32)) * fall).real
        drawn = (drawn - drawn.mean(axis=(1, 2), keepdims=True)) / drawn.std(axis=(1, 2), keepdims=True)
        grey = np.clip(128 + 45 * drawn, 0, 255).astype(np.uint8)
        block[:] = [cv2.GaussianBlur(picture, (0, 0), 1.5) for picture in grey]
    copy = np.arange(n_image - n_image // 100, n_image)
    source = rng.choice(n_image - len(copy), len(copy), replace=False)
    for source_row, copy_row in zip(source, copy, strict=True):
        changed = small[source_row] * rng.uniform(0.8, 1.2) + rng.normal(0, 4, (SIDE, SIDE))
        small[copy_row] = np.clip(changed, 0, 255).astype(np.uint8)
    return small, source, copy


def all_pairs(n_image: int, rng: np.random.Generator, *, n_timed: int = 1000) -> float:
    """Return the time in seconds to compare all pairs of 64-bit hashes, scaled up from ``n_timed`` rows."""
    hashes = rng.integers(0, 2**63, n_image, dtype=np.uint64)
    start = time.perf_counter()
    for row in range(n_timed):
        (np.bitwise_count(hashes ^ hashes[row]) <= 10).nonzero()
    return (time.perf_counter() - start) * n_image / 2 / n_timed


if __name__ == "__main__":
    main()
