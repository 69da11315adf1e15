"""What one run is asked, as plain values that a benchmark file, a failure record and a worker process share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reidbench.constants import DEFAULT_POLICY


@dataclass(frozen=True, slots=True)
class Job:
    """One run to be made; the fields are those of :func:`reidbench.evaluate`."""

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

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """Read what a job's fields are as plain JSON values, paths as text."""
        paths = {name: Path(data[name]) for name in ("root", "split") if data.get(name) is not None}
        return cls(**{**data, **paths})
