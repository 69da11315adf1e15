"""The record names the code of a run: git commit, version and licence."""

import subprocess
import sys

import pytest

import reidbench
from reidbench.registry.registered import Offer
from reidbench.running.provenance import GitState, describe_code, git_state


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    package = tmp_path / "source" / "stranger_provenance"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def build(settings):\n    return None\n")
    git(tmp_path, "init", "--quiet", ".")
    (tmp_path / ".gitignore").write_text("venv/\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "begin")
    return tmp_path


def test_a_checkout_has_a_commit_and_may_be_dirty(repository):
    package = repository / "source" / "stranger_provenance"
    commit = git(repository, "rev-parse", "HEAD")
    assert git_state(package) == GitState(commit, dirty=False)
    (repository / "notes.txt").write_text("elsewhere")
    assert git_state(package) == GitState(commit, dirty=False)
    (package / "new.py").write_text("")
    assert git_state(package) == GitState(commit, dirty=True)
    assert git_state(package / "new.py") == GitState(commit, dirty=True)


def test_an_environment_in_a_repository_is_not_its_code(repository, tmp_path_factory):
    installed = repository / "venv" / "package"
    installed.mkdir(parents=True)
    assert git_state(installed) is None
    assert git_state(tmp_path_factory.mktemp("elsewhere")) is None


def test_without_git_there_is_no_git_state(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state(repository / "source") is None


def test_each_distribution_of_a_run_is_described(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "source"))
    import stranger_provenance

    spec = reidbench.MethodSpec("m", "", reidbench.Settings, stranger_provenance.build)
    code = describe_code([Offer(spec, "stranger", "3.1")])
    del sys.modules["stranger_provenance"]
    commit = git(repository, "rev-parse", "HEAD")
    assert code["stranger"] == {"version": "3.1", "licence": "", "commit": commit, "dirty": False}
    assert code["reidbench"]["version"] == reidbench.__version__ and code["reidbench"]["licence"] == "MIT"
