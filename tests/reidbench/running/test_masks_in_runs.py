"""Masks of animals in a run: which keypoints and pixels a method uses, and what depends on the masks."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pandas as pd
import pytest

import reidbench
from reidbench.data.image_masks import digest_of_masks
from reidbench.errors import ReidbenchError
from reidbench.experiments.repetition import repeat_run
from reidbench.identifying.answering import identify
from reidbench.leaderboard.ranking import boards, leaderboard
from reidbench.methods.contract import CroppedToMasks, Images
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate

SIDE = 96
NAMES = ("ana", "bo", "cy", "dee", "eve")


def animal(name, shot, background):
    """Return an animal in the left half: blocks of its own pattern; the right half holds blocks of the background."""
    halves = [
        np.kron(np.random.default_rng(seed).integers(0, 256, (16, 8)), np.ones((6, 6))) for seed in (name, background)
    ]
    noise = np.random.default_rng([name, shot]).normal(0, 4, (SIDE, SIDE))
    return np.clip(np.hstack(halves) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Each part of the split has another background, so the backgrounds of a query match none of the gallery."""
    where = tmp_path_factory.mktemp("animals")
    rows = []
    for number, name in enumerate(NAMES):
        for shot, part in enumerate(("gallery", "gallery", "calibration", "test")):
            if name in ("dee", "eve") and part != {"dee": "calibration", "eve": "test"}[name]:
                continue
            path = f"{name}-{shot}.png"
            cv2.imwrite(str(where / path), animal(number, shot, 100 + 10 * shot + number))
            rows.append((path, name, path, part))
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, : SIDE // 2] = 255
    cv2.imwrite(str(where / "mask.png"), mask)
    table = pd.DataFrame(rows, columns=["image_id", "identity", "path", "part"])
    table[["image_id", "part"]].to_csv(where / "split.csv", index=False)
    table = table.drop(columns="part")
    table.to_csv(where / "plain.csv", index=False)
    table.assign(segmentation="mask.png").to_csv(where / "masked.csv", index=False)
    polygon = [0, 0, SIDE // 4, 0, SIDE // 4, SIDE, 0, SIDE]
    table.assign(segmentation=str(polygon)).to_csv(where / "narrow.csv", index=False)
    return where


def run(folder, table, runs_dir, **options):
    return evaluate(
        "sift", str(folder / table), split=folder / "split.csv", runs_dir=runs_dir, progress=Progress(), device="cpu",
        **options,
    )  # fmt: skip


def points(table, folder, **settings):
    images = reidbench.load_dataset(str(folder / table))
    spec = reidbench.registry.registered.load_registry().find("sift").spec
    method = spec.build(spec.settings(**settings))
    return method.represent(Images(images, masks=method.uses_masks), Progress()).ragged["keypoint"]


def test_keypoints_outside_the_mask_are_dropped_and_those_inside_stay_as_they_are(folder):
    plain, masked = points("plain.csv", folder), points("masked.csv", folder)
    assert (np.concatenate([plain[index] for index in range(len(plain))])[:, 0] > 0.6).any()
    for index in range(len(plain)):
        inside = plain[index][plain[index][:, 0] * SIDE < SIDE // 2]
        assert np.array_equal(masked[index], inside) and len(inside)


def test_mask_none_keeps_all_keypoints(folder):
    plain, kept = points("plain.csv", folder), points("masked.csv", folder, mask="none")
    assert all(np.array_equal(plain[index], kept[index]) for index in range(len(plain)))


def test_masks_change_the_id_of_a_run_that_uses_them_and_of_no_other(folder, tmp_path):
    plain, masked = run(folder, "plain.csv", tmp_path), run(folder, "masked.csv", tmp_path)
    narrow = run(folder, "narrow.csv", tmp_path)
    assert len({plain.id, masked.id, narrow.id}) == 3
    assert plain.data.dataset.digest == masked.data.dataset.digest and plain.data.split == masked.data.split
    stored = [json.loads((record.path / "run.json").read_text()) for record in (plain, masked)]
    assert "masks" not in stored[0] and len(stored[1]["masks"]) == 64
    unused = [run(folder, table, tmp_path, settings={"mask": "none"}) for table in ("plain.csv", "masked.csv")]
    assert unused[0].id == unused[1].id != plain.id
    colours = [
        evaluate("color_histogram", str(folder / table), split=folder / "split.csv", runs_dir=tmp_path,
                 progress=Progress()).id
        for table in ("plain.csv", "masked.csv")
    ]  # fmt: skip
    assert colours[0] == colours[1]


def test_the_default_is_not_recorded_so_that_earlier_runs_keep_their_ids(folder, tmp_path):
    assert "mask" not in run(folder, "plain.csv", tmp_path).data.settings.effective


def test_a_run_with_masks_is_blind_repeats_exactly_and_is_a_row_next_to_the_run_without(folder, tmp_path):
    plain, masked = run(folder, "plain.csv", tmp_path), run(folder, "masked.csv", tmp_path)
    assert masked.data.blindness.status == "blind"
    assert repeat_run(masked, runs_dir=tmp_path, progress=Progress()).same == "exactly"
    rows = leaderboard([plain, masked])
    assert len(boards(rows)) == 1
    assert {row.variant for row in rows} == {"masks=none", f"masks={masked.data.masks[:12]}"}


def test_identify_uses_the_masks_of_gallery_and_new_photographs(folder, tmp_path, monkeypatch):
    record = run(folder, "masked.csv", tmp_path)
    new = pd.DataFrame({"path": [str(folder / "bo-3.png")], "segmentation": [str(folder / "mask.png")]})
    new.to_csv(tmp_path / "new.csv", index=False)
    seen = identify(tmp_path / "new.csv", record, progress=Progress(), device="cpu").found[0]
    assert seen.candidates[0].identity == "bo"
    # All test photographs are in the cache with their masks: the score is that of the run.
    predictions = pd.read_csv(record.path / "predictions.csv").set_index("image_id")
    assert seen.score == predictions["score"]["bo-3.png"]


def test_a_run_is_not_opened_with_other_masks(folder, tmp_path):
    record = run(folder, "masked.csv", tmp_path)
    new = tmp_path / "new"
    new.mkdir()
    (new / "one.png").write_bytes((folder / "bo-3.png").read_bytes())
    for table, message in (("plain.csv", "the dataset has none"), ("narrow.csv", "are not those of the run")):
        with pytest.raises(ReidbenchError, match=message):
            identify(new, record, dataset=str(folder / table), progress=Progress(), device="cpu")


def test_a_mask_file_that_changes_gives_new_features_and_another_digest(folder, tmp_path):
    where = tmp_path / "copy"
    where.mkdir()
    for file in folder.iterdir():
        (where / file.name).write_bytes(file.read_bytes())
    before = digest_of_masks(reidbench.load_dataset(str(where / "masked.csv")))
    first = run(where, "masked.csv", tmp_path / "runs")
    cv2.imwrite(str(where / "mask.png"), 255 - cv2.imread(str(where / "mask.png")))
    assert digest_of_masks(reidbench.load_dataset(str(where / "masked.csv"))) != before
    second = run(where, "masked.csv", tmp_path / "runs")
    assert second.id != first.id
    assert second.metrics["balanced_rank1"] != first.metrics["balanced_rank1"]  # now only backgrounds are compared


def test_a_method_that_does_not_declare_masks_cannot_read_them(folder):
    images = reidbench.load_dataset(str(folder / "masked.csv"))
    with pytest.raises(ValueError, match="uses_masks"):
        Images(images).mask(0)
    assert Images(images, masks=True).mask(0).sum() == SIDE * SIDE // 2


def test_a_mask_is_cropped_with_its_box_and_an_empty_one_counts_as_none(folder, tmp_path):
    table = pd.read_csv(folder / "masked.csv").assign(bbox="[40, 10, 20, 30]")
    table.loc[1, "bbox"] = "[60, 10, 20, 30]"  # right of the animal
    table["path"] = [str(folder / path) for path in table["path"]]
    table["segmentation"] = str(folder / "mask.png")
    table.to_csv(tmp_path / "boxes.csv", index=False)
    images = Images(reidbench.load_dataset(str(tmp_path / "boxes.csv")), masks=True)
    assert images.mask(0).shape == images.pixels(0).shape[:2] == (30, 20)
    assert images.mask(0).sum() == 30 * 8  # columns 40 to 47 of the animal
    assert images.mask(1) is None
    assert CroppedToMasks(images).pixels(0).shape == (30, 8, 3)
    assert CroppedToMasks(images).pixels(1).shape == (30, 20, 3)


def test_crop_mask_shows_an_embedding_only_the_box_around_the_animal(folder, tmp_path):
    options = {"model": "test_resnet", "weights": "random", "size": 32}
    spec = reidbench.registry.registered.load_registry().find("embedding_cosine").spec
    embedded = {}
    for crop in ("box", "mask"):
        method = spec.build(spec.settings(**options, crop=crop))
        method.may_substitute = True
        method.prepare("cpu", 0, Progress())
        for table in ("masked.csv", "narrow.csv"):
            images = Images(reidbench.load_dataset(str(folder / table)), masks=method.uses_masks)
            embedded[crop, table] = method.represent(images, Progress()).dense["embedding"]
    assert np.array_equal(embedded["box", "masked.csv"], embedded["box", "narrow.csv"])
    assert not np.array_equal(embedded["mask", "masked.csv"], embedded["mask", "narrow.csv"])
    assert spec.settings(**options).model_dump() == {
        key: value for key, value in spec.settings(**options, crop="mask").model_dump().items() if key != "crop"
    }


def test_runs_with_masks_on_several_splits_are_one_row(folder, tmp_path):
    parts = pd.read_csv(folder / "split.csv", dtype=str)
    parts.loc[parts["image_id"] == "cy-3.png", "part"] = "unused"
    parts.to_csv(tmp_path / "other.csv", index=False)
    runs = [
        evaluate("sift", str(folder / "masked.csv"), split=split, runs_dir=tmp_path / "runs", progress=Progress())
        for split in (folder / "split.csv", tmp_path / "other.csv")
    ]
    assert runs[0].data.masks == runs[1].data.masks
    assert [len(row.runs) for row in leaderboard(runs)] == [2]
