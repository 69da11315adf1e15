"""What saved runs score without the test queries that their own split leaks; no image, no new inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reidbench.auditing.findings import Audit
from reidbench.data.splits import read_split
from reidbench.metrics.summary import summarise
from reidbench.metrics.uncertainty.rates import identity_rates
from reidbench.metrics.uncertainty.shared_animals import Difference, mean_difference
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import read_saved_run


@dataclass(frozen=True, slots=True)
class WithoutLeaks:
    """A run's score, and the score of the queries that its split does not leak.

    Attributes:
        run: Id of the run.
        method: Its method.
        split: Digest of its split.
        n_queries: Test queries.
        n_leaked: Those that are linked with an enrolled image or with calibration.
        score: As recorded; ``None`` where undefined.
        clean: Without the leaked queries, at the same thresholds; ``None`` where undefined.
        difference: Score minus clean; ``None`` where either is undefined or nothing leaks.
        reason: Why ``clean`` is undefined; empty where it is not.
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
    """Score the runs of a dataset again without leaked test queries.

    Args:
        audit: Links between the images; each run is held against its own split.
        records: Runs on other datasets are passed over.
    """
    digest = audit.images.digest
    return [_again(audit, record) for record in records if record.data["dataset"]["digest"] == digest]


def _again(audit: Audit, record: RunRecord) -> WithoutLeaks:
    split = read_split(record.path / "split.csv", audit.images)
    leaked = audit.images.image_id[audit.leaked(split)]
    saved = read_saved_run(record)
    test = saved.test
    kept = ~np.isin(test.image_id, leaked)
    clean = test.answers.take(kept)
    overall = summarise(clean, saved.thresholds).overall.to_json() if kept.any() else {}
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
