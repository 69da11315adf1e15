"""The last check: a run from split to record, as ``reidbench run`` does it."""

from __future__ import annotations

from reidbench.registry.registered import Registry
from reidbench.testing.check import Topic
from reidbench.testing.extracting import cache_in
from reidbench.testing.method_under_test import MethodUnderTest

topic = Topic("whole run")


@topic.check(
    reason="parts that each do well may not fit together; validation calls represent in the middle of fit",
    remedy="repeat it by reidbench run --method NAME --dataset patterns:identities=12,size=64 and read the traceback",
    needs=("scores_finite", "fit_report", "cache_keeps_it"),
)
def whole_run(tested: MethodUnderTest) -> str | None:
    from reidbench.running.evaluation import evaluate

    others = [o for o in tested.registry.offers if o.spec.name != tested.spec.name]
    registry = Registry((tested.offer, *others), (), tested.registry.policies)
    with cache_in(tested.folder / "run-cache"):
        record = evaluate(
            tested.spec.name,
            tested.drawn.everything,
            preset=tested.preset,
            settings=tested.given,
            device="cpu",
            runs_dir=tested.folder / "runs",
            progress=tested.progress,
            registry=registry,
        )
    score = record.metrics.get("score")
    if score is None or not 0 <= score <= 1:
        return f"the run's score is {score}"
    return None if (record.path / "predictions.csv").is_file() else "the run wrote no predictions"
