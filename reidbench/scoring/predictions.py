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
from reidbench.data.names import NameRules, identity_name, identity_names, is_new
from reidbench.errors import ReidbenchError
from reidbench.metrics.spec import EmptySide
from reidbench.metrics.summary import EpisodeMetrics, summarise_predictions
from reidbench.scoring.names import Note, is_empty_answer, match_answers, read_names, refuse_unnamed, warn


def score_predictions(
    predictions: str | Path | pd.DataFrame,
    truth: str | Path | pd.DataFrame,
    *,
    empty_side: EmptySide = "null",
    unknown: Sequence[str] = (),
    names: Sequence[str] = (),
    allow_unmatched: bool = False,
    note: Note = warn,
) -> EpisodeMetrics:
    """Score predictions against the truth, by group and over all groups.

    Args:
        predictions: CSV file or table with ``image_id`` and ``identity``; a note lists the other columns.
        truth: CSV file or table with ``image_id``, ``identity``, ``is_new`` (0 or 1) and optionally ``group``;
            without one, all images are one group.
        empty_side: For a group without known or without unknown queries, ``null`` leaves the group out of the mean, and
            ``zero`` counts the missing side as 0, as the organisers of AnimalCLEF do.
        unknown: Further words for an unidentified animal; as predictions they count as ``new_individual``.
        names: Words that are names of animals, such as ``None``.
        allow_unmatched: Whether it is no error if no predicted name is an identity of the truth.
        note: Receives a sentence for each change of spelling and for names that are not in the truth; by default it
            becomes a warning of Python.

    Returns:
        The metrics of the predictions. Metrics that need scores are undefined.

    Raises:
        ReidbenchError: A column or a file is missing; an image is missing, extra or repeated; ``is_new`` is not 0
            or 1; an identity is empty, is both known and new, or has two groups; no predicted name is in the truth.

    Example:
        >>> import pandas as pd
        >>> truth = pd.DataFrame({"image_id": ["1", "2"], "identity": ["ana", "bo"], "is_new": ["0", "1"]})
        >>> predictions = pd.DataFrame({"image_id": ["2", "1"], "identity": ["new_individual", "ana"]})
        >>> score_predictions(predictions, truth).overall.score
        1.0
    """
    rules = NameRules(tuple(unknown), tuple(names))
    predicted, predictions_name = _read(predictions, ("image_id", "identity"), "predictions", note)
    true, truth_name = _read(truth, ("image_id", "identity", "is_new"), "truth", note)
    for columns, what in ((_unused(predicted, true), "predictions"), (_unused(true, true), "truth")):
        if columns:
            note(f"columns of the {what} that are not used: {columns}")
    for unused in rules.unused({identity_name(cell) for cell in (*predicted["identity"], *true["identity"])}):
        note(unused)
    _check_truth(true, truth_name, rules)
    _refuse_repeats(predicted["image_id"], predictions_name)
    identities = set(true["identity"])
    is_empty = [is_empty_answer(name, identities, rules) for name in predicted["identity"]]
    empty = predicted[np.array(is_empty, dtype=bool)]  # pandas takes an empty list as a list of columns
    refuse_unnamed(
        list(empty["identity"]),
        list(empty["image_id"]),
        "prediction",
        predictions_name,
        f"give an identity, or {NEW_IDENTITY} for an animal that is not in the gallery",
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
    matched = match_answers(
        list(predicted_identity.loc[true["image_id"]]),
        identities,
        rules,
        note,
        where=predictions_name,
        allow_unmatched=allow_unmatched,
    )
    group = true["group"] if "group" in true.columns else pd.Series("all", index=true.index)
    return summarise_predictions(
        true=true["identity"].to_numpy(dtype=str),
        predicted=np.array(matched, dtype=str),
        is_known=(true["is_new"] == "0").to_numpy(dtype=bool),
        group=np.asarray(group, dtype=str),
        empty_side=empty_side,
    )


def _unused(table: pd.DataFrame, true: pd.DataFrame) -> str:
    """Return the columns of a table that no metric uses, as a list for a note; empty if there are none.

    A column that mostly holds identities of the truth is marked: it may hold each query's second prediction.
    """
    used = ("image_id", "identity", "is_new", "group") if table is true else ("image_id", "identity")
    identities = set(true["identity"])
    listed = []
    for column in table.columns:
        if column and column not in used:
            names = [name for name in identity_names(table[column]) if name]
            n_identity = sum(name in identities for name in names)
            is_second = table is not true and 2 * n_identity > len(names)
            listed.append(f"'{column}'" + " (it holds identities; only the column identity is scored)" * is_second)
    return ", ".join(listed)


def _check_truth(true: pd.DataFrame, name: str, rules: NameRules) -> None:
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
    unnamed = [is_new(identity) or rules.is_unidentified(identity) for identity in true["identity"]]
    without_identity = true["image_id"][unnamed]
    if len(without_identity):
        raise ReidbenchError(
            f"{_count(without_identity, 'image')} without a real identity: image_id {_first_five(without_identity)}",
            where=name,
            remedy="give the real identities of new animals too: BAUS averages over them; "
            "if an animal has such a name, add --name WORD",
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


def _read(source: str | Path | pd.DataFrame, columns: Sequence[str], what: str, note: Note) -> tuple[pd.DataFrame, str]:
    """Return the table as text, and its name for error messages; check that it has the columns."""
    if isinstance(source, pd.DataFrame):
        table, name = _as_cells(source), what
    else:
        read, name = read_csv(Path(source), what).unmarked(), str(source)
        table = pd.DataFrame({column: pd.Series(cells, dtype=object) for column, cells in read.columns.items()})
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ReidbenchError(
            f"no column {', '.join(missing)} in the {what}",
            where=name,
            remedy=f"the header needs {','.join(columns)}; this one has {','.join(map(str, table.columns))}",
        )
    for column in columns:
        table[column] = pd.Series(read_names(list(table[column]), column, what, note), dtype=object)
    if "group" in table.columns:
        table["group"] = pd.Series(identity_names(table["group"]), dtype=object)
    return table, name


def _as_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without blank rows and with the cells as Python values; ``True`` becomes 1."""
    blank = table.apply(lambda column: column.map(identity_name) == "").all(axis=1) if len(table) else []
    cells = table[~np.array(blank, dtype=bool)].reset_index(drop=True)
    cells.columns = pd.Index([identity_name(column) for column in cells.columns])
    repeated = cells.columns[cells.columns.duplicated()]
    if len(repeated):
        raise ReidbenchError(f"several columns are called {repeated[0]}", where="the table", remedy="keep one of them")
    for column in cells.columns:
        values = cells[column]
        cells[column] = values.astype(int if values.dtype == bool else object)
    return cells


def _count(items: Sequence[str] | pd.Series, one: str, several: str = "") -> str:
    return f"{len(items)} {one if len(items) == 1 else several or one + 's'} {'is' if len(items) == 1 else 'are'}"


def _first_five(items: Iterable[str]) -> str:
    listed = [str(item) for item in items]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
