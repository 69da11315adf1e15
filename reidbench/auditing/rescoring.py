"""Score saved runs again without the leaked test queries of their splits. No image is read and no model is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reidbench.auditing.findings import Audit
from reidbench.metrics.summary import summarise
from reidbench.metrics.uncertainty.rates import identity_rates
from reidbench.metrics.uncertainty.shared_animals import Difference, mean_difference
from reidbench.records.image_ids import saved_images
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import read_saved_run
from reidbench.running.inputs import images_of_run, same_images, split_of


@dataclass(frozen=True, slots=True)
class WithoutLeaks:
    """The score of a run with and without its leaked test queries.

    Attributes:
        run: Id of the run.
        method: Method of the run.
        split: Digest of the split of the run.
        n_queries: Number of test queries.
        n_leaked: Number of test queries that are linked with a gallery or a calibration image.
        score: Score in the run record; ``None`` if undefined.
        clean: Score without the leaked queries, at the same thresholds; ``None`` if undefined.
        difference: ``score`` minus ``clean`` with its interval; ``None`` if either is undefined or nothing leaks.
        reason: Why ``clean`` is undefined; empty if it is defined.
    """

    run: str
    method: str
    split: str
    n_queries: int
    n_leaked: int
    score: float | None
    clean: float | None
    difference: Difference | None
    reason: str = ""


def score_without_leaks(audit: Audit, records: Sequence[RunRecord]) -> list[WithoutLeaks]:
    """Score the runs on a dataset again without their leaked test queries.

    Args:
        audit: The links between the images. Leaks are found in the split of each run, not in the split of the audit.
        records: Saved runs; runs on other datasets are skipped.
    """
    of_dataset = [record for record in records if same_images(record, audit.images) is not None]
    return [_score_run(audit, record) for record in of_dataset]


def _score_run(audit: Audit, record: RunRecord) -> WithoutLeaks:
    images = images_of_run(record, audit.images)
    split = split_of(record, images)
    leaked_rows = audit.leaked(split)
    saved_run = read_saved_run(record)
    test = saved_run.test
    saved = saved_images(record)
    if saved is None:
        image_id = test.image_id if test.images is None else test.images
        kept = ~np.isin(image_id, audit.images.image_id[leaked_rows])
    else:  # by key: the images can have other ids than in the run
        kept = ~np.isin(saved["test"][1], audit.images.image_keys[leaked_rows])
    if test.pooling is not None:  # an encounter leaks if one of its images does
        kept = ~test.pooling.any(~kept)
    clean = test.answers.take(kept)
    overall = summarise(clean, saved_run.thresholds).overall.to_json() if kept.any() else {}
    rates = [
        [identity_rates(answers.true, answers.known, answers.group, [predicted])]
        for answers, predicted in ((test.answers, test.predicted), (clean, test.predicted[kept]))
        if len(answers)
    ]
    return WithoutLeaks(
        run=record.id,
        method=record.method,
        split=record.split_digest,
        n_queries=len(kept),
        n_leaked=int((~kept).sum()),
        score=record.metrics.get("score"),
        clean=overall.get("score"),
        difference=mean_difference(*rates) if len(rates) == 2 and not kept.all() else None,
        reason=str(overall.get("reasons", {}).get("score", "")) if overall else "every test query leaks",
    )
