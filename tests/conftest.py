"""Fixtures that several tests share."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

collect_ignore = ["example_plugin"]  # a distribution of its own, installed and tested by cli/commands/test_plugin.py

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of real photographs and weights, which are not part of the project."""
    given = os.environ.get("REIDBENCH_SHARED")
    folder = Path(given) if given else Path(__file__).parent.parent.parent / "shared"
    if not (folder / "data" / "zebra" / "metadata.csv").exists():
        pytest.skip("no real photographs here; set REIDBENCH_SHARED to the folder that holds data/ and weights/")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests out of the user's cache."""
    os.environ["REIDBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Return an empty cache for one test, which it may damage: all other tests share the cache of the session."""
    folder = tmp_path / "own_cache"
    monkeypatch.setenv("REIDBENCH_CACHE", str(folder))
    return folder


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Stand in for the hub's local cache, offline: ``hub_cache(repository, {name: bytes})`` puts files there."""
    folder = tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))

    def put(repository, files, revision="main"):
        commit = hashlib.sha1(repository.encode()).hexdigest()
        home = folder / f"models--{repository.replace('/', '--')}"
        (home / "refs").mkdir(parents=True, exist_ok=True)
        (home / "refs" / revision).write_text(commit)
        (home / "snapshots" / commit).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (home / "snapshots" / commit / name).write_bytes(content)
        return home / "snapshots" / commit

    return put


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Install a distribution as pip would leave it: ``stranger(code, name="stranger")`` puts it on the path."""

    def install(code, name="stranger", version="1.0"):
        module = f"plugin_{name.replace('-', '_')}"
        folder = tmp_path / "site" / name
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[reidbench]\n{name} = {module}\n")
        (folder / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


@pytest.fixture
def no_packages(monkeypatch):
    """Hide installed packages with weights."""
    monkeypatch.setattr("reidbench.networks.backbones.hub.installed_path", lambda packaged: None)
