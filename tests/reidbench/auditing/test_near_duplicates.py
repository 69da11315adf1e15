"""Planted copies are found, and photographs that are merely alike are not called copies."""

import numpy as np
import pytest

import reidbench
from reidbench.auditing.fingerprints import fingerprint, places
from reidbench.auditing.near_duplicates import groups_of, near_duplicates, nearest_pairs

SETS = ["patterns:identities=36,size=96", "zebra"]


@pytest.mark.parametrize("name", SETS)
def test_planted_leaks_are_found_at_few_false_alarms(name, plant, request):
    source = str(request.getfixturevalue("shared_dir") / "data" / "zebra") if name == "zebra" else name
    images = reidbench.load_dataset(source)
    images, planted = plant(images, every=8)
    found = {tuple(rows) for rows in near_duplicates(fingerprint(images)).rows.tolist()}
    for kind, pairs in planted.items():
        assert np.mean([pair in found for pair in pairs]) >= 0.99, kind
    identity = images.table["identity"].to_numpy()
    alarmed = {row for pair in found if identity[pair[0]] != identity[pair[1]] for row in pair}
    assert len(alarmed) / len(images) <= 0.01


def test_unplanted_animals_raise_no_alarm():
    images = reidbench.load_dataset("patterns:identities=36,size=96")
    pairs = near_duplicates(fingerprint(images)).rows
    encounters = images.encounters
    strangers = {row for a, b in pairs if encounters[a] != encounters[b] for row in (int(a), int(b))}
    assert len(strangers) / len(images) <= 0.01


def test_places_do_not_move_with_light():
    rng = np.random.default_rng(0)
    small = rng.integers(40, 90, (3, 48, 48)).astype(np.uint8)
    assert places(small) == pytest.approx(places((2 * small + 20).astype(np.uint8)), abs=1e-5)
    assert np.linalg.norm(places(small), axis=1) == pytest.approx(np.ones(3), abs=1e-6)


def test_nearest_pairs_are_among_those_of_a_full_search_with_the_closest():
    rng = np.random.default_rng(1)
    place = rng.normal(size=(60, 24)).astype(np.float32)
    place[30:] = place[:30] + 0.02 * rng.normal(size=(30, 24)).astype(np.float32)
    place /= np.linalg.norm(place, axis=1, keepdims=True)
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    within = {(a, b) for a in range(60) for b in range(a + 1, 60) if distance[a, b] <= 0.6}
    found = {tuple(pair) for pair in nearest_pairs(place).tolist()}
    assert {(a, a + 30) for a in range(30)} <= found <= within


def test_pictures_of_one_colour_are_never_paired():
    assert len(nearest_pairs(np.zeros((5, 24), np.float32))) == 0


def test_groups_join_what_a_chain_of_pairs_connects():
    groups = groups_of(np.array([[0, 1], [1, 4]]), 6)
    assert groups[0] == groups[1] == groups[4] and len(set(groups.tolist())) == 4
