"""``reidbench cache``: lists, checks and removes what reidbench made in the cache, and nothing else."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import MethodSpec, Settings
from reidbench.methods.representation import Representation
from reidbench.registry.registered import Offer
from reidbench.running.fitted_models import fitted_dir, keep_fitted, work_dir
from reidbench.running.representation_store import RepresentationStore, key_of

DAY = 86400


def call(*args, code=0):
    result = CliRunner().invoke(app, ["cache", *map(str, args)], env={"COLUMNS": "300"})
    if isinstance(result.exception, ReidbenchError):
        return f"{result.exception.message} [{result.exception.where}]"
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def fill(method, days, model=False):
    """Put features of a method in the cache that were last used some days ago; return their store."""
    key = key_of(method)
    store = RepresentationStore(key)
    store.add(["image"], Representation({"embedding": np.ones((1, 250), np.float32)}), 1.0)
    store.use(Offer(MethodSpec(method, "", Settings, Settings, version="7"), "tests", "1"))
    then = time.time() - days * DAY
    os.utime(store.folder / "about.json", (then, then))
    if model:
        work_dir(key).mkdir(parents=True)
        (work_dir(key) / "weights").write_bytes(bytes(1000))
        keep_fitted(key, work_dir(key))
    return store


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    return {"old": fill("old", 40, model=True), "new": fill("new", 1)}


def names(cache):
    return [entry["name"] for entry in json.loads(call("ls", "--json"))["entries"]]


def test_the_path_is_printed(cache, tmp_path):
    assert call("path") == f"{tmp_path / 'cache'}\n"


def test_entries_are_listed_by_last_use_with_what_they_hold(cache):
    entries = json.loads(call("ls", "--json"))["entries"]
    assert [(entry["name"], entry["version"], entry["holds"]) for entry in entries] == [
        ("new", "7", ["features"]),
        ("old", "7", ["features", "model"]),
    ]
    assert entries[0]["bytes"] > 1000 and entries[1]["bytes"] > 2000
    used = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 40 * DAY))
    assert entries[1]["last_used"].startswith(used)
    text = call("ls")
    assert "features, model" in text and "2 entries in" in text and used in text


def test_a_store_of_an_earlier_version_has_an_unknown_method(cache):
    (cache["old"].folder / "about.json").unlink()
    assert sorted(names(cache)) == ["new", "unknown"]


def test_drawings_are_entries_and_are_checked(cache, tmp_path):
    CliRunner().invoke(app, ["datasets", "patterns:identities=2,size=64"])
    from reidbench.data.patterns import PatternsOptions, ensure

    root = ensure(PatternsOptions(identities=2, size=64)).parent
    assert names(cache)[0] == "patterns:identities=2,size=64"
    assert "0 are damaged" in call("verify")
    picture = next(root.rglob("*.jpg"))
    picture.write_bytes(picture.read_bytes()[:-1])
    assert f"damaged: {root}" in call("verify", code=1)


def test_verify_reads_every_digest_and_changes_nothing(cache, tmp_path):
    assert "5 files and folders match their digests; 0 are damaged; 0 have no digests" in call("verify")
    (shard,) = cache["new"].folder.glob("shard-*")
    array = shard / "dense.embedding.npy"
    array.write_bytes(array.read_bytes()[:-1] + b"!")
    (fitted_dir(key_of("old")) / "weights").unlink()
    before = sorted(tmp_path.rglob("*"))
    text = call("verify", code=1)
    assert f"damaged: {shard}: dense.embedding.npy is damaged" in text and "weights is missing" in text
    assert "2 are damaged" in text and sorted(tmp_path.rglob("*")) == before
    assert len(json.loads(call("verify", "--json", code=1))["damaged"]) == 2


def test_verify_counts_what_has_no_digests(cache):
    (shard,) = cache["new"].folder.glob("shard-*")
    index = json.loads((shard / "index.json").read_text())
    (shard / "index.json").write_text(json.dumps({key: index[key] for key in ("images", "seconds")}))
    assert "0 are damaged; 1 have no digests" in call("verify")


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--unused", "30"], ["new"]),
        (["--unused", "50"], ["new", "old"]),
        (["--unused", "0"], []),
        (["--method", "new"], ["old"]),
        (["--method", "new", "--method", "old"], []),
        (["--method", "new", "--unused", "30"], ["new", "old"]),
        (["--max-size", "0MB"], []),
        (["--max-size", "0.0025MB"], ["new"]),
        (["--max-size", "1GB"], ["new", "old"]),
        ([], ["new", "old"]),
    ],
)
def test_prune_removes_what_matches_every_option(cache, options, left):
    call("prune", *options, "--yes")
    assert names(cache) == left
    assert fitted_dir(key_of("old")).exists() == ("old" in left)


def test_prune_asks_first_and_a_pipe_is_no_answer(cache):
    assert call("prune", "--method", "old").startswith("Cannot ask for confirmation")
    assert names(cache) == ["new", "old"]


def test_prune_refuses_what_it_does_not_know(cache):
    assert call("prune", "--method", "odl", "--yes") == "the cache holds nothing of 'odl' [--method odl]"
    assert "negative" in call("prune", "--unused", "-1", "--yes")
    assert "is not a size" in call("prune", "--max-size", "much", "--yes")


def test_files_of_the_user_in_the_cache_are_neither_listed_nor_removed(cache, tmp_path):
    root = tmp_path / "cache"
    (root / "representations" / "aa" / "mine").mkdir(parents=True)
    (root / "patterns" / "mine").mkdir(parents=True)
    (root / "notes.txt").write_text("mine")
    (tmp_path / "elsewhere" / key_of("linked")).mkdir(parents=True)
    (root / "work").mkdir(exist_ok=True)
    (root / "work" / key_of("linked")).symlink_to(tmp_path / "elsewhere" / key_of("linked"))
    assert names(cache) == ["new", "old"]
    call("prune", "--unused", "0", "--yes")
    assert (root / "representations" / "aa" / "mine").is_dir() and (root / "patterns" / "mine").is_dir()
    assert (root / "notes.txt").exists() and (tmp_path / "elsewhere" / key_of("linked")).is_dir()


def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(path, days=2, folder=False):
    if folder:
        path.mkdir(parents=True)
        (path / "inside").write_text("x")
        os.utime(path / "inside", (time.time() - days * DAY,) * 2)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def test_prune_and_a_run_remove_old_leftovers_of_processes_that_ended(cache, tmp_path, monkeypatch):
    dead, alive = ended_process(), os.getpid()
    store = cache["new"].folder
    gone = [
        leave(store / f".shard-0a.{dead}-0123abcd.tmp", folder=True),
        leave(store / f".note.{dead}-0123abcd.tmp.json"),
        leave(store / "tmp-0123456789ab", folder=True),
        leave(tmp_path / "cache" / "patterns" / f".78-0.{dead}-0123abcd.tmp", folder=True),
        leave(tmp_path / "temporary" / f"reidbench-blindness-{dead}-abcd_123", folder=True),
        leave(tmp_path / "runs" / "d" / "m" / "0123456789abcdef" / f".run.{dead}-0123abcd.tmp.json"),
    ]
    kept = [
        leave(store / f".note.{alive}-0123abcd.tmp.json"),
        leave(store / f".other.{dead}-0123abcd.tmp.json", days=0.5),
        leave(tmp_path / "temporary" / "reidbench-projects", folder=True),
        leave(tmp_path / "temporary" / f"reidbench-{dead}", folder=True),
        leave(tmp_path / "runs" / "d" / ".hidden.json"),
        leave(tmp_path / "runs" / "tmp-0123456789ab", folder=True),
    ]
    output = call("prune", "--yes")
    assert "removed 6 temporary files and folders of processes that were killed more than a day ago" in output
    assert not any(path.exists() for path in gone) and all(path.exists() for path in kept)
    again = leave(store / f".note.{dead}-0123abcd.tmp.json")
    monkeypatch.setattr("reidbench.running.leftovers._swept", set())
    args = ["run", "--method", "color_histogram", "--dataset", "patterns:identities=12,size=32,level=easy"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.exception
    stderr = done.stderr
    assert stderr.count("removed a temporary file or folder of processes that were killed") == 1
    assert not again.exists() and all(path.exists() for path in kept)


OPTIONS = {
    "path": {},
    "ls": {"--json": ["--json"]},
    "verify": {"--json": ["--json"]},
    "prune": {
        "--method": ["--method", "old"],
        "--unused": ["--unused", "30"],
        "--max-size": ["--max-size", "0MB"],
        "--runs": ["--runs", "other"],
        "--yes": ["--method", "old"],
    },
}


@pytest.mark.parametrize("verb", OPTIONS)
def test_every_option_has_a_case(verb):
    command = get_command(app).get_command(None, "cache").commands[verb]
    options = [max(param.opts, key=len) for param in command.params if param.param_type_name == "option"]
    assert sorted(set(options) - {"--help"}) == sorted(OPTIONS[verb])


@pytest.mark.parametrize(("verb", "option"), [(verb, option) for verb, cases in OPTIONS.items() for option in cases])
def test_each_option_changes_the_result(cache, tmp_path, verb, option):
    leave(tmp_path / "other" / "d" / "m" / f".run.{ended_process()}-0123abcd.tmp.json")
    yes = ["--yes"] if verb == "prune" and option != "--yes" else []
    outcomes = []
    for options in ([*OPTIONS[verb][option], *yes], [*(OPTIONS[verb][option] if option == "--yes" else []), "--yes"]):
        outcomes.append((call(verb, *options[: None if verb == "prune" else len(options) - len(yes)]), names(cache)))
        if verb != "prune":
            outcomes.append((call(verb), names(cache)))
            break
    assert outcomes[0] != outcomes[1]
