"""The method of a saved run, ready for photographs that the run never saw.

Nothing is chosen or fitted here. Settings, calibration curves and constants are those of the record, the gallery's
representations come from the cache, and what a trained method learned from the folder that its run left there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.assembly import Assembled, assemble, combinations, effective_settings, represent
from reidbench.cache import RepresentationStore, fitted_dir
from reidbench.calibration.calibrated import Calibrated
from reidbench.calibration.curves import curve_from_json
from reidbench.calibration.episode import Numbering
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.environment import choose_device
from reidbench.episodes import Rows, answer
from reidbench.errors import ReidbenchError
from reidbench.fusion import Combination
from reidbench.identifying.new_photographs import joined
from reidbench.method import Method
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress
from reidbench.registry import Offer, Registry
from reidbench.representations import Representation
from reidbench.run_inputs import split_of
from reidbench.runs import RunRecord
from reidbench.stages import Stages


@dataclass(frozen=True, slots=True, eq=False)
class RebuiltRun:
    """A run's method with its images; :meth:`identify` asks it.

    Attributes:
        record: The run.
        images: What it stands on.
        split: Its split.
        method: Prepared, calibrated as recorded.
        groups: Groups of the gallery, sorted.
        learned: Sorted identities that the method learned from.
    """

    record: RunRecord
    images: ImageSet
    split: Split
    method: Method
    groups: tuple[str, ...]
    learned: NDArray
    _assembled: Assembled
    _stages: Stages
    _curves: RecordedCurves | None

    @property
    def gallery(self) -> ImageSet:
        """The enrolled images of the run."""
        return self.images.take(self._stages.rows["gallery"])

    def identify(self, photographs: ImageSet, gallery: ImageSet, progress: Progress) -> Identified:
        """Match photographs with a gallery.

        Args:
            photographs: Each with a placeholder identity.
            gallery: The run's own gallery, or that with more animals.
            progress: Where bars go.

        Raises:
            ReidbenchError: A trained method is needed and what it learned is not kept.
        """
        both = joined("photographs", photographs, gallery)
        n_query = len(photographs)
        whole = represent(self.method, self._describe(both, progress))
        if self._curves is not None:
            self._curves.check(self.record, photographs)
            whole = whole.judged_by(self._curves.numbering.mean(both.table["group"].to_numpy(dtype=str)))
        rows = np.arange(len(both))
        query = Rows(rows[:n_query], whole.take(rows[:n_query]))
        enrolled = Rows(rows[n_query:], whole.take(rows[n_query:]))
        mode = self.record.data["gallery"]
        episode = answer(self.method, both, query, enrolled, mode=mode, learned=self.learned, progress=progress)
        return Identified(episode.answers, self.method, query.representation, enrolled.representation, gallery)

    def _describe(self, images: ImageSet, progress: Progress) -> Any:
        contents = images.contents()
        made: dict[int, Representation] = {}
        for offer, leaf in self._assembled.leaves:
            key = self._stages.describer.store_key(offer, leaf)
            store = RepresentationStore(key)
            missing = store.missing(contents)
            if len(missing):
                if leaf.learns:
                    self._restore(offer, leaf, key, store)
                self._stages.describer.extract(offer, leaf, store, images, missing, contents)
            made[id(leaf)] = store.read(contents)
        return lambda leaf: made[id(leaf)]

    def _restore(self, offer: Offer, leaf: Method, key: str, store: RepresentationStore) -> None:
        kept = fitted_dir(key)
        seconds = self.record.data["timing"].get("fit_s")
        cost = f" (that took {seconds:.0f} s)" if isinstance(seconds, int | float) else ""
        remedy = (
            f"set REIDBENCH_CACHE to the cache that the run used; or fit it again{cost}: remove {store.folder} and "
            "repeat the run with --again, which keeps what is learned"
        )
        if not kept.is_dir():
            raise ReidbenchError(
                f"{offer.spec.name} learned from the gallery, and what it learned is not kept here: it has to be "
                "fitted again before it can look at new photographs",
                where=str(kept),
                remedy=remedy,
            )
        try:
            self._stages.describer.fit_leaf(leaf, kept, restore=True)
        except ReidbenchError as error:
            raise ReidbenchError(
                f"{offer.spec.name} has to be fitted again: {error.message}", where=error.where, remedy=remedy
            ) from error


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """What matching said of photographs, and what is needed to show which gallery image said it.

    Attributes:
        answers: Best candidates of each photograph; their truth is a placeholder.
    """

    answers: Answers
    _method: Method
    _query: Representation
    _enrolled: Representation
    _gallery: ImageSet

    def nearest(self, best: int) -> NDArray[np.int64]:
        """Return the gallery image that stands for each of the best candidates, ``(n_query, best)``; -1 for none.

        It is the one that the method finds most alike; of a method that knows animals as such, the first of the
        photograph's orientation is taken by whoever shows it, so the animal's first image is returned.
        """
        identity = self._gallery.table["identity"].to_numpy(dtype=str)
        rows_of = {name: np.flatnonzero(identity == name) for name in np.unique(identity)}
        named = self.answers.candidates[:, :best]
        chosen = np.full(named.shape, -1, dtype=np.int64)
        for place, names in enumerate(named):
            mine = [rows_of[name] if name else np.zeros(0, np.int64) for name in names]
            rows = np.concatenate(mine) if mine else np.zeros(0, np.int64)
            if not len(rows):
                continue
            alike = self._alike(place, rows)
            start = 0
            for column, own in enumerate(mine):
                if len(own):
                    chosen[place, column] = own[int(np.argmax(alike[start : start + len(own)]))]
                start += len(own)
        return chosen

    def _alike(self, place: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._method.matching == "identity":
            return np.zeros(len(rows))
        query = self._query.take(np.array([place]))
        return np.asarray(self._method.score(query, self._enrolled.take(rows)), dtype=np.float64)[0]


def rebuild(
    record: RunRecord, images: ImageSet, registry: Registry, *, device: str = "auto", progress: Progress
) -> RebuiltRun:
    """Build the method of a run again, from its record.

    Raises:
        ReidbenchError: The method is not installed as the run had it, or its weights can't be had.
    """
    offer = registry.find(f"{record.data['plugin']['name']}:{record.method}")
    settings = effective_settings(offer.spec, None, record.data["settings"]["effective"])
    assembled = assemble(offer, settings, registry)
    device = choose_device(device)
    assembled.prepare(device, record.seed, progress)
    _check_same(record, offer, assembled)
    split = split_of(record, images)
    # The work folder is for fitting, and nothing is fitted here.
    work_dir = Path(tempfile.gettempdir()) / "reidbench-not-fitted"
    stages = Stages(assembled, images, split, record.seed, record.data["gallery"], device, work_dir, progress)
    stages.begin()
    curves = _install_curves(record, assembled.method)
    _choose_constants(record, assembled.method)
    gallery = images.take(stages.rows["gallery"])
    groups = tuple(sorted(set(gallery.table["group"].tolist())))
    return RebuiltRun(
        record, images, split, assembled.method, groups, stages.learned, assembled, stages, curves
    )  # fmt: skip


def _check_same(record: RunRecord, offer: Offer, assembled: Assembled) -> None:
    """Refuse another version of the method or other weights: their scores would mean something else."""
    ran = record.data["plugin"]["method_version"]
    if offer.spec.version != ran:
        raise _other(record, f"{record.method} is installed as version {offer.spec.version}, the run's was {ran}")
    then, now = record.data["weights"], asdict(assembled.method.weights)
    told = ("sha256",) if then["sha256"] or now["sha256"] else ("label", "pretrained")
    if any(then[name] != now[name] for name in told):
        mine, theirs = (f"{each['label']} ({each['sha256'][:12] or each['source']})" for each in (now, then))
        raise _other(record, f"the weights of {record.method} are not the run's: {mine}, not {theirs}")
    for path, part in (record.data.get("parts") or {}).items():
        built = assembled.parts.get(path)
        if built is None or built["plugin"]["method_version"] != part["plugin"]["method_version"]:
            raise _other(record, f"part {path} ({part['method']}) is installed in another version than the run's")


def _other(record: RunRecord, message: str) -> ReidbenchError:
    return ReidbenchError(
        message,
        where=str(record.path),
        remedy="repeat the run with what is installed now, and identify with that run",
    )


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCurves:
    """The mean curves of a record, installed.

    Attributes:
        numbering: Which of them judges which group.
        pooled: Whether the curve of all groups together is among them.
    """

    numbering: Numbering
    pooled: bool

    def check(self, record: RunRecord, photographs: ImageSet) -> None:
        """Refuse photographs that no curve of the record can judge.

        Raises:
            ReidbenchError: The run asked nothing about their group, and the record lacks the pooled curve.
        """
        strange = sorted(set(photographs.table["group"]) - set(self.numbering.groups))
        if strange and not self.pooled:
            raise ReidbenchError(
                f"the run asked nothing about group '{strange[0]}', each group that it did ask about has a score "
                "calibration of its own, and the record was written before that of all groups together was kept",
                where=str(record.path / "run.json"),
                remedy="repeat the run with --again, then identify with that run",
            )


def _install_curves(record: RunRecord, method: Method) -> RecordedCurves | None:
    """Install the recorded mean curves in every calibrated part, that of all groups together last."""
    recorded = {part["part"]: part for part in record.data.get("calibration") or ()}
    nodes = dict(_calibrated(method, ""))
    if set(recorded) != set(nodes):
        raise _other(record, "the record holds score calibrations of other parts than the method has now")
    if not recorded:
        return None
    groups: list[str] = sorted({group for part in recorded.values() for group in part["curves"]})
    together = {path: _pooled(part) for path, part in recorded.items()}
    for path, node in nodes.items():
        try:
            own = [recorded[path]["curves"][group] for group in groups]
            node.install([curve_from_json(each) for each in (*own, together[path]) if each is not None])
        except ValueError as error:  # a plugin's own curve says what it looks like, not how it is made again
            raise ReidbenchError(
                f"the score calibration of {path or record.method} can't be read back from the record: {error}",
                where=str(record.path / "run.json"),
                remedy="repeat the run with a built-in calibration: isotonic, logistic or none",
            ) from error
    numbering = Numbering(tuple(groups), 0, np.zeros(0, np.int64))
    return RecordedCurves(numbering, all(each is not None for each in together.values()))


def _pooled(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the curve of all groups together; before it had its own place, a group too small for one shows it."""
    if "pooled" in part:
        return dict(part["pooled"])
    judged_by_it = (part["curves"][name] for name, scope in part["scope"].items() if scope.startswith("pooled"))
    return next(judged_by_it, None)


def _calibrated(method: Method, path: str) -> list[tuple[str, Calibrated]]:
    found = []
    for name, part in method.parts.items():
        found += _calibrated(part, f"{path}/{name}" if path else name)
    if isinstance(method, Calibrated):
        found += [*_calibrated(method.inner, path), (path, method)]
    return found


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
