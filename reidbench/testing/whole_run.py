"""The last check: a complete run from the split to the record, as ``reidbench run`` makes it."""

from __future__ import annotations

from reidbench.registry.registered import Registry
from reidbench.testing.check import Topic
from reidbench.testing.extracting import cache_in
from reidbench.testing.method_under_test import MethodUnderTest

topic = Topic("whole run")


@topic.check(
    reason="stages that work alone may fail together; for example, validation calls represent during fit",
    remedy="repeat with reidbench run --method NAME --dataset patterns:identities=12,size=64 and read the traceback",
    needs=("scores_finite", "fit_report", "cache_keeps_it"),
)
def whole_run(tested: MethodUnderTest) -> str | None:
    """Run the method on the drawn animals and look at the record."""
    from reidbench.running.evaluation import evaluate

    others = [offer for offer in tested.registry.offers if offer.spec.name != tested.spec.name]
    registry = Registry((tested.offer, *others), (), tested.registry.policies)
    with cache_in(tested.folder / "run-cache"):
        record = evaluate(
            tested.spec.name,
            tested.drawn.everything,
            preset=tested.preset,
            settings=tested.overrides,
            device="cpu",
            runs_dir=tested.folder / "runs",
            progress=tested.progress,
            registry=registry,
        )
    score = record.metrics.get("score")
    if score is None or not 0 <= score <= 1:
        return f"the score of the run is {score}"
    return None if (record.path / "predictions.csv").is_file() else "the run wrote no predictions"
