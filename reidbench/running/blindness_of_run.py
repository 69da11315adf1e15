"""Test whether the method of a run is blind: match some of its test queries again with changed images.

:mod:`reidbench.running.blindness` changes the images and compares the predictions. This module extracts and matches the
queries as the run did.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import Images
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress
from reidbench.records.blindness_stamp import Blindness
from reidbench.running.blindness import check_blindness, sample_size
from reidbench.running.building import join_representations
from reidbench.running.extractor import Extractor
from reidbench.running.matched import Matched
from reidbench.running.representation_store import key_of
from reidbench.running.setup import Setup
from reidbench.thresholds import Thresholds


def blindness_of(
    extractor: Extractor, features: Mapping[str, Features], matched: Matched, thresholds: Thresholds, *, is_new: bool
) -> Blindness:
    """Test the method of a run, or read the result of an earlier test if the run extracted nothing.

    Args:
        extractor: Extracted the images of the run.
        features: Features of each part, with the numbers of their curves.
        matched: The episodes of the run.
        thresholds: The thresholds of the run.
        is_new: Whether the run extracted any images.

    Returns:
        The result; ``untested`` without test queries, and if the features of a method that learns come from the cache
        and its model does not.
    """
    setup = extractor.setup
    assembled, method = setup.assembled, setup.method
    if any(each.transductive for each in (method, *(part.method for part in assembled.feature_parts))):
        return Blindness(status="transductive")
    if not len(setup.rows["test"]):
        return Blindness(status="untested")
    keys = [extractor.store_key(part) for part in assembled.feature_parts]
    versions = (f"{offer.distribution} {offer.version} {offer.spec.version}" for offer in assembled.offers)
    rest = (*versions, method.fingerprint(), setup.images.digest, repr(assembled.parts))
    name = f"blindness-{key_of(*keys, *rest)[:16]}"
    store = extractor.store(assembled.feature_parts[0])
    if not is_new and (note := store.read_note(name)) is not None:
        with suppress(ValidationError):  # another version may have other fields
            return Blindness.model_validate(note)
    # A run that was killed before this test finds its features in the cache, and its trained model too.
    if not extractor.can_extract and not extractor.restore_again():
        return Blindness(status="untested")
    test = matched.episodes["test"]
    with setup.progress.stage("test for blindness", 1) as bar:
        n_episode = sum(len(episode.rows) for episode in matched.episodes.values())
        blindness = check_blindness(
            setup.images,
            test.rows,
            test.answers,
            thresholds,
            partial(_match_again, setup, features),
            n_query=sample_size(n_episode, len(test.rows)),
        )
        bar.advance()
    store.write_note(blindness.to_json(), name)
    if blindness.status == "differs":
        setup.progress.warn(f"the method is not blind ({blindness.summary})")
    return blindness


def _match_again(
    setup: Setup, features: Mapping[str, Features], images: ImageSet, places: NDArray[np.int64], at_once: int
) -> list[Answers]:
    """Extract test queries from other images and match them, ``at_once`` at a time."""
    curve = features["test"].representation.curve
    answers = []
    for start in range(0, len(places), at_once):
        chunk = places[start : start + at_once]
        rows = setup.rows["test"][chunk]
        shown = images.take(rows)
        by_method = {
            id(part.method): part.method.represent(Images(shown, masks=part.method.uses_masks), Progress())
            for part in setup.assembled.feature_parts
        }
        query = join_representations(setup.method, lambda method, by_method=by_method: by_method[id(method)])  # type: ignore[misc]
        if curve is not None:
            query = query.judged_by(curve[chunk])
        episode = match_episode(
            setup.method,
            images,
            Features(rows, query),
            features["gallery"],
            mode=setup.gallery_mode,
            learned=setup.learned,
            progress=Progress(),
            match_sides=setup.match_sides,
        )
        answers.append(episode.answers)
    return answers
