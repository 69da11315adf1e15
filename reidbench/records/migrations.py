"""Read a run record of an earlier version as this version writes it: one function for each step of the schema.

Records on disk are never rewritten. A step only adds what the earlier version did not know, as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reidbench.errors import ReidbenchError

SCHEMA: Final = 2
"""Schema of the records that this version writes."""

UNTESTED: Final = {"status": "untested"}
"""Blindness of a run that nothing is known of."""


def migrate(data: Mapping[str, Any], *, where: str = "") -> dict[str, Any]:
    """Return a record as this version writes it.

    Args:
        data: Content of a ``run.json`` of any schema up to :data:`SCHEMA`; left as it is.
        where: The file, for errors.

    Raises:
        ReidbenchError: A newer version wrote the record, or it has no schema at all.

    Example:
        >>> migrate({"schema": 1, "reidbench": "0.1.0"})["blindness"]
        {'status': 'untested'}
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
    plugin = data.get("plugin") or {}
    versions = {"reidbench": data.get("reidbench")}
    if plugin:
        versions[str(plugin["name"])] = plugin.get("version")
    unknown = {"licence": "", "commit": None, "dirty": None}
    added: dict[str, Any] = {
        "parts": {},
        "part_weights": {},
        "code": {name: {"version": version, **unknown} for name, version in versions.items()},
        "blindness": dict(UNTESTED),
    }
    migrated = {**added, **data}
    if "dataset" in data:
        migrated["dataset"] = {"asked": None, "root": None, **data["dataset"]}
    if "threshold" in data:
        migrated["threshold"] = {"asked": data["threshold"].get("policy"), **data["threshold"]}
    return migrated


_STEPS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {1: _from_1}
