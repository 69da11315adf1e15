"""Everything that decides the id of a run: the inputs, and nothing of the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import override

from reidbench.data.encounters import MINUTES
from reidbench.errors import ReidbenchError
from reidbench.records.json_object import JsonObject
from reidbench.records.run_data import PartData, PluginData, RunData, WeightsData


class Question(JsonObject):
    """The inputs of a run. A run and its record give equal questions, so an id can be computed from either."""

    method: str
    """Name of the method."""
    plugin: PluginData
    """Distribution that offers the method, with versions."""
    settings: Mapping[str, Any]
    """Settings in effect."""
    weights: WeightsData
    """Weights that the network starts from."""
    parts: Mapping[str, PartData]
    """The parts of a fusion, by path."""
    dataset: str
    """Digest of the images."""
    split: str
    """Digest of the split."""
    encounter_minutes: float | None = MINUTES
    """Longest time between two photographs of one encounter; null where a day is an encounter."""
    seed: int
    """Seed of the method."""
    gallery: Literal["group", "all"]
    """Gallery that a query searches."""
    query: Literal["image", "encounter:best", "encounter:mean"] = "image"
    """What one query is."""
    match_sides: Literal["any", "same"] = "any"
    """Sides that are compared."""
    masks: str = ""
    """Digest of the masks that the method uses; empty for none."""
    threshold: str
    """Threshold policy as given."""

    @classmethod
    def of_record(cls, data: RunData) -> Question:
        """Return the inputs of a recorded run."""
        return cls(
            method=data.method,
            plugin=data.plugin,
            settings=data.settings.effective,
            weights=data.weights,
            parts=data.parts,
            dataset=data.dataset.digest,
            split=data.split.digest,
            encounter_minutes=data.dataset.encounter_minutes,
            seed=data.seed,
            gallery=data.gallery,
            query=data.query,
            match_sides=data.match_sides,
            masks=data.masks,
            threshold=data.threshold.asked,
        )

    @property
    def id(self) -> str:
        """Id of the run: the first 16 digits of the SHA-256 of the inputs."""
        return _digest(self.to_json())

    @override
    def to_json(self) -> dict[str, Any]:
        values = super().to_json()
        if values["encounter_minutes"] in (None, MINUTES):
            del values["encounter_minutes"]  # earlier versions left it out, and ids have to stay
        if values["query"] == "image":
            del values["query"]  # earlier versions knew no other query, and ids have to stay
        if values["match_sides"] == "any":
            del values["match_sides"]  # as query
        if not values["masks"]:
            del values["masks"]  # as query
        for plugin in (values["plugin"], *values["parts"].values()):
            if plugin["calibrated_by"] is None:
                del plugin["calibrated_by"]  # version 0.1.0 left it out, and ids have to stay
        return values


def check_id(data: Mapping[str, Any], *, where: str = "") -> None:
    """Check that the id of a record is the digest of its inputs, before anything uses the id.

    Paths are made from ids. A record of another person could otherwise name any folder.

    Args:
        data: Content of a ``run.json`` as it was written, before its migration. :class:`RunData` accepts it.
        where: The file, for errors.

    Raises:
        ReidbenchError: The id is another one.
    """
    if data["id"] != id_as_written(data):
        raise ReidbenchError(
            f"the id {data['id']!r} of a run record does not belong to its inputs: the record was changed",
            where=where,
            remedy="put the run's own record back, or delete the folder and run it again",
        )


def id_as_written(data: Mapping[str, Any]) -> str:
    """Return the id that belongs to the inputs in a record, by the rule of the record's schema.

    Records of schema 1 can lack parts and the text of the policy as given. The rule is otherwise the same for all
    schemas: a field that an earlier version did not write is not in the digest.

    Args:
        data: Content of a ``run.json`` as it was written, before its migration. :class:`RunData` accepts it.
    """
    dataset, threshold = data["dataset"], data["threshold"]
    values = {
        "method": data["method"],
        "plugin": _without_null_curve(data["plugin"]),
        "settings": data["settings"]["effective"],
        "weights": data["weights"],
        "dataset": dataset["digest"],
        "split": data["split"]["digest"],
        "seed": data["seed"],
        "gallery": data["gallery"],
        "threshold": threshold["asked"] if "asked" in threshold else threshold["policy"],
    }
    if "parts" in data:
        values["parts"] = {path: _without_null_curve(part) for path, part in data["parts"].items()}
    if dataset.get("encounter_minutes") not in (None, MINUTES):
        values["encounter_minutes"] = dataset["encounter_minutes"]
    if data.get("query", "image") != "image":
        values["query"] = data["query"]
    if data.get("match_sides", "any") != "any":
        values["match_sides"] = data["match_sides"]
    if data.get("masks"):
        values["masks"] = data["masks"]
    return _digest(values)


def _without_null_curve(plugin: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plugin.items() if name != "calibrated_by" or value is not None}


def _digest(values: Mapping[str, Any]) -> str:
    """Return the first 16 digits of the SHA-256 of values as JSON."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
