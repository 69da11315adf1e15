"""A run made again from its record: equal numbers, or what differs; another run is refused."""

import dataclasses
import json
import shutil

import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.experiments.repetition import _check_same_question, compare_records, repeat_run
from reidbench.progress import Progress
from reidbench.records.finding import load_runs
from reidbench.records.question import Question
from reidbench.records.run_record import read_run
from reidbench.registry.registered import Offered, Registry
from reidbench.running.evaluation import evaluate
from tests.reidbench.records.example import changed, with_id

DATASET = "patterns:identities=12,size=64,level=easy"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return evaluate(
        "color_histogram", DATASET, runs_dir=runs, progress=Progress(), device="cpu", split_seed=2, seed=3,
        settings={"hue_bins": 8}, threshold="max-score", gallery="all",
    )  # fmt: skip


@pytest.fixture
def run(made, tmp_path):
    """Return a copy of the run that a test may spoil."""
    path = tmp_path / "runs" / "d" / "m" / made.id
    shutil.copytree(made.path, path)
    return read_run(path)


def spoiled(run, **changes):
    (run.path / "run.json").write_text(json.dumps(with_id(changed(run, **changes).data.to_json())))
    return read_run(run.path)


def again(run, tmp_path, **options):
    return repeat_run(run, runs_dir=tmp_path / "runs", progress=Progress(), **options)


def test_a_run_made_again_is_the_same_to_the_last_bit_and_stands_apart(run, tmp_path, monkeypatch):
    represented = []
    real = reidbench.EmbeddingMethod.represent
    monkeypatch.setattr(reidbench.EmbeddingMethod, "represent", lambda *a: (represented.append(1), real(*a))[1])
    found = again(run, tmp_path)
    assert represented  # not out of the cache
    assert found.same == "exactly" and found.differ == () and found.n_compared > 50 and found.environment == ()
    assert found.record.id == run.id and found.record.path != run.path
    assert len(load_runs(tmp_path / "runs")) == 1 and not list((tmp_path / "runs" / "repeats").glob(".store-*"))
    was, now = run.data, found.record.data
    assert (was.seed, was.gallery, was.preset) == (now.seed, now.gallery, now.preset)
    assert was.settings.effective == now.settings.effective


def test_a_record_without_its_split_is_repeated_if_it_can_be_made_again(run, tmp_path):
    (run.path / "split.csv").unlink()
    assert again(run, tmp_path).same == "exactly"
    alone = spoiled(run, split={**run.data.split.to_json(), "seed": None, "kind": "file"})
    with pytest.raises(ReidbenchError, match="came from a file"):
        again(alone, tmp_path)


def test_a_run_from_a_split_file_is_repeated(tmp_path):
    images = reidbench.load_dataset(DATASET)
    split = dataclasses.replace(reidbench.make_split(images, seed=7), kind="file", seed=None)
    record = evaluate("color_histogram", images, split=split, runs_dir=tmp_path, progress=Progress(), device="cpu")
    assert repeat_run(record, runs_dir=tmp_path, progress=Progress()).same == "exactly"


def test_numbers_that_moved_are_named(run, tmp_path):
    metrics = run.data.metrics.to_json()
    metrics["test"]["overall"]["score"] += 4e-6
    found = again(spoiled(run, metrics=metrics), tmp_path)
    assert found.same == "within 1e-5" and found.largest == pytest.approx(4e-6)
    assert [change.name for change in found.differ] == ["metrics.test.overall.score"]
    metrics["test"]["overall"]["score"] += 0.25
    found = compare_records(spoiled(run, metrics=metrics), found.record)
    assert found.same == "no" and found.largest == pytest.approx(0.250004)


def without_metric(run, name):
    """Return the record as a version wrote it that did not know a metric."""
    metrics = run.data.metrics.to_json()
    for episode in metrics.values():
        for values in (episode["overall"], *episode["groups"].values()):
            del values[name]
    return changed(run, metrics=metrics)


def test_a_metric_that_only_one_record_knows_is_named_and_not_compared(run):
    older = without_metric(run, "rank5")
    assert compare_records(run, run).only_after == ()
    found = compare_records(older, run)
    assert (found.same, found.only_before, found.only_after) == ("exactly", (), ("rank5",))
    assert 0 < found.n_compared < compare_records(run, run).n_compared
    assert found.to_json()["only_after"] == ["rank5"]
    assert compare_records(run, older).only_before == ("rank5",)
    # What both know is compared as before.
    moved = older.data.metrics.to_json()
    moved["test"]["overall"]["score"] += 0.25
    assert compare_records(changed(run, metrics=moved), run).same == "no"


def test_a_metric_that_one_release_defined_in_another_way_is_named_and_not_compared(run):
    # Version 0.2.0 changed the definition of the oracle, so a value of 0.1.0 may differ from one of this version.
    code = run.data.to_json()["code"]
    metrics = run.data.metrics.to_json()
    metrics["test"]["overall"]["oracle_score"] += 0.25
    moved = changed(run, metrics=metrics)
    older = changed(run, metrics=metrics, code={**code, "reidbench": {**code["reidbench"], "version": "0.1.0"}})
    found = compare_records(older, run)
    assert (found.same, found.redefined) == ("exactly", ("oracle_score", "regret"))
    assert compare_records(moved, run).same == "no" and compare_records(moved, run).redefined == ()
    metrics["test"]["overall"]["score"] += 0.25
    assert compare_records(changed(older, metrics=metrics), run).same == "no"


def test_a_metric_that_is_undefined_in_one_record_alone_differs(run):
    metrics = run.data.metrics.to_json()
    metrics["test"]["overall"]["auroc"] = None
    found = compare_records(changed(run, metrics=metrics), run)
    assert found.same == "no" and [change.name for change in found.differ] == ["metrics.test.overall.auroc"]


def test_a_group_that_one_record_lacks_differs(run):
    metrics = run.data.metrics.to_json()
    del metrics["test"]["groups"][next(iter(metrics["test"]["groups"]))]
    assert compare_records(changed(run, metrics=metrics), run).same == "no"


def test_what_else_changed_is_listed(run):
    environment = {**run.data.environment.to_json(), "python": "3.10.0", "peak_memory_mib": 1.0}
    code = {"reidbench": {**run.data.code["reidbench"].to_json(), "commit": "abc"}}
    other = changed(run, environment=environment, code=code)
    found = compare_records(run, other)
    assert [(change.name, change.after) for change in found.environment] == [
        ("code.reidbench.commit", "abc"), ("python", "3.10.0"),
    ]  # fmt: skip
    assert found.same == "exactly"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plugin": {"name": "reidbench", "version": "0.0.9", "method_version": "old", "calibrated_by": None}},
         "plugin.method_version was 'old' and is '"),
        ({"plugin": {"name": "nobody", "version": "1", "method_version": "1", "calibrated_by": None}},
         "no method is called 'nobody:"),
        ({"weights": {"source": "x", "pretrained": True, "sha256": "ab", "licence": "", "label": "x"}},
         "weights.source was 'x' and is 'none'"),
    ],
)  # fmt: skip
def test_another_run_is_refused_before_any_work(run, tmp_path, changes, message, monkeypatch):
    monkeypatch.setattr("reidbench.running.evaluation.Extractor", None)
    with pytest.raises(ReidbenchError, match=message) as caught:
        again(spoiled(run, **changes), tmp_path)
    assert caught.value.where and caught.value.remedy


class Warnings(Progress):
    """Keeps the warnings of a command."""

    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


def test_a_run_of_another_release_with_the_same_method_version_is_repeated_with_a_warning(run, tmp_path):
    plugin = run.data.plugin.to_json() | {"version": "0.1.0"}
    metrics = run.data.metrics.to_json()
    metrics["test"]["overall"]["score"] += 0.25
    earlier = spoiled(run, plugin=plugin, metrics=metrics)
    warnings = Warnings()
    found = repeat_run(earlier, runs_dir=tmp_path / "runs", progress=warnings)
    (warning,) = [text for text in warnings.texts if "0.1.0" in text]
    assert f"the run was made with reidbench 0.1.0, and {reidbench.__version__} is installed" in warning
    assert [change.name for change in found.differ] == ["metrics.test.overall.score"]
    assert found.record.data.plugin.version == reidbench.__version__


def test_only_the_release_of_a_part_may_differ(run):
    part = {
        "method": "sift", "settings": {}, "calibration": None, "calibrated_by": None,
        "plugin": {"name": "reidbench", "version": "0.1.0", "method_version": "1"},
    }  # fmt: skip
    recorded = Question.of_record(changed(run, parts={"sift": part}).data)

    def installed(**changes):
        plugin = part["plugin"] | {"version": "0.2.0"} | changes
        return Question.of_record(changed(run, parts={"sift": part | {"plugin": plugin}}).data)

    (warning,) = _check_same_question(recorded, installed(), run)
    assert "reidbench 0.1.0, and 0.2.0 is installed" in warning
    with pytest.raises(ReidbenchError, match="parts.sift.plugin.method_version was '1' and is '2'"):
        _check_same_question(recorded, installed(method_version="2"), run)
    with pytest.raises(ReidbenchError, match="parts.sift.plugin.name was 'reidbench' and is 'other'"):
        _check_same_question(recorded, installed(name="other"), run)


def test_weights_that_are_gone_are_an_error(run, tmp_path, monkeypatch):
    class Weighted(reidbench.EmbeddingMethod):
        def prepare(self, device, seed, progress):
            raise ReidbenchError("there is no file 'w.pt'", where="--set weights=w.pt", remedy="put it there")

        def embed(self, pixels):
            raise AssertionError

    spec = reidbench.MethodSpec("color_histogram", "", type(_settings(run)), Weighted)
    registry = Registry((Offered(spec, "reidbench", reidbench.__version__),), ())
    monkeypatch.setattr("reidbench.experiments.repetition.load_registry", lambda **_: registry)
    with pytest.raises(ReidbenchError, match="no file 'w.pt'"):
        again(run, tmp_path)


def _settings(run):
    from reidbench.registry.registered import load_registry

    return load_registry().find("color_histogram").spec.settings(**run.data.settings.effective)


def test_another_dataset_is_refused(run, tmp_path):
    with pytest.raises(ReidbenchError, match="is not the dataset of the run"):
        again(run, tmp_path, dataset="patterns:identities=12,size=48,level=easy")
    nowhere = spoiled(run, dataset={**run.data.dataset.to_json(), "name": "catalogue", "asked": None})
    with pytest.raises(ReidbenchError, match="does not hold the place of the dataset 'catalogue'"):
        again(nowhere, tmp_path)
    assert again(nowhere, tmp_path, dataset=DATASET).same == "exactly"


def test_another_split_is_refused(run, tmp_path):
    text = (run.path / "split.csv").read_text()
    (run.path / "split.csv").write_text(text.replace(",test\n", ",unused\n", 1))
    with pytest.raises(ReidbenchError, match="the split is not that of the run"):
        again(run, tmp_path)


def test_the_command_says_so_and_fails_where_numbers_differ(run, tmp_path):
    runs = str(tmp_path / "runs")
    asked = ["run", "--from", str(run.path / "run.json"), "--runs", runs]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0 and "are the same, exactly" in result.stdout
    assert "environment: unchanged" in result.stdout and "not compared" not in result.stdout
    (run.path / "run.json").write_text(json.dumps(with_id(without_metric(run, "mrr").data.to_json())))
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0 and "not compared, only in the repetition: mrr" in result.stdout
    metrics = run.data.metrics.to_json()
    metrics["test"]["overall"]["score"] += 0.25
    spoiled(run, metrics=metrics)
    result = CliRunner().invoke(app, [*asked, "--json"])
    assert isinstance(result.exception, ReidbenchError) and result.exception.message.startswith("1 of ")
    told = json.loads(result.stdout)
    assert told["same"] == "no" and told["n_differ"] == 1


def test_a_record_of_a_stranger_removes_no_folder(run, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "photograph.jpg").write_bytes(b"the only copy")
    store = tmp_path / "runs" / "repeats" / ".store-x"
    store.mkdir(parents=True)  # so that the path below leads to the victim
    (run.path / "run.json").write_text(json.dumps(run.data.to_json() | {"id": "x/../../../victim"}))
    with pytest.raises(ReidbenchError, match="does not belong to its inputs"):
        again(read_run(run.path), tmp_path)
    result = CliRunner().invoke(app, ["run", "--from", str(run.path), "--runs", str(tmp_path / "runs")])
    assert isinstance(result.exception, ReidbenchError)
    assert (victim / "photograph.jpg").read_bytes() == b"the only copy"


def test_a_file_that_is_no_record_is_named(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    result = CliRunner().invoke(app, ["run", "--from", str(tmp_path / "other.json"), "--runs", str(tmp_path)])
    assert isinstance(result.exception, ReidbenchError) and "not the record of a run" in result.exception.message


def test_a_method_in_a_file_asks_for_that_file_unchanged(run, tmp_path):
    plugin = {"name": "mine.py", "version": "a" * 64, "method_version": "1", "calibrated_by": None}
    with pytest.raises(ReidbenchError, match="a file that was not given: mine.py") as caught:
        again(spoiled(run, plugin=plugin), tmp_path)
    assert caught.value.remedy.startswith("--plugin mine.py")
    recorded = Question.of_record(changed(run, plugin=plugin).data)
    installed = recorded.plugin.model_copy(update={"version": "0.1.0"})
    with pytest.raises(ReidbenchError, match="plugin.version was 'aaaaaaaaaaaa…' and is '0.1.0'") as caught:
        _check_same_question(recorded, recorded.model_copy(update={"plugin": installed}), run)
    assert caught.value.remedy == "give --plugin the mine.py of the run, unchanged"
