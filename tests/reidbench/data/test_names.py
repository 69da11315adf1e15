"""One rule for names: what is stripped, what is set aside, and what stays as it is."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.csv_files import read_csv, write_csv
from reidbench.data.names import (
    NameRules,
    describe_words,
    identity_name,
    identity_names,
    near_equal,
    nearest,
    tokens,
)
from reidbench.data.splits import read_split
from reidbench.errors import ReidbenchError
from reidbench.experiments.benchmark_file import read_benchmark
from reidbench.progress import Progress
from reidbench.records.job import Job
from reidbench.registry.datasets import load_dataset
from reidbench.running.evaluation import evaluate
from reidbench.running.inputs import dataset_of

WORDS = [
    "NA", "N/A", "nan", "None", "null", "Unknown", "Unassigned", "Unidentified", "Unnamed", "Undetermined", "No ID",
    "?", "-", "--", ".", "", "<NA>", "NaN", "no_id", "No-ID", "#N/A",
]  # fmt: skip


@pytest.fixture
def table(tmp_path):
    """Write a table with these identities, and return its path."""

    def write(identities, suffix="csv"):
        for row in range(len(identities)):
            Image.new("RGB", (4, 4), (row, 0, 0)).save(tmp_path / f"{row}.png")
        frame = pd.DataFrame({"identity": identities, "path": [f"{row}.png" for row in range(len(identities))]})
        path = tmp_path / f"herd.{suffix}"
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False)
        return str(path)

    return write


def cli(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.mark.parametrize("case", [str, str.upper, str.lower])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_an_unidentified_animal_is_set_aside_in_any_case(word, case):
    assert NameRules().identity(f" {case(word)}\u00a0") == ""


@pytest.mark.parametrize("name", ["Nana", "unknown 3", "Noname7", "N", "Nan-2", "0", "-1", "None of ours", "x?"])
def test_a_name_that_only_contains_a_word_is_a_name(name):
    assert NameRules().identity(name) == name


@pytest.mark.parametrize("word", WORDS)
def test_a_table_counts_rows_set_aside_by_word(table, word):
    images = load_dataset(table(["ana", word, "bo", word]))
    assert list(images.identity) == ["ana", "bo"]
    assert images.set_aside == 2 and images.set_aside_words == {identity_name(word): 2}


@pytest.mark.parametrize("word", ["NA", "Unknown", "unassigned", "No ID", "-"])
def test_a_folder_with_such_a_word_is_set_aside(tmp_path, word):
    for name in ("ana/1.png", "bo/1.png", f"{word}/1.png", f"{word}/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    images = load_dataset(str(tmp_path))
    assert set(images.identity) == {"ana", "bo"} and images.set_aside_words == {word: 2}


def test_parquet_follows_the_same_rules(table):
    images = load_dataset(table(["NA", " ana", None, "unknown"], "parquet"))
    assert list(images.identity) == ["ana"] and images.set_aside_words == {"": 1, "NA": 1, "unknown": 1}


def test_the_numbers_of_a_csv_that_pandas_wrote_are_those_of_its_parquet(table):
    identities = [7.0, None, 12.0]
    assert list(load_dataset(table(identities)).identity) == ["7", "12"]
    assert list(load_dataset(table(identities, "parquet")).identity) == ["7", "12"]


def test_a_csv_and_a_parquet_that_mix_whole_numbers_and_fractions_have_the_same_names(table):
    identities = [7.0, 7.5]
    assert list(load_dataset(table(identities)).identity) == ["7", "7.5"]
    assert list(load_dataset(table(identities, "parquet")).identity) == ["7", "7.5"]


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        (" ana ", "ana"), ("\u00a0ana\u200b", "ana"), ("\ufeffana\t", "ana"), ("an\u200ba", "ana"),
        ("Big\u00a0 Bob", "Big Bob"), ("Jose\u0301", "Jos\u00e9"), ("007", "007"), (7, "7"), (7.0, "7"), (7.5, "7.5"),
        (np.int64(7), "7"), (np.float32(7), "7"), ("7.0", "7.0"), (None, ""), (float("nan"), ""), (pd.NA, ""),
        ("Ana", "Ana"),
    ],
)  # fmt: skip
def test_a_cell_becomes_a_name(cell, name):
    assert identity_name(cell) == name


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["7.0", "", "12.0"], ["7", "", "12"]),
        (["7.0", "new_individual"], ["7", "new_individual"]),
        (["7.0", "NA"], ["7", "NA"]),
        (["7.0", "7.5"], ["7", "7.5"]),
        ([7.0, 7.5], ["7", "7.5"]),
        (["7.0", "8"], ["7", "8"]),
        (["1.000", "1.001"], ["1.000", "1.001"]),
        (["7.0", "ana"], ["7.0", "ana"]),
        (["007", "7"], ["007", "7"]),
        ([7, "007"], ["7", "007"]),
    ],
)
def test_point_zero_is_removed_only_from_a_column_of_numbers(cells, names):
    assert identity_names(cells) == names


@given(st.text())
def test_a_name_is_its_own_name(text):
    assert identity_name(identity_name(text)) == identity_name(text)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))).map(identity_name), min_size=1))
def test_a_name_that_was_written_reads_back_as_the_same_name(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("names") / "names.csv"
    write_csv(path, ("identity", "row"), [(name, row) for row, name in enumerate(names)])
    cells = read_csv(path).column("identity")
    assert [identity_name(cell) for cell in cells] == names


def test_unknown_adds_a_word_and_name_keeps_one(table):
    path = table(["ana", "stray", "STRAY", "None", "none"])
    images = load_dataset(path, unknown=["Stray"], names=["None"])
    assert list(images.identity) == ["ana", "None"]
    assert images.set_aside_words == {"STRAY": 1, "none": 1, "stray": 1} and images.note == ""


def test_a_word_of_the_user_that_does_not_occur_is_noted(table):
    images = load_dataset(table(["ana", "none"]), unknown=["stray"], names=["None"])
    assert images.note == (
        "--unknown stray: no row has this word; --name None: no row has this name; the spelling there is 'none'"
    )


@pytest.mark.parametrize(
    ("unknown", "names", "message"),
    [
        (("Ana",), ("ana",), "both as a name and as a word"),
        ((" ",), (), "the word is empty"),
        ((), ("new_individual",), "prediction for a new animal"),
    ],
)
def test_contradictory_words_are_refused(unknown, names, message):
    with pytest.raises(ReidbenchError, match=message):
        NameRules(unknown, names)


def test_the_prediction_for_a_new_animal_is_no_name_in_any_spelling(table):
    with pytest.raises(ReidbenchError, match=r"written 'New Individual'"):
        load_dataset(table(["ana", "New Individual"]))


def test_only_words_is_an_error_that_counts_them(table):
    with pytest.raises(ReidbenchError, match="2 'NA', 1 empty"):
        load_dataset(table(["NA", "", "NA"]))


def test_words_are_described_by_frequency():
    assert describe_words({"": 1, "NA": 3, "b": 3, "a": 1, "c": 2, "d": 1}) == (
        "3 'NA', 3 'b', 2 'c', 1 empty, 1 'a', 1 with 1 other words"
    )


def test_near_equal_names_differ_in_case_zeros_and_punctuation():
    assert near_equal("s09_161", ["S09_161", "S9-161", "S09_16", "s09_161"]) == ["S09_161", "S9-161"]
    assert near_equal("7", ["007", "07", "70"]) == ["007", "07"]
    assert nearest("Anna", ["Ana", "Bo"]) == "Ana" and nearest("?", ["Ana"]) == ""
    assert near_equal("ana", ["\uff41na", "\u0430n\u0430", "anb"]) == ["\u0430n\u0430", "\uff41na"]  # wide, Cyrillic
    assert near_equal("1007", ["1,007", "10,07"]) == ["1,007"]
    assert tokens("B\u00b2") == ("b", "2")


def test_split_and_datasets_count_the_words(table, tmp_path):
    path = table([*("ana", "bo", "cy", "di") * 3, "NA", "unknown", "NA"])
    shown = cli("datasets", path)
    assert "images without an identity, set aside: 3 of 15 (20%): 2 'NA', 1 'unknown'" in shown.stdout
    made = cli("split", path, "-o", str(tmp_path / "split.csv"))
    assert "12 images of 4 animals, 3 without identity set aside (2 'NA', 1 'unknown')" in made.stderr


def test_a_run_records_the_words_and_says_them(table, tmp_path):
    path = table([*("ana", "bo", "cy", "di", "None") * 4, "NA", "stray"])
    done = cli(
        "run", "--method", "color_histogram", "--dataset", path, "--unknown", "stray", "--name", "None",
        "--runs", str(tmp_path / "runs"), "--json",
    )  # fmt: skip
    assert "20 images of 5 animals, 2 without identity set aside (1 'NA', 1 'stray')" in " ".join(done.stderr.split())
    recorded = json.loads(done.stdout)[0]["dataset"]
    assert recorded["set_aside_words"] == {"NA": 1, "stray": 1}
    assert recorded["unknown_words"] == ["stray"] and recorded["name_words"] == ["None"]


@pytest.mark.parametrize("other", [("--from", "41ca2d28"), ("--benchmark", "b.toml")])
@pytest.mark.parametrize("option", ["--unknown", "--name"])
def test_a_word_that_would_have_no_effect_is_refused(option, other):
    done = CliRunner().invoke(app, ["run", option, "stray", *other])
    assert isinstance(done.exception, ReidbenchError) and option in done.exception.message


def test_a_benchmark_file_and_a_worker_process_have_the_words(tmp_path):
    (tmp_path / "b.toml").write_text(
        '[dataset]\nname = "herd.csv"\nunknown = ["stray"]\nnames = ["None"]\n[[method]]\nname = "sift"\n'
    )
    (job,) = read_benchmark(tmp_path / "b.toml")
    assert (job.unknown, job.names) == (("stray",), ("None",))
    assert Job.from_json(json.loads(json.dumps(asdict(job), default=str))) == job


def test_a_run_is_read_again_with_its_words(table, tmp_path):
    path = table([*("ana", "bo", "cy", "di", "None") * 4, "NA", "stray"])
    images = load_dataset(path, unknown=["stray"], names=["None"])
    record = evaluate("color_histogram", images, runs_dir=tmp_path / "runs", progress=Progress())
    assert dataset_of(record).digest == images.digest
    with pytest.raises(ReidbenchError, match="is not the dataset of the run"):
        dataset_of(record, unknown=(), names=())


def test_a_split_names_an_image_in_decomposed_letters(tmp_path):
    for name in ("Jos\u00e9", "b", "c", "d"):
        Image.new("RGB", (4, 4), (ord(name[0]), 0, 0)).save(tmp_path / f"{name}.png")
    rows = "identity,path\nana,Jos\u00e9.png\nana,b.png\nbo,c.png\nbo,d.png\n"
    (tmp_path / "herd.csv").write_text(rows, encoding="utf-8")
    split = "image_id,part\nJose\u0301.png,gallery\nb.png,test\nc.png,calibration\nd.png,gallery\n"
    (tmp_path / "split.csv").write_text(split, encoding="utf-8")
    images = load_dataset(str(tmp_path / "herd.csv"))
    assert read_split(tmp_path / "split.csv", images).parts == ("gallery", "test", "calibration", "gallery")
