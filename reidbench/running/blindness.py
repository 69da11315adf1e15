"""Test that a method predicts from the pixels of a query alone: not from its name, not from the other queries.

A few queries are predicted again under four changes: permuted labels and file names that contain them, another order of
queries, no other queries, and other batches. The predictions of a blind method do not change. All changes are made
together first, since one repetition with equal predictions rules out all four. Otherwise each change is made alone, to
find the one that alters the predictions.

Source: metamorphic testing, Chen et al. 1998, "Metamorphic testing: a new approach for generating next test cases".
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from reidbench.files import temporary_folder
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict
from reidbench.records.blindness_stamp import Blindness
from reidbench.thresholds.base import Thresholds

if TYPE_CHECKING:
    from reidbench.data.images import ImageSet  # imports pandas, which tables of saved runs do not need

TOLERANCE: Final = 1e-5
"""Scores that differ by less, absolutely or relative to their size, are equal: other batches round differently."""
FEWEST, MOST, SHARE = 3, 32, 0.015
"""Limits of the number of queries that are predicted again, and their share of the queries of both episodes."""

MatchAgain = Callable[["ImageSet", NDArray[np.int64], int], Sequence[Answers]]
"""Extracts and matches queries again. Takes the images, the places of the queries in the episode, and how many queries
are extracted and matched at once."""
_PredictAgain = Callable[["ImageSet", NDArray[np.int64], int], "_Predictions"]


def sample_size(n_query: int, n_test: int) -> int:
    """Return how many test queries are predicted again.

    Args:
        n_query: Queries of both episodes.
        n_test: Queries of the test episode.

    Example:
        >>> sample_size(400, 200)
        6
    """
    return min(n_test, MOST, max(FEWEST, round(SHARE * n_query)))


def check_blindness(
    images: ImageSet,
    rows: NDArray[np.int64],
    answers: Answers,
    thresholds: Thresholds,
    match_again: MatchAgain,
    *,
    n_query: int,
) -> Blindness:
    """Predict some queries of an episode again, with changed images, and compare.

    Args:
        images: All images of the dataset.
        rows: Rows of the episode's queries in ``images``, ``(n_query,)``.
        answers: Candidates and scores of the queries in the run.
        thresholds: Thresholds of the run.
        match_again: Extracts and matches queries from given images.
        n_query: How many queries are predicted again.
    """
    started = time.perf_counter()
    places = np.sort(np.random.default_rng(0).choice(len(rows), min(n_query, len(rows)), replace=False))
    in_run = _Predictions.of([answers.take(places)], thresholds)

    def predict_again(changed: ImageSet, queries: NDArray[np.int64], at_once: int) -> _Predictions:
        return _Predictions.of(match_again(changed, queries, at_once), thresholds)

    with relabelled(images, rows, places) as changed:
        sample = _Sample(images, changed, places, predict_again)
        together = _compare_with(in_run, sample.all_changes)
        differences: dict[str, str] = {}
        if together.text:
            differences = _single_changes(sample, in_run) or {"together": together.text}
    return Blindness(
        status="differs" if differences else "blind",
        n_query=len(places),
        largest=together.largest,
        differences=differences,
        seconds=round(time.perf_counter() - started, 3),
    )


@contextmanager
def relabelled(images: ImageSet, rows: NDArray[np.int64], places: NDArray[np.int64]) -> Iterator[ImageSet]:
    """Yield a set in which test labels are permuted, and some queries are copies in files named after the new labels.

    Args:
        images: All images.
        rows: Rows of the episode's queries.
        places: Queries whose files are copied, places in ``rows``.
    """
    table = images.table.copy()
    label = table["identity"].to_numpy(dtype=object, copy=True)
    label[rows] = _deranged(label[rows])
    path = table["path"].to_numpy(dtype=object, copy=True)
    image_id = table["image_id"].to_numpy(dtype=object, copy=True)
    with temporary_folder("blindness") as temporary:
        code = {name: number for number, name in enumerate(dict.fromkeys(label[rows]))}
        for number, row in enumerate(rows[places]):
            source = images.image_path(int(row))
            # A label need not be a valid file name, so the folder has the number of the label.
            copy = temporary / f"animal-{code[label[row]]}" / f"photo-{number}{source.suffix}"
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, copy)
            path[row], image_id[row] = str(copy), f"photo-{number}"
        table["identity"], table["path"], table["image_id"] = label, path, image_id
        yield replace(images, table=table, checked=True)


def _deranged(labels: NDArray[Any]) -> NDArray[Any]:
    """Move the labels to other queries: sort them, and rotate by the number of the most frequent label."""
    order = np.argsort(labels.astype(str), kind="stable")
    most = int(np.unique(labels.astype(str), return_counts=True)[1].max(initial=0))
    moved = labels.copy()
    moved[order] = np.roll(labels[order], most)
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Predictions:
    """Candidates, scores and predictions of some queries, and the limit for each best score."""

    candidates: NDArray[Any]
    scores: NDArray[np.float64]
    predicted: NDArray[Any]
    limit: NDArray[np.float64]

    @classmethod
    def of(cls, blocks: Sequence[Answers], thresholds: Thresholds) -> _Predictions:
        return cls(
            np.concatenate([block.candidates for block in blocks]),
            np.concatenate([block.scores for block in blocks]),
            np.concatenate([predict(block, thresholds) for block in blocks]),
            np.concatenate([thresholds.limits(block) for block in blocks]),
        )

    def take(self, places: NDArray[np.int64]) -> _Predictions:
        return _Predictions(self.candidates[places], self.scores[places], self.predicted[places], self.limit[places])


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """The queries that are predicted again, and the ways to change them.

    Attributes:
        images: The images of the run.
        changed: The same with other labels and file names, from :func:`relabelled`.
        places: Places of the queries in the episode, rising.
        predict_again: Predicts queries from given images.
    """

    images: ImageSet
    changed: ImageSet
    places: NDArray[np.int64]
    predict_again: _PredictAgain

    def unchanged(self) -> _Predictions:
        """Predict these queries alone, all at once."""
        return self.predict_again(self.images, self.places, len(self.places))

    def all_changes(self) -> _Predictions:
        """Make all changes: the queries are few, while the run matched them among hundreds."""
        return self._in_other_order(self.changed)

    def other_labels(self) -> _Predictions:
        """Change labels and file names."""
        return self.predict_again(self.changed, self.places, len(self.places))

    def other_order(self) -> _Predictions:
        """Change the order of the queries."""
        return self._in_other_order(self.images)

    def other_batches(self) -> _Predictions:
        """Predict the queries one by one."""
        return self.predict_again(self.images, self.places, 1)

    def _in_other_order(self, images: ImageSet) -> _Predictions:
        order = np.roll(self.places[::-1], 1)  # no query keeps its place, if there are more than two
        return self.predict_again(images, order, len(order)).take(np.argsort(order))


@dataclass(frozen=True, slots=True)
class _Change:
    """How predictions changed.

    Attributes:
        text: In words; empty if they are equal.
        largest: Largest difference of a score; ``None`` if it is infinite or there was an error.
    """

    text: str
    largest: float | None = None


def _compare_with(before: _Predictions, predict_again: Callable[[], _Predictions]) -> _Change:
    """Predict again and compare; an error counts as a change, because it must not stop the run."""
    try:
        after = predict_again()
    except Exception as error:
        return _Change(f"{type(error).__name__}: {error}")
    return _compare(before, after)


def _compare(before: _Predictions, after: _Predictions) -> _Change:
    """Compare predictions; rounding is no change, and may exchange candidates with nearly equal scores."""
    same = np.isclose(before.scores, after.scores, rtol=TOLERANCE, atol=TOLERANCE)
    with np.errstate(invalid="ignore"):  # -inf pads lists with few candidates
        moved = np.where(before.scores == after.scores, 0.0, np.abs(before.scores - after.scores))
    largest = float(moved.max(initial=0.0))
    is_close = np.zeros(len(before.scores), dtype=bool)
    for predictions in (before, after):
        best = predictions.scores[:, :1]
        if predictions.scores.shape[1] > 1:
            is_close |= np.isclose(best, predictions.scores[:, 1:2], rtol=TOLERANCE, atol=TOLERANCE)[:, 0]
        is_close |= np.isclose(best[:, 0], predictions.limit, rtol=TOLERANCE, atol=TOLERANCE)
    other_prediction = (before.predicted != after.predicted) & ~is_close
    other_candidate = (before.candidates[:, 0] != after.candidates[:, 0]) & ~is_close
    differs = ~same.all(axis=1) | other_prediction | other_candidate
    if not differs.any():
        return _Change("", largest)
    count = f"{int(differs.sum())} of {len(differs)} queries"
    text = f"{count} have other results, with scores that differ by up to {largest:.2g}"
    return _Change(text, largest if np.isfinite(largest) else None)


def _single_changes(sample: _Sample, in_run: _Predictions) -> dict[str, str]:
    """Make each change alone, and return those that alter the predictions of the sample alone, by name."""
    try:
        alone = sample.unchanged()
    except Exception as error:
        return {"others": f"{type(error).__name__}: {error}"}
    repeated = _compare_with(alone, sample.unchanged).text
    if repeated:
        return {"repeat": repeated}
    texts = {
        "labels": _compare_with(alone, sample.other_labels).text,
        "order": _compare_with(alone, sample.other_order).text,
        "others": _compare(in_run, alone).text,
        "batch": _compare_with(alone, sample.other_batches).text,
    }
    return {name: text for name, text in texts.items() if text}
