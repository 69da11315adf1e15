"""Put photographs of a dataset on one small picture: python benchmarks/contact_sheet.py patterns -o FILE.jpg

A row for each of the animals with most photographs, the same number of every group; dates run from left to right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from reidbench import load_dataset
from reidbench.training.augment import resize

LARGEST = 100_000  # bytes: the pictures are part of the repository


def main() -> None:
    """Read the options and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--animals", type=int, default=2, help="of each group (default: 2)")
    parser.add_argument("--photographs", type=int, default=8, help="of each animal (default: 8)")
    parser.add_argument("--side", type=int, default=104, help="of each photograph in pixels (default: 104)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    images = load_dataset(given.dataset)
    table = images.table

    rows = []
    for _, of_group in table.groupby("group"):
        counts = of_group["identity"].value_counts(sort=True)
        for identity in counts.index[: given.animals]:
            of_one = of_group[of_group["identity"] == identity].sort_values(["date", "image_id"])
            chosen = of_one.iloc[np.linspace(0, len(of_one) - 1, given.photographs).round().astype(int)]
            photographs = [cv2.imread(str(images.image_path(at))) for at in chosen.index]
            rows.append(np.hstack([resize(np.asarray(image, np.uint8), given.side) for image in photographs]))
    for quality in range(90, 10, -5):
        content = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= LARGEST:
            break
    given.output.write_bytes(content)
    print(f"{given.output}: {len(content)} bytes")


if __name__ == "__main__":
    main()
