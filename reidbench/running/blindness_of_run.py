"""Ask a run's method some of its test queries again, in a changed world, and keep what came of it.

What is changed and how answers are compared is :mod:`reidbench.running.blindness`; here it meets the stages of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import Images
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress
from reidbench.records.blindness_stamp import Blindness
from reidbench.running.blindness import check_blindness, sample_size
from reidbench.running.building import represent
from reidbench.running.representation_store import key_of
from reidbench.running.stages import Stages


def blindness_of(stages: Stages, described: Mapping[str, Features]) -> Blindness:
    """Test a run's method where it described anything anew; else read what an earlier run found.

    Args:
        stages: Of a run that has answered.
        described: Images of each part, with the curves that judge them.
    """
    method = stages.assembled.method
    if any(each.transductive for each in (method, *(leaf for _, leaf in stages.assembled.leaves))):
        return Blindness("transductive")
    if not len(stages.rows["test"]):
        return Blindness("untested")
    keys = [stages.describer.store_key(offer, leaf) for offer, leaf in stages.assembled.leaves]
    versions = (f"{each.distribution} {each.version} {each.spec.version}" for each in stages.assembled.offers)
    asked = (*versions, method.fingerprint(), stages.images.digest, repr(stages.assembled.parts))
    name = f"blindness-{key_of(*keys, *asked)[:16]}"
    store = stages.describer.store(*stages.assembled.leaves[0])
    if not stages.describer.extracted and (kept := store.read_note(name)) is not None:
        return Blindness.from_json(kept)
    if any(leaf.learns and id(leaf) not in stages.describer.fitted for _, leaf in stages.assembled.leaves):
        return Blindness("untested")  # the cache says what a network said that is not here to be asked again
    test = stages.episodes["test"]
    with stages.progress.stage("test for blindness", 1) as bar:
        n_asked = sample_size(sum(len(episode.rows) for episode in stages.episodes.values()), len(test.rows))
        found = check_blindness(
            stages.images,
            test.rows,
            test.answers,
            stages.thresholds,
            partial(_ask_again, stages, described),
            n_asked=n_asked,
        )
        bar.advance()
    store.write_note(found.to_json(), name)
    if found.status == "differs":
        stages.progress.warn(f"not blind; the answers follow {found.told}")
    return found


def _ask_again(
    stages: Stages, described: Mapping[str, Features], images: ImageSet, places: NDArray[np.int64], at_once: int
) -> list[Answers]:
    """Describe and answer some test queries anew, so many at a time, from the images as they are given."""
    curve = described["test"].representation.curve
    answered = []
    for start in range(0, len(places), at_once):
        chunk = places[start : start + at_once]
        rows = stages.rows["test"][chunk]
        shown = images.take(rows)
        made = {id(leaf): leaf.represent(Images(shown), Progress()) for _, leaf in stages.assembled.leaves}
        query = represent(stages.assembled.method, lambda leaf, made=made: made[id(leaf)])  # type: ignore[misc]
        if curve is not None:
            query = query.judged_by(curve[chunk])
        found = match_episode(
            stages.assembled.method, images, Features(rows, query), described["gallery"], mode=stages.gallery,
            learned=stages.learned, progress=Progress(),
        )  # fmt: skip
        answered.append(found.answers)
    return answered
