"""What can be named, what one dataset holds, and its contact sheet."""

import io
from importlib import import_module

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

import reidbench
from reidbench.cli.commands.datasets import _describe
from reidbench.cli.main import app
from reidbench.data.sources.wildlife_facts import wildlife_facts
from reidbench.errors import ReidbenchError
from reidbench.registry.datasets import dataset_names
from reidbench.reporting.contact_sheet import LARGEST, contact_sheet

SMALL = "patterns:identities=24,size=64,level=easy"


def _run(*options, columns=200):
    given = ["datasets", *map(str, options)]
    return CliRunner().invoke(app, given, catch_exceptions=False, env={"COLUMNS": str(columns)})


def test_facts_read_from_the_source_are_those_of_the_classes():
    facts = wildlife_facts()
    classes = import_module("wildlife_datasets.datasets")
    assert len(facts) > 40
    for name in ("StripeSpotter", "LeopardID2022", "SeaTurtleID2022"):
        summary = getattr(classes, name).summary
        assert facts[name].size_mb == summary["size"] and facts[name].licence == (summary["licenses"] or "")
        assert facts[name].n_identities == summary["reported_n_individuals"]


def test_the_list_says_licence_size_and_what_is_on_disk(tmp_path):
    (tmp_path / "LeopardID2022").mkdir()
    (tmp_path / "LeopardID2022" / "images.txt").write_text("")
    shown = _run("--root", tmp_path).stdout
    (line,) = [line for line in shown.splitlines() if "LeopardID2022" in line and "8.6" in line]
    assert "8.6 GB" in line and "430" in line and "Community" in line
    assert "patterns" in shown


@pytest.mark.parametrize("rooted", [False, True])
def test_at_80_columns_each_dataset_has_one_whole_line(rooted, tmp_path):
    (tmp_path / "SealID").mkdir()
    (tmp_path / "SealID" / "seal.jpg").write_text("")
    shown = _run(*(("--root", tmp_path) if rooted else ()), columns=80).stdout
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80 and "…" not in shown
    start = next(number for number, line in enumerate(lines) if "────" in line) + 1
    rows = lines[start : lines.index("", start)]
    assert [row.split()[0] for row in rows] == [name for name, *_ in dataset_names()]
    (seal,) = [row for row in rows if row.split()[0] == "SealID"]
    assert " ".join(seal.split()) == f"SealID seals 2080 57 {'yes' if rooted else '1.8 GB'}"
    assert "patterns: drawn animals, made on this machine from a seed; no download." in lines
    absent = "download, licence" if rooted else "licence"
    assert f"Not shown at a width of 80: {absent}. reidbench datasets NAME" in " ".join(lines)


def test_one_dataset_is_counted_by_group_with_shares():
    images = reidbench.load_dataset(SMALL)
    shown = _run(SMALL).stdout
    for group, rows in images.table.groupby("group"):
        sizes = rows["identity"].value_counts()
        single = int((sizes == 1).sum())
        (line,) = [line for line in shown.splitlines() if f" {group} " in line]
        assert f"{single} ({single / len(sizes):.0%})" in line and f"{len(rows)} (100%)" in line
    assert "set aside: 0 of" in shown and images.digest[:16] in shown


def test_one_dataset_is_whole_at_80_columns():
    images = reidbench.load_dataset(SMALL)
    names = {"lynx": "LynxID2025", "salamander": "SalamanderID2025", "turtle": "SeaTurtleID2022"}
    table = images.table.assign(group=images.table["group"].map(names))
    console = Console(width=80, file=io.StringIO())
    _describe(reidbench.ImageSet("clef", images.root, table, images.source, checked=True), console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and not any("…" in line for line in lines)
    assert [line.split()[0] for line in lines if line.startswith((" Lynx", " Salam", " SeaT"))] == [*names.values()]


def test_the_sheet_shows_each_group_and_stays_small(tmp_path):
    done = _run(SMALL, "--open", tmp_path / "new" / "sheet.jpg")
    content = (tmp_path / "new" / "sheet.jpg").read_bytes()
    assert done.exit_code == 0 and len(content) <= LARGEST
    assert Image.open(io.BytesIO(content)).size == (8 * 104, 2 * 3 * 104)  # two animals of three groups


def test_an_animal_with_few_photographs_leaves_places_white(tmp_path):
    for name in ("ana", "bo"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (20, 40), "black").save(tmp_path / name / "1.png")
    sheet = np.asarray(
        Image.open(io.BytesIO(contact_sheet(reidbench.load_dataset(str(tmp_path)), side=40, photographs=2)))
    )
    assert sheet.shape == (80, 80, 3)
    assert sheet[20, 20].max() < 20 and sheet[20, 4].min() > 235  # tall photograph in the middle of its square
    assert sheet[20, 60].min() > 235  # no second photograph


def test_a_sheet_of_nothing_is_refused(tmp_path):
    with pytest.raises(ReidbenchError, match="a contact sheet needs one dataset"):
        _run("--open", tmp_path / "sheet.jpg")


def test_wildlifereid10k_has_the_numbers_of_its_publication():
    facts = wildlife_facts()["WildlifeReID10k"]
    assert (facts.n_images, facts.n_identities) == (140_488, 10_772)
    listed = CliRunner().invoke(app, ["datasets"], env={"COLUMNS": "200"}).stdout
    (line,) = [line for line in listed.splitlines() if line.split()[:1] == ["WildlifeReID10k"]]
    assert "140488" in line and "10772" in line and "1034478" not in listed


def test_no_dataset_has_more_animals_than_images():
    counts = {name: (facts.n_images, facts.n_identities) for name, facts in wildlife_facts().items()}
    assert not {name: each for name, each in counts.items() if None not in each and each[1] > each[0]}
