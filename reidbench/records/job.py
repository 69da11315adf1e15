"""The inputs of one run as plain values; a benchmark file, a failure record and a worker process use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reidbench.constants import DEFAULT_POLICY
from reidbench.data.encounters import MINUTES
from reidbench.data.sides import ANY, MatchSides
from reidbench.data.sources.columns import parse_columns
from reidbench.matching.pooling import IMAGE
from reidbench.methods.presets import stored_preset


@dataclass(frozen=True, slots=True)
class Job:
    """The inputs of one run; the fields are the arguments of :func:`reidbench.evaluate`.

    ``preset`` has the spelling that records store, so that failures and worker processes of earlier versions know it.
    """

    method: str
    dataset: str
    root: Path | None = None
    split: Path | None = None
    split_kind: str = "auto"
    split_seed: int = 0
    new_share: float | None = None
    seed: int = 0
    gallery: str = "group"
    preset: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    threshold: str = DEFAULT_POLICY
    device: str = "auto"
    unknown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    encounter_minutes: float = MINUTES
    columns: tuple[str, ...] = ()
    bbox: str = ""
    folders: str = ""
    query: str = IMAGE
    match_sides: MatchSides = ANY

    def reading(self) -> dict[str, Any]:
        """Return what the user says about the dataset, as arguments of :func:`reidbench.load_dataset`."""
        return {
            "unknown": self.unknown,
            "names": self.names,
            "columns": parse_columns(self.columns),
            "bbox": self.bbox,
            "folders": self.folders,
        }

    def __post_init__(self) -> None:
        if self.preset is not None:
            object.__setattr__(self, "preset", stored_preset(self.preset))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """Return the job whose fields are these plain JSON values, with paths as text."""
        paths = {name: Path(data[name]) for name in ("root", "split") if data.get(name) is not None}
        words = {name: tuple(data[name]) for name in ("unknown", "names", "columns") if name in data}
        return cls(**{**data, **paths, **words})
