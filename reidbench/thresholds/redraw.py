"""The interval that holds for the whole procedure: calibration animals are redrawn too, and the threshold chosen again.

The other intervals take the threshold as it is. This one asks what another calibration episode of the same size
would have made of it, which is the larger part of the doubt where calibration has few animals.
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
from reidbench.thresholds.base import Policy, Thresholds

FOLDS = 500
_COPY = "\x1f"  # parts a name from the number of its copy; numpy drops a NUL at the end of a text


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
        gallery: The gallery's trials, for policies that need them; their animals are redrawn too.
        n_folds: Number of folds.
        seed: Seed of the draws.
        progress: Shows how many folds were drawn.

    Returns:
        For each policy one score for each fold, ``(n,)``. Folds in which the policy refuses or the score is undefined
        are left out, so there may be none.
    """
    scores: list[list[float]] = [[] for _ in policies]
    # A refusal draws no test animals, so what follows is drawn otherwise for the policies that refuse.
    streams = [(np.random.default_rng(seed), list(range(len(policies))))]
    with (progress or Progress()).stage("redrawing calibration animals", n_folds) as stage:
        for fold in range(n_folds):
            following = []
            for rng, asked in streams:
                drawn = redrawn(calibration, rng), None if gallery is None else _redrawn(gallery, rng)
                chosen: dict[int, Thresholds] = {}
                for place in asked:
                    with contextlib.suppress(ReidbenchError):
                        chosen[place] = policies[place].choose(*drawn)
                if refused := [place for place in asked if place not in chosen]:
                    following.append((deepcopy(rng), refused))
                if chosen:
                    predicted = [predict(test, thresholds) for thresholds in chosen.values()]
                    found = _reweighed(test, predicted, int(rng.integers(2**31)) + fold)
                    for place, score in zip(chosen, found, strict=True):
                        scores[place].append(score)
                    following.append((rng, list(chosen)))
            streams = following
            stage.advance()
    return [np.array([score for score in each if not math.isnan(score)]) for each in scores]


def _reweighed(test: Answers, predicted: list[NDArray[Any]], seed: int) -> list[float]:
    """Return the score of each set of answers, with test animals weighed anew; equal rates get equal scores."""
    rates = identity_rates(test.true, test.known, test.group, predicted)
    scores: dict[bytes, float] = {}
    found = []
    for column in range(rates.n_run):
        key = rates.rate[:, column].tobytes()
        if key not in scores:
            (one,) = draw_folds([rates.select([column])], n_folds=1, seed=seed)
            scores[key] = float(one.overall.score[0, 0])
        found.append(scores[key])
    return found


def redrawn(answers: Answers, rng: np.random.Generator) -> Answers:
    """Draw as many animals as there are, with replacement, by group and side; one drawn twice is two animals."""
    code = answers.identity_code
    rows, copies = [], []
    for name in np.unique(answers.group):
        for side in (answers.known, ~answers.known):
            members = np.unique(code[(answers.group == name) & side])
            for copy, animal in enumerate(rng.choice(members, len(members)) if len(members) else ()):
                mine = np.flatnonzero(code == animal)
                rows.append(mine)
                copies.append(np.full(len(mine), copy))
    taken = answers.take(np.concatenate(rows))
    suffix = np.char.add(_COPY, np.concatenate(copies).astype(str))
    named = np.where(taken.correct, np.char.add(taken.true.astype(str), suffix), taken.best_candidate.astype(str))
    candidates = taken.candidates.copy()
    candidates[:, 0] = named
    return Answers(
        true=np.char.add(taken.true.astype(str), suffix),
        known=taken.known,
        group=taken.group,
        candidates=candidates,
        scores=taken.scores,
        average_precision=taken.average_precision,
        gallery_identities=taken.gallery_identities,
    )


def _redrawn(gallery: GalleryTrials, rng: np.random.Generator) -> GalleryTrials:
    """Draw the gallery's animals with replacement, by group; one drawn twice is two animals."""
    rows, copies = [], []
    for name in np.unique(gallery.group):
        members = np.unique(gallery.identity[gallery.group == name])
        for copy, animal in enumerate(rng.choice(members, len(members))):
            mine = np.flatnonzero((gallery.identity == animal) & (gallery.group == name))
            rows.append(mine)
            copies.append(np.full(len(mine), copy))
    kept = np.concatenate(rows)
    suffix = np.char.add(_COPY, np.concatenate(copies).astype(str))
    identity = np.char.add(gallery.identity[kept].astype(str), suffix)
    return GalleryTrials(identity, gallery.group[kept], gallery.own_best[kept], gallery.other_best[kept])
