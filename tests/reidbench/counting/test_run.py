"""The census of a saved run with photographs that were identified later."""

import pandas as pd
import pytest

import reidbench
from reidbench.constants import NEW_IDENTITY
from reidbench.counting.census import take_census
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return evaluate("color_histogram", SMALL, runs_dir=tmp_path_factory.mktemp("runs"), progress=Progress())


@pytest.fixture(scope="module")
def animals(run):
    """Three lynxes: two that the run enrolled, and one that is only in calibration or test."""
    split = pd.read_csv(run.path / "split.csv", dtype=str)
    table = reidbench.load_dataset(SMALL).table
    lynxes = table[table["group"] == "lynx"]
    enrolled = lynxes["image_id"].isin(split.loc[split["part"] == "gallery", "image_id"])
    inside = sorted(lynxes.loc[enrolled, "identity"].unique())
    return [*inside[:2], next(name for name in sorted(lynxes["identity"].unique()) if name not in inside)]


def predictions(path, identities):
    rows = [(f"{number}.jpg", identity, "lynx") for number, identity in enumerate(identities)]
    pd.DataFrame(rows, columns=["image_id", "identity", "group"]).to_csv(path, index=False)
    return path


def test_photographs_identified_later_are_counted_by_their_predictions(run, animals, tmp_path):
    ana, bo, _ = animals
    census = take_census(run, photographs=predictions(tmp_path / "a.csv", [ana, ana, bo, NEW_IDENTITY]))
    (lynx,) = census.groups
    assert (lynx.group, lynx.photographs, lynx.animals_answered, lynx.answered_new) == ("lynx", 4, 2, 1)
    # Only three test animals are new: too few to measure how often a new animal is matched with an enrolled one.
    assert lynx.population is None and "measured on 3 animals; 5 are needed" in lynx.refused


def test_a_table_from_a_larger_gallery_is_refused_although_all_its_animals_are_enrolled(run, animals, tmp_path):
    path = predictions(tmp_path / "a.csv", [animals[0], animals[1]])
    pd.read_csv(path).assign(searched_with="--whole").to_csv(path, index=False)
    with pytest.raises(ReidbenchError, match="identified with --whole, so another gallery") as caught:
        take_census(run, photographs=path)
    assert caught.value.where.endswith("a.csv, row 2") and "without --whole" in caught.value.remedy


def test_the_error_for_a_prediction_outside_the_gallery_names_the_options(run, animals, tmp_path):
    ana, _, outside = animals
    with pytest.raises(ReidbenchError, match=f"'{outside}' is not enrolled in the run") as caught:
        take_census(run, photographs=predictions(tmp_path / "a.csv", [ana, outside]))
    assert caught.value.where.endswith("a.csv, row 3")
    assert "--whole" in caught.value.remedy and "--enrolled" in caught.value.remedy
