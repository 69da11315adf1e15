"""A saved run holds all that its metrics were made from."""

import shutil

import numpy as np
import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.metrics.summary import predict, summarise
from reidbench.progress import Progress
from reidbench.records.finding import find_run
from reidbench.records.saved_run import read_judged_answers, read_saved_run
from reidbench.running.evaluation import evaluate
from tests.reidbench.records.example import as_before_digests


@pytest.fixture(scope="module", params=["group", "all"])
def record(request, tmp_path_factory):
    images = reidbench.load_dataset("patterns:identities=24,size=64,level=easy")
    runs = tmp_path_factory.mktemp("runs")
    return evaluate("color_histogram", images, gallery=request.param, runs_dir=runs, progress=Progress(), device="cpu")


def test_metrics_can_be_made_again_to_the_last_bit(record):
    saved = read_saved_run(record)
    for part, episode in saved.episodes.items():
        assert summarise(episode.answers, saved.thresholds).to_json() == getattr(record.data.metrics, part).to_json()
        assert predict(episode.answers, saved.thresholds).tolist() == episode.predicted.tolist()
        assert episode.limit.tolist() == saved.thresholds.limits(episode.answers).tolist()


def test_own_and_other_best_agree_with_the_best_candidates(record):
    test = read_saved_run(record).test
    known = test.answers.known
    assert np.maximum(test.own_best, test.other_best)[known] == pytest.approx(test.answers.best_score[known])
    assert (test.own_best[~known] == -np.inf).all()
    assert test.other_best[~known] == pytest.approx(test.answers.best_score[~known])


def test_the_gallery_was_tried_against_itself(record):
    saved = read_saved_run(record)
    assert saved.gallery is not None
    assert len(saved.gallery.identity) == record.data.split.counts["gallery"]
    assert np.isfinite(saved.gallery.other_best).all()


def test_each_query_has_the_size_of_its_encounter(record):
    table = reidbench.load_dataset("patterns:identities=24,size=64,level=easy").table.set_index("image_id")
    size = table.groupby(["identity", "date"]).size()
    for episode in read_saved_run(record).episodes.values():
        expected = [size[who, day] for who, day in table.loc[episode.image_id, ["identity", "date"]].itertuples(False)]
        assert episode.encounter_size.tolist() == expected and len(set(expected)) > 1


def test_a_query_without_a_date_has_an_encounter_of_size_0(tmp_path):
    images = reidbench.load_dataset("patterns:identities=24,size=64,level=easy")
    undated = reidbench.ImageSet("undated", images.root, images.table.assign(date=""))
    test = read_saved_run(evaluate("color_histogram", undated, runs_dir=tmp_path, device="cpu")).test
    assert not test.encounter_size.any() and len(test.encounter_size)


@pytest.mark.parametrize(("name", "content"), [("scores.npz", b"PK nothing"), ("predictions.csv", b"a,b\n1,2\n")])
def test_a_damaged_file_is_named(record, tmp_path, name, content):
    folder = tmp_path / "run"
    folder.mkdir()
    for file in record.path.iterdir():
        (folder / file.name).write_bytes(content if file.name == name else file.read_bytes())
    with pytest.raises(ReidbenchError) as caught:
        read_saved_run(find_run(as_before_digests(folder)))
    assert name in caught.value.where and "--again" in caught.value.remedy


def test_a_run_of_an_earlier_version_says_to_run_again(record, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for file in record.path.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with np.load(folder / "scores.npz") as arrays:
        kept = {key: arrays[key] for key in arrays.files if not key.startswith("gallery.")}
    np.savez(folder / "scores.npz", **kept)
    with pytest.raises(ReidbenchError, match=r"lacks gallery\.identity"):
        read_saved_run(find_run(as_before_digests(folder)))


def test_a_run_that_lacks_the_sizes_of_encounters_is_read_without_them(record, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for file in record.path.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with np.load(folder / "scores.npz") as arrays:
        kept = {key: arrays[key] for key in arrays.files if not key.endswith(".encounter_size")}
    np.savez(folder / "scores.npz", **kept)
    assert read_saved_run(find_run(as_before_digests(folder))).test.encounter_size is None


def test_predictions_that_lack_a_query_are_named(record, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(record.path, folder)
    lines = (folder / "predictions.csv").read_text().splitlines(keepends=True)
    (folder / "predictions.csv").write_text("".join(lines[:-1]))
    lost = lines[-1].split(",")[0]
    for read in (read_judged_answers, read_saved_run):
        with pytest.raises(ReidbenchError, match=lost) as caught:
            read(find_run(as_before_digests(folder)))
        assert "--again" in caught.value.remedy
