"""Repeat a run from its record and compare the numbers.

The repetition computes everything again, with an empty cache: cached numbers would prove nothing. Dataset, split,
method, settings and weights must be those of the run; otherwise the repetition is refused. Versions of plugins and
packages, machine and uncommitted code may differ. They are listed, because they can change a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from reidbench.errors import ReidbenchError
from reidbench.files import remove_file, remove_folder
from reidbench.metrics.builtin import METRIC
from reidbench.progress import Progress
from reidbench.records.question import Question
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import open_scores
from reidbench.registry.registered import load_registry
from reidbench.running.blindness import TOLERANCE
from reidbench.running.evaluation import evaluate
from reidbench.running.inputs import change_since, dataset_of, split_of
from reidbench.running.locks import held

Same = Literal["exactly", "within 1e-5", "no"]

_NOT_COMPARED: Final = ("peak_memory_mib",)
_N_LISTED: Final = 10


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs between the run and its repetition.

    Attributes:
        name: Place of the value in the record, such as ``metrics.test.overall.score``.
        before: Value of the run; ``None`` if it is missing.
        after: Value of the repetition; ``None`` if it is missing.
    """

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Repetition:
    """The result of repeating a run.

    Attributes:
        record: The record of the repetition.
        n_compared: How many metrics and thresholds were compared.
        differ: The values that are not equal.
        largest: Largest difference of a number; infinite if a value is undefined in one record only.
        same: ``exactly``, ``within 1e-5``, or ``no``; metrics that one record lacks don't count.
        environment: Differences in package versions, machine and commits.
        only_before: Metrics that the run has and the repetition lacks: this version no longer computes them.
        only_after: Metrics that the repetition has and the run lacks: they are newer than the run.
        redefined: Metrics whose definition changed between the two versions of reidbench; they are not compared.
    """

    record: RunRecord
    n_compared: int
    differ: tuple[Change, ...]
    largest: float
    same: Same
    environment: tuple[Change, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    redefined: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values, with at most ten differences."""
        return {
            "same": self.same,
            "n_compared": self.n_compared,
            "n_differ": len(self.differ),
            "largest": self.largest if math.isfinite(self.largest) else None,
            "differ": [asdict(change) for change in self.differ[:_N_LISTED]],
            "environment": [asdict(change) for change in self.environment],
            "only_before": list(self.only_before),
            "only_after": list(self.only_after),
            "redefined": list(self.redefined),
            "record": str(self.record.path),
        }


def repeat_run(
    record: RunRecord,
    *,
    dataset: str | None = None,
    root: Path | None = None,
    device: str = "auto",
    runs_dir: str | Path = "runs",
    plugins: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Repetition:
    """Repeat a run, write the new record under ``RUNS/repeats/``, and compare the two.

    Args:
        record: The run.
        dataset: The dataset's name or path, if it has moved since the run.
        root: Folder of the images, if the dataset needs one.
        device: ``auto`` takes the device of the run if this machine has it.
        runs_dir: Folder of runs; other commands don't list its subfolder ``repeats``.
        plugins: Python files with methods.
        progress: Shows progress bars and warnings.

    Raises:
        ReidbenchError: Dataset, split, method, settings or weights are missing or are not those of the run.
    """
    data = record.data
    registry = load_registry(files=plugins)
    _require_files(record, plugins)
    images = dataset_of(record, dataset, root, registry)
    if progress is not None and (change := change_since(record, images)):
        progress.warn(change)
    if data.dataset.digest_rule == 1 and progress is not None:
        progress.warn(
            "the rule of digests changed since this run: ids, order and name of the dataset counted then; the "
            "repetition uses the rule of the run, so that the numbers can be compared"
        )
    where = Path(runs_dir) / "repeats"
    store = where / f".store-{record.id}"  # kept if the process is killed, so that the same command continues
    if device == "auto" and data.environment.device == "cpu":
        device = "cpu"

    def agree(question: Question) -> None:
        for note in _check_same_question(Question.of_record(data), question, record):
            if progress is not None:
                progress.warn(note)

    def waiting() -> None:
        if progress is not None:
            progress.warn("another process repeats the same run; this one waits for it")

    lock = where / f".store-{record.id}.lock"
    with held(lock, waiting):  # two repetitions at once would share the store
        again = evaluate(
            f"{data.plugin.name}:{record.method}",
            images,
            split=split_of(record, images),
            seed=record.seed,
            gallery=data.gallery,
            query=data.query,
            match_sides=data.match_sides,
            preset=data.preset,
            settings=data.settings.effective,
            threshold=data.threshold.asked,
            device=device,
            runs_dir=where,
            again=True,
            progress=progress,
            registry=registry,
            store_dir=store,
            agree=agree,
        )
        remove_folder(store, ignore_errors=True)
        remove_file(lock, ignore_errors=True)  # a process that waits for it makes a new one
    return compare_records(record, again)


def compare_records(before: RunRecord, after: RunRecord) -> Repetition:
    """Compare all predictions and the numbers that both records of one run have.

    A metric that only one version of reidbench computes is named and not compared, and so is one whose definition
    changed between them. Any other metric must agree everywhere: a value that is undefined in one record only is a
    difference.

    Args:
        before: The run.
        after: Its repetition.
    """
    metrics_before, metrics_after = _metric_names(before), _metric_names(after)
    redefined = [name for name in metrics_before if _is_redefined(name, before, after)]
    both = set(metrics_before) & set(metrics_after)
    compared = both - set(redefined)
    numbers_before, numbers_after = _numbers(before, compared), _numbers(after, compared)
    differ, largest = [], 0.0
    for name in dict.fromkeys((*numbers_before, *numbers_after)):
        old, new = numbers_before.get(name), numbers_after.get(name)
        if _equal(old, new):
            continue
        differ.append(Change(name, old, new))
        is_number = isinstance(old, int | float) and isinstance(new, int | float)
        largest = max(largest, abs(float(old) - float(new)) if is_number else math.inf)  # type: ignore[arg-type]
    shapes = [_array_difference(before, after, part) for part in ("calibration", "test")]
    for part, difference in zip(("calibration", "test"), shapes, strict=True):
        if difference:
            differ.append(Change(f"scores of {part}", 0.0, difference))
            largest = max(largest, difference)
    same: Same = "exactly" if not differ else "within 1e-5" if largest <= TOLERANCE else "no"
    environments = [
        {**_flat(values["environment"]), **_flat(values["code"], "code.")}
        for values in (before.data.to_json(), after.data.to_json())
    ]
    changes = [
        Change(name, environments[0].get(name), environments[1].get(name))
        for name in sorted({*environments[0], *environments[1]})
        if name not in _NOT_COMPARED and environments[0].get(name) != environments[1].get(name)
    ]
    return Repetition(
        record=after,
        n_compared=len({*numbers_before, *numbers_after}),
        differ=tuple(differ),
        largest=largest,
        same=same,
        environment=tuple(changes),
        only_before=tuple(name for name in metrics_before if name not in both),
        only_after=tuple(name for name in metrics_after if name not in both),
        redefined=tuple(redefined),
    )


def _is_redefined(metric: str, before: RunRecord, after: RunRecord) -> bool:
    """Return whether the definition of a metric changed after one of two runs was made and not after the other."""
    spec = METRIC.get(metric)
    if spec is None or not spec.redefined:
        return False
    changed_in = _release(spec.redefined)
    older = [_release(run.data.code["reidbench"].version or "0") < changed_in for run in (before, after)]
    return older[0] != older[1]


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: ``(0, 2, 0)`` for ``0.2.0`` and for ``0.2.0rc1``."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _require_files(record: RunRecord, plugins: Sequence[Path]) -> None:
    """Check that the Python files with the run's methods are given.

    Raises:
        ReidbenchError: A file is missing.
    """
    names = [record.data.plugin.name, *(part.plugin.name for part in record.data.parts.values())]
    present = {path.name for path in map(Path, plugins)}
    absent = [name for name in dict.fromkeys(names) if name.endswith(".py") and name not in present]
    if absent:
        raise ReidbenchError(
            f"the run's method is from a file that was not given: {' and '.join(absent)}",
            where=str(record.path),
            remedy=" ".join(f"--plugin {name}" for name in absent) + "   # the unchanged file",
        )


def _short(value: Any) -> str:
    """Return a value of a record as text; a digest is cut to its first 12 digits."""
    text = repr(value)
    return f"{text[:13]}…'" if re.fullmatch("'[0-9a-f]{64}'", text) else text


def _check_same_question(recorded: Question, repeated: Question, record: RunRecord) -> list[str]:
    """Check that the repetition has the run's method, weights and settings.

    Another version of the plugin's distribution is allowed if the method has the version of the run: the author of a
    method raises that version when its results change.

    Returns:
        One warning for each distribution that has another version.

    Raises:
        ReidbenchError: One of them differs.
    """
    before, after = recorded.to_json(), repeated.to_json()
    file = recorded.plugin.name
    remedies = {
        "plugin": f"give --plugin the {file} of the run, unchanged"
        if file.endswith(".py")
        else "install the plugin with that version of the method",
        "weights": "put the weights file of the run back to its path",
        "parts": "install the plugins with those versions of the parts",
    }
    shared = [path for path in before["parts"] if path in after["parts"]]
    notes = _accept_distributions(
        *([values["plugin"], *(values["parts"][path]["plugin"] for path in shared)] for values in (before, after))
    )
    for name in (*remedies, *(key for key in before if key not in remedies)):
        if name == "weights" and before[name]["sha256"] and before[name]["sha256"] == after[name]["sha256"]:
            continue  # the same file; its path may differ
        old, new = _flat({name: before[name]}), _flat({name: after[name]})
        changed = next((key for key in (*old, *new) if old.get(key) != new.get(key)), None)
        if changed is not None:
            raise ReidbenchError(
                f"this would be another run: {changed} was {_short(old.get(changed))} "
                f"and is {_short(new.get(changed))}",
                where=str(record.path),
                remedy=remedies.get(name, "repeat the run with the version of reidbench that made it"),
            )
    return notes


def _accept_distributions(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[str]:
    """Give plugins of the run the installed version of their distribution, where only that version differs.

    The version of a plugin file is the digest of its content. Another content is another method.

    Returns:
        One warning for each distribution that has another version.
    """
    notes = []
    for old, new in zip(before, after, strict=True):
        if old["name"] != new["name"] or old["name"].endswith(".py") or old["version"] == new["version"]:
            continue
        if old["method_version"] == new["method_version"]:
            notes.append(
                f"the run was made with {old['name']} {old['version']}, and {new['version']} is installed; method "
                "version and settings are the same, so the run is repeated, but numbers can differ"
            )
        old["version"] = new["version"]  # so that the error about another method version names that version
    return list(dict.fromkeys(notes))


def _metric_names(record: RunRecord) -> list[str]:
    """Return the names of the metrics in a record, defined or not, in its order."""
    return [name for name, value in record.metrics.items() if not isinstance(value, Mapping)]


def _numbers(record: RunRecord, metrics: Collection[str]) -> dict[str, Any]:
    """Return the thresholds and the named metrics of a record, by their place in it; undefined values are left out."""
    selected = {
        part: {
            "overall": _select(episode.overall, metrics),
            "groups": {name: _select(values, metrics) for name, values in episode.groups.items()},
        }
        for part, episode in (("calibration", record.data.metrics.calibration), ("test", record.data.metrics.test))
    }
    flat = _flat({"metrics": selected, "threshold": record.data.threshold.to_json()})
    return {name: value for name, value in flat.items() if isinstance(value, int | float)}


def _select(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def _array_difference(before: RunRecord, after: RunRecord, part: str) -> float:
    """Return the largest difference of a score: infinite if queries or shapes differ, 0 if scores were not saved."""
    if not all((run.path / "scores.npz").exists() for run in (before, after)):
        return 0.0
    with open_scores(before) as old, open_scores(after) as new:
        scores = [file[f"{part}.scores"] for file in (old, new)]
        # Keys say which images the queries are; ids are names of rows, and older runs have ids alone.
        has_keys = all(f"{part}.image_key" in file for file in (old, new))
        compared = ("image_key" if has_keys else "image_id", "true")
        if any(not np.array_equal(old[f"{part}.{name}"], new[f"{part}.{name}"]) for name in compared):
            return math.inf
    if scores[0].shape != scores[1].shape:
        return math.inf
    with np.errstate(invalid="ignore"):  # -inf - -inf, where both have no candidate
        difference = np.where(scores[0] == scores[1], 0.0, np.abs(scores[0] - scores[1]))
    return float(difference.max(initial=0.0))


def _equal(old: Any, new: Any) -> bool:
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return True
    return bool(old == new)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their joined keys, such as ``overall.score``."""
    if isinstance(value, Mapping):
        return {name: leaf for key, inner in value.items() for name, leaf in _flat(inner, f"{prefix}{key}.").items()}
    return {prefix.removesuffix("."): value}
