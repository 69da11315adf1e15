"""A method that fails, in this process or in its own, costs its own row, which says why."""

import contextlib
import os
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from reidbench.errors import ReidbenchError
from reidbench.experiments.isolation import Isolation, run_isolated
from reidbench.experiments.jobs import run_jobs
from reidbench.records.failures import FailedRun, MethodFailure, list_failures
from reidbench.records.finding import load_runs
from reidbench.records.job import Job

DATASET = "patterns:identities=12,size=64,level=easy"
PLANTED = Path(__file__).parent / "planted"


@pytest.fixture(scope="module", autouse=True)
def planted(tmp_path_factory):
    """Install the planted plugin, and one that can't be loaded, as distributions on the path."""
    site = tmp_path_factory.mktemp("site")
    for name, version, entry in (
        ("planted", "1.5", "planted = reidbench_planted"),
        ("torn", "0.2", "torn = reidbench_torn"),
    ):
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[reidbench]\n{entry}\n")
    (site / "reidbench_torn.py").write_text("raise SystemExit('no licence here')\n")
    path, before = [str(site), str(PLANTED)], os.environ.get("PYTHONPATH")
    sys.path[:0] = path
    os.environ["PYTHONPATH"] = os.pathsep.join([*path, *filter(None, [before])])
    yield site
    del sys.path[: len(path)]
    sys.modules.pop("reidbench_planted", None)
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def job(method, **options):
    return Job(method, DATASET, device="cpu", **options)


def isolated(method, tmp_path, **limits):
    return run_isolated(job(method), Isolation(**limits), runs_dir=tmp_path)


def together(jobs, tmp_path, **options):
    return run_jobs(jobs, runs_dir=tmp_path, again=False, console=Console(file=StringIO()), **options)


def test_a_run_of_its_own_leaves_the_record_that_any_run_leaves(tmp_path, capfd):
    record = isolated("planted:fine", tmp_path / "apart", python=sys.executable)
    (here,), _ = together([job("fine")], tmp_path / "here")
    assert record.id == here.id and record.data.metrics == here.data.metrics
    assert record.data.plugin.name == "planted" and record.data.blindness.status == "blind"
    assert [run.id for run in load_runs(tmp_path / "apart")] == [record.id]


@pytest.mark.parametrize(
    ("method", "limits", "how", "said"),
    [
        ("raises", {}, "raised", "ZeroDivisionError: in the middle"),
        ("crashes", {}, "crash", "SIGSEGV"),
        ("hangs", {"timeout_s": 8}, "timeout", "after 8 s"),
        ("hogs", {"memory_gib": 4}, "memory", "ran out of memory"),
        ("vanishes", {}, "crash", "code 7"),
        ("killed", {"memory_gib": 4}, "memory", "SIGKILL"),
    ],
)
def test_how_a_process_ended_is_told(method, limits, how, said, tmp_path, monkeypatch):
    if "memory_gib" in limits and not sys.platform.startswith("linux"):
        pytest.skip("only Linux holds a process to its memory")
    monkeypatch.setenv("REIDBENCH_TEST_MARK", str(tmp_path))
    with pytest.raises(MethodFailure, match=said) as caught:
        isolated(method, tmp_path, **limits)
    assert caught.value.how == how and caught.value.remedy
    assert load_runs(tmp_path) == []
    for _ in range(50):  # what was killed a moment ago may still be on its way out
        if not (left := _still_running(f"REIDBENCH_TEST_MARK={tmp_path}")):
            break
        time.sleep(0.1)
    assert not left


def _still_running(mark):
    """Return the processes of this test that are left, known by what their environment holds."""
    left = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if int(path.parent.name) != os.getpid() and mark.encode() in path.read_bytes():
                left.append(path.parent.name)
    return left


def test_failures_cost_their_own_rows_and_stand_beside_the_runs(tmp_path):
    methods = ["raises", "exits", "torn", "nothing", "wrong_signature", "fine"]
    records, failures = together([job(method) for method in methods], tmp_path)
    assert [record.method for record in records] == ["fine"]
    told = {each.method: (each.how, each.plugin, each.version) for each in failures}
    assert told == {
        "raises": ("raised", "planted", "1.5"),
        "exits": ("raised", "planted", "1.5"),
        "torn": ("load", "torn", "0.2"),
        "nothing": ("raised", "planted", "1.5"),
        "wrong_signature": ("raised", "planted", "1.5"),
    }
    reasons = {each.method: each.reason for each in failures}
    assert "SystemExit: no licence here" in reasons["torn"]
    assert "returned str, not a reidbench.Method" in reasons["nothing"]
    saved = list_failures(tmp_path).failures
    assert sorted(each.method for each in saved) == sorted(told)
    assert "ZeroDivisionError" in next(each.trace for each in saved if each.method == "raises")
    assert list_failures(tmp_path, dataset="another").failures == []


def test_a_later_success_takes_the_failure_away(tmp_path, monkeypatch):
    with pytest.raises(ZeroDivisionError):  # alone, so that its author sees where
        together([job("raises")], tmp_path)
    assert [each.method for each in list_failures(tmp_path).failures] == ["raises"]
    import reidbench_planted

    monkeypatch.setattr(reidbench_planted.Raises, "embed", reidbench_planted.Fine.embed)
    together([job("raises", seed=1)], tmp_path)
    assert len(list_failures(tmp_path).failures) == 1  # another run succeeded
    together([job("raises")], tmp_path)
    assert list_failures(tmp_path).failures == []


@pytest.mark.parametrize(
    ("options", "message"),
    [({"method": "finee"}, "did you mean 'fine'"), ({"settings": {"a": 1}}, "no setting 'a'"),
     ({"threshold": "max-scor"}, "max-score"), ({"method": "color_histogram", "settings": {"hue_bins": "x"}}, "hue")],
)  # fmt: skip
def test_what_was_mistyped_ends_everything_before_it_begins(options, message, tmp_path):
    wrong = job(options.pop("method", "fine"), **options)
    with pytest.raises(ReidbenchError, match=message):
        together([job("fine"), wrong], tmp_path)
    assert load_runs(tmp_path) == [] and list_failures(tmp_path).failures == []


def test_a_row_of_a_process_of_its_own_names_its_plugin(tmp_path):
    _, (failed,) = together([job("vanishes"), job("fine")], tmp_path, isolation=Isolation())
    assert (failed.plugin, failed.version, failed.how, failed.isolated) == ("planted", "1.5", "crash", True)
    assert list_failures(tmp_path).failures == [failed]


def test_an_interpreter_that_cannot_do_it_is_named(tmp_path):
    with pytest.raises(ReidbenchError, match="no such interpreter"):
        isolated("fine", tmp_path, python="python-of-nobody")
    bare = tmp_path / "bare"
    bare.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'reidbench'\" >&2\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(ReidbenchError, match="No module named 'reidbench'"):
        isolated("fine", tmp_path, python=str(bare))
    with pytest.raises(ReidbenchError, match="no such interpreter"):
        together([job("fine")], tmp_path, isolation=Isolation("python-of-nobody"))
    assert list_failures(tmp_path).failures == []


def test_limits_are_above_zero():
    with pytest.raises(ReidbenchError, match="must be above 0"):
        Isolation(timeout_s=0)


def test_memory_that_torch_could_not_get_counts_as_memory():
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8589934592 bytes")
    assert MethodFailure.of(error, "m").how == "memory"
    told = FailedRun.of(Job("m", "d"), ("d", "0"), MethodFailure.of(error, "m"), isolated=False)
    assert FailedRun.model_validate(told.to_json()) == told
