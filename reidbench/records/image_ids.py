"""Image ids of a saved run: names of rows in its files, which decide no number.

The arrays ``<part>.image_key`` of a run say which image each row shows. So a run can be used with its dataset after the
images were given other ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reidbench.csv_files import read_csv, write_csv
from reidbench.files import explain_os_errors, whole_file
from reidbench.records.file_digests import RUN_FILES
from reidbench.records.run_record import RunRecord, write_record
from reidbench.records.saved_run import open_scores

KEYED_PARTS: Final = ("gallery", "fit", "calibration", "test")
"""Parts whose image ids and keys a run saves."""
_QUERIES: Final = ("calibration", "test")


def saved_images(record: RunRecord) -> dict[str, tuple[NDArray[Any], NDArray[Any]]] | None:
    """Return ids and keys of the images of each part; ``None`` if an earlier version wrote the run.

    Raises:
        ReidbenchError: The file can't be read.
    """
    path = record.path / "scores.npz"
    if not path.exists():
        return None
    with open_scores(record) as file:
        if not {f"{part}.image_key" for part in KEYED_PARTS} <= set(file.files):
            return None
        return {
            part: (file[f"{part}.image_id"].astype(str), file[f"{part}.image_key"].astype(str)) for part in KEYED_PARTS
        }


def rename_images(
    record: RunRecord,
    images: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    split_rows: Sequence[tuple[str, str]],
) -> bool:
    """Write the ids of a dataset into the files of a run; only id columns change.

    Args:
        record: The run.
        images: Ids and keys of the images of each of :data:`KEYED_PARTS` in the dataset.
        split_rows: Id and part of every image.

    Returns:
        Whether the ids differed. Nothing is written if they are equal, or if the run has no keys.

    Raises:
        ReidbenchError: The files can't be read or written.
    """
    saved = saved_images(record)
    if saved is None:
        return False
    renamed = {}
    for part, (old, keys) in saved.items():
        ids, given_keys = images[part]
        order, given_order = np.argsort(keys, kind="stable"), np.argsort(given_keys, kind="stable")
        if not np.array_equal(keys[order], given_keys[given_order]):
            raise ValueError(f"the images of the part {part} are not those of the run {record.id}")
        new = np.empty(len(old), dtype=object)
        new[order] = ids[given_order]
        renamed[part] = new.astype(str)
    if all(np.array_equal(renamed[part], old) for part, (old, _) in saved.items()):
        return False
    path = record.path / "predictions.csv"
    table = read_csv(path, "predictions of a run", remedy="run it again with --again")
    columns = dict(table.columns)
    part_of, new_ids = list(columns["part"]), list(columns["image_id"])
    for part in _QUERIES:  # rows of a part are in the order of its arrays
        places = [place for place, name in enumerate(part_of) if name == part]
        for place, image_id in zip(places, renamed[part].tolist(), strict=True):
            new_ids[place] = image_id
    columns["image_id"] = new_ids
    with open_scores(record) as file:
        arrays = {name: file[name] for name in file.files}
    arrays |= {f"{part}.image_id": ids for part, ids in renamed.items()}
    with explain_os_errors("the run can't be written", where=str(record.path), remedy="make room, or copy the run"):
        if record.data.files:  # not while files change, so that an interrupted renaming does not look like damage
            write_record(record.path / "run.json", record.data, {})
        write_csv(path, list(columns), zip(*columns.values(), strict=True))
        write_csv(record.path / "split.csv", ("image_id", "part"), split_rows)
        # Last, so that an interrupted renaming is found and finished the next time.
        with whole_file(record.path / "scores.npz") as temporary:
            np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
        if record.data.files:
            write_record(record.path / "run.json", record.data, {name: record.path / name for name in RUN_FILES})
    return True
