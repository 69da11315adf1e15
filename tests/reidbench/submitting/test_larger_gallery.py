"""Matching with a larger gallery: worked by hand, and its thresholds tested by simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import EmbeddingMethod, Settings
from reidbench.methods.representation import Representation
from reidbench.metrics.summary import summarise
from reidbench.progress import Progress
from reidbench.submitting.larger_gallery import match_larger_gallery
from reidbench.thresholds import parse_policy


class NeverExtracts(EmbeddingMethod):
    def embed(self, pixels):
        raise AssertionError("all features are given")


METHOD = NeverExtracts(Settings())


def table_of(identity, group=None):
    n = len(identity)
    columns = {
        "image_id": [str(index) for index in range(n)], "identity": list(identity), "path": ["x"] * n,
        "group": list(group) if group is not None else ["g"] * n, "date": [""] * n, "orientation": [""] * n,
        "bbox": [None] * n,
    }  # fmt: skip
    return ImageSet("drawn", Path(), pd.DataFrame(columns, dtype=object), checked=True, encounter_minutes=None)


def rows_of(vectors, indices):
    indices = np.asarray(indices)
    return Features(indices, Representation({"embedding": np.asarray(vectors, dtype=np.float32)[indices]}))


def match(images, vectors, query, enrolled, mode="group"):
    gallery = rows_of(vectors, np.arange(len(images)))
    return match_larger_gallery(
        METHOD, images, rows_of(vectors, query), gallery, np.asarray(enrolled), mode=mode, learned=np.array([]),
        match_sides="any", progress=Progress(),
    )  # fmt: skip


def at(*degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def test_of_the_querys_animal_only_images_enrolled_in_the_run_are_compared():
    # a: enrolled at 0°, a query at 20°, not enrolled at 21°; b: not enrolled in the run, at 25°; c: a new query at 26°.
    images = table_of(["a", "a", "a", "b", "c"])
    vectors = at(0, 20, 21, 25, 26)
    answers = match(images, vectors, query=[1, 4], enrolled=[0])
    assert answers.known.tolist() == [True, False]
    # For the query of a, its image at 21° is left out; b at 25° and c at 26° are compared.
    assert answers.candidates[0, :3].tolist() == ["b", "c", "a"]
    assert answers.scores[0, :3] == pytest.approx(np.cos(np.radians([5, 6, 20])), abs=1e-6)
    # For the query of c, c is left out; the image of a at 21° is compared.
    assert answers.candidates[1, :3].tolist() == ["b", "a", ""]
    assert answers.scores[1, :2] == pytest.approx(np.cos(np.radians([1, 5])), abs=1e-6)
    assert answers.gallery_identities == {"g": 3}


def test_other_groups_are_searched_only_in_mode_all():
    images = table_of(["a", "a", "b"], ["g", "g", "h"])
    vectors = at(0, 20, 20)
    assert match(images, vectors, [1], [0]).candidates[0, :2].tolist() == ["a", ""]
    assert match(images, vectors, [1], [0], mode="all").candidates[0, :2].tolist() == ["b", "a"]


def simulate(seed, n_small=60, n_large=600, dim=12):
    """Draw animals as directions and photographs around them, with a small gallery for a run and a large database."""
    random = np.random.default_rng(seed)
    # The last 80 animals are new: half of them are calibration queries of the run, half are final queries.
    n_identity = n_large + 80
    centre = random.normal(size=(n_identity, dim))
    identity = np.repeat(np.arange(n_identity), 3)
    vectors = centre[identity] + random.normal(scale=0.75, size=(3 * n_identity, dim))
    turn = np.tile(np.arange(3), n_identity)
    known, new = identity < n_large, identity >= n_large
    enrolled = np.flatnonzero((identity < n_small) & (turn == 0))
    calibration = np.flatnonzero((identity < n_small) & (turn == 1) | new & (identity < n_large + 40))
    database = np.flatnonzero(known | new & (identity < n_large + 40))
    database = database[~np.isin(database, np.flatnonzero(known & (turn == 2)))]
    final = np.flatnonzero(known & (turn == 2) | (identity >= n_large + 40))
    return table_of([f"{animal:04d}" for animal in identity]), vectors, enrolled, calibration, database, final


def test_thresholds_for_the_larger_gallery_accept_fewer_new_animals_than_those_of_the_run():
    policy = parse_policy("max-score")
    rates = {"run": [], "larger": []}
    regrets = {"run": [], "larger": []}
    for seed in range(6):
        images, vectors, enrolled, calibration, database, final = simulate(seed)

        def answers(query, gallery, images=images, vectors=vectors):
            episode = match_episode(
                METHOD, images, rows_of(vectors, query), rows_of(vectors, gallery), mode="group",
                learned=np.array([]), progress=Progress(),
            )  # fmt: skip
            return episode.answers

        small = policy.choose(answers(calibration, enrolled))
        large = policy.choose(
            match_larger_gallery(
                METHOD,
                images,
                rows_of(vectors, calibration),
                rows_of(vectors, database),
                enrolled,
                mode="group",
                learned=np.array([]),
                match_sides="any",
                progress=Progress(),
            )  # fmt: skip
        )
        final_answers = answers(final, database)
        assert large.value > small.value
        for name, thresholds in (("run", small), ("larger", large)):
            overall = summarise(final_answers, thresholds).overall
            rates[name].append(1 - overall.baus)
            regrets[name].append(overall.regret)
    # With ten times the animals, the thresholds of the run accept most new animals.
    assert np.mean(rates["run"]) > 0.5 and np.mean(rates["larger"]) < 0.35
    assert np.mean(regrets["larger"]) < 0.4 * np.mean(regrets["run"])
