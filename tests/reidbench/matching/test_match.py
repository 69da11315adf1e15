"""Matching keeps the best identities, whatever the block size, and breaks ties by gallery order."""

import numpy as np
import pytest

from reidbench.matching.match import average_precision, centroids, match
from reidbench.methods.representation import Representation
from reidbench.methods.similarity import cosine_similarity, euclidean_similarity


def of_vectors(vectors):
    return Representation({"embedding": np.asarray(vectors, dtype=np.float32)})


def cosine(query, gallery):
    return cosine_similarity(query.dense["embedding"], gallery.dense["embedding"])


def table_of(values):
    """A score function that looks each query's row of similarities up in a table."""
    values = np.asarray(values, dtype=float)
    query = Representation({"row": np.arange(len(values))})
    gallery = Representation({"row": np.arange(values.shape[1])})
    return query, gallery, lambda q, g: values[q.dense["row"]][:, g.dense["row"]]


def test_an_identity_scores_as_its_best_image():
    query, gallery, score = table_of([[0.1, 0.9, 0.5]])
    found = match(query, gallery, np.array([0, 0, 1]), np.array([-1]), score)
    assert found.identity.tolist() == [[0, 1]]
    assert found.score.tolist() == [[0.9, 0.5]]


def test_a_tie_goes_to_the_lower_gallery_index():
    query, gallery, score = table_of([[0.5, 0.7, 0.7, 0.7]])
    found = match(query, gallery, np.array([1, 2, 1, 0]), np.array([-1]), score)
    assert found.identity.tolist() == [[2, 1, 0]]


def test_a_tie_at_the_last_place_kept_goes_to_the_lower_gallery_index():
    query, gallery, score = table_of([[0.9, 0.4, 0.4, 0.4]])
    found = match(query, gallery, np.array([3, 2, 0, 1]), np.array([-1]), score, best=2)
    assert found.identity.tolist() == [[3, 2]]


@pytest.mark.parametrize("budget", [1, 40 * 30 * 7, 1 << 30])
def test_block_size_changes_nothing(budget):
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.repeat(np.arange(10), 3))
    query, gallery = of_vectors(rng.normal(size=(23, 8))), of_vectors(rng.normal(size=(30, 8)))
    own = rng.integers(-1, 10, size=23)
    whole = match(query, gallery, codes, own, cosine, best=4)
    blocks = match(query, gallery, codes, own, cosine, best=4, budget=budget)
    assert (whole.identity == blocks.identity).all()
    np.testing.assert_allclose(whole.score, blocks.score, atol=1e-6)


def test_best_identities_equal_a_full_sort():
    rng = np.random.default_rng(1)
    codes = rng.permutation(np.repeat(np.arange(12), 4))
    values = rng.integers(0, 6, size=(40, 48)).astype(float)  # many ties
    query, gallery, score = table_of(values)
    found = match(query, gallery, codes, np.full(40, -1), score, best=5)
    for row in range(40):
        seen = []
        for index in np.lexsort((np.arange(48), -values[row])):
            if codes[index] not in seen:
                seen.append(codes[index])
        assert found.identity[row].tolist() == seen[:5]


def test_a_pair_never_compared_is_never_an_answer():
    query, gallery, score = table_of([[-np.inf, 0.2], [-np.inf, -np.inf]])
    found = match(query, gallery, np.array([0, 1]), np.array([-1, -1]), score)
    assert found.identity.tolist() == [[1, -1], [-1, -1]]
    assert found.score[1, 0] == -np.inf


def test_own_best_leaves_the_querys_encounter_out():
    query, gallery, score = table_of([[0.9, 0.3, 0.6]])
    encounters = (np.array(["ana|1"]), np.array(["ana|1", "ana|2", "bo|1"]))
    found = match(query, gallery, np.array([0, 0, 1]), np.array([0]), score, encounter=encounters)
    assert found.own_best.tolist() == [0.3]
    assert found.other_best.tolist() == [0.6]


def test_nan_is_an_error_where_it_arises():
    query, gallery, score = table_of([[np.nan, 0.2]])
    with pytest.raises(ValueError, match="nan"):
        match(query, gallery, np.array([0, 1]), np.array([-1]), score)


def test_average_precision_by_hand_and_by_sklearn():
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 1, 0, 1], bool)) == (1 / 2 + 2 / 4) / 2
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    for _ in range(20):
        similarity, relevant = rng.normal(size=15), rng.random(15) < 0.4
        if relevant.any():
            expected = sklearn.average_precision_score(relevant, similarity)
            assert average_precision(similarity, relevant) == pytest.approx(expected, abs=1e-12)


def test_a_centroid_is_the_mean_of_unit_vectors():
    gallery = of_vectors([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    made = centroids(gallery, np.array([0, 0, 1])).dense["embedding"]
    np.testing.assert_allclose(made, [[2**-0.5, 2**-0.5], [-1.0, 0.0]], atol=1e-6)
    plain = centroids(gallery, np.array([0, 0, 1]), renormalise=False).dense["embedding"]
    np.testing.assert_allclose(plain, [[0.5, 0.5], [-1.0, 0.0]], atol=1e-6)


def test_euclidean_similarity_equals_minus_the_distance():
    rng = np.random.default_rng(3)
    query, gallery = rng.normal(size=(5, 7)), rng.normal(size=(4, 7))
    expected = -np.linalg.norm(query[:, None] - gallery[None], axis=2)
    np.testing.assert_allclose(euclidean_similarity(query, gallery), expected, atol=1e-9)


def test_a_vector_of_zeros_is_alike_to_nothing():
    assert cosine_similarity(np.zeros((1, 3)), np.ones((1, 3))).tolist() == [[0.0]]
