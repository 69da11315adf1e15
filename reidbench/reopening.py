"""Open a saved run again with its method, so that images which it never saw can be compared as it would have.

The images are given anew, and their digest has to be the run's. Representations come
from the cache; what is calibrated is fitted again on the same episode with the same seed, and so comes out the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reidbench.assembly import assemble, effective_settings
from reidbench.data.images import ImageSet
from reidbench.environment import choose_device
from reidbench.episodes import Rows
from reidbench.errors import ReidbenchError
from reidbench.method import Method
from reidbench.progress import Progress
from reidbench.registry import Registry
from reidbench.run_inputs import check_images, split_of
from reidbench.runs import RunRecord
from reidbench.stages import Stages
from reidbench.thresholds import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Reopened:
    """A run with its method.

    Attributes:
        record: The run.
        images: Its images.
        stages: Its stages, described and calibrated, nothing matched.
        described: Gallery, calibration and test.
        policy: What chose its thresholds.
    """

    record: RunRecord
    images: ImageSet
    stages: Stages
    described: dict[str, Rows]
    policy: Policy

    @property
    def method(self) -> Method:
        """The method, calibrated."""
        return self.stages.assembled.method


def reopen(
    record: RunRecord,
    images: ImageSet,
    *,
    registry: Registry,
    device: str = "auto",
    progress: Progress,
    also: Sequence[ImageSet] = (),
) -> Reopened:
    """Open a run again.

    Args:
        record: The run.
        images: The images that it was made of.
        registry: Where its method is found.
        device: Where what the cache lacks is represented.
        progress: Where bars and warnings go.
        also: Sets that :meth:`Stages.describe_more` will be asked for.

    Raises:
        ReidbenchError: The images or the installed method are not those of the run.
    """
    data = record.data
    check_images(record, images)
    plugin = data["plugin"]
    offer = registry.find(f"{plugin['name']}:{record.method}" if plugin.get("name") else record.method)
    settings = effective_settings(offer.spec, None, data["settings"]["effective"])
    assembled = assemble(offer, settings, registry)
    device = choose_device(device)
    assembled.prepare(device, record.seed, progress)
    changed = [
        what
        for what, then, now in (
            ("version", plugin["method_version"], offer.spec.version),
            ("weights", data["weights"], asdict(assembled.method.weights)),
            ("parts", data.get("parts", {}), dict(assembled.parts)),
        )
        if then != now
    ]
    if changed:
        raise ReidbenchError(
            f"{record.method} is no longer as it was in the run: {' and '.join(changed)} changed",
            where=str(record.path),
            remedy="run it again, then answer with that run",
        )
    split = split_of(record, images)
    # Nothing is fitted that the cache holds, so the work folder stays empty.
    work_dir = Path(tempfile.gettempdir()) / f"reidbench-{record.id}"
    stages = Stages(assembled, images, split, record.seed, data["gallery"], device, work_dir, progress)
    stages.extract_more(*also)
    described = stages.describe()
    return Reopened(record, images, stages, described, registry.policy(data["threshold"]["asked"]))
