"""Put photographs of a dataset on one small picture: python benchmarks/contact_sheet.py patterns -o FILE.jpg

A row for each of the animals with most photographs, the same number of every group; dates run from left to right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reidbench import load_dataset
from reidbench.files import write_bytes
from reidbench.reporting.contact_sheet import contact_sheet


def main() -> None:
    """Read the options and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--animals", type=int, default=2, help="of each group (default: 2)")
    parser.add_argument("--photographs", type=int, default=8, help="of each animal (default: 8)")
    parser.add_argument("--side", type=int, default=104, help="of each photograph in pixels (default: 104)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    content = contact_sheet(
        load_dataset(given.dataset), animals=given.animals, photographs=given.photographs, side=given.side
    )
    write_bytes(given.output, content)
    print(f"{given.output}: {len(content)} bytes")


if __name__ == "__main__":
    main()
