"""Open a saved run again: its method as it was, its images, and the stages that it went through, begun.

The one way from a record back to something that can be asked. Images and split are checked by their digests
(:mod:`reidbench.running.inputs`), version, weights and parts of the method against the record. What the run said of its
images comes from the cache, and so does what it learned. Scores are calibrated in one of two ways: anew on the run's
own calibration episode, which comes out the same and also judges that episode out of fold, or as recorded, which needs
no image of the run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reidbench.calibration.calibrate import Numbering
from reidbench.calibration.calibrated import calibrated_parts
from reidbench.calibration.curves import curve_from_json
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Features
from reidbench.methods.contract import Method
from reidbench.methods.fusion import Combination
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Offer, Registry
from reidbench.running.building import Assembled, assemble, combinations, effective_settings
from reidbench.running.environment import choose_device
from reidbench.running.inputs import check_images, split_of
from reidbench.running.stages import Stages
from reidbench.thresholds import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Reopened:
    """A run with its method.

    Attributes:
        record: The run.
        images: Its images.
        stages: Its stages, begun: nothing is described, calibrated or matched.
        registry: Where its method was found, and its policy is.
    """

    record: RunRecord
    images: ImageSet
    stages: Stages
    registry: Registry

    @property
    def method(self) -> Method:
        """The method, prepared."""
        return self.stages.assembled.method

    @property
    def policy(self) -> Policy:
        """What chose its thresholds; looked up where it is needed, since answering by them needs no policy.

        Raises:
            ReidbenchError: It is not installed.
        """
        return self.registry.policy(self.record.data["threshold"]["asked"])

    @property
    def gallery(self) -> ImageSet:
        """The enrolled images of the run."""
        return self.images.take(self.stages.rows["gallery"])

    def describe_again(self, *more: ImageSet) -> dict[str, Features]:
        """Return the run's own images as it described them, and calibrate anew on its calibration episode.

        Args:
            more: Sets that :meth:`describe_more` will be asked for. Told now, they are described before any are read: a
                store that grows later is mapped anew beside what was read.

        Returns:
            Gallery, calibration and test, each with the curves that judge it.

        Raises:
            ReidbenchError: A network that was trained is needed, and what it learned is gone.
        """
        return self.stages.describe_again(*more)

    def calibrate_as_recorded(self, asking: Collection[str]) -> None:
        """Install the curves and constants of the record, for images that are asked about by :meth:`describe_more`.

        Args:
            asking: Their groups. One that the run asked nothing about is judged by the curve of all groups together.

        Raises:
            ReidbenchError: The record's curves can't be read back, are of other parts, or don't judge these groups.
        """
        self.stages.numbering = _install_curves(self.record, self.method, asking)
        _choose_constants(self.record, self.method)

    def describe_more(self, images: ImageSet) -> Representation:
        """Describe any images with what the run learned, judged as test queries are.

        Raises:
            ReidbenchError: A network that was trained is needed, and what it learned is gone.
        """
        return self.stages.describe_more(images)


def reopen(
    record: RunRecord, images: ImageSet, *, registry: Registry, device: str = "auto", progress: Progress
) -> Reopened:
    """Open a run again.

    Args:
        record: The run.
        images: The images that it was made of.
        registry: Where its method is found.
        device: Where what the cache lacks is represented.
        progress: Where bars and warnings go.

    Raises:
        ReidbenchError: The images, the split or the installed method are not those of the run.
    """
    data = record.data
    check_images(record, images)
    plugin = data["plugin"]
    offer = registry.find(f"{plugin['name']}:{record.method}" if plugin.get("name") else record.method)
    assembled = assemble(offer, effective_settings(offer.spec, None, data["settings"]["effective"]), registry)
    device = choose_device(device)
    assembled.prepare(device, record.seed, progress)
    _check_same(record, offer, assembled)
    split = split_of(record, images)
    # A work folder is for fitting, and only a cache that knows nothing of the run has it fitted again.
    work_dir = Path(tempfile.gettempdir()) / f"reidbench-{record.id}"
    stages = Stages(assembled, images, split, record.seed, data["gallery"], device, work_dir, progress)
    stages.begin()
    fit_s = data["timing"].get("fit_s")
    if isinstance(fit_s, int | float):
        stages.describer.seconds["fit_s"] = fit_s  # what fitting it again would cost
    return Reopened(record, images, stages, registry)


def _check_same(record: RunRecord, offer: Offer, assembled: Assembled) -> None:
    """Refuse other versions of the method, its parts and curves, or other weights: scores would mean something else."""
    plugin = record.data["plugin"]
    changes = []
    if offer.spec.version != plugin["method_version"]:
        changes.append(f"it is installed as version {offer.spec.version}, the run's was {plugin['method_version']}")
    then, now = record.data["weights"], asdict(assembled.method.weights)
    # The same file may lie elsewhere; only where no digest is known does its name have to do.
    told = ("sha256",) if then["sha256"] or now["sha256"] else ("label", "pretrained")
    if any(then[name] != now[name] for name in told):
        mine, theirs = (f"{each['label']} ({each['sha256'][:12] or each['source']})" for each in (now, then))
        changes.append(f"its weights are {mine}, the run's were {theirs}")
    if _curve_version(plugin) != _curve_version(assembled.calibrated_by):
        changes.append("the curve that calibrates it is of another plugin or version")
    changes += _changed_parts(record.data.get("parts") or {}, assembled.parts)
    if changes:
        raise _other(record, f"{record.method} is no longer as it was in the run: {'; '.join(changes)}")


def _changed_parts(then: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> list[str]:
    changes = [f"part {path} is {'gone' if path in then else 'new'}" for path in sorted({*then} ^ {*now})]
    for path in sorted({*then} & {*now}):
        ran, built = then[path], now[path]
        if ran["method"] != built["method"]:
            changes.append(f"part {path} is {built['method']}, the run's was {ran['method']}")
        elif ran["plugin"]["method_version"] != built["plugin"]["method_version"]:
            changes.append(
                f"part {path} ({built['method']}) is installed as version {built['plugin']['method_version']}, the "
                f"run's was {ran['plugin']['method_version']}"
            )
        elif _told(ran, built, "settings") or _told(ran, built, "calibration"):
            changes.append(f"part {path} ({built['method']}) has other settings")
        elif _curve_version(ran) != _curve_version(built):
            changes.append(f"the curve that calibrates part {path} is of another plugin or version")
    return changes


def _told(ran: Mapping[str, Any], built: Mapping[str, Any], what: str) -> bool:
    """Tell whether anything differs that the record tells; a setting that is new since has a default that keeps it."""
    then, now = ran.get(what) or {}, built.get(what) or {}
    return any(name not in now or now[name] != value for name, value in then.items())


def _curve_version(told: Mapping[str, Any]) -> tuple[Any, Any]:
    by = told.get("calibrated_by") or {}
    return by.get("name"), by.get("curve_version")


def _other(record: RunRecord, message: str) -> ReidbenchError:
    return ReidbenchError(
        message,
        where=str(record.path),
        remedy="repeat the run with what is installed now, and go on with that run",
    )


def _install_curves(record: RunRecord, method: Method, asking: Collection[str]) -> Numbering | None:
    """Install the recorded mean curves in every calibrated part, that of all groups together last."""
    recorded = {part["part"]: part for part in record.data.get("calibration") or ()}
    nodes = dict(calibrated_parts(method))
    if set(recorded) != set(nodes):
        raise _other(record, "the record holds score calibrations of other parts than the method has now")
    if not recorded:
        return None
    groups: list[str] = sorted({group for part in recorded.values() for group in part["curves"]})
    together = {path: _pooled(part) for path, part in recorded.items()}
    strange = sorted(set(asking) - set(groups))
    if strange and None in together.values():
        raise ReidbenchError(
            f"the run asked nothing about group '{strange[0]}', each group that it did ask about has a score "
            "calibration of its own, and the record was written before that of all groups together was kept",
            where=str(record.path / "run.json"),
            remedy="repeat the run with --again, and go on with that run",
        )
    for path, node in nodes.items():
        own = [recorded[path]["curves"][group] for group in groups]
        try:
            node.install([curve_from_json(each) for each in (*own, together[path]) if each is not None])
        except ValueError as error:  # a plugin's own curve says what it looks like, not how it is made again
            raise ReidbenchError(
                f"the score calibration of {path or record.method} can't be read back from the record: {error}",
                where=str(record.path / "run.json"),
                remedy="repeat the run with a built-in calibration: isotonic, logistic or none",
            ) from error
    return Numbering(tuple(groups), 0, np.zeros(0, np.int64))


def _pooled(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the curve of all groups together; before it had its own place, a group too small for one shows it."""
    if "pooled" in part:
        return dict(part["pooled"])
    judged_by_it = (part["curves"][name] for name, scope in part["scope"].items() if scope.startswith("pooled"))
    return next(judged_by_it, None)


def _choose_constants(record: RunRecord, method: Method) -> None:
    recorded: Mapping[str, Any] = record.data.get("constants") or {}
    for path, each in combinations(method):
        told = recorded.get(path or ".")
        if told is None or not isinstance(each, Combination):
            continue
        fitting = [choice for choice in each.choices() if _plain(each.describe_choice(choice)) == told["choice"]]
        if not fitting:
            raise _other(record, f"the constants of the run are not among those of {path or record.method} now")
        each.choice = fitting[0]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
