"""Everything that decides the id of a run: the inputs, and nothing of the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import override

from reidbench.data.encounters import MINUTES
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
            threshold=data.threshold.asked,
        )

    @property
    def id(self) -> str:
        """Id of the run: the first 16 digits of the SHA-256 of the inputs."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    @override
    def to_json(self) -> dict[str, Any]:
        values = super().to_json()
        if values["encounter_minutes"] in (None, MINUTES):
            del values["encounter_minutes"]  # earlier versions left it out, and ids have to stay
        for plugin in (values["plugin"], *values["parts"].values()):
            if plugin["calibrated_by"] is None:
                del plugin["calibrated_by"]  # version 0.1.0 left it out, and ids have to stay
        return values
