"""The starter recipe: the network learns, a stopped training ends with the same bytes, and all animals are new."""

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
import torch

from benchmarks.starter.animals import Animals, draw_side, side_of
from benchmarks.starter.batches import Photographs
from benchmarks.starter.recipe import GENTLE, HARD, RECIPES, SEED_BASE, level_between
from benchmarks.starter.train import contrastive_loss
from reidbench.data.patterns import SPECIES, TWO_FLANKS, PatternsOptions, draw_animal
from reidbench.data.patterns.make import _Stream
from reidbench.errors import ReidbenchError

ROOT = Path(__file__).parent.parent.parent
TINY = RECIPES["tiny"]


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
    """Folder with the tiny starter, made without interruption: ``tiny.safetensors``, its card, ``work/``."""
    folder = tmp_path_factory.mktemp("starter")
    process = start(folder / "work", folder / "tiny.safetensors")
    printed = process.communicate(timeout=600)[0]
    assert process.returncode == 0, printed
    return folder


def test_the_tiny_network_learns_to_distinguish_animals(made: Path):
    card = json.loads((made / "tiny.json").read_text())
    gentle, end = card["history"]
    guess = (TINY.batch_photos - 1) / (TINY.batch_animals * TINY.batch_photos - 1)
    assert gentle["step"] == 60 and gentle["hardness"] == 0 and end["hardness"] == 1
    # Every photograph is new to the network, so it cannot have memorised them.
    assert gentle["found"] > 1.4 * guess
    assert gentle["loss"] < math.log(TINY.batch_animals * TINY.batch_photos - 1)  # the loss of a guess
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


def test_a_killed_training_continues_and_ends_with_the_same_bytes(made: Path, tmp_path: Path):
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    for path in (made / "work").glob("*-*"):  # the drawings, without the checkpoint
        shutil.copy(path, work_dir)
    output = tmp_path / "tiny.safetensors"
    process = start(work_dir, output)
    deadline = time.monotonic() + 120
    while not (work_dir / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not output.exists()
    process = start(work_dir, output)
    printed = process.communicate(timeout=600)[0]
    assert process.returncode == 0 and "continuing at step" in printed, printed
    assert output.read_bytes() == (made / "tiny.safetensors").read_bytes()


def test_interrupted_drawing_continues_with_the_same_pictures(made: Path, tmp_path: Path):
    whole = np.load(made / "work" / "animals-lynx.npy")
    torn = whole.copy()
    torn[2:] = 0
    np.save(tmp_path / "animals-lynx.npy", torn)
    (tmp_path / "animals-lynx.count").write_text("2")
    for path in (made / "work").glob("*-*"):
        if path.stem != "animals-lynx":
            shutil.copy(path, tmp_path)
    Animals(tmp_path, TINY).draw()
    np.testing.assert_array_equal(np.load(tmp_path / "animals-lynx.npy"), whole)


def test_the_photographs_of_a_step_depend_on_its_number_and_are_all_different(made: Path):
    photographs = Photographs(made / "work", TINY)
    batch = photographs[5].numpy()
    assert batch.shape == (3, TINY.batch_animals * TINY.batch_photos, TINY.size, TINY.size, 3)
    np.testing.assert_array_equal(batch, Photographs(made / "work", TINY)[5].numpy())
    assert len(np.unique(batch.reshape(-1, TINY.size**2 * 3), axis=0)) == batch.shape[0] * batch.shape[1]
    assert not np.array_equal(batch, photographs[6].numpy())


def test_a_batch_shows_one_flank_of_each_species(made: Path):
    animals = Animals(made / "work", TINY)
    turtle, salamander = 0, 1
    for flank in (0, 1):
        assert {side_of(turtle, n)[1] for n in animals.of_one_flank(turtle, flank)} == {flank}
        assert animals.of_one_flank(salamander, flank) == list(range(TINY.n_animal))


def test_hardness_grows_linearly_between_the_easy_and_the_hard_steps():
    recipe = replace(TINY, n_step=100, gentle_steps=20, hard_from=60)
    assert [recipe.hardness(step) for step in (0, 20, 40, 60, 99)] == [0, 0, 0.5, 1, 1]
    assert level_between(0) == GENTLE and level_between(1) == HARD
    assert level_between(0.25).scale == pytest.approx((0.875, 1.0725))  # .95 to .65, 1.05 to 1.14


def test_the_contrastive_loss_of_two_animals_worked_by_hand():
    """Two photographs each of two animals, as unit vectors: 1, 1 and -1, 0 in the plane."""
    a, b, c = (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0)
    embedding = torch.tensor([[a, a, b, c]])
    loss, found = contrastive_loss(embedding, 2, 1.0)
    # Each row: minus the logarithm of exp(cosine of the other photograph) over those of all three others.
    rows = [
        -1 + math.log(math.e + math.exp(-1) + 1),
        -1 + math.log(math.e + math.exp(-1) + 1),
        -0 + math.log(2 * math.exp(-1) + 1),
        -0 + math.log(1 + 1 + 1),
    ]
    assert float(loss) == pytest.approx(sum(rows) / 4, rel=1e-6)
    # The last photograph is equally near to all others; the first of them counts.
    assert float(found) == pytest.approx(3 / 4)


def test_the_contrastive_loss_ignores_other_species():
    random = torch.nn.functional.normalize(torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0)), dim=2)
    alone = [float(contrastive_loss(random[k : k + 1], 3, 0.1)[0]) for k in (0, 1)]
    assert float(contrastive_loss(random, 3, 0.1)[0]) == pytest.approx(sum(alone) / 2, rel=1e-5)


def test_no_dataset_can_have_a_seed_of_the_starter():
    assert SEED_BASE > 2**32 - 1
    with pytest.raises(ReidbenchError, match="outside 0 to 4294967295"):
        PatternsOptions(seed=SEED_BASE + 1)


def test_no_stream_of_a_dataset_can_equal_one_of_the_starter():
    """Seeds of the starter have two words; the second is in the position of the stream number of a dataset."""

    def state(*entropy: int) -> list[int]:
        return np.random.SeedSequence(entropy).generate_state(4).tolist()

    stream = (int(_Stream.ANIMAL), 2, 5, 0)
    assert state(SEED_BASE + 3, *stream) == state(3, 7, *stream) != state(3, *stream)
    assert max(_Stream) < SEED_BASE >> 32 == 7


@pytest.mark.parametrize("species", range(len(SPECIES)))
def test_the_first_animals_are_not_those_of_the_default_dataset(species: int):
    of_starter = draw_side(species, 0)[..., :3] / 255
    of_dataset = draw_animal(0, species, 0, 0).texture
    assert np.abs(of_starter - of_dataset).mean() > 0.02


def test_each_side_is_one_flank_of_one_animal():
    for species, name in enumerate(SPECIES):
        sides = [side_of(species, number) for number in range(30)]
        assert len(set(sides)) == 30
        assert {flank for _, flank in sides} == ({0, 1} if name in TWO_FLANKS else {0})


def test_an_invalid_recipe_is_an_error():
    with pytest.raises(ValueError, match="the steps must satisfy"):
        replace(TINY, hard_from=TINY.n_step + 1)
    with pytest.raises(ValueError, match="twice batch_animals"):
        replace(TINY, n_animal=TINY.batch_animals)
    with pytest.raises(ValueError, match="multiple of checkpoint_every"):
        replace(TINY, checkpoint_every=7)
