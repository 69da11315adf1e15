"""The census of a saved run with photographs identified since: what is counted, and what is refused."""

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
    """Identities of lynxes: two that the run enrolled, and one that it kept for calibration or test."""
    split = pd.read_csv(run.path / "split.csv", dtype=str)
    table = reidbench.load_dataset(SMALL).table
    lynxes = table[table["group"] == "lynx"]
    enrolled = lynxes["image_id"].isin(split.loc[split["part"] == "gallery", "image_id"])
    inside = sorted(lynxes.loc[enrolled, "identity"].unique())
    return [*inside[:2], next(name for name in sorted(lynxes["identity"].unique()) if name not in inside)]


def answers(path, identities):
    rows = [(f"{number}.jpg", identity, "lynx") for number, identity in enumerate(identities)]
    pd.DataFrame(rows, columns=["image_id", "identity", "group"]).to_csv(path, index=False)
    return path


def test_photographs_identified_since_are_counted_by_their_answers(run, animals, tmp_path):
    ana, bo, _ = animals
    found = take_census(run, photographs=answers(tmp_path / "a.csv", [ana, ana, bo, NEW_IDENTITY]))
    (lynx,) = found.groups
    assert (lynx.group, lynx.photographs, lynx.animals_answered, lynx.answered_new) == ("lynx", 4, 2, 1)
    # Three animals of the test part are new: too few to know how often a new one is taken for an enrolled one.
    assert lynx.population is None and "measured on 3 of them, and 5 are needed" in lynx.refused


def test_an_answer_from_outside_the_gallery_names_the_options_that_gave_it(run, animals, tmp_path):
    ana, _, outside = animals
    with pytest.raises(ReidbenchError, match=f"'{outside}' is not enrolled in the run") as caught:
        take_census(run, photographs=answers(tmp_path / "a.csv", [ana, outside]))
    assert caught.value.where.endswith("a.csv, row 3")
    assert "--whole" in caught.value.remedy and "--gallery" in caught.value.remedy
