"""A complete record for tests that need none of its numbers, and records with changed fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reidbench.records.migrations import SCHEMA
from reidbench.records.question import id_as_written
from reidbench.records.run_data import ReadingData, RunData
from reidbench.records.run_record import RunRecord


def example(**changes: Any) -> dict[str, Any]:
    """Return the content of a ``run.json``; changes of objects are merged into the example's.

    Its id is that of its inputs, unless the changes have another one.
    """
    record = merged(
        {
            "schema": SCHEMA,
            "id": "0123456789abcdef",
            "decided_again_from": None,
            "method": "sift",
            "plugin": {"name": "reidbench", "version": "0.1.0", "method_version": "1", "calibrated_by": None},
            "dataset": {
                "name": "patterns",
                "asked": "patterns",
                "root": None,
                "digest": "d0",
                "digest_rule": 2,
                "note": "",
                "n_images": 9,
                "n_identities": 3,
                "set_aside": 0,
                "set_aside_words": {},
                "unknown_words": [],
                "name_words": [],
                "encounter_minutes": 60.0,
                "encounter_column": "",
                "n_encounters": 9,
                "reading": ReadingData().to_json(),
            },
            "split": {
                "digest": "s0",
                "encounters_shared": None,
                "counts": {},
                "kind": "open-set",
                "seed": 0,
                "warnings": [],
                "new_share": 0.3,
            },
            "seed": 0,
            "preset": None,
            "settings": {"given": {}, "effective": {}},
            "weights": {"source": "none", "pretrained": False, "sha256": "", "licence": "", "label": "none"},
            "parts": {},
            "part_weights": {},
            "code": {},
            "gallery": "group",
            "matching": {"rule": "nearest", "metric": "cosine", "keypoints": False},
            "calibration": [],
            "constants": {},
            "threshold": {
                "asked": "max-score",
                "policy": "max-score",
                "pooled": False,
                "value": 0.5,
                "values": {},
                "adjustment": None,
                "notes": [],
            },
            "metrics": {
                "calibration": {"overall": {"score": 0.5}, "groups": {}},
                "test": {"overall": {"score": 0.5, "baks": 0.5, "baus": 0.5}, "groups": {}},
            },
            "fit": {"history": [], "notes": [], "facts": {}},
            "blindness": {"status": "untested", "n_query": 0, "largest": None, "differences": {}, "seconds": 0.0},
            "timing": {"fit_s": 0.0, "represent_s": 1.0, "calibrate_s": 0.0, "match_s": 1.0, "total_s": 2.0},
            "environment": {
                "python": "3.11.7",
                "platform": "Linux",
                "machine": "x86_64",
                "cpus": 2,
                "device": "cpu",
                "packages": {},
                "gpu": None,
                "peak_memory_mib": 512.0,
            },
            "files": {},
            "created": "2025-01-01T00:00:00Z",
            "reidbench": "0.1.0",
        },
        changes,
    )
    return with_id(record) if "id" not in changes else record


def as_before_digests(folder: Path) -> Path:
    """Make the run in a folder one of an earlier version, which wrote no digests of files; return the folder."""
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(data | {"files": {}}))
    return folder


def with_id(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a ``run.json`` with the id that belongs to its inputs, and without digests of files."""
    return {**record, "id": id_as_written(record), "files": {}}


def changed(record: RunRecord, **changes: Any) -> RunRecord:
    """Return a record with other fields; a field is replaced whole."""
    return RunRecord(record.path, RunData.from_json({**record.data.to_json(), **changes}))


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with changes; an object is merged, anything else is replaced."""
    return {
        **values,
        **{
            key: merged(values[key], change)
            if isinstance(change, Mapping) and isinstance(values.get(key), Mapping)
            else change
            for key, change in changes.items()
        },
    }
