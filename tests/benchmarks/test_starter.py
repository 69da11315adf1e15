"""The starter recipe: it learns, repeats to the byte after a kill, and has drawn no animal of any dataset."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.starter.pool import Pool, animal_of
from benchmarks.starter.recipe import RECIPES, SEED_BASE
from reidbench.data.patterns import TWO_FLANKS, PatternsOptions, draw_animal
from reidbench.data.patterns.make import _Stream
from reidbench.errors import ReidbenchError

ROOT = Path(__file__).parent.parent.parent
POOLS = ("pool-0.npy", "pool-0.count", "pool-1.npy", "pool-1.count")


def start(work_dir: Path, output: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.starter", "--recipe", "tiny", "--work", str(work_dir)]
    return subprocess.Popen(
        [*command, "-o", str(output)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the tiny starter was made in one go: ``tiny.safetensors``, its card, ``work/``."""
    folder = tmp_path_factory.mktemp("starter")
    process = start(folder / "work", folder / "tiny.safetensors")
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return folder


def test_the_tiny_network_learns_its_animals(made: Path):
    card = json.loads((made / "tiny.json").read_text())
    first = card["history"][0]
    assert first["stage"] == "few easy" and first["step"] == 60
    assert first["loss"] < 0.8 * math.log(6)  # the loss of a guess among six classes
    assert card["recipe"]["backbone"] == "test_resnet"
    assert all(0 <= row["rank1"] <= 1 and row["chance_score"] > 0 for row in card["history"])


def test_the_file_is_half_precision_with_its_digest_and_input_in_the_card(made: Path):
    import hashlib

    from safetensors import safe_open

    content = (made / "tiny.safetensors").read_bytes()
    card = json.loads((made / "tiny.json").read_text())
    assert card["sha256"] == hashlib.sha256(content).hexdigest() and card["bytes"] == len(content)
    assert int.from_bytes(content[:8], "little") % 8 == 0
    with safe_open(made / "tiny.safetensors", "np") as file:
        kinds = {key: file.get_tensor(key).dtype for key in file.keys()}  # noqa: SIM118
        assert file.metadata() == {
            "arch": "test_resnet",
            "mean": "0.5,0.5,0.5",
            "std": "0.5,0.5,0.5",
            "starter": "tiny",
        }
    statistics = {key for key in kinds if key.endswith(("running_mean", "running_var"))}
    assert statistics and all(kinds[key] == (np.float32 if key in statistics else np.float16) for key in kinds)


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(made: Path, tmp_path: Path):
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    for name in POOLS:
        shutil.copy(made / "work" / name, work_dir)
    output = tmp_path / "tiny.safetensors"
    process = start(work_dir, output)
    until = time.monotonic() + 120
    while not (work_dir / "checkpoint.pt").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not output.exists()
    process = start(work_dir, output)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0 and "going on at stage" in said, said
    assert output.read_bytes() == (made / "tiny.safetensors").read_bytes()


def test_a_half_drawn_pool_is_finished_with_the_same_pictures(made: Path, tmp_path: Path):
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    pixels = np.load(made / "work" / "pool-0.npy")
    pixels[2:] = 0
    np.save(work_dir / "pool-0.npy", pixels)
    (work_dir / "pool-0.count").write_text("2")
    Pool(work_dir, RECIPES["tiny"], 0).draw()
    np.testing.assert_array_equal(np.load(work_dir / "pool-0.npy"), np.load(made / "work" / "pool-0.npy"))


def test_no_dataset_can_have_the_seed_of_a_stage():
    seeds = [stage.seed for recipe in RECIPES.values() for stage in recipe.stages]
    assert min(seeds) > 2**32 - 1
    for seed in seeds:
        with pytest.raises(ReidbenchError, match="outside 0 to 4294967295"):
            PatternsOptions(seed=seed)


def test_no_stream_of_a_dataset_can_equal_one_of_the_starter():
    """Seeds of a stage are two words, the second of which stands where a dataset has the number of its stream."""

    def state(*entropy: int) -> list[int]:
        return np.random.SeedSequence(entropy).generate_state(4).tolist()

    stream = (int(_Stream.ANIMAL), 2, 5, 0)
    assert state(SEED_BASE + 3, *stream) == state(3, 7, *stream) != state(3, *stream)
    assert max(_Stream) < SEED_BASE >> 32 == 7


def test_the_first_animals_of_a_stage_are_not_those_of_the_default_dataset():
    for stage in RECIPES["b1"].stages:
        for class_ in range(3):
            of_stage, of_dataset = (draw_animal(seed, *animal_of(class_)) for seed in (stage.seed, 0))
            assert np.abs(of_stage.texture - of_dataset.texture).mean() > 0.02


def test_classes_are_sides_of_animals_and_none_comes_twice():
    animals = [animal_of(class_) for class_ in range(90)]
    assert len(set(animals)) == 90
    assert {flank for species, _, flank in animals if species == 1} == {0}  # the salamander
    assert len(TWO_FLANKS) == 2
    assert {flank for species, _, flank in animals if species != 1} == {0, 1}


def test_a_recipe_refuses_seeds_that_datasets_may_have_and_seeds_that_repeat():
    recipe = RECIPES["tiny"]
    with pytest.raises(ValueError, match="SEED_BASE"):
        replace(recipe, stages=(replace(recipe.stages[0], seed=0),))
    with pytest.raises(ValueError, match="of its own"):
        replace(recipe, stages=(recipe.stages[0], recipe.stages[0]))
