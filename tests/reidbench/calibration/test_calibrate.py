"""Curves are fitted on the calibration episode, and nothing is judged by a curve that saw it."""

from dataclasses import replace

import numpy as np
import pytest

from reidbench.calibration import calibrate as module
from reidbench.calibration.calibrate import LabelledRows, calibrate, number_curves
from reidbench.calibration.calibrated import Calibrated
from reidbench.calibration.curves import curve_from_json
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import EmbeddingMethod, Settings
from reidbench.methods.representation import Representation
from reidbench.progress import Progress


class Given(EmbeddingMethod):
    def embed(self, pixels):
        raise AssertionError("representations are given")


def rows(identity, group=None, noise=0.6, seed=0):
    """Embeddings scattered around one direction for each identity."""
    identity = np.asarray(identity)
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(200, 16))
    embedding = directions[identity] + noise * rng.normal(size=(len(identity), 16)) * np.sqrt(2)
    group = np.full(len(identity), "cat") if group is None else np.asarray(group)
    names = np.array([""] * len(identity))
    return LabelledRows(Representation({"embedding": embedding.astype(np.float32)}), identity, group, names)


@pytest.fixture
def part():
    gallery = rows(np.repeat(np.arange(30), 4), seed=1)
    queries = rows(np.concatenate([np.repeat(np.arange(30), 2), np.arange(40, 60)]), seed=2)
    return queries, gallery


def fit(part, how=None, **options):
    queries, gallery = part
    method = Calibrated(Given(Settings()), how or Calibration())
    groups = sorted({*queries.group, *gallery.group})
    numbering = number_curves(groups, 200, seed=0)
    described = calibrate(method, queries, gallery, numbering, by_group=True, seed=0, progress=Progress(), **options)
    return method, numbering, described[0]


def test_scores_become_probabilities_that_mean_what_they_say(part):
    method, numbering, described = fit(part)
    test = rows(np.concatenate([np.repeat(np.arange(30), 3), np.arange(100, 130)]), seed=7)
    query = test.representation.judged_by(numbering.mean(test.group))
    probability = method.score(query, part[1].representation)
    same = test.identity[:, None] == part[1].identity[None]
    sure = probability > 0.8
    assert sure.sum() > 50 and same[sure].mean() > 0.7
    assert abs(probability.mean() - same.mean()) < 0.02
    assert described["ece"] < 0.02 and described["kind"] == "isotonic" and described["folds"] == 5


def test_the_order_of_gallery_images_does_not_change(part):
    method, numbering, _ = fit(part)
    query = part[0].representation.judged_by(numbering.held_out(part[0]))
    plain = method.inner.score(query, part[1].representation)
    assert (plain.argmax(1) == method.score(query, part[1].representation).argmax(1)).all()


def test_a_curve_never_sees_an_image_of_the_animal_it_judges(part, monkeypatch):
    queries, gallery = part
    seen = []
    real = module.fit_curve

    def spy(kind, similarity, same, weight, **options):
        seen.append(len(similarity))
        return real(kind, similarity, same, weight, **options)

    monkeypatch.setattr(module, "fit_curve", spy)
    method, numbering, _ = fit(part)
    fold = numbering.fold
    expected = [
        int(((fold[queries.identity] != f)[:, None] & (fold[gallery.identity] != f)[None]).sum())
        for f in range(numbering.n_fold)
    ]
    assert seen == expected  # the fits of the pooled curve: both ends of every pair lie outside the fold
    assert numbering.held_out(queries).tolist() == fold[queries.identity].tolist()


def test_moving_the_similarities_of_one_animal_moves_its_own_curve_not(part):
    """The held-out property itself: change every pair of one animal, and its queries' curve stays the same."""
    queries, gallery = part
    method, numbering, _ = fit(part)
    changed = queries.representation.dense["embedding"].copy()
    changed[queries.identity == 3] *= -1
    other = LabelledRows(Representation({"embedding": changed}), queries.identity, queries.group, queries.encounter)
    method_2, _, _ = fit((other, gallery))
    at = np.linspace(-1, 1, 50)
    own, foreign = int(numbering.fold[3]), int((numbering.fold[3] + 1) % numbering.n_fold)
    np.testing.assert_array_equal(method._curves[own](at), method_2._curves[own](at))
    assert not np.array_equal(method._curves[foreign](at), method_2._curves[foreign](at))


def test_a_group_with_enough_animals_has_a_curve_of_its_own_and_the_record_says_so():
    many, few = np.repeat(np.arange(30), 2), np.repeat(np.arange(30, 38), 2)
    group = ["lynx"] * 60 + ["turtle"] * 16
    queries = rows(np.concatenate([many, few]), group, seed=1)
    gallery = rows(np.concatenate([many, few]), group, seed=2)
    _, _, described = fit((queries, gallery))
    assert described["scope"]["lynx"] == "own"
    assert described["scope"]["turtle"] == "pooled: 8 known animals, 15 are needed"
    _, _, pooled = fit((queries, gallery), Calibration(scope="pooled"))
    assert set(pooled["scope"].values()) == {"pooled"}


def test_pairs_across_groups_are_not_calibrated_on_where_they_are_never_compared():
    group = ["lynx"] * 60 + ["turtle"] * 60
    identity = np.concatenate([np.repeat(np.arange(30), 2), np.repeat(np.arange(30, 60), 2)])
    queries, gallery = rows(identity, group, seed=1), rows(identity, group, seed=2)
    _, _, described = fit((queries, gallery))
    assert described["n_pairs"] == 2 * 60 * 60


def test_a_group_that_was_not_asked_about_is_judged_by_the_curve_of_all(part):
    queries, gallery = part
    named = LabelledRows(
        queries.representation, queries.identity, np.where(queries.identity < 20, "cat", "dog"), queries.encounter
    )
    enrolled = LabelledRows(
        gallery.representation, gallery.identity, np.where(gallery.identity < 20, "cat", "dog"), gallery.encounter
    )
    method, numbering, described = fit((named, enrolled))
    assert numbering.mean(np.array(["cat", "eel", "dog"])).tolist() == [5, 12, 11]  # five folds and their mean each
    at = np.linspace(-1, 1, 20)
    np.testing.assert_array_equal(curve_from_json(described["pooled"])(at), method._curves[12](at))
    assert described["scope"]["dog"].startswith("pooled") and described["scope"]["cat"] == "own"
    np.testing.assert_array_equal(method._curves[12](at), method._curves[11](at))
    assert not np.array_equal(method._curves[12](at), method._curves[5](at))


def test_the_published_way_fits_on_gallery_pairs_and_has_one_curve(part):
    method, numbering, described = fit(part, Calibration.published(images=50))
    assert described["n_pairs"] == 50 * 49 // 2 and described["folds"] == 1
    assert described["kind"] == "isotonic (published)"
    query = part[0].representation
    first = method.score(query.judged_by(np.zeros(len(query), np.int64)), part[1].representation)
    last = method.score(query.judged_by(np.full(len(query), numbering.n_fold)), part[1].representation)
    np.testing.assert_array_equal(first, last)


def test_nan_is_named_with_its_part(part):
    queries, gallery = part
    method = Calibrated(Given(Settings()), Calibration())
    method.inner.score_pairs = lambda query, gallery, pairs: np.full(len(pairs), np.nan)
    with pytest.raises(ValueError, match="Given gives nan"):
        calibrate(method, queries, gallery, number_curves(["cat"], 200, 0), by_group=True, seed=0, progress=Progress())


def test_pairs_of_two_known_sides_are_not_calibrated_on(part):
    queries, gallery = part
    side = np.array(["left", "right", ""])

    def with_sides(rows):
        return replace(rows, side=side[np.arange(len(rows.identity)) % 3])

    asked, enrolled = with_sides(queries), with_sides(gallery)
    different = (asked.side[:, None] != enrolled.side) & (asked.side[:, None] != "") & (enrolled.side != "")
    how = Calibration(pairs=10**6)  # more than there are, so that all pairs are used
    assert fit(part, how)[2]["n_pairs"] == different.size
    assert fit((asked, enrolled), how)[2]["n_pairs"] == (~different).sum()


def test_the_pairs_of_a_query_are_compared_in_the_gallery_that_it_searches():
    """Gallery: 8 images of cats (4 left, 2 right, 2 of unknown side) and 4 left ones of dogs."""
    searched = []

    class Spy(Given):
        def score_pairs(self, query, gallery, pairs):
            similarity = super().score_pairs(query, gallery, pairs)
            np.testing.assert_allclose(similarity, self.score(query, gallery)[pairs[:, 0], pairs[:, 1]], atol=1e-6)
            searched.append((sorted(set(pairs[:, 0].tolist())), len(gallery)))
            return similarity

    gallery = rows([0, 0, 1, 1, 2, 2, 3, 3, 5, 5, 6, 6], ["cat"] * 8 + ["dog"] * 4)
    gallery = replace(gallery, side=np.array(["left"] * 4 + ["right"] * 2 + [""] * 2 + ["left"] * 4))
    queries = rows([0, 1, 2, 3, 5, 6], ["cat"] * 4 + ["dog"] * 2, seed=3)
    queries = replace(queries, side=np.array(["left", "left", "right", "", "left", "left"]))
    method = Calibrated(Spy(Settings()), Calibration(kind="logistic"))
    numbering = number_curves(["cat", "dog"], 200, seed=0)
    calibrate(method, queries, gallery, numbering, by_group=True, seed=0, progress=Progress())
    assert searched == [([3], 8), ([0, 1], 6), ([2], 4), ([4, 5], 4)]
