"""Third result of a run: the queries of both parts matched with the gallery."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reidbench.data.sides import ANY
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Episode, Features, match_episode
from reidbench.matching.gallery_trials import GalleryTrials, try_gallery
from reidbench.matching.pooling import IMAGE
from reidbench.methods.contract import EmbeddingMethod
from reidbench.methods.representation import Representation
from reidbench.running.calibrated_features import CalibratedFeatures
from reidbench.running.setup import Setup
from reidbench.thresholds import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Queries matched with the gallery.

    Attributes:
        episodes: The episodes ``calibration`` and ``test``.
        gallery_trials: The gallery matched with itself; ``None`` if it was not.
        seconds: ``match_s``, and ``gallery_s`` if the gallery was matched with itself.
    """

    episodes: Mapping[str, Episode]
    gallery_trials: GalleryTrials | None
    seconds: Mapping[str, float]


def match_episodes(setup: Setup, calibrated: CalibratedFeatures, policy: Policy) -> Matched:
    """Match the queries of both episodes with the gallery, and the gallery with itself if that is valid and cheap.

    Args:
        setup: The run.
        calibrated: Features of gallery and queries.
        policy: Threshold policy, which may need the gallery matched with itself.
    """
    features = calibrated.features
    started = time.perf_counter()
    episodes = {
        part: match_episode(
            setup.method,
            setup.images,
            features[part],
            features["gallery"],
            mode=setup.gallery_mode,
            learned=setup.learned,
            progress=setup.progress,
            match_sides=setup.match_sides,
        )
        for part in ("calibration", "test")
    }
    seconds = {"match_s": _since(started)}
    trials = None
    if _can_try_gallery(setup, is_needed=policy.needs_gallery):
        started = time.perf_counter()
        trials = _try_gallery(setup, features["gallery"], calibrated.gallery_as_queries)
        seconds["gallery_s"] = _since(started)
    return Matched(episodes, trials, seconds)


def match_larger_gallery_with_itself(setup: Setup, gallery: Features) -> GalleryTrials:
    """Match a larger gallery than that of the run with itself.

    Args:
        setup: The run.
        gallery: All enrolled images, with the curves of queries if the method is calibrated.

    Raises:
        ReidbenchError: The method was fitted on enrolled images, or is a classifier.
    """
    if not _can_try_gallery(setup, is_needed=True):
        raise ReidbenchError(
            "the threshold policy of the run needs the gallery matched with itself, but the method was fitted on it",
            where="the run's threshold policy",
            remedy="reidbench rethreshold RUN --threshold max-score, then use that run",
        )
    return _try_gallery(setup, gallery, gallery.representation)


def _can_try_gallery(setup: Setup, *, is_needed: bool) -> bool:
    """Decide whether to match the gallery with itself; never with a method that was fitted on these images.

    Embeddings are compared in no time. Other methods compare images pair by pair, which takes as long as the run, so
    they do it only if a policy needs it. With encounters as queries, or only the same side compared, no method does it.
    """
    if setup.query != IMAGE or setup.match_sides != ANY:
        return False  # its trials are single images compared with all sides, whose scores are not those of the queries
    methods = [part.method for part in setup.assembled.feature_parts]
    is_fitted_on = np.isin(setup.rows["gallery"], setup.learned_from).any()
    if setup.method.matching == "identity" or (is_fitted_on and any(method.learns for method in methods)):
        return False
    return is_needed or all(isinstance(method, EmbeddingMethod) for method in methods)


def _try_gallery(setup: Setup, gallery: Features, as_queries: Representation | None) -> GalleryTrials:
    images, rows = setup.images, gallery.indices
    return try_gallery(
        gallery.representation,
        images.identity[rows],
        images.group[rows],
        images.encounter[rows],
        setup.method.score,
        as_queries=as_queries,
        within_group=setup.gallery_mode == "group",
        by_centroid=setup.method.matching == "centroid",
        renormalise=getattr(setup.method.settings, "renormalise_centroid", True),
    )


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
