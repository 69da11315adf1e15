"""Score a file of predictions against a truth file; no model or run is needed.

Predictions have the columns ``image_id,identity``, with an identity or ``new_individual``. The truth has the columns
``image_id,identity,is_new`` and optionally ``group``. It needs the real identities of new animals too, because BAUS
averages over them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reidbench.constants import NEW_IDENTITY
from reidbench.csv_files import read_csv
from reidbench.errors import ReidbenchError
from reidbench.metrics.spec import EmptySide
from reidbench.metrics.summary import EpisodeMetrics, summarise_predictions


def score_predictions(
    predictions: str | Path | pd.DataFrame, truth: str | Path | pd.DataFrame, *, empty_side: EmptySide = "null"
) -> EpisodeMetrics:
    """Score predictions against the truth, by group and over all groups.

    Args:
        predictions: CSV file or table with ``image_id`` and ``identity``; more columns are ignored.
        truth: CSV file or table with ``image_id``, ``identity``, ``is_new`` (0 or 1) and optionally ``group``;
            without one, all images are one group.
        empty_side: For a group without known or without unknown queries, ``null`` leaves the group out of the mean, and
            ``zero`` counts the missing side as 0, as the organisers of AnimalCLEF do.

    Returns:
        The metrics of the predictions. Metrics that need scores are undefined.

    Raises:
        ReidbenchError: A column or a file is missing; an image is missing, extra or repeated; ``is_new`` is not 0
            or 1; an identity is empty, is both known and new, or has two groups.

    Example:
        >>> import pandas as pd
        >>> truth = pd.DataFrame({"image_id": ["1", "2"], "identity": ["ana", "bo"], "is_new": ["0", "1"]})
        >>> predictions = pd.DataFrame({"image_id": ["2", "1"], "identity": ["new_individual", "ana"]})
        >>> score_predictions(predictions, truth).overall.score
        1.0
    """
    predicted, predictions_name = _read(predictions, ("image_id", "identity"), "predictions")
    true, truth_name = _read(truth, ("image_id", "identity", "is_new"), "truth")
    _check_truth(true, truth_name)
    _refuse_repeats(predicted["image_id"], predictions_name)
    empty = predicted["image_id"][predicted["identity"] == ""]
    if len(empty):
        raise ReidbenchError(
            f"{_count(empty, 'prediction')} empty: image_id {_first_five(empty)}",
            where=predictions_name,
            remedy=f"give an identity, or {NEW_IDENTITY} for an animal that is not in the gallery",
        )
    predicted_identity = predicted.set_index("image_id")["identity"]
    missing = [image_id for image_id in true["image_id"] if image_id not in predicted_identity.index]
    true_ids = set(true["image_id"])
    extra = [image_id for image_id in predicted["image_id"] if image_id not in true_ids]
    if missing or extra:
        problems = [
            f"{_count(ids, 'image_id')} {problem}: {_first_five(ids)}"
            for ids, problem in ((missing, "missing from the predictions"), (extra, "not in the truth"))
            if ids
        ]
        raise ReidbenchError(
            "; ".join(problems),
            where=predictions_name,
            remedy=f"give one prediction for each image_id of {truth_name}",
        )
    group = true["group"] if "group" in true.columns else pd.Series("all", index=true.index)
    return summarise_predictions(
        true=true["identity"].to_numpy(dtype=str),
        predicted=predicted_identity.loc[true["image_id"]].to_numpy(dtype=str),
        is_known=(true["is_new"] == "0").to_numpy(dtype=bool),
        group=np.asarray(group, dtype=str),
        empty_side=empty_side,
    )


def _check_truth(true: pd.DataFrame, name: str) -> None:
    if not len(true):
        raise ReidbenchError("the truth has no rows", where=name, remedy="give one row for each image")
    _refuse_repeats(true["image_id"], name)
    wrong = true[~true["is_new"].isin(["0", "1"])]
    if len(wrong):
        values = ", ".join(f"'{value}'" for value in dict.fromkeys(wrong["is_new"].iloc[:5]))
        raise ReidbenchError(
            f"is_new is {values} for image_id {_first_five(wrong['image_id'])}",
            where=name,
            remedy="write 1 for an animal that is not in the gallery, otherwise 0",
        )
    without_identity = true["image_id"][true["identity"].isin(["", NEW_IDENTITY])]
    if len(without_identity):
        raise ReidbenchError(
            f"{_count(without_identity, 'image')} without a real identity: image_id {_first_five(without_identity)}",
            where=name,
            remedy="give the real identities of new animals too: BAUS averages over them",
        )
    per_identity = true.groupby("identity", sort=False)
    both = [str(identity) for identity, count in per_identity["is_new"].nunique().items() if count > 1]
    if both:
        raise ReidbenchError(
            f"{_count(both, 'identity', 'identities')} both known and new: {_first_five(both)}",
            where=name,
            remedy="give all rows of an animal the same is_new: 0 if it is in the gallery, otherwise 1",
        )
    if "group" in true.columns:
        shared = [str(identity) for identity, count in per_identity["group"].nunique().items() if count > 1]
        if shared:
            raise ReidbenchError(
                f"{_count(shared, 'identity', 'identities')} in several groups: {_first_five(shared)}",
                where=name,
                remedy="an identity belongs to one group: prefix it with the group, in the truth and the predictions",
            )


def _refuse_repeats(image_ids: pd.Series, name: str) -> None:
    repeated = [image_id for image_id, count in Counter(image_ids).items() if count > 1]
    if repeated:
        raise ReidbenchError(
            f"{_count(repeated, 'image_id')} repeated: {_first_five(repeated)}",
            where=name,
            remedy="keep one row for each image_id",
        )


def _read(source: str | Path | pd.DataFrame, columns: Sequence[str], what: str) -> tuple[pd.DataFrame, str]:
    """Return the table as text, and its name for error messages; check that it has the columns."""
    if isinstance(source, pd.DataFrame):
        table, name = _as_strings(source), what
    else:
        read, name = read_csv(Path(source), what), str(source)
        stripped = {column: [cell.strip() for cell in cells] for column, cells in read.columns.items()}
        table = pd.DataFrame(stripped, dtype=str)
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ReidbenchError(
            f"no column {', '.join(missing)} in the {what}",
            where=name,
            remedy=f"the header needs {','.join(columns)}; this one has {','.join(map(str, table.columns))}",
        )
    return table, name


def _as_strings(table: pd.DataFrame) -> pd.DataFrame:
    """Return the text of a table as a CSV would hold it; ``True`` becomes ``1``."""
    text = table.reset_index(drop=True).copy()
    for column in text.columns:
        values = text[column]
        if values.dtype == bool:
            values = values.astype(int)
        text[column] = pd.Series(["" if pd.isna(value) else str(value) for value in values], dtype=object)
    return text


def _count(items: Sequence[str] | pd.Series, one: str, several: str = "") -> str:
    return f"{len(items)} {one if len(items) == 1 else several or one + 's'} {'is' if len(items) == 1 else 'are'}"


def _first_five(items: Iterable[str]) -> str:
    listed = [str(item) for item in items]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
