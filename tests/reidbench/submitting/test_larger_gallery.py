"""Asking an episode again of a larger gallery: worked by hand, and tested by simulation against what it is for."""

import numpy as np
import pandas as pd
import pytest

from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import EmbeddingMethod, Settings
from reidbench.methods.representation import Representation
from reidbench.metrics.summary import summarise
from reidbench.progress import Progress
from reidbench.submitting.larger_gallery import ask_again
from reidbench.thresholds import parse_policy


class Given(EmbeddingMethod):
    def embed(self, pixels):
        raise AssertionError("everything is described already")


METHOD = Given(Settings())


def table_of(identity, group=None):
    n = len(identity)
    columns = {
        "image_id": [str(index) for index in range(n)], "identity": list(identity), "path": ["x"] * n,
        "group": list(group) if group is not None else ["g"] * n, "date": [""] * n, "orientation": [""] * n,
        "bbox": [None] * n,
    }  # fmt: skip
    return ImageSet("drawn", None, pd.DataFrame(columns, dtype=object), checked=True)


def rows_of(vectors, indices):
    indices = np.asarray(indices)
    return Features(indices, Representation({"embedding": np.asarray(vectors, dtype=np.float32)[indices]}))


def again(images, vectors, query, enrolled, mode="group"):
    whole = rows_of(vectors, np.arange(len(images)))
    return ask_again(
        METHOD, images, rows_of(vectors, query), whole, np.asarray(enrolled), mode=mode, learned=np.array([]),
        progress=Progress(),
    )  # fmt: skip


def at(*degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def test_the_query_s_own_images_stay_those_of_the_run_and_everybody_else_is_there():
    # a: enrolled at 0°, asked at 20° (and not enrolled at 21°); b: never enrolled, at 25°; c: asked at 26°, new.
    images = table_of(["a", "a", "a", "b", "c"])
    vectors = at(0, 20, 21, 25, 26)
    found = again(images, vectors, query=[1, 4], enrolled=[0])
    assert found.known.tolist() == [True, False]
    # For a's query the image at 21° is away, b at 25° and c at 26° are there.
    assert found.candidates[0, :3].tolist() == ["b", "c", "a"]
    assert found.scores[0, :3] == pytest.approx(np.cos(np.radians([5, 6, 20])), abs=1e-6)
    # For c's query c itself is away; a now has its image at 21° enrolled.
    assert found.candidates[1, :3].tolist() == ["b", "a", ""]
    assert found.scores[1, :2] == pytest.approx(np.cos(np.radians([1, 5])), abs=1e-6)
    assert found.gallery_identities == {"g": 3}


def test_groups_stay_apart_unless_all_are_searched():
    images = table_of(["a", "a", "b"], ["g", "g", "h"])
    vectors = at(0, 20, 20)
    assert again(images, vectors, [1], [0]).candidates[0, :2].tolist() == ["a", ""]
    assert again(images, vectors, [1], [0], mode="all").candidates[0, :2].tolist() == ["b", "a"]


def simulate(seed, n_small=60, n_large=600, dim=12):
    """Draw animals as directions and photographs around them; a gallery of few of them, and one of many."""
    random = np.random.default_rng(seed)
    n_identity = n_large + 80  # the last are never enrolled: half of them ask in the run, half afterwards
    centre = random.normal(size=(n_identity, dim))
    identity = np.repeat(np.arange(n_identity), 3)
    vectors = centre[identity] + random.normal(scale=0.75, size=(3 * n_identity, dim))
    turn = np.tile(np.arange(3), n_identity)
    known, new = identity < n_large, identity >= n_large
    enrolled = np.flatnonzero((identity < n_small) & (turn == 0))
    calibration = np.flatnonzero((identity < n_small) & (turn == 1) | new & (identity < n_large + 40))
    database = np.flatnonzero(known | new & (identity < n_large + 40))
    database = database[~np.isin(database, np.flatnonzero(known & (turn == 2)))]
    asked = np.flatnonzero(known & (turn == 2) | (identity >= n_large + 40))
    return table_of([f"{each:04d}" for each in identity]), vectors, enrolled, calibration, database, asked


def test_the_threshold_for_the_larger_gallery_is_right_where_the_run_s_is_too_low():
    policy = parse_policy("max-score")
    rates = {"run": [], "again": []}
    regrets = {"run": [], "again": []}
    for seed in range(6):
        images, vectors, enrolled, calibration, database, asked = simulate(seed)

        def ask(query, gallery, images=images, vectors=vectors):
            found = match_episode(
                METHOD, images, rows_of(vectors, query), rows_of(vectors, gallery), mode="group",
                learned=np.array([]), progress=Progress(),
            )  # fmt: skip
            return found.answers

        small = policy.choose(ask(calibration, enrolled))
        large = policy.choose(
            ask_again(
                METHOD,
                images,
                rows_of(vectors, calibration),
                rows_of(vectors, database),
                enrolled,
                mode="group",
                learned=np.array([]),
                progress=Progress(),
            )  # fmt: skip
        )
        final = ask(asked, database)
        assert large.value > small.value
        for name, thresholds in (("run", small), ("again", large)):
            overall = summarise(final, thresholds).overall
            rates[name].append(1 - overall.baus)
            regrets[name].append(overall.regret)
    # Ten times the animals: the run's threshold accepts most new animals, the one that was asked again far fewer.
    assert np.mean(rates["run"]) > 0.5 and np.mean(rates["again"]) < 0.35
    assert np.mean(regrets["again"]) < 0.4 * np.mean(regrets["run"])
