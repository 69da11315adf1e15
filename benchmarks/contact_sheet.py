"""Show photographs of a dataset on one small picture: python benchmarks/contact_sheet.py patterns -o FILE.jpg

Each row has the photographs of one animal, sorted by date. The animals are those with the most photographs in each
group.
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
    parser.add_argument("--animals", type=int, default=2, help="animals of each group (default: 2)")
    parser.add_argument("--photographs", type=int, default=8, help="photographs of each animal (default: 8)")
    parser.add_argument("--side", type=int, default=104, help="side of a photograph in pixels (default: 104)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    content = contact_sheet(
        load_dataset(options.dataset), animals=options.animals, photographs=options.photographs, side=options.side
    )
    write_bytes(options.output, content)
    print(f"{options.output}: {len(content)} bytes")


if __name__ == "__main__":
    main()
