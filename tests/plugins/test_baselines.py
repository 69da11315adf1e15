"""The baselines without weights, color_histogram and sift, and the matching of descriptors."""

import cv2
import numpy as np
import pytest

from reidbench.methods.local_matching import match_descriptors
from reidbench.methods.representation import Ragged, Representation
from reidbench.registry.registered import load_registry
from reidbench_sift.method import roots


def build(name, **settings):
    spec = load_registry().find(name).spec
    return spec.build(spec.settings(**settings))


@pytest.fixture
def blobs():
    noise = np.random.default_rng(0).integers(0, 256, size=(24, 32, 3), dtype=np.uint8)
    return cv2.resize(noise, (256, 192), interpolation=cv2.INTER_CUBIC)


def test_color_histogram_depends_on_colours_but_not_on_their_positions(blobs):
    method = build("color_histogram")
    red, blue = np.zeros_like(blobs), np.zeros_like(blobs)
    red[..., 0] = blue[..., 2] = 200
    histograms = method.embed([blobs, blobs[::-1].copy(), red, blue])
    np.testing.assert_allclose(histograms[0], histograms[1], atol=1e-6)
    assert histograms[2] @ histograms[3] == 0
    np.testing.assert_allclose(np.linalg.norm(histograms, axis=1), 1, atol=1e-5)


def test_sift_has_more_matches_with_the_rotated_photograph_than_with_another(blobs):
    method = build("sift")
    rotated = np.rot90(blobs).copy()
    other = cv2.resize(
        np.random.default_rng(9).integers(0, 256, size=(24, 32, 3), dtype=np.uint8),
        (256, 192),
        interpolation=cv2.INTER_CUBIC,
    )
    features = [method.describe(image) for image in (blobs, rotated, other)]
    assert method.compare(features[0], features[1]) > 10 * max(1, method.compare(features[0], features[2]))


def test_sift_stores_the_descriptors_of_opencv_as_bytes_and_compares_their_roots(blobs):
    descriptors = build("sift").describe(blobs)["descriptor"]
    grey = cv2.cvtColor(blobs, cv2.COLOR_RGB2GRAY)  # the longest side is 256, so sift does not resize it
    expected = cv2.SIFT.create(nfeatures=256, contrastThreshold=0.02).detectAndCompute(grey, None)[1][:256]
    assert descriptors.dtype == np.uint8 and len(descriptors) > 10
    np.testing.assert_array_equal(descriptors.astype(np.float32), expected)  # the bytes lose no precision
    root = roots(descriptors)
    np.testing.assert_allclose(root**2, expected / expected.sum(1, keepdims=True), atol=1e-6)
    assert roots(np.zeros((2, 128), np.float32)).tolist() == np.zeros((2, 128)).tolist()


def test_sift_matches_its_bytes_as_opencv_matches_rootsift(blobs):
    method = build("sift")
    rotated = cv2.rotate(cv2.GaussianBlur(blobs, (5, 5), 1.5), cv2.ROTATE_90_CLOCKWISE)
    features = [method.describe(pixels) for pixels in (blobs, rotated)]
    query, gallery = (
        Representation({}, {name: Ragged.from_rows([array]) for name, array in arrays.items()}) for arrays in features
    )
    matches = method.match(query, gallery, np.zeros((1, 2), np.int64)).of(0)
    left, right = (arrays["descriptor"].astype(np.float64) for arrays in features)
    left, right = (np.sqrt(rows / rows.sum(1, keepdims=True)).astype(np.float32) for rows in (left, right))
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(right, left)}
    expected = [
        [best.queryIdx, best.trainIdx]
        for best, second in matcher.knnMatch(left, right, 2)
        if best.distance < 0.8 * second.distance and back[best.trainIdx] == best.queryIdx
    ]
    assert len(expected) > 50
    assert matches.tolist() == expected


def test_an_image_without_keypoints_matches_nothing(blobs):
    method = build("sift")
    empty = method.describe(np.full((64, 64, 3), 127, np.uint8))
    assert empty["descriptor"].shape == (0, 128)
    assert method.compare(empty, method.describe(blobs)) == 0
    assert method.compare(empty, empty) == 0


def test_descriptors_match_as_in_a_brute_force_search():
    rng = np.random.default_rng(4)
    query = rng.normal(size=(30, 16))
    gallery = np.concatenate([query[:12] + 0.2 * rng.normal(size=(12, 16)), rng.normal(size=(15, 16))])
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    distance = np.linalg.norm(query[:, None] - gallery[None], axis=2)
    expected = []
    for i in range(30):
        order = np.argsort(distance[i])
        mutual = distance[:, order[0]].argmin() == i
        if mutual and distance[i, order[0]] < 0.8 * distance[i, order[1]]:
            expected.append([i, order[0]])
    assert len(expected) > 5
    assert match_descriptors(query, gallery, 0.8).tolist() == expected
