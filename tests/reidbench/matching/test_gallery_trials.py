"""The gallery against itself: what is masked, by hand and against a plain loop."""

import numpy as np
import pytest

from reidbench.matching.gallery_trials import GalleryTrials, try_gallery
from reidbench.methods.representation import Representation
from reidbench.methods.similarity import cosine_similarity


def cosine(query, gallery):
    return cosine_similarity(query.dense["embedding"], gallery.dense["embedding"])


def gallery_of(seed, n=40, identities=9):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 6)).astype(np.float32)
    identity = np.array([f"a{i % identities}" for i in range(n)])
    group = np.where(np.arange(n) % identities < 5, "L", "S")
    encounter = np.array(
        [f"{who}|{rng.integers(3)}" if rng.random() < 0.7 else f"{who}||{i}" for i, who in enumerate(identity)]
    )
    return Representation({"embedding": vectors}), identity, group, encounter


@pytest.mark.parametrize("within_group", [True, False])
@pytest.mark.parametrize("budget", [1, 1 << 30])
def test_nearest_equals_a_plain_loop(within_group, budget):
    gallery, identity, group, encounter = gallery_of(0)
    trials = try_gallery(
        gallery, identity, group, encounter, cosine, within_group=within_group, by_centroid=False, budget=budget
    )
    similarity = cosine(gallery, gallery)
    for i in range(len(identity)):
        others = [j for j in range(len(identity)) if j != i and (not within_group or group[j] == group[i])]
        met = [j for j in others if encounter[j] == encounter[i]]
        own = [similarity[i, j] for j in others if identity[j] == identity[i] and j not in met]
        other = [similarity[i, j] for j in others if identity[j] != identity[i]]
        assert trials.own_best[i] == pytest.approx(max(own, default=-np.inf), abs=1e-5)
        assert trials.other_best[i] == pytest.approx(max(other), abs=1e-5)


def test_centroids_leave_the_masked_images_out():
    gallery, identity, group, encounter = gallery_of(1)
    trials = try_gallery(gallery, identity, group, encounter, cosine, within_group=True, by_centroid=True)
    vectors = gallery.dense["embedding"] / np.linalg.norm(gallery.dense["embedding"], axis=1, keepdims=True)
    for i in range(len(identity)):
        kept = [
            j for j in range(len(identity)) if identity[j] == identity[i] and j != i and encounter[j] != encounter[i]
        ]
        own = -np.inf
        if kept:
            mean = vectors[kept].mean(axis=0)
            own = vectors[i] @ mean / np.linalg.norm(mean)
        means = [
            vectors[identity == name].mean(axis=0) for name in set(identity[group == group[i]]) - {str(identity[i])}
        ]
        assert trials.own_best[i] == pytest.approx(own, abs=1e-5)
        assert trials.other_best[i] == pytest.approx(max(vectors[i] @ m / np.linalg.norm(m) for m in means), abs=1e-5)


def test_each_image_is_a_known_and_an_unknown_trial_but_a_single_one_is_unknown_alone():
    trials = GalleryTrials(
        identity=np.array(["ana", "ana", "bo"]),
        group=np.array(["cat"] * 3),
        own_best=np.array([0.9, 0.4, -np.inf]),
        other_best=np.array([0.5, 0.6, 0.6]),
    )
    answers = trials.as_answers()
    assert answers.known.tolist() == [True, True, False, False, False]
    assert answers.best_score.tolist() == [0.9, 0.6, 0.5, 0.6, 0.6]
    assert answers.correct.tolist() == [True, False, False, False, False]
    assert answers.gallery_identities == {"cat": 2}


def test_arrays_of_other_lengths_and_nan_are_refused():
    with pytest.raises(ValueError, match="shape"):
        GalleryTrials(np.array(["a"]), np.array(["g"]), np.zeros(2), np.zeros(1))
    with pytest.raises(ValueError, match="nan"):
        GalleryTrials(np.array(["a"]), np.array(["g"]), np.full(1, np.nan), np.zeros(1))
