"""Fusion: the mean of parts over a shortlist, and constants chosen on calibration alone."""

import numpy as np
import pytest

from reidbench.methods.contract import EmbeddingMethod, PairMethod, Settings
from reidbench.methods.fusion import Fusion
from reidbench.methods.representation import Ragged, Representation


class Cosine(EmbeddingMethod):
    def embed(self, pixels):
        raise AssertionError


class Overlap(PairMethod):
    """Counts equal numbers; notes which pairs it was asked for."""

    def __init__(self, settings):
        super().__init__(settings)
        self.asked = []

    def describe(self, pixels):
        raise AssertionError

    def compare(self, query, gallery):
        self.asked.append((int(query["n"][0]), int(gallery["n"][0])))
        return float(len(np.intersect1d(query["n"], gallery["n"])))


def images(n, seed):
    rng = np.random.default_rng(seed)
    numbers = [np.concatenate([[1000 * seed + i], rng.integers(0, 9, size=4)]) for i in range(n)]
    return Representation.join(
        {
            "global": Representation({"embedding": rng.normal(size=(n, 6)).astype(np.float32)}),
            "local": Representation({}, {"n": Ragged.from_rows(numbers)}),
        }
    )


def fusion(**options):
    return Fusion(Settings(), {"global": Cosine(Settings()), "local": Overlap(Settings())}, **options)


QUERY, GALLERY = images(5, 1), images(12, 2)


def test_without_a_shortlist_the_score_is_the_plain_mean():
    method = fusion()
    parts = [
        method.parts[name].score(QUERY.part(name), GALLERY.part(name)).astype(float) for name in ("global", "local")
    ]
    np.testing.assert_allclose(method.score(QUERY, GALLERY), (parts[0] + parts[1]) / 2)


def test_only_the_shortlist_is_compared_and_the_rest_is_minus_infinity():
    method, whole = fusion(shortlist=3), fusion()
    scores = method.score(QUERY, GALLERY)
    cosine = whole.parts["global"].score(QUERY.part("global"), GALLERY.part("global"))
    best = np.argsort(-cosine, axis=1, kind="stable")[:, :3]
    assert sorted(method.parts["local"].asked) == sorted((1000 + i, 2000 + j) for i in range(5) for j in best[i])
    compared = np.zeros((5, 12), dtype=bool)
    compared[np.arange(5)[:, None], best] = True
    assert (np.isneginf(scores) == ~compared).all()
    np.testing.assert_allclose(scores[compared], whole.score(QUERY, GALLERY)[compared])


def test_the_answer_does_not_depend_on_the_block():
    whole = fusion(shortlist=4).score(QUERY, GALLERY)
    each = [fusion(shortlist=4).score(QUERY.take(np.array([i])), GALLERY) for i in range(5)]
    np.testing.assert_allclose(whole, np.concatenate(each), atol=1e-6)


def test_of_equally_good_candidates_the_lower_index_is_listed():
    same = Representation({"embedding": np.ones((4, 2), np.float32)})
    numbers = Representation({}, {"n": Ragged.from_rows([np.array([i]) for i in range(4)])})
    gallery = Representation.join({"global": same, "local": numbers})
    scores = fusion(shortlist=2).score(gallery.take(np.array([0])), gallery)
    assert np.isfinite(scores[0]).tolist() == [True, True, False, False]


def test_weights_are_shares_and_a_part_of_weight_nought_changes_nothing():
    method = fusion(weights=(3.0, 1.0))
    assert method.choice == (0.75, 0.25)
    only = fusion(weights=(1.0, 0.0), shortlist=3)
    cosine = only.parts["global"].score(QUERY.part("global"), GALLERY.part("global"))
    scores = only.score(QUERY, GALLERY)
    np.testing.assert_allclose(scores[np.isfinite(scores)], cosine[np.isfinite(scores)], rtol=1e-6)
    with pytest.raises(ValueError, match="2 parts can't have the weights"):
        fusion(weights=(1.0, 2.0, 3.0))


def test_the_mean_of_logits_lets_a_sure_part_count_for_more():
    method = fusion(average="logit")
    evidence = [np.array([[0.5, 0.5]]), np.array([[0.9, 0.99]])]
    combined = method.combine(evidence, (0.5, 0.5))
    odds = np.array([9.0, 99.0]) ** 0.5
    np.testing.assert_allclose(combined[0], odds / (1 + odds))


def test_the_grid_of_fitted_weights_starts_with_equal_ones_and_sums_to_one():
    grid = fusion(weights="fitted").choices()
    assert grid[0] == (0.5, 0.5) and len(grid) == 12
    assert all(abs(sum(weights) - 1) < 1e-12 for weights in grid)
