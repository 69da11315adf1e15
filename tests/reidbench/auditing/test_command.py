"""``reidbench audit``: tables, page, JSON, a repaired split, saved runs and backgrounds."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import reidbench
from reidbench.auditing.background import without_animals
from reidbench.cli.main import app
from reidbench.data.decoding import decode
from reidbench.data.splits import make_split, read_split
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.reporting.audit_build import AuditOptions, run_audit
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"


def _run(*options):
    return CliRunner().invoke(app, ["audit", *map(str, options)], catch_exceptions=False)


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """Drawn animals with copies of three test photographs in the gallery; the ids of the copies contain HTML."""
    folder = tmp_path_factory.mktemp("leaky")
    drawn = reidbench.load_dataset(SMALL)
    split = make_split(drawn)
    enrolled = set(drawn.table["identity"].iloc[split.indices("gallery", drawn)])
    queries = [row for row in split.indices("test", drawn) if drawn.table["identity"].iloc[row] in enrolled][:3]
    rows = drawn.table.drop(columns=["bbox", "group"]).assign(species=drawn.table["group"], path=[
        str(drawn.image_path(row).resolve()) for row in range(len(drawn))
    ])  # fmt: skip
    copies = rows.iloc[queries].assign(image_id=[f"copy-{n}<b>" for n in range(3)], date="")
    pd.concat([rows, copies]).to_csv(folder / "metadata.csv", index=False)
    parts = dict(zip(split.image_ids, split.parts, strict=True)) | dict.fromkeys(copies["image_id"], "gallery")
    pd.DataFrame(parts.items(), columns=["image_id", "part"]).to_csv(folder / "split.csv", index=False)
    return folder, {drawn.table["image_id"].iloc[row] for row in queries}


@pytest.mark.parametrize(("kind", "named"), [("auto", "open-set"), ("given", "given"), ("closed-set", "closed-set")])
def test_the_split_is_of_the_kind_that_is_asked_for(tmp_path, kind, named):
    """Kinds that follow the dataset work as in run."""
    drawn = reidbench.load_dataset(SMALL)
    part = np.where(np.arange(len(drawn)) % 3 == 0, "test", "train")
    paths = [str(drawn.image_path(row).resolve()) for row in range(len(drawn))]
    drawn.table.drop(columns=["bbox"]).assign(split=part, path=paths).to_csv(tmp_path / "metadata.csv", index=False)
    shown = _run(tmp_path, "--split-kind", kind).stdout
    assert f"Split: {named}, seed 0, the same as in reidbench run." in shown


def test_an_unknown_kind_of_split_and_an_unknown_dataset_are_errors():
    with pytest.raises(ReidbenchError, match="there is no kind of split 'sideways'"):
        _run(SMALL, "--split-kind", "sideways")
    with pytest.raises(ReidbenchError, match="no dataset, file or folder 'nothing'") as caught:
        _run("nothing")
    assert caught.value.where == "dataset nothing"


def test_leaks_are_shown_repaired_and_left_out_of_saved_runs(leaky, tmp_path):
    folder, queries = leaky
    runs_dir = tmp_path / "runs"
    images = reidbench.load_dataset(str(folder))
    record = evaluate(
        "color_histogram", images, split=folder / "split.csv", runs_dir=runs_dir, progress=Progress(), device="cpu"
    )
    page, repaired = tmp_path / "audit.html", tmp_path / "repaired.csv"
    options = [folder, "--split", folder / "split.csv", "--runs", runs_dir, "-o", page, "--repair", repaired]
    audit = json.loads(_run(*options, "--json").stdout)
    crossing = [pair for pair in audit["pairs"] if pair["crosses"]]
    assert sum(pair["kind"] == "same file" for pair in crossing) == 3
    # A copy belongs to the encounter of its original, so it leaks to the other queries of that encounter too.
    assert {pair["kind"] for pair in crossing} == {"same file", "same encounter"}
    assert queries <= set(audit["leaked"])
    (run,) = audit["runs"]
    assert run["run"] == record.id and run["n_leaked"] == len(queries) == 3
    assert run["score"] == record.metrics["score"] and run["without_leaks"] < run["score"]
    assert run["difference"] == pytest.approx(run["score"] - run["without_leaks"])
    without_leaks = read_split(repaired, images)
    part = dict(zip(without_leaks.image_ids, without_leaks.parts, strict=True))
    assert {part[image_id] for image_id in queries} == {"unused"}
    assert json.loads(_run(folder, "--split", repaired, "--json").stdout)["leaked"] == []
    text = page.read_text()
    assert "copy-0&lt;b&gt;" in text and "copy-0<b>" not in text
    assert "http" not in text.replace("http-equiv", "") and text.count("<script>") == 1
    assert len(text) < 1_000_000 and "same file" in text.lower() and "color_histogram" in text


def test_tables_are_printed(leaky):
    folder, _ = leaky
    shown = _run(folder, "--split", folder / "split.csv").stdout
    assert (
        "same file" in shown
        and "Leaked queries" in shown
        and "On two sides: one image" in shown
        and "in one part only" in shown
    )
    without_split = _run(folder, "--no-split").stdout
    assert "same file" in without_split and "Leaked queries" not in without_split


def test_checks_that_were_not_made_are_printed_as_undefined_with_the_reason(leaky):
    folder, _ = leaky
    printed = " ".join(_run(folder, "--no-split").stdout.split())
    for kind in ("near in embedding", "same burst", "same encounter"):
        assert f"{kind} – – –" in printed and f"{kind.capitalize()}: not checked; " in printed
    assert "near-duplicate –" not in printed


def test_a_folder_without_runs_is_an_error_and_runs_on_other_images_are_noted(leaky, tmp_path):
    with pytest.raises(ReidbenchError, match="no finished run to score again"):
        run_audit(SMALL, None, AuditOptions(runs_dir=tmp_path / "empty"))
    evaluate("color_histogram", str(leaky[0]), runs_dir=tmp_path, progress=Progress(), device="cpu")
    found = run_audit(SMALL, None, AuditOptions(runs_dir=tmp_path))
    assert found.runs == () and f"None of the runs in {tmp_path} is on these images." in found.audit.notes


@pytest.fixture
def boxed(tmp_path):
    """Animals in boxes that differ only by the colour of their background."""
    rng = np.random.default_rng(0)
    rows = []
    for animal in range(16):
        colour = rng.integers(0, 255, 3)
        for shot in range(4):
            pixels = np.clip(colour + rng.normal(0, 6, (60, 80, 3)), 0, 255).astype(np.uint8)
            pixels[15:45, 20:60] = rng.integers(100, 130, (30, 40, 3))
            Image.fromarray(pixels).save(tmp_path / f"{animal}-{shot}.png")
            rows.append((f"a{animal}", f"{animal}-{shot}.png", f"2020-01-{shot + 1:02d}", "[20, 15, 40, 30]"))
    pd.DataFrame(rows, columns=["identity", "path", "date", "bbox"]).to_csv(tmp_path / "metadata.csv", index=False)
    return tmp_path


def test_backgrounds_that_identify_the_animals_are_measured(boxed):
    (probe,) = json.loads(_run(boxed, "--background", "--json").stdout)["background"]
    assert probe["method"] == "color_histogram" and probe["n_images"] == 64
    assert probe["background"]["balanced_rank1"] > 0.9 > 0.5 > probe["animal"]["balanced_rank1"]


def test_the_box_is_filled_with_the_mean_colour_around_it(boxed, tmp_path):
    images = reidbench.load_dataset(str(boxed))
    found = without_animals(images, tmp_path / "without")
    original, filled = decode(images.image_path(0)), decode(found.images.image_path(0))
    inside = np.zeros((60, 80), bool)
    inside[15:45, 20:60] = True
    assert (filled[~inside] == original[~inside]).all()
    assert (filled[inside] == original[~inside].mean(axis=0).round()).all()
    assert found.images.table["identity"].tolist() == images.table["identity"].tolist()


def test_a_mask_is_used_instead_of_the_box_and_is_enlarged_by_a_rim(boxed, tmp_path):
    """An animal of 10 x 10 pixels with its mask as a polygon, as run lengths, in a file, empty and missing."""
    table = pd.read_csv(boxed / "metadata.csv")
    inside = np.zeros((60, 80), np.uint8)
    inside[20:30, 30:40] = 255
    Image.fromarray(inside).save(boxed / "mask.png")
    forms = [
        "[30, 20, 39, 20, 39, 29, 30, 29]",
        str({"size": [60, 80], "counts": [30 * 60 + 20, *[10, 50] * 9, 10, 30 + 40 * 60]}),
        "mask.png",
        str({"size": [60, 80], "counts": [4800]}),
        "",
    ]
    table["segmentation"] = forms + [""] * (len(table) - len(forms))
    table.loc[1, "bbox"] = ""
    table.to_csv(boxed / "metadata.csv", index=False)
    images = reidbench.load_dataset(str(boxed))
    found = without_animals(images, tmp_path / "without")
    assert found.n_masked == 3 and found.kept == tuple(range(64))
    for row in range(5):
        original, filled = decode(images.image_path(row)), decode(found.images.image_path(row))
        moved = (original != filled).any(axis=2)
        expected = np.zeros((60, 80), bool)
        if row < 3:  # the rim is at least one pixel wide, and its corners are round
            expected[19:31, 30:40] = expected[20:30, 29:41] = True
        else:
            expected[15:45, 20:60] = True
        # A few filled pixels had the mean colour before.
        assert (moved <= expected).all() and (moved == expected).mean() > 0.999
        assert (filled[expected] == original[~expected].mean(axis=0).round()).all()


def test_masks_are_filled_without_boxes(boxed):
    table = pd.read_csv(boxed / "metadata.csv").drop(columns="bbox")
    table.assign(segmentation="[20, 15, 59, 15, 59, 44, 20, 44]").to_csv(boxed / "metadata.csv", index=False)
    (probe,) = json.loads(_run(boxed, "--background", "--json").stdout)["background"]
    assert probe["n_masked"] == probe["n_images"] == 64 and probe["background"]["balanced_rank1"] > 0.9
    printed = " ".join(_run(boxed, "--background").stdout.split())
    assert "64 images by mask, 0 by box" in printed


def test_the_error_for_an_unreadable_mask_names_its_row(boxed):
    table = pd.read_csv(boxed / "metadata.csv").assign(segmentation="")
    table.loc[4, "segmentation"] = "[1, 2, 3]"
    table.to_csv(boxed / "metadata.csv", index=False)
    result = CliRunner().invoke(app, ["audit", str(boxed), "--background"])
    assert result.exit_code == 1 and isinstance(result.exception, ReidbenchError)
    assert "three corners" in result.exception.message and "metadata.csv, row 6" in result.exception.where
    assert _run(boxed).exit_code == 0  # only --background reads masks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (AuditOptions(background=("color_histogram",)), "no image of .* has a box or a mask"),
        (AuditOptions(no_split=True, background=("color_histogram",)), "there is none"),
        (AuditOptions(no_split=True, repair="repaired.csv"), "no split to repair"),
    ],
)
def test_an_audit_that_cannot_be_made_is_an_error_with_a_remedy(options, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        run_audit(SMALL, None, options)
    assert caught.value.remedy


def test_a_dataset_too_small_for_a_split_is_audited_without_one(album):
    images = album([{"identity": "ana"}, {"identity": "ana", "copy": "0"}])
    images.table[["image_id", "identity", "path"]].to_csv(images.root / "metadata.csv", index=False)
    found = run_audit(str(images.root), None, AuditOptions())
    assert found.audit.split is None and "too small" in found.audit.notes[0] and len(found.audit.pairs) == 1
