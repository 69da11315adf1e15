"""Read a competition's folder as Kaggle unpacks it: ``metadata.csv``, ``sample_submission.csv`` and the images.

The irregularities of the real files are accepted: empty ``species``, file extensions in upper or lower case, missing
dates, and empty identities of queries. Groups are those of ``dataset``, never of ``species``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reidbench.csv_files import read_csv
from reidbench.data.competitions.catalogue import Competition
from reidbench.data.images import UNNAMED, ImageSet
from reidbench.data.names import NameRules
from reidbench.data.sources.cells import text
from reidbench.data.sources.rows import NO_RULES, Rows, image_set
from reidbench.errors import ReidbenchError

SPLIT_KIND = "competition"
_NEEDED = ("image_id", "identity", "path", "split", "dataset")


def read_competition(competition: Competition, root: Path, naming: NameRules = NO_RULES) -> ImageSet:
    """Read the database of a competition; its queries are ``given.asked`` of the result.

    Args:
        competition: The competition.
        root: The folder with ``metadata.csv``.
        naming: The rules of the user for names: words of `--unknown` and `--name`.

    Raises:
        ReidbenchError: The table is missing or belongs to another dataset, or images are missing.
    """
    table = root / "metadata.csv"
    if not table.is_file():
        raise ReidbenchError(
            f"the folder of {competition.name} has no metadata.csv",
            where=f"--root {root}",
            remedy="unpack the competition's archive and name the folder with metadata.csv and images/",
        )
    read = read_csv(table, f"metadata of {competition.name}")
    read.require(
        *_NEEDED, remedy="name the folder that Kaggle's archive unpacks to; for another table use --dataset FILE.csv"
    )
    rows = Rows.from_csv(read)
    part = np.array(text(rows.columns["split"]), dtype=str)
    known, asked = (np.flatnonzero(part == name) for name in (competition.database, competition.query))
    if len(known) + len(asked) < len(part):
        other = Counter(part[(part != competition.database) & (part != competition.query)]).most_common(1)[0][0]
        raise ReidbenchError(
            f"the column split contains '{other}'; in {competition.name} it contains {competition.database} or "
            f"{competition.query}",
            where=str(table),
            remedy="check that this is the folder of that edition",
        )
    queries = _queries(competition, rows, asked, root)
    note = f"{len(asked)} images are queries of the competition: reidbench submit predicts their identities"
    return image_set(
        competition.name,
        rows.take(known),
        root=root,
        source="competition",
        note=note if len(asked) else "",
        split_kind=SPLIT_KIND,
        asked=queries,
        naming=naming,
    )


def read_sample(competition: Competition, root: Path) -> list[str]:
    """Return the image ids of ``sample_submission.csv``, in its order.

    Raises:
        ReidbenchError: The file is missing, or has other columns.
    """
    path = root / "sample_submission.csv"
    if not path.is_file():
        raise ReidbenchError(
            f"the folder of {competition.name} has no sample_submission.csv, which gives the order of the rows",
            where=f"--root {root}",
            remedy="unpack it from the competition's archive into that folder",
        )
    rows = read_csv(path, "sample submission")
    wanted = ["image_id", competition.answer]
    if list(rows.columns) != wanted:
        raise ReidbenchError(
            f"the sample has the columns {', '.join(rows.columns)}, not {', '.join(wanted)}",
            where=str(path),
            remedy="check that this is the folder of that edition",
        )
    return [str(value) for value in rows.columns["image_id"]]


def _queries(competition: Competition, rows: Rows, asked: NDArray[np.int64], root: Path) -> ImageSet | None:
    if not len(asked):
        return None
    image_id = text([rows.columns["image_id"][row] for row in asked])
    unnamed = [f"{UNNAMED}{each}" for each in image_id]  # even if the table names the animal
    return image_set(competition.name, rows.take(asked, identity=unnamed), root=root, source="competition")
