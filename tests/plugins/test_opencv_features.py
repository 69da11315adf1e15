"""KAZE and ORB: strongest keypoints, binary descriptors by Hamming distance, signed descriptors as they are."""

import cv2
import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.methods.keypoint_detectors import detect_strongest
from reidbench.methods.representation import Ragged, Representation
from reidbench_kaze import KazeSettings
from reidbench_kaze.method import Kaze
from reidbench_orb import OrbSettings
from reidbench_orb.method import Orb, signs

needs_kaze = pytest.mark.skipif(
    not hasattr(cv2, "KAZE"), reason="this OpenCV has no KAZE: pip install 'opencv-python<5'"
)
METHODS = [pytest.param(Kaze, KazeSettings, marks=needs_kaze, id="kaze"), pytest.param(Orb, OrbSettings, id="orb")]


def spots(seed, height=120, width=160):
    image = np.full((height, width, 3), 200, np.uint8)
    for x, y, radius in np.random.default_rng(seed).integers((12, 12, 3), (width - 12, height - 12, 9), (40, 3)):
        cv2.circle(image, (int(x), int(y)), int(radius), (30, 30, 30), -1)
    return image


def stacked(*features):
    return Representation({}, {name: Ragged.from_rows([row[name] for row in features]) for name in features[0]})


class Detector:
    """Stands in for OpenCV: three keypoints, the strongest in the middle of the list."""

    def __init__(self, n=3):
        self.points = [cv2.KeyPoint(x, y, 8, 0, response) for x, y, response in ((9, 4, 1), (0, 0, 5), (19, 9, 3))[:n]]

    def detectAndCompute(self, grey, mask):
        self.shape = grey.shape
        return self.points, np.array([[1], [2], [3]], np.uint8)[: len(self.points)] if self.points else None

    def descriptorType(self):
        return cv2.CV_8U

    def descriptorSize(self):
        return 1


def test_the_strongest_keypoints_are_kept_at_shares_of_the_resized_image():
    detector = Detector()
    features = detect_strongest(detector, np.zeros((100, 200, 3), np.uint8), longest_side=20, keypoints=2)
    assert detector.shape == (10, 20)
    assert features["descriptor"].tolist() == [[2], [3]]
    np.testing.assert_allclose(features["keypoint"], [[0.5 / 20, 0.5 / 10], [19.5 / 20, 9.5 / 10]], rtol=1e-6)


def test_an_image_without_keypoints_has_no_rows_of_the_detectors_type():
    features = detect_strongest(Detector(0), np.zeros((10, 10, 3), np.uint8), longest_side=10, keypoints=2)
    assert features["keypoint"].shape == (0, 2)
    assert features["descriptor"].shape == (0, 1) and features["descriptor"].dtype == np.uint8


def test_bits_as_signs_have_length_one_and_the_cosine_counts_equal_bits():
    """The bytes differ in 3 of 256 bits, so the cosine is 1 - 2 * 3 / 256."""
    first = np.zeros(32, np.float32)
    second = first.copy()
    second[0], second[31] = 3, 128
    left, right = signs(first), signs(second)
    assert np.linalg.norm(left) == np.linalg.norm(right) == 1
    assert left @ right == 1 - 6 / 256


def test_orb_matches_the_nearest_descriptor_by_hamming_distance():
    """The first keypoint is 10 or 30, 40 and 128 bits away; 10 is below 0.64 times 40, and 30 is not.

    The second differs from each gallery keypoint in half of the bits, so it matches none.
    """

    def code(n_bit):
        return np.packbits(np.arange(256) < n_bit)

    def features(*codes):
        return {"keypoint": np.full((len(codes), 2), 0.5, np.float32), "descriptor": np.stack(codes)}

    query = features(code(0), np.packbits(np.arange(256) % 2 == 0))
    method = Orb(OrbSettings())
    assert method.compare(query, features(code(10), code(40), code(128))) == 1
    assert method.compare(query, features(code(30), code(40), code(128))) == 0


@pytest.mark.parametrize(("method", "settings"), METHODS)
def test_a_shifted_image_matches_itself_better_than_another(method, settings):
    method = method(settings(longest_side=160))
    image = spots(0)
    moved = np.roll(image, 6, axis=1)
    same, moved, other = method.describe_batch([image, moved, spots(1)])
    both = stacked(same, moved, other)
    similarity = method.score(both, both)
    assert similarity[0, 0] > 20
    assert similarity[0, 1] > 3 * similarity[0, 2]


@pytest.mark.parametrize(("method", "settings"), METHODS)
def test_a_plain_image_has_no_keypoints_and_matches_nothing(method, settings):
    method = method(settings(longest_side=160))
    plain, full = method.describe(np.full((120, 160, 3), 128, np.uint8)), method.describe(spots(0))
    assert len(plain["keypoint"]) == 0 and plain["descriptor"].shape[1] == full["descriptor"].shape[1]
    assert method.compare(plain, full) == method.compare(full, plain) == method.compare(plain, plain) == 0


@needs_kaze
def test_descriptors_of_kaze_keep_their_sign():
    descriptor = Kaze(KazeSettings(longest_side=160)).describe(spots(0))["descriptor"].astype(np.float64)
    assert (descriptor < 0).any()
    np.testing.assert_allclose(np.linalg.norm(descriptor, axis=1), 1, atol=2e-3)


def test_an_opencv_without_kaze_is_one_message(monkeypatch):
    for place in (cv2, getattr(cv2, "xfeatures2d", cv2)):
        monkeypatch.delattr(place, "KAZE", raising=False)
    with pytest.raises(ReidbenchError, match=f"OpenCV {cv2.__version__} is installed without KAZE") as caught:
        Kaze(KazeSettings())
    assert caught.value.remedy == "pip install 'opencv-python<5'"
