"""Score against the number of gallery images of each animal: a saved run, made again with fewer of them.

Best candidates alone can't tell what an animal would have scored without some of its images, so here a run is repeated:
the same method, settings, seed, queries and policy. Representations come from the cache; a method that learns from the
gallery is trained again on what is left of it. The result lies beside the runs, in ``RUNS/curves/``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reidbench.data.images import ImageSet
from reidbench.data.splits.smaller_gallery import gallery_counts, keep_gallery_images
from reidbench.errors import ReidbenchError
from reidbench.files import explain_os_errors, write_text
from reidbench.progress import Progress
from reidbench.records.run_record import RunRecord
from reidbench.running.evaluation import evaluate
from reidbench.running.inputs import check_images, split_of

CURVE_METRICS = ("score", "baks", "baus", "balanced_rank1", "map", "auroc", "oracle_score", "regret")
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One repetition: at most ``images`` gallery images of each identity, drawn by ``draw``."""

    images: int
    draw: int
    n_gallery: int
    metrics: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ImagesPerIdentity:
    """The curve of one run; its last point is the run itself."""

    run_id: str
    method: str
    dataset: str
    points: tuple[CurvePoint, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": "images-per-identity", **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ImagesPerIdentity:
        """Read what :meth:`to_json` wrote."""
        points = tuple(CurvePoint(**point) for point in data["points"])
        return cls(data["run_id"], data["method"], data["dataset"], points)


def images_per_identity(
    record: RunRecord,
    images: ImageSet,
    *,
    counts: Sequence[int] = (),
    draws: int = 3,
    device: str = "auto",
    progress: Progress | None = None,
) -> ImagesPerIdentity:
    """Repeat a run with fewer gallery images of each identity, and write the curve beside the runs.

    Args:
        record: The run to repeat; it is the curve's last point.
        images: Its dataset, unchanged.
        counts: Most gallery images of each identity; by default 1, 2, 4 and so on below the largest number there is.
        draws: Random draws of each count.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Where bars and warnings go.

    Raises:
        ReidbenchError: The images are not those of the run, a count is below 1, or the curve can't be written.
    """
    check_images(record, images)
    split = split_of(record, images)
    largest = max(gallery_counts(split, images).values())
    wanted = sorted(set(counts)) or [2**power for power in range(largest.bit_length()) if 2**power < largest]
    points = []
    asked = [(most, draw) for most in wanted if most < largest for draw in range(draws)]
    with (progress or Progress()).stage(f"repeat {record.method}", len(asked)) as stage:
        for most, draw in asked:
            reduced = keep_gallery_images(split, images, most, seed=draw)
            again = evaluate(
                record.method,
                images,
                split=reduced,
                seed=record.seed,
                gallery=record.data.gallery,
                preset=record.data.preset,
                settings=record.data.settings.effective,
                threshold=record.data.threshold.asked,
                device=device,
                runs_dir=curves_dir(record) / "runs",
                progress=Progress(),
            )
            points.append(_point(most, draw, again))
            stage.advance()
    points.append(_point(largest, 0, record))
    curve = ImagesPerIdentity(record.id, record.method, record.dataset, tuple(points))
    path = _path(record)
    with explain_os_errors("the curve can't be written", where=str(path), remedy="make room, and make the curve again"):
        write_text(path, json.dumps(curve.to_json(), indent=1) + "\n")
    return curve


def read_images_per_identity(record: RunRecord) -> ImagesPerIdentity | None:
    """Return the curve of a run, ``None`` where none was made.

    Raises:
        ReidbenchError: The file can't be read.
    """
    path = _path(record)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        return ImagesPerIdentity.from_json(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReidbenchError(
            f"a curve can't be read: {error}", where=str(path), remedy="delete the file, or make it again"
        ) from error


def curves_dir(record: RunRecord) -> Path:
    """Return the folder of curves beside a run; its runs are not listed with the others."""
    return record.path.parent.parent.parent / "curves"


def _path(record: RunRecord) -> Path:
    return curves_dir(record) / f"{record.id}.images-per-identity.json"


def _point(most: int, draw: int, record: RunRecord) -> CurvePoint:
    metrics = {name: record.metrics.get(name) for name in CURVE_METRICS}
    return CurvePoint(most, draw, record.data.split.counts["gallery"], metrics)
