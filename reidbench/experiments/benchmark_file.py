"""Read a benchmark file: a TOML file that names a dataset, methods, split seeds and seeds to run.

[dataset]
name = "patterns"            # or a path; ${ZEBRA} is replaced by an environment variable
split_seeds = [0, 1, 2]
seeds = [0]

[[method]]
name = "sift"
settings = { ratio = 0.8 }
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reidbench.constants import DEFAULT_POLICY
from reidbench.data.encounters import MINUTES
from reidbench.data.sides import ANY, parse_match_sides
from reidbench.errors import ReidbenchError
from reidbench.matching.pooling import IMAGE, parse_query
from reidbench.methods.presets import PAPER, STORED
from reidbench.progress import Progress
from reidbench.records.job import Job
from reidbench.untrusted.reading import parse_toml, read_regular


class _Dataset(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    root: str | None = None
    split: str | None = None
    split_kind: str = "auto"
    split_seeds: list[int] = Field(default=[0], min_length=1)
    new_share: float | None = None
    seeds: list[int] = Field(default=[0], min_length=1)
    gallery: str = "group"
    query: str = IMAGE
    match_sides: str = ANY
    unknown: list[str] = []
    names: list[str] = []
    columns: dict[str, str] = {}
    bbox: str = ""
    folders: str = ""
    encounter_minutes: float = Field(default=MINUTES, ge=0, allow_inf_nan=False)


class _Method(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    preset: str | None = None
    settings: dict[str, Any] = {}
    threshold: str = DEFAULT_POLICY


class _Benchmark(BaseModel):
    model_config = ConfigDict(extra="forbid")
    dataset: _Dataset
    method: list[_Method] = Field(min_length=1)


def read_benchmark(path: Path, progress: Progress | None = None) -> list[Job]:
    """Return the jobs of a benchmark file, in the order of split seed, method and seed.

    Args:
        path: The TOML file.
        progress: Receives a warning for each old name in the file.

    Raises:
        ReidbenchError: The file can't be read, a key is unknown or has no effect, or an environment variable is not
            set.
    """
    try:
        benchmark = _Benchmark(**parse_toml(read_regular(path)))
    except ValidationError as error:  # before ValueError, from which it is derived
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ReidbenchError(
            f"'{key}': {first['msg'][0].lower()}{first['msg'][1:]}",
            where=str(path),
            remedy="compare it with benchmarks/patterns.toml",
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise ReidbenchError(
            f"the benchmark file can't be read: {error}",
            where=str(path),
            remedy="compare it with benchmarks/patterns.toml",
        ) from error
    if progress is not None and any(method.preset == STORED for method in benchmark.method):
        progress.warn(f"the preset '{STORED}' in {path} is now called '{PAPER}'; the old name will be removed later")
    dataset = benchmark.dataset
    others = [key for key in ("split_kind", "split_seeds", "new_share") if key in dataset.model_fields_set]
    if dataset.split and others:
        raise ReidbenchError(
            f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} no effect together with split: the file of "
            "the split names the part of each image",
            where=f"{path}, [dataset]",
            remedy="remove split to make a split, or the other keys to use the file",
        )
    name = _expand(dataset.name, path)
    return [
        Job(
            method=method.name,
            dataset=name,
            root=Path(_expand(dataset.root, path)) if dataset.root else None,
            split=Path(_expand(dataset.split, path)) if dataset.split else None,
            split_kind=dataset.split_kind,
            split_seed=split_seed,
            new_share=dataset.new_share,
            seed=seed,
            gallery=dataset.gallery,
            query=parse_query(dataset.query, f"{path}: query ="),
            match_sides=parse_match_sides(dataset.match_sides, f"{path}: match_sides ="),
            preset=method.preset,
            settings={key: _expand(v, path) if isinstance(v, str) else v for key, v in method.settings.items()},
            threshold=method.threshold,
            unknown=tuple(dataset.unknown),
            names=tuple(dataset.names),
            columns=tuple(f"{role}={header}" for role, header in dataset.columns.items()),
            bbox=dataset.bbox,
            folders=dataset.folders,
            encounter_minutes=dataset.encounter_minutes,
        )
        for split_seed in dataset.split_seeds
        for method in benchmark.method
        for seed in dataset.seeds
    ]


def _expand(text: str, path: Path) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ReidbenchError(
                f"the environment variable {match[1]} is not set",
                where=str(path),
                remedy=f"{match[1]}=/path/to/data reidbench run --benchmark {path}",
            )
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)
