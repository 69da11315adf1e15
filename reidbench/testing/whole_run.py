"""The last check: a run from split to record, as ``reidbench run`` does it."""

from __future__ import annotations

from reidbench.registry.registered import Registry
from reidbench.testing.check import Topic
from reidbench.testing.describing import cache_in
from reidbench.testing.method_under_test import Subject

topic = Topic("whole run")


@topic.check(
    reason="parts that each do well may not fit together; validation calls represent in the middle of fit",
    remedy="repeat it by reidbench run --method NAME --dataset patterns:identities=12,size=64 and read the traceback",
    needs=("scores_finite", "fit_report", "cache_keeps_it"),
)
def whole_run(subject: Subject) -> str | None:
    from reidbench.running.evaluation import evaluate

    others = [o for o in subject.registry.offers if o.spec.name != subject.spec.name]
    registry = Registry((subject.offer, *others), (), subject.registry.policies)
    with cache_in(subject.folder / "run-cache"):
        record = evaluate(
            subject.spec.name,
            subject.drawn.everything,
            preset=subject.preset,
            settings=subject.given,
            device="cpu",
            runs_dir=subject.folder / "runs",
            progress=subject.progress,
            registry=registry,
        )
    score = record.metrics.get("score")
    if score is None or not 0 <= score <= 1:
        return f"the run's score is {score}"
    return None if (record.path / "predictions.csv").is_file() else "the run wrote no predictions"
