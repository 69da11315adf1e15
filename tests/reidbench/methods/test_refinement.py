"""Refinement: which pairs the slow matcher compares, the joined scale, and the same score in every call."""

import numpy as np
import pytest

import reidbench
from reidbench.calibration.calibrated import Calibrated
from reidbench.methods.local_matching import Matches
from reidbench.methods.refinement import joined_similarity, pairs_to_refine
from reidbench.methods.representation import Ragged, Representation


class CounterSettings(reidbench.RefineSettings):
    size: int = 1


class Counter(reidbench.LocalFeatureMethod):
    """The feature of an image is a number; two matchers find as many matches as two rules say."""

    slow_matcher = "rule"

    def __init__(self, settings=None):
        super().__init__(settings or CounterSettings())
        self.slow_pairs = []

    def describe_batch(self, pixels):
        return [
            {"keypoint": np.zeros((40, 2), np.float32), "descriptor": np.full((40, 1), image[0, 0, 0], np.float32)}
            for image in pixels
        ]

    def match_fast(self, query, gallery, pairs):
        return matches([30 - abs(value(query, i) - value(gallery, j)) for i, j in pairs])

    def match(self, query, gallery, pairs):
        self.slow_pairs += [(value(query, i), value(gallery, j)) for i, j in pairs]
        return matches([int(value(gallery, j)) % 7 for i, j in pairs])


def value(images, row):
    return int(images.ragged["descriptor"][int(row)][0, 0])


def matches(counts):
    counts = np.maximum(counts, 0)
    pair = np.repeat(np.arange(len(counts)), counts)
    place = np.concatenate([np.arange(n) for n in counts]) if len(counts) else np.zeros(0, int)
    return Matches(pair, place.astype(np.int64), place.astype(np.int64), np.full(len(pair), 0.5, np.float32))


def images(*values):
    rows = [np.full((40, 1), number, np.float32) for number in values]
    points = [np.zeros((40, 2), np.float32) for _ in values]
    return Representation({}, {"descriptor": Ragged.from_rows(rows), "keypoint": Ragged.from_rows(points)})


def test_the_best_pairs_of_each_query_are_chosen_whatever_the_order_of_queries():
    query = np.array([0, 1, 0, 1, 0, 1])
    n_match = np.array([4, 9, 6, 2, 5, 8])
    assert pairs_to_refine(query, n_match, np.zeros(6), 2).tolist() == [1, 2, 4, 5]
    reverse = slice(None, None, -1)
    assert pairs_to_refine(query[reverse], n_match[reverse], np.zeros(6), 2).tolist() == [0, 1, 3, 4]


def test_equal_numbers_of_matches_are_decided_by_their_confidences():
    query, n_match = np.zeros(3, np.int64), np.array([5, 5, 5])
    assert pairs_to_refine(query, n_match, np.array([1.0, 3.0, 2.0]), 1).tolist() == [1]
    assert pairs_to_refine(query, n_match, np.array([1.0, 1.0, 1.0]), 1).tolist() == [0]


def test_a_pair_without_a_match_is_never_chosen():
    assert pairs_to_refine(np.zeros(3, np.int64), np.array([0, 1, 0]), np.zeros(3), 3).tolist() == [1]
    assert len(pairs_to_refine(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 3)) == 0


def test_a_clear_best_pair_decides_against_pairs_with_less_than_a_third_of_its_matches():
    query = np.zeros(4, np.int64)
    assert pairs_to_refine(query, np.array([30, 10, 9, 20]), np.zeros(4), 4).tolist() == [0, 1, 3]
    assert pairs_to_refine(query, np.array([19, 6, 1, 2]), np.zeros(4), 4).tolist() == [0, 1, 2, 3]


def test_refined_pairs_rank_above_the_others_and_both_kinds_keep_their_order():
    """Fast matches with 0: 30, 29, 28, 27, so 0 and 1 are refined; the slow matcher finds 0 and 1 matches there."""
    method = Counter(CounterSettings(refine=2))
    scores = method.score(images(0), images(3, 0, 1, 2))[0]
    np.testing.assert_array_equal(scores, [27 / 28, 1 + 0, 1 + 1, 28 / 29])
    assert joined_similarity(np.array([10**6]))[0] < 1


def test_without_refine_every_pair_is_compared_by_the_slow_matcher():
    method = Counter()
    assert method.score(images(0), images(3, 0, 1))[0].tolist() == [3, 0, 1]
    assert len(method.slow_pairs) == 3


def test_a_pair_has_the_same_similarity_in_every_call_block_and_order():
    method = Counter(CounterSettings(refine=2))
    query, gallery = images(0, 5, 9, 14), images(3, 0, 1, 2, 8, 12, 6)
    scores = method.score(query, gallery)
    for row in range(4):
        np.testing.assert_array_equal(method.score(query.take(np.array([row])), gallery)[0], scores[row])
    order = np.array([5, 0, 6, 2, 1, 4, 3])
    np.testing.assert_array_equal(method.score(query, gallery.take(order)), scores[:, order])
    pairs = np.array([[3, 1], [0, 6], [3, 5], [1, 0]])
    np.testing.assert_array_equal(method.score_pairs(query, gallery, pairs), scores[pairs[:, 0], pairs[:, 1]])


def test_a_shortlist_is_the_gallery_of_its_query():
    method = Counter(CounterSettings(refine=1))
    pairs = np.array([[0, 0], [0, 3]])  # 0 against 3 and 2: 27 and 28 fast matches
    np.testing.assert_array_equal(method.score_shortlist(images(0), images(3, 0, 1, 2), pairs), [27 / 28, 1 + 2])


def test_the_slow_matcher_compares_no_pair_of_images_twice():
    method = Counter(CounterSettings(refine=2))
    method.score(images(0, 1), images(3, 0, 1, 2))
    n_first = len(method.slow_pairs)
    method.score(images(0), images(2, 1, 0, 3))
    assert (n_first, len(method.slow_pairs)) == (4, 4)


def test_the_setting_is_left_out_of_ids_where_it_is_off_and_of_cache_keys_always():
    assert "refine" not in CounterSettings().model_dump() and CounterSettings(refine=3).model_dump()["refine"] == 3
    assert Counter().fingerprint() == Counter(CounterSettings(refine=3)).fingerprint()
    assert Counter().fingerprint() != Counter(CounterSettings(size=2)).fingerprint()


def test_a_fusion_refines_the_best_pairs_of_its_shortlist():
    """The first part lists 2 and 3; of them the second refines 2, though the whole gallery has better pairs."""

    class First(Counter):
        def match(self, query, gallery, pairs):
            return matches([value(gallery, j) for _, j in pairs])

    fusion = reidbench.Fusion(
        None, {"a": First(), "b": Counter(CounterSettings(refine=1))}, shortlist=2, weights=(0.0, 1.0)
    )
    gallery = images(3, 0, 1, 2)
    query, gallery = (Representation.join({"a": each, "b": each}) for each in (images(0), gallery))
    np.testing.assert_array_equal(fusion.score(query, gallery)[0], [27 / 28, -np.inf, -np.inf, 1 + 2])


def test_calibration_keeps_the_shortlist_of_the_method_inside():
    class Double:
        def __call__(self, similarity):
            return np.asarray(similarity) * 2

    method = Calibrated(Counter(CounterSettings(refine=1)), reidbench.Calibration())
    method.install([Double()])
    query = images(0).judged_by(np.zeros(1, np.int64))
    pairs = np.array([[0, 0], [0, 3]])
    np.testing.assert_allclose(method.score_shortlist(query, images(3, 0, 1, 2), pairs), [2 * 27 / 28, 6])


def test_refine_without_a_slow_matcher_is_an_error():
    from reidbench_aliked import AlikedSettings
    from reidbench_aliked.method import Aliked

    with pytest.raises(reidbench.ReidbenchError, match="refine=5 has no effect with matcher=mnn"):
        Aliked(AlikedSettings(matcher="mnn", refine=5))


def test_matcher_auto_is_lightglue_on_the_best_pairs_where_its_weights_are():
    here = ["LightGlue for ALIKED"]
    cases = (
        ({"matcher": "auto"}, here),
        ({"matcher": "auto", "refine": 8}, here),
        ({"matcher": "auto", "refine": 8}, ["LightGlue for DISK"]),
        ({"matcher": "auto", "matcher_weights": "mine.pth"}, []),
        ({"matcher": "mnn"}, here),
        ({"matcher": "lightglue"}, []),
    )
    chosen = [
        reidbench.LightGlueSettings(**given).with_matcher(here[0], networks.__contains__) for given, networks in cases
    ]
    assert [(each.matcher, each.refine) for each in chosen] == [
        ("lightglue", 5), ("lightglue", 8), ("mnn", 0), ("lightglue", 5), ("mnn", 0), ("lightglue", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["aliked", "wildfusion", "convnext_fusion"])
def test_the_preset_quick_resolves_to_a_matcher_of_this_machine(method, monkeypatch):
    from reidbench.registry.registered import load_registry
    from reidbench.running.building import assemble, effective_settings, resolve_settings

    registry = load_registry()
    offer = registry.find(method)
    for here, expected in ((True, ("lightglue", 5)), (False, ("mnn", 0))):
        monkeypatch.setattr("reidbench.running.building.pretrained_here", lambda name, here=here, **_: here)
        settings = resolve_settings(offer.spec, effective_settings(offer.spec, "quick", {})).settings
        assembled = assemble(offer, settings, registry)
        local = [part.method for part in assembled.feature_parts if part.name == "aliked"]
        assert {(each.settings.matcher, each.refine) for each in local} == {expected}
