"""Measure local features: images per second of ALIKED, and pairs per second of two matchers, in batches and one by one.

    python benchmarks/speed/local_features.py [--device cuda] [--weights aliked-n16.pth] [--pairs 512] [--batch 128]

Without a weights file the networks are untrained, which takes the same time. Each image has 256 keypoints. Every number
is the median of three measurements.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from kornia.feature import ALIKED, LightGlue

from reidbench.methods.local_matching import match_mutual
from reidbench.methods.representation import Ragged

KEYPOINTS, DIMENSION, SIDE = 256, 128, 512


def median_seconds(work: Callable[[], object], device: str, repeats: int = 3) -> float:
    """Return the median time of a call in seconds, after a first call that does not count."""
    times = []
    for _ in range(repeats + 1):
        if device == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def images_per_second(device: str, weights: str, batch: int) -> float:
    """Return the images per second from which ALIKED extracts keypoints and descriptors."""
    network = ALIKED("aliked-n16", KEYPOINTS, 0.0, 2).eval()
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    network.to(device)
    images = torch.rand(batch, 3, SIDE, SIDE, device=device)
    with torch.inference_mode():
        return batch / median_seconds(lambda: network(images), device)


def mutual(device: str, n_pair: int) -> tuple[float, float]:
    """Return the pairs per second of mutual nearest neighbours, in blocks and one by one."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(n_pair**0.5))

    def features() -> Ragged:
        rows = rng.normal(size=(side, KEYPOINTS, DIMENSION)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
        return Ragged.from_rows(list(rows.astype(np.float16)))

    query, gallery = features(), features()
    pairs = np.indices((side, side)).reshape(2, -1).T[:n_pair]
    together = median_seconds(lambda: match_mutual(query, gallery, pairs, device=device), device)
    few = pairs[:: max(1, n_pair // 64)]
    alone = median_seconds(lambda: [match_mutual(query, gallery, pair[None], device=device) for pair in few], device)
    return n_pair / together, len(few) / alone


def lightglue(device: str, n_pair: int, batch: int) -> tuple[float, float]:
    """Return the pairs per second of LightGlue, in batches and one by one."""
    network = LightGlue(None, input_dim=DIMENSION, depth_confidence=-1, width_confidence=-1).eval().to(device)

    def side(n: int) -> dict[str, torch.Tensor]:
        descriptors = torch.nn.functional.normalize(torch.randn(n, KEYPOINTS, DIMENSION, device=device), dim=-1)
        points = torch.rand(n, KEYPOINTS, 2, device=device) * SIDE
        return {"keypoints": points, "descriptors": descriptors, "image_size": torch.full((n, 2), SIDE, device=device)}

    def run(size: int, total: int) -> float:
        data = {"image0": side(size), "image1": side(size)}
        with torch.inference_mode():
            return (
                size
                * max(1, total // size)
                / median_seconds(lambda: [network(data) for _ in range(max(1, total // size))], device)
            )

    return run(min(batch, n_pair), n_pair), run(1, max(4, n_pair // 8))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--weights", default="", help="a weights file of aliked-n16")
    parser.add_argument("--images", type=int, default=4, help="images in a batch")
    parser.add_argument("--pairs", type=int, default=512, help="pairs for mutual nearest neighbours")
    parser.add_argument("--lightglue-pairs", type=int, default=16, help="pairs for LightGlue")
    parser.add_argument("--batch", type=int, default=16, help="pairs in a batch of LightGlue")
    options = parser.parse_args()
    device = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor() or platform.machine()
    print(f"device: {device}, {torch.get_num_threads()} threads; torch {torch.__version__}\n")
    print("| measurement | in batches | one by one | ratio |")
    print("| --- | ---: | ---: | ---: |")
    rate = images_per_second(options.device, options.weights, options.images)
    print(f"| ALIKED-n16, 512 x 512, images/s | {rate:.2f} | – | – |")
    for name, (together, alone) in (
        ("mutual nearest neighbours, pairs/s", mutual(options.device, options.pairs)),
        (
            f"LightGlue, batch {options.batch}, pairs/s",
            lightglue(options.device, options.lightglue_pairs, options.batch),
        ),
    ):
        print(f"| {name} | {together:.1f} | {alone:.1f} | {together / alone:.2f} |")


if __name__ == "__main__":
    main()
