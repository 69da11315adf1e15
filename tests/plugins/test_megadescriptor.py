"""Frozen embeddings: every size from a file and from the hub's cache, licences, precision, memory, a real run."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

import reidbench_megadescriptor
from reidbench import Progress, ReidbenchError, evaluate
from reidbench.networks.backbones import models
from reidbench.registry.registered import Offer, Registry
from reidbench_megadescriptor import EmbeddingSettings, MegaDescriptorSettings

SIZES = {"T-224": 224, "S-224": 224, "B-224": 224, "L-224": 224, "L-384": 384}
# The real architectures, thinner: the largest of them is 800 MB of weights.
THIN = {"embed_dim": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 3, 4)}
TINY = {"model": "test_resnet", "weights": "random", "size": 32, "batch_size": 4}


class _Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


@pytest.fixture
def thin(monkeypatch):
    """Make each MegaDescriptor thin, and return random weights for one of them as its file would hold them."""
    for name in SIZES:
        key = f"BVRA/MegaDescriptor-{name}"
        monkeypatch.setitem(models.KNOWN, key, {**models.KNOWN[key], "arguments": THIN})

    def network(name):
        torch.manual_seed(7)
        architecture = models.KNOWN[f"BVRA/MegaDescriptor-{name}"]["architecture"]
        return timm.create_model(architecture, pretrained=False, num_classes=0, **THIN).eval()

    return network


def build(settings, progress=None):
    method = reidbench_megadescriptor.reidbench_methods()[0].build(settings)
    method.prepare("cpu", 0, progress or Progress())
    return method


def images(n, height=50, width=70):
    return [np.random.default_rng(i).integers(0, 256, (height, width, 3)).astype(np.uint8) for i in range(n)]


def as_bytes(network):
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    return file.getvalue()


@pytest.mark.parametrize("size", SIZES)
def test_every_size_loads_from_a_file_and_embeds_as_published(thin, tmp_path, size):
    source = thin(size)
    path = tmp_path / "mega.pth"
    path.write_bytes(as_bytes(source))
    method = build(MegaDescriptorSettings(model=size, weights=str(path)))
    assert method.weights.pretrained and method.weights.licence == "CC BY-NC 4.0"
    assert (method.weights.source, method.weights.label) == ("file:mega.pth", "mega")

    from torchvision import transforms as T

    side = SIZES[size]
    published = T.Compose(
        [T.Resize((side, side)), T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    )
    pixels = images(2)
    with torch.inference_mode():
        expected = source(torch.stack([published(T.ToPILImage()(image)) for image in pixels])).numpy()
    np.testing.assert_allclose(method.embed(pixels), expected, atol=1e-5)


def test_the_hubs_cache_is_enough_and_is_named(thin, hub_cache):
    hub_cache("BVRA/MegaDescriptor-T-224", {"pytorch_model.bin": as_bytes(thin("T-224"))})
    method = build(MegaDescriptorSettings(model="T-224"))
    weights = method.weights
    assert (weights.source, weights.label) == ("hub:BVRA/MegaDescriptor-T-224", "BVRA/MegaDescriptor-T-224")
    assert weights.pretrained and weights.licence == "CC BY-NC 4.0" and len(weights.sha256) == 64


def test_without_weights_it_stops_and_names_three_ways_out(hub_cache, tmp_path):
    with pytest.raises(
        ReidbenchError, match="model.safetensors or pytorch_model.bin of BVRA/MegaDescriptor-L-384"
    ) as c:
        build(MegaDescriptorSettings())
    assert str(tmp_path / "hub") in c.value.message
    assert all(way in c.value.remedy for way in ("hf download BVRA", "HF_HOME=DIR", "--set weights=FILE"))


def test_random_weights_only_when_said_and_marked(thin):
    weights = build(MegaDescriptorSettings(model="T-224", weights="random")).weights
    assert not weights.pretrained and weights.label == "random" and weights.licence == ""


@pytest.mark.parametrize("name", ["L-384", "MegaDescriptor-L-384", "BVRA/MegaDescriptor-L-384"])
def test_short_names_are_the_whole_name(name):
    assert MegaDescriptorSettings(model=name).model == "hf-hub:BVRA/MegaDescriptor-L-384"


def test_megadescriptor_takes_no_other_model():
    with pytest.raises(ValueError, match="MegaDescriptor-T-224"):
        MegaDescriptorSettings(model="resnet50")


def test_the_model_cards_normalisation_is_a_setting(thin):
    settings = MegaDescriptorSettings(model="T-224", weights="random", mean="0.5,0.5,0.5", std="0.5,0.5,0.5")
    facts = build(settings).fit(None, None).facts
    assert facts["input"]["mean"] == facts["input"]["std"] == (0.5, 0.5, 0.5)
    assert build(MegaDescriptorSettings(model="T-224", weights="random")).fit(None, None).facts["input"]["mean"] == (
        0.485, 0.456, 0.406,
    )  # fmt: skip


def test_other_models_take_their_own_input_unless_it_is_set():
    own = build(EmbeddingSettings(model="test_vit", weights="random")).fit(None, None).facts["input"]
    assert (own["size"], own["resize"], own["crop_share"]) == ((160, 160), "crop", 0.95)
    settings = EmbeddingSettings(
        model="test_vit", weights="random", size=96, resize="exact", crop_share=1, interpolation="bilinear"
    )
    changed = build(settings).fit(None, None).facts["input"]
    assert (changed["size"], changed["resize"], changed["interpolation"]) == ((96, 96), "exact", "bilinear")


def test_an_embedding_does_not_depend_on_what_shares_its_batch():
    method = build(EmbeddingSettings(**TINY))
    pixels = images(6)
    together, alone = method.embed(pixels), np.concatenate([method.embed([image]) for image in pixels])
    assert together.dtype == np.float32 and together.shape == (6, 96)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp(together, axis=0).max() > 1e-3


def test_the_fingerprint_holds_what_auto_stands_for():
    method = build(EmbeddingSettings(**TINY))
    before = method.fingerprint()
    backbone, batches, device = method._prepared
    changed = replace(backbone, input=replace(backbone.input, crop_share=0.5))
    method._prepared = changed, batches, device
    assert method.fingerprint() != before
    assert build(EmbeddingSettings(**TINY)).fingerprint() == before


def test_memory_that_runs_out_halves_the_batch_and_says_so_once():
    progress = _Warnings()
    method = build(EmbeddingSettings(**TINY), progress)
    expected = method.embed(images(8))
    network = method._prepared[0].network
    forward, sizes = network.forward, []

    def cramped(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(batch)

    network.forward = cramped
    np.testing.assert_allclose(method.embed(images(8)), expected, atol=1e-5)
    assert sizes == [4, 2, 2, 2, 2] and len(progress.texts) == 1


def test_half_precision_is_for_gpus_alone():
    assert not build(EmbeddingSettings(**TINY, half=True)).half
    for wanted, on_gpu in (("auto", True), (True, True), (False, False)):
        method = build(EmbeddingSettings(**TINY, half=wanted))
        method._prepared = (*method._prepared[:2], "cuda")
        assert method.half is on_gpu


def test_an_embedding_that_is_not_finite_is_an_error():
    method = build(EmbeddingSettings(**TINY))
    method._prepared[0].network.layer4[0].bn2.weight.data.fill_(float("inf"))
    with pytest.raises(ReidbenchError, match="nan or infinity for 2 of 2 images"):
        method.embed(images(2))


def test_the_hook_is_light_and_licences_are_shown():
    code = "import sys, reidbench_megadescriptor as r; r.reidbench_methods(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    mega, embedding = reidbench_megadescriptor.reidbench_methods()
    assert (mega.name, embedding.name) == ("megadescriptor_cosine", "embedding_cosine")
    assert "CC BY-NC 4.0" in mega.licence


def registry():
    return Registry(tuple(Offer(s, "reidbench", "0") for s in reidbench_megadescriptor.reidbench_methods()), ())


def test_the_published_rule_is_a_fixed_threshold(thin, tmp_path):
    path = tmp_path / "mega.pth"
    path.write_bytes(as_bytes(thin("T-224")))
    record = evaluate(
        "megadescriptor_cosine",
        "patterns:identities=8,size=48",
        settings={"model": "T-224", "weights": str(path)},
        threshold="fixed=0.6",
        device="cpu",
        runs_dir=tmp_path / "runs",
        progress=Progress(),
        registry=registry(),
    )
    assert record.data.threshold.policy == "fixed=0.6"
    assert record.data.weights.licence == "CC BY-NC 4.0"
    assert record.data.matching.to_json() == {"rule": "nearest", "metric": "cosine", "keypoints": False}
    assert record.data.fit.facts["input"]["resize"] == "exact"


def test_frozen_imagenet_features_tell_real_zebras_apart(shared_dir, tmp_path):
    record = evaluate(
        "embedding_cosine",
        str(shared_dir / "data" / "zebra" / "metadata.csv"),
        settings={
            "model": "mobilenetv2_100",
            "weights": str(shared_dir / "weights" / "mobilenetv2_100_coral_imagenet.safetensors"),
            "pad_type": "same",
            "size": 96,  # its own 224 does better and takes five times as long
        },
        device="cpu",
        runs_dir=tmp_path,
        progress=Progress(),
        registry=registry(),
    )
    # Folded batch norm with TensorFlow's padding: the weights were trained with 0.5.
    assert record.data.fit.facts["input"]["mean"] == [0.5, 0.5, 0.5]
    assert record.data.weights.pretrained and record.data.weights.licence == ""
    assert record.metrics["score"] > 2 * record.metrics["chance_score"]
