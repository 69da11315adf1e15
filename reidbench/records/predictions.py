"""The rows of ``predictions.csv``: the prediction for each query, with its score and threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.matching.pooling import Pooling
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict
from reidbench.records.run_record import ENCOUNTER_COLUMN, PREDICTION_COLUMNS
from reidbench.thresholds import Thresholds


def prediction_rows(
    part: str, image_id: NDArray[Any], answers: Answers, thresholds: Thresholds, pooling: Pooling | None = None
) -> list[dict[str, Any]]:
    """Return one row for each image of a part, in order, with the columns of ``predictions.csv``.

    Args:
        part: Name of the part.
        image_id: Ids of its images.
        answers: Candidates and scores of its queries.
        thresholds: The thresholds of the run.
        pooling: Which images are one query; ``None`` if each image is one. The images of an encounter have the same
            prediction, and a column ``encounter``.
    """
    query = np.arange(len(answers)) if pooling is None else pooling.query
    columns = zip(
        image_id,
        predict(answers, thresholds)[query],
        answers.best_score[query].tolist(),
        thresholds.limits(answers)[query].tolist(),
        answers.best_candidate[query],
        answers.group[query],
        strict=True,
    )
    rows = [dict(zip(PREDICTION_COLUMNS, (*values, part), strict=True)) for values in columns]
    if pooling is None:
        return rows
    return [{**row, ENCOUNTER_COLUMN: encounter} for row, encounter in zip(rows, pooling.encounter, strict=True)]
