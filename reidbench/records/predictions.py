"""The rows of ``predictions.csv``: the prediction for each query, with its score and threshold."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict
from reidbench.records.run_record import PREDICTION_COLUMNS
from reidbench.thresholds import Thresholds


def prediction_rows(
    part: str, image_id: NDArray[Any], answers: Answers, thresholds: Thresholds
) -> list[dict[str, Any]]:
    """Return one row for each query of a part, in order, with the columns of ``predictions.csv``."""
    columns = zip(
        image_id,
        predict(answers, thresholds),
        answers.best_score.tolist(),
        thresholds.limits(answers).tolist(),
        answers.best_candidate,
        answers.group,
        strict=True,
    )
    return [dict(zip(PREDICTION_COLUMNS, (*values, part), strict=True)) for values in columns]
