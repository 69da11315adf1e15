"""Prove that a method answers a query from its pixels alone: not from its name, not from the other queries.

A few queries are answered again in a changed world: their labels permuted and their files under names that spell the
permuted labels, in another order, without the other queries, in other batches. A method that sees what it should
gives the same answers. All changes are made at once, because one repetition that agrees clears all four; only where
it does not is each made alone, to say which one the answers follow.

Source: metamorphic testing, Chen et al. 1998, "Metamorphic testing: a new approach for generating next test cases".
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict
from reidbench.records.blindness_stamp import Blindness
from reidbench.thresholds.base import Thresholds

if TYPE_CHECKING:
    from reidbench.data.images import ImageSet  # pandas, which tables of saved runs do without

TOLERANCE: Final = 1e-5
"""Scores closer than this, absolutely or in proportion, are the same: another batch rounds differently."""
FEWEST, MOST, SHARE = 3, 32, 0.015
"""Queries that are answered again: a share of those of both episodes, within limits."""

AskAgain = Callable[["ImageSet", NDArray[np.int64], int], Sequence[Answers]]
"""Answers queries again: images to read, places in the episode, and how many are described and compared at once."""


def sample_size(n_query: int, n_test: int) -> int:
    """Return how many test queries are asked again.

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
    ask_again: AskAgain,
    *,
    n_query: int,
) -> Blindness:
    """Answer some queries of an episode again and compare.

    Args:
        images: All images of the dataset.
        rows: Where the episode's queries stand in them, ``(n_query,)``.
        answers: What the run said of the queries.
        thresholds: What the run accepts.
        ask_again: Describes and compares queries, from the given images.
        n_query: How many queries are matched again.
    """
    started = time.perf_counter()
    places = np.sort(np.random.default_rng(0).choice(len(rows), min(n_query, len(rows)), replace=False))
    before = _Said.of([answers.take(places)], thresholds)
    shuffled = np.roll(places[::-1], 1)  # no query keeps its place, if there are more than two
    back = np.argsort(shuffled)  # places rise, so this puts the shuffled ones where they were

    def say(world: ImageSet, asked: NDArray[np.int64], at_once: int) -> _Said:
        return _Said.of(ask_again(world, asked, at_once), thresholds)

    with relabelled(images, rows, places) as strange:
        # All at once, which is few: the run described and compared them among hundreds.
        tried = _tried(before, lambda: say(strange, shuffled, len(places)).take(back))
        found: dict[str, str] = {}
        if tried.what:
            found = _which(images, strange, places, before, say, shuffled, back) or {"together": tried.what}
    seconds = round(time.perf_counter() - started, 3)
    return Blindness(
        status="differs" if found else "blind",
        n_query=len(places),
        largest=tried.largest,
        differences=found,
        seconds=seconds,
    )


@contextmanager
def relabelled(images: ImageSet, rows: NDArray[np.int64], places: NDArray[np.int64]) -> Iterator[ImageSet]:
    """Lend a set in which test labels are permuted, and some queries lie in files that spell the new ones.

    Args:
        images: All images.
        rows: Where the episode's queries stand.
        places: Queries whose files are copied, places in ``rows``.
    """
    table = images.table.copy()
    label = table["identity"].to_numpy(dtype=object, copy=True)
    label[rows] = _deranged(label[rows])
    path = table["path"].to_numpy(dtype=object, copy=True)
    image_id = table["image_id"].to_numpy(dtype=object, copy=True)
    with tempfile.TemporaryDirectory(prefix="reidbench-") as temporary:
        code = {name: number for number, name in enumerate(dict.fromkeys(label[rows]))}
        for number, row in enumerate(rows[places]):
            source = images.image_path(int(row))
            # A label may be no file name, so its number stands for it; an equal label has an equal one.
            copy = Path(temporary) / f"animal-{code[label[row]]}" / f"photo-{number}{source.suffix}"
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, copy)
            path[row], image_id[row] = str(copy), f"photo-{number}"
        table["identity"], table["path"], table["image_id"] = label, path, image_id
        yield replace(images, table=table, checked=True)


def _deranged(labels: NDArray[Any]) -> NDArray[Any]:
    """Return the labels moved to other queries: sorted, and turned by the largest number of equal ones."""
    order = np.argsort(labels.astype(str), kind="stable")
    most = int(np.unique(labels.astype(str), return_counts=True)[1].max(initial=0))
    moved = labels.copy()
    moved[order] = np.roll(labels[order], most)
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """Candidates, scores and answers of some queries, and the limit that each best score was held against."""

    candidates: NDArray[Any]
    scores: NDArray[np.float64]
    predicted: NDArray[Any]
    limit: NDArray[np.float64]

    @classmethod
    def of(cls, blocks: Sequence[Answers], thresholds: Thresholds) -> _Said:
        return cls(
            np.concatenate([block.candidates for block in blocks]),
            np.concatenate([block.scores for block in blocks]),
            np.concatenate([predict(block, thresholds) for block in blocks]),
            np.concatenate([thresholds.limits(block) for block in blocks]),
        )

    def take(self, places: NDArray[np.int64]) -> _Said:
        return _Said(self.candidates[places], self.scores[places], self.predicted[places], self.limit[places])


@dataclass(frozen=True, slots=True)
class _Tried:
    what: str
    largest: float | None = None


def _tried(before: _Said, again: Callable[[], _Said]) -> _Tried:
    try:
        after = again()
    except Exception as error:  # a method that can't be asked otherwise keeps its run, not its stamp
        return _Tried(f"{type(error).__name__}: {error}")
    return _difference(before, after)


def _difference(before: _Said, after: _Said) -> _Tried:
    """Say in what two tellings differ, empty where only by rounding: near ties may change places."""
    same = np.isclose(before.scores, after.scores, rtol=TOLERANCE, atol=TOLERANCE)
    with np.errstate(invalid="ignore"):  # -inf pads both lists where there is no candidate
        moved = np.where(before.scores == after.scores, 0.0, np.abs(before.scores - after.scores))
    largest = float(moved.max(initial=0.0))
    unsure = np.zeros(len(before.scores), dtype=bool)
    for said in (before, after):
        best = said.scores[:, :1]
        if said.scores.shape[1] > 1:
            unsure |= np.isclose(best, said.scores[:, 1:2], rtol=TOLERANCE, atol=TOLERANCE)[:, 0]
        unsure |= np.isclose(best[:, 0], said.limit, rtol=TOLERANCE, atol=TOLERANCE)
    answered = (before.predicted != after.predicted) & ~unsure
    named = (before.candidates[:, 0] != after.candidates[:, 0]) & ~unsure
    wrong = ~same.all(axis=1) | answered | named
    if not wrong.any():
        return _Tried("", largest)
    text = f"{int(wrong.sum())} of {len(wrong)} queries are answered otherwise, a score by {largest:.2g}"
    return _Tried(text, largest if np.isfinite(largest) else None)


def _which(
    images: ImageSet,
    strange: ImageSet,
    places: NDArray[np.int64],
    before: _Said,
    say: Callable[[ImageSet, NDArray[np.int64], int], _Said],
    shuffled: NDArray[np.int64],
    back: NDArray[np.int64],
) -> dict[str, str]:
    """Make each change alone, against the sample answered as it stands."""
    size = len(places)
    try:
        alone = say(images, places, size)
    except Exception as error:
        return {"others": f"{type(error).__name__}: {error}"}
    repeated = _tried(alone, lambda: say(images, places, size)).what
    if repeated:
        return {"repeat": repeated}
    tried = {
        "labels": _tried(alone, lambda: say(strange, places, size)).what,
        "order": _tried(alone, lambda: say(images, shuffled, size).take(back)).what,
        "others": _difference(before, alone).what,
        "batch": _tried(alone, lambda: say(images, places, 1)).what,
    }
    return {name: what for name, what in tried.items() if what}
