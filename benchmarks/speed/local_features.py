"""Measure local features: ALIKED images/s, and pairs/s of both matchers against the same pairs one by one.

    python benchmarks/speed/local_features.py [--device cuda] [--weights aliked-n16.pth] [--pairs 512] [--batch 128]

Without a weights file networks are untrained, which costs the same time. LightGlue has its real architecture. Pairs
have 256 keypoints each. Every figure is the median of three; ratios are of figures measured in this run.
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
    """Return the median time of a call, after one that is not counted."""
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
    network = ALIKED("aliked-n16", KEYPOINTS, 0.0, 2).eval()
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    network.to(device)
    images = torch.rand(batch, 3, SIDE, SIDE, device=device)
    with torch.inference_mode():
        return batch / median_seconds(lambda: network(images), device)


def mutual(device: str, n_pair: int) -> tuple[float, float]:
    """Return pairs/s in blocks, and one by one."""
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
    """Return pairs/s in batches, and one by one."""
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--weights", default="", help="a weights file of aliked-n16")
    parser.add_argument("--images", type=int, default=4, help="images described at once")
    parser.add_argument("--pairs", type=int, default=512, help="pairs that mutual neighbours match")
    parser.add_argument("--lightglue-pairs", type=int, default=16, help="pairs that LightGlue matches")
    parser.add_argument("--batch", type=int, default=16, help="pairs that LightGlue matches at once")
    asked = parser.parse_args()
    device = torch.cuda.get_device_name() if asked.device == "cuda" else platform.processor() or platform.machine()
    print(f"device: {device}, {torch.get_num_threads()} threads; torch {torch.__version__}\n")
    print("| what | together | one by one | ratio |")
    print("| --- | ---: | ---: | ---: |")
    rate = images_per_second(asked.device, asked.weights, asked.images)
    print(f"| ALIKED-n16, 512 x 512, images/s | {rate:.2f} | – | – |")
    for name, (together, alone) in (
        ("mutual neighbours, pairs/s", mutual(asked.device, asked.pairs)),
        (f"LightGlue, batch {asked.batch}, pairs/s", lightglue(asked.device, asked.lightglue_pairs, asked.batch)),
    ):
        print(f"| {name} | {together:.1f} | {alone:.1f} | {together / alone:.2f} |")


if __name__ == "__main__":
    main()
