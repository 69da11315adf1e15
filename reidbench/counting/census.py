"""Take the census of a saved run: error rates, naive and corrected numbers of animals, and the effort of review.

Error rates are never measured on the photographs that are counted. For the test photographs of the run they come from
its calibration queries, with each fold of animals predicted at thresholds that the other folds chose. For photographs
identified later they come from the test queries.
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
    TooLittleData,
    chapman,
    estimate_population,
    total,
)
from reidbench.csv_files import csv_text, read_csv
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.matching.pooling import IMAGE
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
"""Fewest labelled animals on each side, known and new, for which a group has separate error rates."""

ASSUMPTIONS = (
    "a closed population: no animal is born, dies or moves between the gallery and the photographs",
    "a correct gallery: every enrolled animal is one animal, and none is enrolled twice",
    "enrolled animals are as likely to be photographed as others",
    "errors are as frequent on these photographs as where they were measured",
)


@dataclass(frozen=True, slots=True, eq=False)
class GroupCensus:
    """The census of one group.

    Attributes:
        group: Name of the group.
        marked: Number of enrolled animals.
        photographs: Number of photographs that were counted.
        animals_answered: Number of different enrolled animals among the predictions.
        answered_new: Number of photographs that were predicted as new.
        errors: The error rates that were used.
        errors_from: The animals that the error rates were measured on.
        population: The estimate; ``None`` if the data do not allow one.
        refused: Why there is no estimate; empty if there is one.
        without_errors: The estimate that correct predictions would give; ``None`` if the truth is unknown.
        true_animals: Number of different animals in the photographs; ``None`` if the truth is unknown.
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
    """The census of a run.

    Attributes:
        record: The saved run.
        counted: The photographs that were counted, in words.
        groups: The census of each group.
        total: Estimate for all groups together; ``None`` with one group or if a group has no estimate.
        effort: Effort to review the test photographs of the run, whose true identities are known.
        notes: Notes for the reader, as sentences without full stops.
    """

    record: RunRecord
    counted: str
    groups: Sequence[GroupCensus]
    total: Estimate | None
    effort: Effort
    notes: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Return the census as plain JSON values; undefined numbers and missing upper limits are ``None``."""
        effort = self.effort
        return {
            "run": self.record.id,
            "method": self.record.method,
            "dataset": self.record.dataset,
            "counted": self.counted,
            "groups": [_group_json(group) for group in self.groups],
            "total": None if self.total is None else _estimate_json(self.total),
            "review": {
                "photographs": effort.n_photograph,
                "candidates": effort.candidates,
                "before": effort.before,
                "after": effort.after,
                "all_comparisons": effort.all_comparisons,
                "targets": [
                    {
                        "share": target.share, "comparisons": target.comparisons, "photographs": target.photographs,
                        "random": target.random,
                    }
                    for target in effort.targets
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
    """Take the census of a saved run from its stored predictions; no image or model is read.

    Args:
        run: Folder of the run, its id or the first characters of the id, or its record.
        photographs: CSV of ``identify`` to count; by default the test photographs of the run.
        targets: Shares of correct photographs to report the effort for, each in (0, 1].
        candidates: Number of candidates that a reviewer looks at, at most.
        runs_dir: Folder in which the id of a run is looked for.
        registry: Threshold policies; by default those of the installed plugins.

    Raises:
        ReidbenchError: The run or the CSV cannot be used, or a target is out of range.
    """
    if not targets or not all(0 < target <= 1 for target in targets):
        wrong = next((target for target in targets if not 0 < target <= 1), None)
        raise ReidbenchError(
            f"a target must be above 0 and at most 1; it is {wrong}",
            where=f"--target {wrong}",
            remedy="--target 0.95 --target 0.99",
        )
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    saved_run = read_saved_run(record)
    notes: list[str] = []
    certainty = learn_certainty(saved_run.calibration.answers, saved_run.calibration.limit)
    test = saved_run.test.answers
    excess = excess_of(test, saved_run.test.limit)
    _, p_right = certainty.of(test.group, excess)
    effort = review_effort(test, is_right(test, excess), p_right, targets=targets, candidates=candidates)
    truth: Answers | None = None
    if photographs is None:
        errors = _out_of_fold(saved_run, registry or load_registry(), notes)
        counted, predictions, truth = f"the run's test {saved_run.unit}", _test_predictions(saved_run), test
        notes.append(
            f"the split decides how many of the animals in these {saved_run.unit} are new. The estimate therefore "
            "shows how errors change a count, not how many animals there are. "
            "Count other photographs with --photographs"
        )
    else:
        errors = _LabelledQueries(test, excess, "test animals")
        counted, predictions = str(photographs), _read_predictions(Path(photographs), saved_run)
    groups = [
        _count_group(saved_run, name, predicted, errors, truth) for name, predicted in sorted(predictions.items())
    ]
    populations = [group.population for group in groups if group.population is not None]
    of_all_groups = total(populations) if len(populations) == len(groups) and len(groups) > 1 else None
    if record.data.gallery == "all" and len(groups) > 1:
        notes.append(
            "each photograph was compared with the gallery of all groups, so a prediction from another group counts as "
            "known"
        )
    return Census(record, counted, groups, of_all_groups, effort, notes)


@dataclass(frozen=True, slots=True, eq=False)
class _LabelledQueries:
    """Queries with known identities, on which the errors are measured.

    Attributes:
        answers: The queries with their candidates.
        excess: Best score minus threshold of each query.
        animals: The animals, in words.
        how: How the errors were measured, in words; may be empty.
    """

    answers: Answers
    excess: NDArray[np.float64]
    animals: str
    how: str = ""

    def errors_on(self, rows: NDArray[np.bool_]) -> MeasuredErrors:
        """Return the errors on the marked queries."""
        answers = self.answers
        return MeasuredErrors.of(
            answers.identity_code[rows], answers.known[rows], (self.excess >= 0)[rows], answers.correct[rows]
        )

    def of_group(self, group: str) -> tuple[MeasuredErrors, str]:
        """Return the errors of a group and the animals they were measured on; those of all groups if it is small."""
        in_group = self.answers.group == group
        errors = self.errors_on(in_group)
        fewest = min(errors.false_new.n_animal, errors.false_match.n_animal)
        if in_group.all() or fewest >= OWN_ANIMALS:
            return errors, f"{self.animals}{self.how}"
        return self.errors_on(np.ones(len(self.answers), dtype=bool)), f"{self.animals} of all groups{self.how}"


def _out_of_fold(saved_run: SavedRun, registry: Registry, notes: list[str]) -> _LabelledQueries:
    """Return the calibration queries, each fold of animals with thresholds that the other folds chose.

    The thresholds of the run were chosen on these queries, so with them the errors would be underestimated. If the
    policy cannot choose on a part of the queries, those thresholds are used and a note is added to ``notes``.
    """
    answers = saved_run.calibration.answers
    policy_name = saved_run.record.data.threshold.asked
    code = answers.identity_code
    fold = identity_folds(int(code.max(initial=0)) + 1, FOLDS, 0)[code]
    excess = np.full(len(answers), np.nan)
    try:
        policy = registry.policy(policy_name)
        for number in np.unique(fold):
            in_fold = fold == number
            thresholds = choose_thresholds(policy, answers.take(~in_fold), saved_run.gallery)
            excess[in_fold] = excess_of(answers.take(in_fold), thresholds.limits(answers.take(in_fold)))
    except ReidbenchError as error:
        notes.append(
            "the error rates are probably too low, because they were measured on the queries that the threshold was "
            f"chosen on: {policy_name} cannot choose a threshold on a part of them ({error.message})"
        )
        return _LabelledQueries(answers, excess_of(answers, saved_run.calibration.limit), "calibration animals")
    return _LabelledQueries(
        answers, excess, "calibration animals", ", each with a threshold that was chosen without its animal"
    )


def _test_predictions(saved_run: SavedRun) -> dict[str, list[str | None]]:
    """Return the predictions on the test photographs by group, ``None`` for new."""
    predictions: dict[str, list[str | None]] = {}
    for group, identity in zip(saved_run.test.answers.group, saved_run.test.predicted, strict=True):
        predictions.setdefault(str(group), []).append(None if identity == NEW_IDENTITY else str(identity))
    return predictions


def _read_predictions(path: Path, saved_run: SavedRun) -> dict[str, list[str | None]]:
    """Read a CSV of ``identify``; return the predictions by group, ``None`` for new."""
    table = read_csv(path, "predictions").unmarked()
    table.require("image_id", "identity", "group", remedy="name a CSV that identify wrote")
    options = table.column("searched_with") if "searched_with" in table.columns else []
    for index, option in enumerate(options):
        if option:
            raise ReidbenchError(
                f"the photographs were identified with {option}, so another gallery than that of the run was searched",
                where=table.where(index),
                remedy="identify the photographs with the gallery of the run, without --whole and --enrolled",
            )
    enrolled = set(saved_run.enrolled.tolist())
    unit = saved_run.record.data.query
    identified_by = table.column("by") if "by" in table.columns else [IMAGE] * len(table)
    encounter = table.column("encounter") if unit != IMAGE and "encounter" in table.columns else []
    predictions: dict[str, list[str | None]] = {}
    counted: set[str] = set()
    for index, (identity, group) in enumerate(zip(table.column("identity"), table.column("group"), strict=True)):
        if identified_by[index] != unit:
            raise ReidbenchError(
                f"the photographs were identified by {identified_by[index]}, and the errors of the run were measured "
                f"by {unit}",
                where=table.where(index),
                remedy=f"identify the photographs with --by {unit}",
            )
        if identity != NEW_IDENTITY and identity not in enrolled:
            raise ReidbenchError(
                f"'{identity}' is not enrolled in the run",
                where=table.where(index),
                remedy="identify the photographs with the gallery of the run, without --whole and --enrolled",
            )
        if encounter and encounter[index] in counted:
            continue  # one prediction for all photographs of an encounter
        counted.update(encounter[index : index + 1])
        predictions.setdefault(group, []).append(None if identity == NEW_IDENTITY else identity)
    if not predictions:
        raise ReidbenchError(
            "the table has no predictions",
            where=f"--photographs {path}",
            remedy="identify photographs with this run and name the CSV",
        )
    return predictions


def _count_group(
    saved_run: SavedRun, group: str, predicted: Sequence[str | None], queries: _LabelledQueries, truth: Answers | None
) -> GroupCensus:
    marked = int((saved_run.enrolled_group == group).sum())
    errors, errors_from = queries.of_group(group)
    population, refused = None, ""
    try:
        population = estimate_population(predicted, marked, errors)
    except TooLittleData as error:
        refused = str(error)
    without_errors, true_animals = None, None
    if truth is not None:
        in_group = truth.group == group
        without_errors = chapman(marked, int(in_group.sum()), int(truth.known[in_group].sum()))
        true_animals = len(np.unique(truth.true[in_group]))
    identities = [identity for identity in predicted if identity is not None]
    return GroupCensus(
        group=group,
        marked=marked,
        photographs=len(predicted),
        animals_answered=len(set(identities)),
        answered_new=len(predicted) - len(identities),
        errors=errors,
        errors_from=errors_from,
        population=population,
        refused=refused,
        without_errors=without_errors,
        true_animals=true_animals,
    )


def write_curve(path: Path, effort: Effort) -> None:
    """Write the progress of the review as a CSV, the least certain first: ``photographs,comparisons,share``.

    Raises:
        ReidbenchError: The file cannot be written.
    """
    columns = zip(effort.comparisons.tolist(), effort.share.tolist(), strict=True)
    rows = ((number, comparisons, f"{share:.6g}") for number, (comparisons, share) in enumerate(columns))
    write_output(path, csv_text(("photographs", "comparisons", "share"), rows), "curve", "--curve")


def _group_json(group: GroupCensus) -> dict[str, Any]:
    population = group.population
    return {
        "group": group.group,
        "enrolled_animals": group.marked,
        "photographs": group.photographs,
        "animals_answered": group.animals_answered,
        "answered_new": group.answered_new,
        "true_animals": group.true_animals,
        "naive": None if population is None else population.naive,
        "estimate": None if population is None else _estimate_json(population.corrected),
        "without_errors": group.without_errors,
        "known_share": None if population is None else population.known_share,
        "overdispersion": None if population is None else population.overdispersion,
        "refused": group.refused or None,
        "errors": {
            name: _share_json(getattr(group.errors, name)) for name in ("false_new", "misidentified", "false_match")
        },
        "errors_from": group.errors_from,
    }


def _share_json(counts: AnimalCounts) -> Mapping[str, Any]:
    interval = counts.interval()
    return {
        "share": counts.share if counts.n_animal else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "photographs": counts.n_photograph,
        "animals": counts.n_animal,
    }


def _estimate_json(estimate: Estimate) -> dict[str, float | None]:
    return {
        "value": estimate.value, "low": estimate.low, "high": estimate.high if math.isfinite(estimate.high) else None
    }  # fmt: skip
