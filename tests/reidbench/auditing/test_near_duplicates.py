"""Planted copies are found, and photographs that only look similar are not called copies."""

import numpy as np
import pytest

import reidbench
from reidbench.auditing.fingerprints import fingerprint, low_frequencies
from reidbench.auditing.near_duplicates import groups_of, near_duplicates, nearest_pairs

SETS = ["patterns:identities=36,size=96", "zebra"]


@pytest.mark.parametrize("name", SETS)
def test_planted_copies_are_found_with_few_false_alarms(name, plant, request):
    source = str(request.getfixturevalue("shared_dir") / "data" / "zebra") if name == "zebra" else name
    images = reidbench.load_dataset(source)
    images, planted = plant(images, every=8)
    found = {tuple(rows) for rows in near_duplicates(fingerprint(images)).rows.tolist()}
    for kind, pairs in planted.items():
        assert np.mean([pair in found for pair in pairs]) >= 0.99, kind
    identity = images.table["identity"].to_numpy()
    false_alarms = {row for pair in found if identity[pair[0]] != identity[pair[1]] for row in pair}
    assert len(false_alarms) / len(images) <= 0.01


def test_without_copies_few_images_are_paired_across_encounters():
    images = reidbench.load_dataset("patterns:identities=36,size=96")
    pairs = near_duplicates(fingerprint(images)).rows
    encounter = images.encounter
    false_alarms = {row for a, b in pairs if encounter[a] != encounter[b] for row in (int(a), int(b))}
    assert len(false_alarms) / len(images) <= 0.01


def test_low_frequencies_do_not_change_with_brightness():
    rng = np.random.default_rng(0)
    small = rng.integers(40, 90, (3, 48, 48)).astype(np.uint8)
    assert low_frequencies(small) == pytest.approx(low_frequencies((2 * small + 20).astype(np.uint8)), abs=1e-5)
    assert np.linalg.norm(low_frequencies(small), axis=1) == pytest.approx(np.ones(3), abs=1e-6)


def test_nearest_pairs_hold_all_close_ones_and_none_beyond_the_limit():
    rng = np.random.default_rng(1)
    frequencies = rng.normal(size=(60, 24)).astype(np.float32)
    frequencies[30:] = frequencies[:30] + 0.02 * rng.normal(size=(30, 24)).astype(np.float32)
    frequencies /= np.linalg.norm(frequencies, axis=1, keepdims=True)
    distance = np.linalg.norm(frequencies[:, None] - frequencies[None], axis=2)
    within = {(a, b) for a in range(60) for b in range(a + 1, 60) if distance[a, b] <= 0.6}
    pairs = {tuple(pair) for pair in nearest_pairs(frequencies).tolist()}
    assert {(a, a + 30) for a in range(30)} <= pairs <= within


def test_pictures_of_one_colour_are_never_paired():
    assert len(nearest_pairs(np.zeros((5, 24), np.float32))) == 0


def test_images_connected_by_a_chain_of_pairs_share_a_group():
    groups = groups_of(np.array([[0, 1], [1, 4]]), 6)
    assert groups[0] == groups[1] == groups[4] and len(set(groups.tolist())) == 4
