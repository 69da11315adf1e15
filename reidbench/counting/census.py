"""From a saved run to a census: error rates, naive and corrected numbers, and the effort of mending.

Error rates are never measured on the photographs that are counted. The run's own test photographs are counted with
the errors of its calibration episode, each fold of animals answered by a threshold that the others chose; photographs
identified since are counted with the errors of the test episode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.calibration.pairs import identity_folds
from reidbench.constants import NEW_IDENTITY
from reidbench.counting.effort import CANDIDATES, TARGETS, Effort, review_effort
from reidbench.counting.population import (
    Estimate,
    MeasuredErrors,
    Population,
    TooLittle,
    chapman,
    estimate_population,
    total,
)
from reidbench.csv_files import csv_text, read_csv
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.metrics.answers import Answers
from reidbench.metrics.review_bands import excess_of, is_right, learn_certainty
from reidbench.metrics.uncertainty.shares import AnimalCounts
from reidbench.records.finding import find_run
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedRun, read_saved_run
from reidbench.registry.registered import Registry, load_registry
from reidbench.thresholds.apply import choose_thresholds

FOLDS = 5
OWN_ANIMALS = 15
"""A group has error rates of its own from this many labelled animals on each side on, as it has a curve of its own."""

ASSUMPTIONS = (
    "closed: nobody is born, dies or moves between the gallery and the photographs",
    "the gallery is right: every enrolled animal is one animal, and none is enrolled twice",
    "enrolled animals are as likely to be photographed as others",
    "errors are as common on these photographs as where they were measured",
)


@dataclass(frozen=True, slots=True, eq=False)
class GroupCensus:
    """One group: the counts, the estimate or why there is none, and the truth where it is known.

    Attributes:
        group: Its name.
        marked: Enrolled animals.
        photographs: Photographs answered.
        animals_answered: Different enrolled animals among the answers.
        answered_new: Photographs answered as new.
        errors: The error rates used.
        errors_from: Which animals they were measured on.
        population: The estimate, ``None`` where it is refused.
        refused: Why; empty where there is an estimate.
        without_errors: The estimate that right answers would give, ``None`` where nobody knows them.
        true_animals: Different animals that the photographs show, ``None`` where nobody knows.
    """

    group: str
    marked: int
    photographs: int
    animals_answered: int
    answered_new: int
    errors: MeasuredErrors
    errors_from: str
    population: Population | None
    refused: str
    without_errors: float | None
    true_animals: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Census:
    """The whole of it; ``effort`` is always that of the run's test photographs, whose truth is known."""

    record: RunRecord
    counted: str
    groups: Sequence[GroupCensus]
    total: Estimate | None
    effort: Effort
    notes: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; what is not defined or not bounded is ``null``."""
        effort = self.effort
        return {
            "run": self.record.id,
            "method": self.record.method,
            "dataset": self.record.dataset,
            "counted": self.counted,
            "groups": [_group_json(each) for each in self.groups],
            "total": None if self.total is None else _estimate_json(self.total),
            "review": {
                "photographs": effort.n_photograph,
                "candidates": effort.candidates,
                "before": effort.before,
                "after": effort.after,
                "all_comparisons": effort.all_comparisons,
                "targets": [
                    {
                        "share": each.share, "comparisons": each.comparisons, "photographs": each.photographs,
                        "random": each.random,
                    }
                    for each in effort.targets
                ],
                "curve": {"comparisons": effort.comparisons.tolist(), "share": effort.share.tolist()},
            },
            "assumptions": list(ASSUMPTIONS),
            "notes": list(self.notes),
        }  # fmt: skip


def take_census(
    run: str | Path | RunRecord,
    *,
    photographs: str | Path | None = None,
    targets: Sequence[float] = TARGETS,
    candidates: int = CANDIDATES,
    runs_dir: str | Path = "runs",
    registry: Registry | None = None,
) -> Census:
    """Take the census of a saved run; no image, no model.

    Args:
        run: A run's folder, its id or how that begins, or its record.
        photographs: Answers of ``identify`` to count; by default the run's test photographs.
        targets: Shares of photographs filed rightly whose effort is told.
        candidates: Candidates that a reviewer looks at, at most.
        runs_dir: Where an id is looked for.
        registry: Where threshold policies come from.

    Raises:
        ReidbenchError: There is no such run or table, or a target is no share.
    """
    if not targets or not all(0 < target <= 1 for target in targets):
        wrong = next((target for target in targets if not 0 < target <= 1), None)
        raise ReidbenchError(
            f"a share of photographs lies above 0 and is at most 1, not {wrong}",
            where=f"--target {wrong}",
            remedy="--target 0.95 --target 0.99",
        )
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    saved = read_saved_run(record)
    notes: list[str] = []
    certainty = learn_certainty(saved.calibration.answers, saved.calibration.limit)
    test = saved.test.answers
    excess = excess_of(test, saved.test.limit)
    _, sure = certainty.of(test.group, excess)
    effort = review_effort(test, is_right(test, excess), sure, targets=targets, candidates=candidates)
    if photographs is None:
        errors = _out_of_fold(saved, registry or load_registry(), notes)
        told, answers, truth = "the run's test photographs", _answers_of_test(saved), test
        notes.append(
            "the split chose who is new in these photographs, so the number of animals says what errors do to a count, "
            "not how many animals there are; count photographs of your own with --photographs"
        )
    else:
        errors = _Labelled(test, excess, "test animals")
        answers, truth = _read_answers(Path(photographs), saved), None
        told = str(photographs)
    groups = [
        _count_group(saved, name, rows, errors, truth) for name, rows in sorted(answers.items())
    ]  # fmt: skip
    estimated = [each.population for each in groups if each.population is not None]
    whole = total(estimated) if len(estimated) == len(groups) and len(groups) > 1 else None
    if record.data["gallery"] == "all" and len(groups) > 1:
        notes.append("every group searched the whole gallery: an answer of another group's animal counts as known")
    return Census(record, told, groups, whole, effort, notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """Photographs whose animals are known, with how they were answered."""

    answers: Answers
    excess: NDArray[np.float64]
    told: str

    def of(self, rows: NDArray[np.bool_]) -> MeasuredErrors:
        answers = self.answers
        return MeasuredErrors.of(
            answers.identity_code[rows], answers.known[rows], (self.excess >= 0)[rows], answers.correct[rows]
        )

    def of_group(self, group: str) -> tuple[MeasuredErrors, str]:
        """Return the errors of a group where it has enough animals, else those of all groups."""
        mine = self.answers.group == group
        own = self.of(mine)
        fewest = min(own.false_new.n_animal, own.false_match.n_animal)
        if mine.all() or fewest >= OWN_ANIMALS:
            return own, self.told
        return self.of(np.ones(len(self.answers), dtype=bool)), f"{self.told} of all groups"


def _out_of_fold(saved: SavedRun, registry: Registry, notes: list[str]) -> _Labelled:
    """Answer each fold of calibration animals by thresholds that the other folds chose.

    The run's own thresholds were chosen on these very photographs, so its errors there are too few.
    """
    answers = saved.calibration.answers
    asked = str(saved.record.data["threshold"].get("asked", saved.record.data["threshold"]["policy"]))
    code = answers.identity_code
    fold = identity_folds(int(code.max(initial=0)) + 1, FOLDS, 0)[code]
    excess = np.full(len(answers), np.nan)
    try:
        policy = registry.policy(asked)
        for number in np.unique(fold):
            mine = fold == number
            thresholds = choose_thresholds(policy, answers.take(~mine), saved.gallery)
            excess[mine] = excess_of(answers.take(mine), thresholds.limits(answers.take(mine)))
    except ReidbenchError as error:
        notes.append(
            f"errors were measured on the photographs that chose the threshold, so they are rather too few: {asked} "
            f"can't choose on a part of them ({error.message})"
        )
        return _Labelled(answers, excess_of(answers, saved.calibration.limit), "calibration animals")
    return _Labelled(answers, excess, "calibration animals, out of fold")


def _answers_of_test(saved: SavedRun) -> dict[str, list[str | None]]:
    answers: dict[str, list[str | None]] = {}
    for group, answer in zip(saved.test.answers.group, saved.test.predicted, strict=True):
        answers.setdefault(str(group), []).append(None if answer == NEW_IDENTITY else str(answer))
    return answers


def _read_answers(path: Path, saved: SavedRun) -> dict[str, list[str | None]]:
    table = read_csv(path, "answers")
    table.require("image_id", "identity", "group", remedy="name a table that identify wrote")
    enrolled = set(saved.enrolled.tolist())
    answers: dict[str, list[str | None]] = {}
    for index, (identity, group) in enumerate(zip(table.column("identity"), table.column("group"), strict=True)):
        if identity != NEW_IDENTITY and identity not in enrolled:
            raise ReidbenchError(
                f"'{identity}' is not enrolled in the run",
                where=table.where(index),
                remedy="count answers of this run's gallery alone, identified without --whole and --gallery",
            )
        answers.setdefault(group, []).append(None if identity == NEW_IDENTITY else identity)
    if not answers:
        raise ReidbenchError("the table holds no answer", where=f"--photographs {path}", remedy="identify photographs")
    return answers


def _count_group(
    saved: SavedRun, group: str, answered: Sequence[str | None], errors: _Labelled, truth: Answers | None
) -> GroupCensus:
    marked = int((saved.enrolled_group == group).sum())
    measured, told = errors.of_group(group)
    population, refused = None, ""
    try:
        population = estimate_population(answered, marked, measured)
    except TooLittle as error:
        refused = str(error)
    without, animals = None, None
    if truth is not None:
        mine = truth.group == group
        without = chapman(marked, int(mine.sum()), int(truth.known[mine].sum()))
        animals = len(np.unique(truth.true[mine]))
    names = [name for name in answered if name is not None]
    return GroupCensus(
        group=group,
        marked=marked,
        photographs=len(answered),
        animals_answered=len(set(names)),
        answered_new=len(answered) - len(names),
        errors=measured,
        errors_from=told,
        population=population,
        refused=refused,
        without_errors=without,
        true_animals=animals,
    )


def write_curve(path: Path, effort: Effort) -> None:
    """Write the course of the review, the least sure first: ``photographs,comparisons,share``.

    Raises:
        ReidbenchError: The file can't be written.
    """
    columns = zip(effort.comparisons.tolist(), effort.share.tolist(), strict=True)
    rows = ((number, made, f"{share:.6g}") for number, (made, share) in enumerate(columns))
    write_output(path, csv_text(("photographs", "comparisons", "share"), rows), "curve", "--curve")


def _group_json(each: GroupCensus) -> dict[str, Any]:
    found = each.population
    return {
        "group": each.group,
        "enrolled_animals": each.marked,
        "photographs": each.photographs,
        "animals_answered": each.animals_answered,
        "answered_new": each.answered_new,
        "true_animals": each.true_animals,
        "naive": None if found is None else found.naive,
        "estimate": None if found is None else _estimate_json(found.corrected),
        "without_errors": each.without_errors,
        "known_share": None if found is None else found.known_share,
        "overdispersion": None if found is None else found.overdispersion,
        "refused": each.refused or None,
        "errors": {
            name: _share_json(getattr(each.errors, name)) for name in ("false_new", "misidentified", "false_match")
        },
        "errors_from": each.errors_from,
    }


def _share_json(counts: AnimalCounts) -> Mapping[str, Any]:
    between = counts.interval()
    return {
        "share": counts.share if counts.n_animal else None,
        "low": between.low if between else None,
        "high": between.high if between else None,
        "photographs": counts.n_photograph,
        "animals": counts.n_animal,
    }


def _estimate_json(estimate: Estimate) -> dict[str, float | None]:
    return {
        "value": estimate.value, "low": estimate.low, "high": estimate.high if math.isfinite(estimate.high) else None
    }  # fmt: skip
