"""A dataset of a plugin, by its name: listed, loaded, run, and its failures told in one message."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from reidbench import DatasetSpec, ImageSet, ReidbenchError, evaluate, load_dataset
from reidbench.cli.main import app
from reidbench.data.names import NameRules
from reidbench.data.sources.named import from_plugin
from reidbench.progress import Progress

SMALL = "patterns:identities=12,size=64,level=easy"
PLUGIN = """
import reidbench

def load(root):
    drawn = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    table = drawn.table[["image_id", "identity", "path", "date"]].assign(species=drawn.table["group"])
    table["path"] = [str(drawn.root / path) for path in table["path"]]
    table.loc[0, "identity"] = "unknown"
    return table

@reidbench.hookimpl
def reidbench_datasets():
    return [reidbench.DatasetSpec("salt_marsh", "animals of a marsh", load, licence="CC0", source="Marsh 2020")]
"""


def test_it_is_listed_loaded_and_run_by_name(stranger, tmp_path):
    stranger(PLUGIN)
    listed = CliRunner().invoke(app, ["datasets"], env={"COLUMNS": "200"}).stdout
    lines = [line for line in listed.splitlines() if "salt_marsh" in line]
    assert any("stranger" in line for line in lines) and any("CC0" in line for line in lines)
    images = load_dataset("salt_marsh")
    assert images.name == "salt_marsh" and images.set_aside == 1
    assert len(images) == len(load_dataset(SMALL)) - 1
    assert images.note == "Marsh 2020; licence: CC0; read by stranger"
    record = evaluate("color_histogram", "salt_marsh", runs_dir=tmp_path, progress=Progress())
    assert record.dataset == "salt_marsh" and record.data.dataset.set_aside == 1
    with pytest.raises(ReidbenchError, match="did you mean 'salt_marsh'"):
        load_dataset("salt_march")


def test_a_file_or_folder_of_its_name_comes_first(stranger, tmp_path, monkeypatch):
    stranger(PLUGIN)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "salt_marsh").mkdir()
    with pytest.raises(ReidbenchError, match="no sub-folder"):
        load_dataset("salt_marsh")
    assert len(load_dataset("stranger:salt_marsh"))


def test_an_image_set_is_taken_as_it_is_under_the_name_of_the_spec(tmp_path):
    drawn = load_dataset(SMALL)
    images = from_plugin(DatasetSpec("mine", "", lambda root: drawn), None, "stranger", "1")
    assert isinstance(images, ImageSet) and images.name == "mine" and images.digest == drawn.digest


def test_unidentified_animals_of_an_image_set_are_set_aside():
    drawn = load_dataset(SMALL)
    table = drawn.table.copy()
    table.loc[:2, "identity"] = ["NA", "stray", "None"]
    images = ImageSet("drawn", drawn.root, table)
    spec = DatasetSpec("mine", "", lambda root: images)
    read = from_plugin(spec, None, "stranger", "1", NameRules(("stray", "x"), ("None",)))
    assert len(read) == len(drawn) - 2 and read.identity[0] == "None"
    assert read.set_aside == 2 and read.set_aside_words == {"NA": 1, "stray": 1}
    assert read.note.startswith("--unknown x: no row has this word")
    table["identity"] = "unknown"
    table["group"] = "all"
    nameless = DatasetSpec("mine", "", lambda root: ImageSet("drawn", drawn.root, table))
    with pytest.raises(ReidbenchError, match=f"no image has an identity: {len(drawn)} 'unknown'"):
        from_plugin(nameless, None, "stranger", "1")


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (lambda root: 1 / 0, "ZeroDivisionError"),
        (lambda root: [1], "is a list"),
        (lambda root: pd.DataFrame({"identity": ["a"]}), "no column path"),
        (lambda root: pd.DataFrame({"identity": ["a"], "path": ["nowhere.png"]}), "image files are missing"),
    ],
)
def test_what_can_not_be_read_is_one_message(load, said, tmp_path):
    with pytest.raises(ReidbenchError, match=said):
        from_plugin(DatasetSpec("mine", "", load), tmp_path, "stranger", "1")


def test_one_that_needs_a_root_says_so():
    with pytest.raises(ReidbenchError, match="needs the folder with its files") as caught:
        from_plugin(DatasetSpec("mine", "", lambda root: None, needs_root=True), None, "stranger", "1")
    assert caught.value.remedy == "--root DIR"
