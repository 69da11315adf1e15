"""A benchmark file becomes jobs, or one message."""

from pathlib import Path

import pytest

from reidbench.errors import ReidbenchError
from reidbench.experiments.benchmark_file import read_benchmark

TEXT = """
[dataset]
name = "${STRIPES}/metadata.csv"
split_seeds = [0, 1]
seeds = [3, 4]

[[method]]
name = "sift"
settings = { ratio = 0.7 }

[[method]]
name = "color_histogram"
"""


def test_every_combination_becomes_a_job(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPES", "/data")
    (tmp_path / "b.toml").write_text(TEXT)
    jobs = read_benchmark(tmp_path / "b.toml")
    assert [(j.method, j.split_seed, j.seed) for j in jobs[:4]] == [
        ("sift", 0, 3),
        ("sift", 0, 4),
        ("color_histogram", 0, 3),
        ("color_histogram", 0, 4),
    ]
    assert len(jobs) == 8 and jobs[0].dataset == "/data/metadata.csv" and jobs[0].settings == {"ratio": 0.7}


def test_the_minutes_of_an_encounter_reach_every_job(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPES", "/data")
    (tmp_path / "b.toml").write_text(TEXT.replace("seeds = [3, 4]", "encounter_minutes = 7.5"))
    assert {job.encounter_minutes for job in read_benchmark(tmp_path / "b.toml")} == {7.5}
    (tmp_path / "b.toml").write_text(TEXT.replace("seeds = [3, 4]", "encounter_minutes = -1"))
    with pytest.raises(ReidbenchError, match="'dataset.encounter_minutes': input should be greater than or equal to 0"):
        read_benchmark(tmp_path / "b.toml")


def test_an_unset_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("STRIPES", raising=False)
    (tmp_path / "b.toml").write_text(TEXT)
    with pytest.raises(ReidbenchError, match="STRIPES is not set"):
        read_benchmark(tmp_path / "b.toml")


@pytest.mark.parametrize("text", ["[dataset", "[dataset]\nname='x'", "[dataset]\nname='x'\nx=1\n[[method]]\nname='a'"])
def test_a_bad_file_is_one_message(tmp_path, text):
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(ReidbenchError):
        read_benchmark(tmp_path / "b.toml")


def test_the_committed_benchmarks_can_be_read(monkeypatch):
    for name in ("DATASET", "ZEBRA", "MOBILENET", "ALIKED", "IMAGENET", "BIRDS"):
        monkeypatch.setenv(name, "/somewhere")
    for path in (Path(__file__).parents[3] / "benchmarks").glob("*.toml"):
        assert read_benchmark(path)


def test_the_sides_to_match_are_read_and_another_word_is_refused_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPES", "/data")
    path = tmp_path / "b.toml"
    path.write_text(TEXT.replace("seeds = [3, 4]", 'match_sides = "same"'))
    assert {job.match_sides for job in read_benchmark(path)} == {"same"}
    path.write_text(TEXT.replace("seeds = [3, 4]", 'match_sides = "left"'))
    with pytest.raises(ReidbenchError, match="not 'left'") as caught:
        read_benchmark(path)
    assert "b.toml" in caught.value.where


@pytest.mark.parametrize("key", ['split_kind = "random"', "split_seeds = [0, 1]", "new_share = 0.5"])
def test_a_split_file_refuses_the_keys_of_a_split_to_make(tmp_path, key):
    path, name = tmp_path / "b.toml", key.partition(" ")[0]
    path.write_text(f'[dataset]\nname = "patterns"\nsplit = "s.csv"\n{key}\n[[method]]\nname = "sift"\n')
    with pytest.raises(ReidbenchError, match=f"^{name} has no effect together with split") as caught:
        read_benchmark(path)
    assert caught.value.where == f"{path}, [dataset]" and caught.value.remedy
    path.write_text(path.read_text().replace(key, ""))
    assert read_benchmark(path)[0].split == Path("s.csv")
