"""Open a saved run: its method as it was, its images, its split, and the features that the cache holds.

Every command that uses the method of a saved run opens it here. Images and split are checked by their digests
(:mod:`reidbench.running.inputs`); version, weights and parts of the method are checked against the record. Features
come from the cache, and so does what the method learned.

Scores are calibrated in one of two ways. :meth:`Reopened.extract_again` fits the curves again on the calibration
queries of the run, which gives the same curves and calibrates these queries out of fold.
:meth:`Reopened.install_curves` takes the curves of the record, which needs no image of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reidbench.calibration.calibrate import Numbering
from reidbench.calibration.calibrated import calibrated_parts
from reidbench.calibration.curves import curve_from_json
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Method
from reidbench.methods.fusion import Combination
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.records.run_data import CurvePlugin, PartData
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Offer, Registry
from reidbench.running.building import Assembled, assemble, combinations, effective_settings
from reidbench.running.calibrated_features import CalibratedFeatures, calibrate_run
from reidbench.running.environment import choose_device
from reidbench.running.extractor import Extractor
from reidbench.running.inputs import images_of_run, split_of
from reidbench.running.masks_used import check_masks
from reidbench.running.setup import Setup
from reidbench.thresholds import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Reopened:
    """A saved run with its method.

    Attributes:
        record: The record of the run.
        extractor: Extracts images as the run did.
        registry: Installed methods and policies.
    """

    record: RunRecord
    extractor: Extractor
    registry: Registry

    @property
    def setup(self) -> Setup:
        """Method, images, split and options of the run."""
        return self.extractor.setup

    @property
    def method(self) -> Method:
        """The method, prepared."""
        return self.setup.method

    @property
    def images(self) -> ImageSet:
        """All images of the dataset."""
        return self.setup.images

    @property
    def gallery(self) -> ImageSet:
        """The enrolled images of the run."""
        return self.images.take(self.setup.rows["gallery"])

    @property
    def policy(self) -> Policy:
        """The threshold policy of the run. It is looked up here, because using saved thresholds needs no policy.

        Raises:
            ReidbenchError: It is not installed.
        """
        return self.registry.policy(self.record.data.threshold.asked)

    def extract_again(self, *more: ImageSet) -> CalibratedFeatures:
        """Return the features of the run's images, and fit the score calibration again on its calibration queries.

        Args:
            more: Sets that :meth:`extract_more` will be called with. Their features are extracted before any are read,
                because a store that grows later has to be mapped a second time.

        Raises:
            ReidbenchError: A trained network is needed, and the cache does not hold it.
        """
        return calibrate_run(self.setup, self.extractor.extract_again(*more))

    def install_curves(self, groups: Collection[str]) -> Numbering | None:
        """Install the curves and constants of the record in the method.

        Args:
            groups: Groups of the images that will be queries. A group without queries in the run takes the curve of all
                groups together.

        Returns:
            Which curve calibrates which query; ``None`` if the method has no calibrated part.

        Raises:
            ReidbenchError: The recorded curves can't be read, belong to other parts, or don't cover these groups.
        """
        numbering = _install_curves(self.record, self.method, groups)
        _install_constants(self.record, self.method)
        return numbering

    def extract_more(self, images: ImageSet, numbering: Numbering | None) -> Representation:
        """Return the features of any images, with the curves of test queries.

        Args:
            images: The images.
            numbering: Which curve calibrates which query, from :meth:`extract_again` or :meth:`install_curves`.

        Raises:
            ReidbenchError: A trained network is needed, and the cache does not hold it.
        """
        representation = self.extractor.extract_more(images)
        return representation if numbering is None else representation.judged_by(numbering.mean(images.group))


def reopen(
    record: RunRecord, images: ImageSet, *, registry: Registry, device: str = "auto", progress: Progress
) -> Reopened:
    """Open a saved run.

    Args:
        record: The record of the run.
        images: The images of its dataset.
        registry: Where its method is found.
        device: Where features are extracted that the cache lacks.
        progress: Where bars and warnings go.

    Raises:
        ReidbenchError: The images, the split or the installed method are not those of the run.
    """
    data = record.data
    images = images_of_run(record, images)
    offer = registry.find(f"{data.plugin.name}:{record.method}" if data.plugin.name else record.method)
    settings = effective_settings(offer.spec, None, data.settings.effective)
    assembled = assemble(offer, settings, registry, drawn=images.source == "built-in")
    device = choose_device(device)
    assembled.prepare(device, record.seed, progress, may_substitute=not data.weights.pretrained)
    _check_same(record, offer, assembled)
    split = split_of(record, images)
    check_masks(record, assembled.feature_parts, images)
    setup = Setup(assembled, images, split, record.seed, data.gallery, device, progress, data.query, data.match_sides)
    return Reopened(record, Extractor(setup, fit_s=data.timing.get("fit_s")), registry)


def _check_same(record: RunRecord, offer: Offer, assembled: Assembled) -> None:
    """Check versions and weights of the method, its parts and curves; with others, scores are not comparable.

    Raises:
        ReidbenchError: Something differs from the record.
    """
    plugin = record.data.plugin
    changes = []
    if offer.spec.version != plugin.method_version:
        changes.append(f"it is installed as version {offer.spec.version}, the run's was {plugin.method_version}")
    then, now = record.data.weights, assembled.method.weights
    # The same file may be in another place, so the path is not compared; without a digest, the name is.
    compared = ("sha256",) if then.sha256 or now.sha256 else ("label", "pretrained")
    if any(getattr(then, name) != getattr(now, name) for name in compared):
        installed, recorded = (f"{each.label} ({each.sha256[:12] or each.source})" for each in (now, then))
        changes.append(f"its weights are {installed}, the run's were {recorded}")
    if _curve_version(plugin.calibrated_by) != _curve_version(assembled.curve_plugin):
        changes.append("its calibration curve is from another plugin or version")
    changes += _changed_parts(record.data.parts, assembled.recorded_parts)
    if changes:
        raise _changed(record, f"{record.method} has changed since the run: {'; '.join(changes)}")


def _changed_parts(then: Mapping[str, PartData], now: Mapping[str, PartData]) -> list[str]:
    changes = [f"part {path} is {'gone' if path in then else 'new'}" for path in sorted({*then} ^ {*now})]
    for path in sorted({*then} & {*now}):
        ran, built = then[path], now[path]
        if ran.method != built.method:
            changes.append(f"part {path} is {built.method}, the run's was {ran.method}")
        elif ran.plugin.method_version != built.plugin.method_version:
            changes.append(
                f"part {path} ({built.method}) is installed as version {built.plugin.method_version}, the "
                f"run's was {ran.plugin.method_version}"
            )
        elif _differs(ran.settings, built.settings) or _differs(ran.calibration, built.calibration):
            changes.append(f"part {path} ({built.method}) has other settings")
        elif _curve_version(ran.calibrated_by) != _curve_version(built.calibrated_by):
            changes.append(f"the calibration curve of part {path} is from another plugin or version")
    return changes


def _differs(recorded: Mapping[str, Any] | None, built: Mapping[str, Any] | None) -> bool:
    """Compare the values that the record holds; the default of a setting added later keeps the old behaviour."""
    now = built or {}
    return any(name not in now or now[name] != value for name, value in (recorded or {}).items())


def _curve_version(plugin: CurvePlugin | None) -> tuple[str, str] | None:
    return None if plugin is None else (plugin.name, plugin.curve_version)


def _changed(record: RunRecord, message: str) -> ReidbenchError:
    return ReidbenchError(
        message,
        where=str(record.path),
        remedy="repeat the run with the installed versions, and use that run",
    )


def _install_curves(record: RunRecord, method: Method, queried: Collection[str]) -> Numbering | None:
    """Install the recorded mean curves in every calibrated part; the curve of all groups together comes last."""
    recorded = {each.part: each for each in record.data.calibration}
    nodes = dict(calibrated_parts(method))
    if set(recorded) != set(nodes):
        raise _changed(record, "the record holds score calibrations of other parts than the method has now")
    if not recorded:
        return None
    groups = sorted({group for each in recorded.values() for group in each.curves})
    without_curve = sorted(set(queried) - set(groups))
    if without_curve and any(each.pooled is None for each in recorded.values()):
        raise ReidbenchError(
            f"the run had no query of group '{without_curve[0]}', so the group has no score calibration, and the "
            "record is from a version that did not save the calibration of all groups together",
            where=str(record.path / "run.json"),
            remedy="repeat the run with --again, and use that run",
        )
    for path, node in nodes.items():
        for group in groups:
            if group not in recorded[path].curves:
                raise ReidbenchError(
                    f"the score calibration of {path or record.method} in the record lacks the curve of group "
                    f"'{group}', which other parts have",
                    where=str(record.path / "run.json"),
                    remedy="put the run's own record back, or repeat the run with --again",
                )
        curves = [*(recorded[path].curves[group] for group in groups), recorded[path].pooled]
        try:
            node.install([curve_from_json(each) for each in curves if each is not None])
        except ValueError as error:  # the curve of a plugin need not be readable from JSON
            raise ReidbenchError(
                f"the score calibration of {path or record.method} can't be read from the record: {error}",
                where=str(record.path / "run.json"),
                remedy="repeat the run with a built-in calibration: isotonic, logistic or none",
            ) from error
    return Numbering(tuple(groups), 0, np.zeros(0, np.int64))


def _install_constants(record: RunRecord, method: Method) -> None:
    """Set the recorded constants in every combination.

    Raises:
        ReidbenchError: A combination no longer offers its constants.
    """
    for path, part in combinations(method):
        constants = record.data.constants.get(path or ".")
        if constants is None or not isinstance(part, Combination):
            continue
        equal = [choice for choice in part.choices() if _plain(part.describe_choice(choice)) == constants.choice]
        if not equal:
            raise _changed(record, f"the constants of the run are no longer among those of {path or record.method}")
        part.choice = equal[0]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
