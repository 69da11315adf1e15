"""The built-in dataset: the same bytes however it is made, encounters by day, options that explain themselves."""

from __future__ import annotations

import csv
import platform
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from reidbench.data.patterns import (
    LEVELS,
    PINNED_DIGEST,
    SPECIES,
    Animal,
    PatternsOptions,
    content_digest,
    digest_note,
    draw_animal,
    draw_dataset,
    draw_encounter,
    ensure,
)
from reidbench.data.patterns.canvas import SIDE
from reidbench.data.patterns.make import METADATA, PINNED_VERSIONS, _draw_identity, _plan
from reidbench.data.patterns.scenery import cover
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress

SMALL = PatternsOptions(identities=6, size=64)


def rows_of(root: Path) -> list[dict[str, str]]:
    with (root / METADATA).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("patterns")
    draw_dataset(SMALL, root, workers=1)
    return root


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    return tmp_path


def test_two_processes_write_the_bytes_of_one(small: Path, tmp_path: Path):
    draw_dataset(SMALL, tmp_path, workers=2)
    assert content_digest(tmp_path) == content_digest(small)


def test_an_animal_does_not_depend_on_how_many_others_there_are(small: Path, tmp_path: Path):
    (tmp_path / "images" / "lynx").mkdir(parents=True)
    _draw_identity(PatternsOptions(identities=400, size=64), 2, str(tmp_path))
    drawn = sorted((tmp_path / "images" / "lynx").iterdir())
    assert drawn
    assert all(path.read_bytes() == (small / path.relative_to(tmp_path)).read_bytes() for path in drawn)


def test_another_seed_draws_other_animals(small: Path, tmp_path: Path):
    draw_dataset(PatternsOptions(identities=6, size=64, seed=1), tmp_path, workers=1)
    assert content_digest(tmp_path) != content_digest(small)


def test_metadata_lists_every_image_once(small: Path):
    rows = rows_of(small)
    assert list(rows[0]) == ["image_id", "identity", "path", "date", "orientation", "species"]
    assert {row["path"] for row in rows} == {p.relative_to(small).as_posix() for p in small.rglob("*.jpg")}
    assert len({row["image_id"] for row in rows}) == len(rows)
    assert {row["species"] for row in rows} == {"turtle", "salamander", "lynx"}
    assert {row["orientation"] for row in rows} <= {"", "left", "right"}
    image = cv2.imread(str(small / rows[0]["path"]))
    assert image is not None and image.shape == (64, 64, 3) and image.std() > 5


def test_an_encounter_is_one_day_and_no_other_encounter_shares_it():
    for number in range(30):
        days = defaultdict(set)
        sizes: dict[int, int] = defaultdict(int)
        for shot in _plan(PatternsOptions(), number):
            days[shot.encounter].add(shot.date)
            sizes[shot.encounter] += 1
        assert all(len(of_one) == 1 for of_one in days.values())
        assert len(set.union(*days.values())) == len(days)
        assert max(sizes.values()) <= 3


def test_an_animal_met_on_five_days_shows_both_flanks_and_each_on_days_to_divide():
    usual, other = 0, 0
    for number in range(78):
        plan = _plan(PatternsOptions(), number)
        sides = {shot.encounter: set() for shot in plan}
        for shot in plan:
            sides[shot.encounter].add(shot.orientation)
        assert all(len(of_one) == 1 for of_one in sides.values())
        counts = Counter(side for of_one in sides.values() for side in of_one)
        if plan[0].species == "salamander":
            assert set(counts) == {""}
        elif len(sides) < 5:
            assert len(counts) == 1
        else:
            assert set(counts) == {"left", "right"} and min(counts.values()) >= 2
            usual, other = usual + max(counts.values()), other + min(counts.values())
    assert other and usual > 1.5 * other


@pytest.mark.parametrize("species", [0, 2])
def test_two_flanks_share_outline_and_colour_and_bear_two_patterns(species: int):
    left, right, again = (draw_animal(0, species, 4, flank) for flank in (0, 1, 0))
    np.testing.assert_array_equal(left.texture, again.texture)
    both = (left.mask > 0.9) & (right.mask > 0.9)
    assert both.sum() > 0.97 * (left.mask > 0.9).sum()
    # Colours differ by chance of the pattern alone.
    assert np.abs(left.texture[both].mean(axis=0) - right.texture[both].mean(axis=0)).max() < 0.04

    def pattern(animal: Animal) -> np.ndarray:
        grey = animal.texture.mean(axis=2)
        fine = cv2.GaussianBlur(grey, (0, 0), 1.5) - cv2.GaussianBlur(grey, (0, 0), 8)
        # The flank alone: the face and the rim are drawn alike.
        return fine[110:170, 110:220].ravel()

    assert abs(np.corrcoef(pattern(left), pattern(right))[0, 1]) < 0.3


def test_a_given_background_is_taken_and_leaves_the_rest_of_the_encounter_as_it_was():
    level, ground = LEVELS["easy"], np.full((SIDE, SIDE, 3), 0.5, np.float32)
    with_own = draw_encounter(np.random.default_rng(3), "lynx", level)
    with_given = draw_encounter(np.random.default_rng(3), "lynx", level, ground)
    assert with_given.background is ground and not np.array_equal(with_own.background, ground)
    for part in ("pose", "warp", "cast", "light"):
        np.testing.assert_array_equal(getattr(with_own, part), getattr(with_given, part))


@pytest.mark.parametrize("species", SPECIES)
def test_a_cover_hides_about_the_levels_share_of_the_animal(species: str):
    level = replace(LEVELS["default"], cover_share=1.0, cover_area=0.2)
    alpha = np.zeros((160, 160), np.float32)
    alpha[40:120, 30:130] = 1
    hidden = []
    for seed in range(12):
        image = np.full((160, 160, 3), -1, np.float32)  # a colour that nothing has
        cover(image, alpha, np.random.default_rng(seed), species, level)
        hidden.append(float(((image[..., 0] > -0.3) * alpha).sum() / alpha.sum()))
    assert 0.1 < np.mean(hidden) < 0.4  # the last leaf may hide more than was wanted


def test_nothing_covers_an_animal_at_a_share_of_none():
    image, alpha = np.zeros((64, 64, 3), np.float32), np.ones((64, 64), np.float32)
    cover(image, alpha, np.random.default_rng(0), "lynx", replace(LEVELS["easy"], cover_share=0.0))
    assert not image.any()


def test_the_default_plan_has_a_long_tail_and_enough_days():
    plans = [_plan(PatternsOptions(), number) for number in range(78)]
    counts = [len(plan) for plan in plans]
    assert 430 <= sum(counts) <= 570
    assert min(counts) == 1 and max(counts) >= 12
    assert all(len({shot.date for shot in plan}) >= 3 for plan in plans if len(plan) >= 4)


def test_photographs_of_one_encounter_look_more_alike_than_those_of_two(small: Path):
    within, between = [], []
    for number in range(SMALL.identities):
        shots = _plan(SMALL, number)
        tones = [cv2.imread(str(small / shot.path)).reshape(-1, 3).mean(axis=0) for shot in shots]
        for i, one in enumerate(shots):
            for j in range(i):
                same = one.encounter == shots[j].encounter
                (within if same else between).append(float(np.abs(tones[i] - tones[j]).mean()))
    assert np.mean(within) < 0.5 * np.mean(between)


def test_ensure_draws_once_and_then_reuses(cache: Path):
    table = ensure(SMALL)
    assert table.is_file() and cache in table.parents
    before = table.stat().st_mtime_ns
    assert ensure(SMALL) == table and table.stat().st_mtime_ns == before
    assert [p for p in (cache / "patterns").iterdir() if p != table.parent] == []


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: (root / rows_of(root)[0]["path"]).unlink(),
        lambda root: flip(root / rows_of(root)[0]["path"]),
        lambda root: flip(root / "metadata.csv"),
        lambda root: (root / "metadata.csv").write_text(""),
        lambda root: (root / "digest.json").write_text("[]"),
        lambda root: (root / "digest.json").unlink(),
    ],
)
def test_a_damaged_copy_is_drawn_again_and_reported_once(cache: Path, damage, capsys):
    options = PatternsOptions(identities=2, size=64)
    root = ensure(options).parent
    digest = content_digest(root)
    damage(root)
    for _ in range(2):
        assert content_digest(ensure(options).parent) == digest
    assert len(list((cache / "patterns").iterdir())) == 1
    assert capsys.readouterr().err.count("are damaged and are drawn again") == 1


def test_a_file_of_the_user_in_a_copy_is_no_damage(cache: Path, capsys):
    root = ensure(PatternsOptions(identities=2, size=64)).parent
    (root / "notes.txt").write_text("mine")
    assert ensure(PatternsOptions(identities=2, size=64)).parent == root
    assert (root / "notes.txt").read_text() == "mine" and not capsys.readouterr().err


def test_the_copy_of_a_faster_process_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch):
    options = PatternsOptions(identities=1, size=64)

    def draw_after_another(opts: PatternsOptions, root: Path, progress: Progress | None = None) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("REIDBENCH_CACHE", str(cache))
        (ensure(opts).parent / "theirs").touch()
        draw_dataset(opts, root, progress)

    monkeypatch.setattr("reidbench.data.patterns.make.draw_dataset", draw_after_another)
    assert (ensure(options).parent / "theirs").exists()
    assert len(list((cache / "patterns").iterdir())) == 1


def test_a_full_disk_is_one_message_and_leaves_nothing_behind(cache: Path, full_disk):
    with full_disk(1000), pytest.raises(ReidbenchError, match="can't be kept in the cache: File too large") as caught:
        ensure(PatternsOptions(identities=1, size=64))
    assert "REIDBENCH_CACHE" in caught.value.remedy and not list((cache / "patterns").iterdir())


def test_digest_note_speaks_only_of_a_default_dataset_that_differs(small: Path, tmp_path: Path, monkeypatch):
    assert digest_note(small) == ""
    (tmp_path / "digest.json").write_text('{"dataset": "patterns", "sha256": ""}')
    (tmp_path / METADATA).write_text("other\n")
    assert "are not exactly those of the published scores" in digest_note(tmp_path)
    monkeypatch.setattr("reidbench.data.patterns.make.PINNED_DIGEST", "d1")
    (tmp_path / "digest.json").write_text('{"dataset": "patterns", "sha256": "d1"}')
    assert digest_note(tmp_path) == ""


# Grey means of the nine fields of an image, for the first photograph of three animals of the default dataset.
FROZEN = {
    "turtle-000-00": (0, [149, 110, 97, 159, 84, 98, 200, 139, 92]),
    "salamander-000-00": (1, [112, 124, 125, 116, 109, 159, 148, 126, 157]),
    "lynx-001-00": (5, [58, 77, 77, 82, 109, 91, 70, 71, 87]),
}


@pytest.mark.parametrize("image_id", FROZEN)
def test_the_default_drawings_are_frozen(image_id: str, tmp_path: Path):
    """Holds on every machine, whose last bits may differ: a change in drawing needs a new RECIPE and new pins."""
    number, expected = FROZEN[image_id]
    species = image_id.split("-")[0]
    (tmp_path / "images" / species).mkdir(parents=True)
    _draw_identity(PatternsOptions(), number, str(tmp_path))
    grey = cv2.imread(str(tmp_path / "images" / species / f"{image_id}.jpg"), cv2.IMREAD_GRAYSCALE)
    fields = cv2.resize(grey, (3, 3), interpolation=cv2.INTER_AREA).ravel().astype(int)
    assert np.abs(fields - expected).max() <= 2


def _pinned_machine() -> bool:
    # A vector unit of another width rounds other last bits.
    wide = "*AVX512-SKX" in cv2.getCPUFeaturesLine().split()
    versions = (cv2.__version__, *np.__version__.split(".")[:2])
    return platform.machine() in ("x86_64", "AMD64") and versions == ("5.0.0", "2", "4") and not wide


@pytest.mark.slow
@pytest.mark.skipif(not _pinned_machine(), reason=f"bytes are pinned for {PINNED_VERSIONS}")
def test_the_bytes_of_the_default_dataset_are_pinned(tmp_path: Path):
    draw_dataset(PatternsOptions(), tmp_path)
    assert content_digest(tmp_path) == PINNED_DIGEST
    assert digest_note(tmp_path) == ""


def test_options_read_what_their_name_says():
    options = PatternsOptions(identities=2000, seed=3, level="hard")
    assert options.name == "patterns:identities=2000,seed=3,level=hard"
    assert PatternsOptions.parse(options.name) == options
    assert PatternsOptions.parse(" level=hard , identities=2000,seed=3") == options
    for text in ("", "patterns", "patterns:"):
        assert PatternsOptions.parse(text) == PatternsOptions()
    assert PatternsOptions().name == "patterns"


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("levels=hard", "'levels' is not an option", "did you mean 'level'?"),
        ("level=hrad", "level 'hrad' is not one of", "did you mean 'hard'?"),
        ("identities=many", "not a whole number", "patterns:identities=78"),
        ("identities=0", "outside 1 to 100000", "patterns:identities=78"),
        ("seed=-1", "outside 0", "seed=0"),
        ("size=8", "outside 32", "size=160"),
        ("hard", "'hard' is not KEY=VALUE", "patterns:"),
        ("seed=1,seed=2", "is given twice", "once"),
    ],
)
def test_options_that_cannot_be_read_say_what_to_do(text: str, said: str, remedy: str):
    with pytest.raises(ReidbenchError) as caught:
        PatternsOptions.parse(text)
    assert said in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.where.startswith("patterns:")


def test_the_default_level_lies_between_medium_and_hard():
    medium, default, hard = (LEVELS[name] for name in ("medium", "default", "hard"))
    for key in ("rotation", "perspective", "bend", "affine", "light", "cast", "cover_share", "cover_area"):
        assert getattr(medium, key) < getattr(default, key) < getattr(hard, key)
