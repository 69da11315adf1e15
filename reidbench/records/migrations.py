"""Migrate run records of earlier versions to the schema of this version: one function for each step.

Records on disk are never rewritten. A step only adds fields that the earlier version did not record, as unknown.
:class:`reidbench.records.run_data.RunData` then checks the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reidbench.errors import ReidbenchError

SCHEMA: Final = 3
"""Schema of the records that this version writes."""


def migrate(data: Mapping[str, Any], *, where: str = "") -> dict[str, Any]:
    """Return a record as this version writes it.

    Args:
        data: Content of a ``run.json`` of any schema up to :data:`SCHEMA`; left as it is.
        where: The file, for errors.

    Raises:
        ReidbenchError: A newer version wrote the record, or it has no schema at all.

    Example:
        >>> migrate({"schema": 1, "reidbench": "0.1.0"})["blindness"]["status"]
        'untested'
    """
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise ReidbenchError(
            f"a run record has a whole number as its schema, not {schema!r}",
            where=where,
            remedy="delete the folder and run it again",
        )
    if schema > SCHEMA:
        raise ReidbenchError(
            f"this run record has schema {schema}, and this version reads up to {SCHEMA}",
            where=where,
            remedy="update reidbench, or name a folder without that run",
        )
    migrated = dict(data)
    for step in range(schema, SCHEMA):
        migrated = {**_STEPS[step](migrated), "schema": step + 1}
    return migrated


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Add the code that ran, the weights of each part, whether the method was blind, and how the dataset was named."""
    plugin = data.get("plugin")
    versions = {"reidbench": data.get("reidbench")}
    if isinstance(plugin, Mapping):
        versions[str(plugin.get("name"))] = plugin.get("version")
    unknown = {"licence": "", "commit": None, "dirty": None}
    added: dict[str, Any] = {
        "parts": {},
        "part_weights": {},
        "code": {name: {"version": version, **unknown} for name, version in versions.items()},
        "blindness": {"status": "untested"},
    }
    migrated = {**added, **data}
    threshold = data.get("threshold")
    policy = threshold.get("policy") if isinstance(threshold, Mapping) else None
    return _completed(migrated, {"dataset": {"asked": None, "root": None}, "threshold": {"asked": policy}})


def _from_2(data: dict[str, Any]) -> dict[str, Any]:
    """Give every field that could be absent an explicit value."""
    added: dict[str, Any] = {"decided_again_from": None, "calibration": [], "constants": {}, "files": {}}
    untested: dict[str, Any] = {"n_query": 0, "largest": None, "differences": {}, "seconds": 0.0}
    migrated = _completed(
        {**added, **data},
        {
            "plugin": {"calibrated_by": None},
            "dataset": {
                "digest_rule": 1,
                "set_aside_words": {},
                "unknown_words": [],
                "name_words": [],
                "encounter_minutes": None,
                "encounter_column": "",
                "n_encounters": None,
                "reading": {},
            },
            "split": {"encounters_shared": None},
            "weights": {"licence": ""},
            "matching": {"keypoints": False},
            "threshold": {"adjustment": None},
            "blindness": untested,
            "environment": {"gpu": None},
        },
    )
    if isinstance(parts := migrated.get("parts"), Mapping):
        migrated["parts"] = {path: _filled(part, {"calibrated_by": None}) for path, part in parts.items()}
    if isinstance(calibrations := migrated["calibration"], list):
        migrated["calibration"] = [_filled(each, {"pooled": _pooled_curve(each)}) for each in calibrations]
    return migrated


def _pooled_curve(calibration: Any) -> Any:
    """Return the curve of all groups together, which a group with too few animals of its own uses; else ``None``."""
    try:
        pooled = (group for group, scope in calibration["scope"].items() if scope.startswith("pooled"))
        return next((calibration["curves"][group] for group in pooled), None)
    except (KeyError, TypeError, AttributeError):
        return None  # the check of the record names what is wrong


def _completed(data: dict[str, Any], missing: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Fill objects of a record with values for the keys that they lack."""
    return {**data, **{name: _filled(data[name], values) for name, values in missing.items() if name in data}}


def _filled(value: Any, missing: Mapping[str, Any]) -> Any:
    """Fill one object; anything else is left for the check of the record to refuse."""
    return {**missing, **value} if isinstance(value, Mapping) else value


_STEPS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {1: _from_1, 2: _from_2}
