"""The score with fewer gallery images of each animal: a curve for a saved run.

The saved scores do not contain the score of an animal without some of its images. The run is therefore repeated with
smaller galleries: same method, settings, seed, queries and threshold policy. Features come from the cache; a method
that learns from the gallery is trained on the smaller gallery. The curve is saved in ``RUNS/curves/``.
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
from reidbench.registry.registered import Registry
from reidbench.running.evaluation import evaluate
from reidbench.running.inputs import images_of_run, split_of
from reidbench.untrusted.reading import parse_json, read_regular

CURVE_METRICS = ("score", "baks", "baus", "balanced_rank1", "map", "auroc", "oracle_score", "regret")
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One repetition with a smaller gallery.

    Attributes:
        images: Largest number of gallery images of each identity.
        draw: Number of the random draw of these images, which is its seed.
        n_gallery: Number of gallery images.
        metrics: Metrics of the test queries, by name; ``None`` if undefined.
    """

    images: int
    draw: int
    n_gallery: int
    metrics: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ImagesPerIdentity:
    """The curve of one run.

    Attributes:
        run_id: Id of the run.
        method: Name of the method.
        dataset: Name of the dataset.
        points: The repetitions, by number of images and draw; the last point is the run itself.
    """

    run_id: str
    method: str
    dataset: str
    points: tuple[CurvePoint, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the curve as plain JSON values."""
        return {"schema": SCHEMA, "kind": "images-per-identity", **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ImagesPerIdentity:
        """Return the curve for a result of :meth:`to_json`."""
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
    registry: Registry | None = None,
) -> ImagesPerIdentity:
    """Repeat a run with fewer gallery images of each identity, and save the curve.

    Args:
        record: The run; it is the last point of the curve.
        images: The dataset of the run, unchanged.
        counts: Largest numbers of gallery images of each identity; by default 1, 2, 4 and so on, below the largest
            number in the gallery.
        draws: Number of random draws for each count.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Shows a progress bar.
        registry: Registry with the method of the run; by default that of the installed plugins.

    Raises:
        ReidbenchError: The images are not those of the run, a count is below 1, or the curve can't be written.
    """
    images = images_of_run(record, images)
    split = split_of(record, images)
    largest = max(gallery_counts(split, images).values())
    sizes = sorted(set(counts)) or [2**power for power in range(largest.bit_length()) if 2**power < largest]
    points = []
    repetitions = [(size, draw) for size in sizes if size < largest for draw in range(draws)]
    with (progress or Progress()).stage(f"repeat {record.method}", len(repetitions)) as stage:
        for size, draw in repetitions:
            reduced = keep_gallery_images(split, images, size, seed=draw)
            repetition = evaluate(
                f"{plugin}:{record.method}" if (plugin := record.data.plugin.name) else record.method,
                images,
                split=reduced,
                seed=record.seed,
                gallery=record.data.gallery,
                query=record.data.query,
                match_sides=record.data.match_sides,
                preset=record.data.preset,
                settings=record.data.settings.effective,
                threshold=record.data.threshold.asked,
                device=device,
                runs_dir=curves_dir(record) / "runs",
                progress=Progress(),
                registry=registry,
            )
            points.append(_point(size, draw, repetition))
            stage.advance()
    points.append(_point(largest, 0, record))
    curve = ImagesPerIdentity(record.id, record.method, record.dataset, tuple(points))
    path = _path(record)
    with explain_os_errors(
        "the curve can't be written", where=str(path), remedy="free disk space, and repeat the command"
    ):
        write_text(path, json.dumps(curve.to_json(), indent=1) + "\n")
    return curve


def read_images_per_identity(record: RunRecord) -> ImagesPerIdentity | None:
    """Return the saved curve of a run, or ``None`` if there is none.

    Raises:
        ReidbenchError: The file can't be read.
    """
    path = _path(record)
    try:
        data = parse_json(read_regular(path))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        return ImagesPerIdentity.from_json(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReidbenchError(
            f"a curve can't be read: {error}", where=str(path), remedy="delete the file, or make the curve again"
        ) from error


def curves_dir(record: RunRecord) -> Path:
    """Return the folder of curves, ``RUNS/curves``; runs in it are not listed with the others."""
    return record.path.parent.parent.parent / "curves"


def _path(record: RunRecord) -> Path:
    return curves_dir(record) / f"{record.id}.images-per-identity.json"


def _point(size: int, draw: int, record: RunRecord) -> CurvePoint:
    metrics = {name: record.metrics.get(name) for name in CURVE_METRICS}
    return CurvePoint(size, draw, record.data.split.counts["gallery"], metrics)
