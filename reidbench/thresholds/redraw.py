"""Scores for an interval that includes the choice of the threshold: calibration animals are redrawn too.

Other intervals hold the threshold fixed. With few calibration animals, the threshold is the larger part of the
uncertainty.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict
from reidbench.metrics.uncertainty.bootstrap import draw_folds
from reidbench.metrics.uncertainty.rates import identity_rates
from reidbench.progress import Progress
from reidbench.thresholds.apply import choose_thresholds
from reidbench.thresholds.base import Policy, Thresholds

FOLDS = 500
"""Number of random draws."""
_COPY = "\x1f"  # separates a name and the number of its copy; numpy would drop a NUL at the end of a text


def redrawn_scores(
    policies: Sequence[Policy],
    calibration: Answers,
    test: Answers,
    gallery: GalleryTrials | None = None,
    *,
    n_folds: int = FOLDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[NDArray[np.float64]]:
    """Return the test scores of each policy when the calibration animals are redrawn.

    In each fold the calibration animals are drawn again, each policy chooses its threshold on them, and the test
    animals are reweighted. All policies share the drawn episodes, and each gets the scores that it would get alone.

    Args:
        policies: The threshold policies.
        calibration: The calibration episode.
        test: The test episode.
        gallery: The gallery trials, for policies that need them; their animals are redrawn too.
        n_folds: Number of folds.
        seed: Seed of the draws.
        progress: Shows a progress bar over folds.

    Returns:
        For each policy the score of each fold, ``(n,)``. Folds in which the policy raises an error or the score is
        undefined are left out, so the array may be empty.
    """
    scores: list[list[float]] = [[] for _ in policies]
    # A policy that raises an error draws no random numbers for the test animals. To get the scores that it would get
    # alone, it needs a separate stream of random numbers from there on.
    streams = [(np.random.default_rng(seed), list(range(len(policies))))]
    with (progress or Progress()).stage("redraw calibration animals", n_folds) as stage:
        for fold in range(n_folds):
            next_streams = []
            for rng, members in streams:
                episode = redraw_animals(calibration, rng)
                trials = None if gallery is None else _redraw_gallery(gallery, rng)
                chosen: dict[int, Thresholds] = {}
                for number in members:
                    with contextlib.suppress(ReidbenchError):
                        chosen[number] = choose_thresholds(policies[number], episode, trials)
                if failed := [number for number in members if number not in chosen]:
                    next_streams.append((deepcopy(rng), failed))
                if chosen:
                    predicted = [predict(test, thresholds) for thresholds in chosen.values()]
                    fold_scores = _reweighted_scores(test, predicted, int(rng.integers(2**31)) + fold)
                    for number, score in zip(chosen, fold_scores, strict=True):
                        scores[number].append(score)
                    next_streams.append((rng, list(chosen)))
            streams = next_streams
            stage.advance()
    return [np.array([score for score in of_policy if not math.isnan(score)]) for of_policy in scores]


def _reweighted_scores(test: Answers, predicted: list[NDArray[Any]], seed: int) -> list[float]:
    """Return the score of each set of predictions with random weights of the test animals.

    Sets with equal rates get equal scores.
    """
    rates = identity_rates(test.true, test.known, test.group, predicted)
    score_of_rates: dict[bytes, float] = {}
    scores = []
    for column in range(rates.n_run):
        key = rates.rate[:, column].tobytes()
        if key not in score_of_rates:
            (fold,) = draw_folds([rates.select([column])], n_folds=1, seed=seed)
            score_of_rates[key] = float(fold.overall.score[0, 0])
        scores.append(score_of_rates[key])
    return scores


def redraw_animals(answers: Answers, rng: np.random.Generator) -> Answers:
    """Draw the same number of animals with replacement, by group and side.

    An animal that is drawn twice becomes two animals with different names.
    """
    code = answers.identity_code
    rows, copies = [], []
    for name in np.unique(answers.group):
        for side in (answers.known, ~answers.known):
            members = np.unique(code[(answers.group == name) & side])
            for copy, animal in enumerate(rng.choice(members, len(members)) if len(members) else ()):
                of_animal = np.flatnonzero(code == animal)
                rows.append(of_animal)
                copies.append(np.full(len(of_animal), copy))
    sample = answers.take(np.concatenate(rows))
    suffix = np.char.add(_COPY, np.concatenate(copies).astype(str))
    true = np.char.add(sample.true.astype(str), suffix)
    candidates = sample.candidates.copy()
    candidates[:, 0] = np.where(sample.correct, true, sample.best_candidate.astype(str))
    return Answers(
        true=true,
        known=sample.known,
        group=sample.group,
        candidates=candidates,
        scores=sample.scores,
        average_precision=sample.average_precision,
        gallery_identities=sample.gallery_identities,
    )


def _redraw_gallery(gallery: GalleryTrials, rng: np.random.Generator) -> GalleryTrials:
    """Draw the same number of gallery animals with replacement, by group; see :func:`redraw_animals`."""
    rows, copies = [], []
    for name in np.unique(gallery.group):
        members = np.unique(gallery.identity[gallery.group == name])
        for copy, animal in enumerate(rng.choice(members, len(members))):
            of_animal = np.flatnonzero((gallery.identity == animal) & (gallery.group == name))
            rows.append(of_animal)
            copies.append(np.full(len(of_animal), copy))
    sample = np.concatenate(rows)
    suffix = np.char.add(_COPY, np.concatenate(copies).astype(str))
    identity = np.char.add(gallery.identity[sample].astype(str), suffix)
    return GalleryTrials(identity, gallery.group[sample], gallery.own_best[sample], gallery.other_best[sample])
