"""Side effects of a method are recorded by stage, and global state is restored."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import socket
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reidbench.testing.side_effects import Watch, first_few, temporary_files_in, write_folders


def test_files_outside_the_allowed_folders_are_recorded(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir(), other.mkdir()
    watch = Watch((own,))
    with temporary_files_in(own), watch.during("represent"):
        (own / "a.txt").write_text("a")
        np.save(own / "b.npy", np.zeros(2))
        with tempfile.NamedTemporaryFile():
            pass
    assert not watch.writes
    with watch.during("represent"):
        np.save(other / "b.npy", np.zeros(2))
        (own / "a.txt").rename(other / "a.txt")
        (other / "b.npy").read_bytes()
    assert set(watch.writes) == {str(other / "b.npy"), str(other / "a.txt")}


def test_removed_folders_are_recorded_except_those_of_the_kit(tmp_path):
    own, other, earlier = tmp_path / "own", tmp_path / "other", tmp_path / "reidbench-check-0"
    for folder in (own, other, earlier):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "a.txt").write_text("a")
    watch = Watch((own,))
    with watch.during("represent"):
        shutil.rmtree(own / "inner")
        shutil.rmtree(earlier)  # the garbage collector removes a temporary folder of an earlier check like this
    assert not watch.writes
    with watch.during("represent"):
        shutil.rmtree(other / "inner")
    assert set(watch.writes) == {str(other / "inner" / "a.txt"), str(other / "inner")}


def test_caches_of_weights_may_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    watch = Watch(write_folders(tmp_path / "own"))
    with watch.during("prepare"):
        (tmp_path / "hub").mkdir()
        (tmp_path / "hub" / "net.safetensors").write_bytes(b"0")
    assert not watch.writes


def test_nothing_is_recorded_outside_of_a_stage(tmp_path):
    watch = Watch(())
    with watch.during("fit"):
        pass
    (tmp_path / "a.txt").write_text("a")
    assert not watch.writes


def test_the_network_is_refused_except_in_prepare_on_a_machine_that_is_not_offline(monkeypatch):
    watch = Watch(())
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for stage in ("prepare", "score"):
        with watch.during(stage), pytest.raises(OSError, match=f"no network is allowed in {stage}: 192.0.2.1"):
            socket.getaddrinfo("192.0.2.1", 80)
    assert list(watch.hosts) == ["192.0.2.1 in prepare", "192.0.2.1 in score"]
    monkeypatch.delenv("HF_HUB_OFFLINE")
    loading = Watch(())
    with loading.during("prepare"):  # a numeric address needs no name server
        socket.getaddrinfo("192.0.2.1", 80)
    with loading.during("score"), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    assert not loading.hosts


def test_changed_global_state_is_recorded_and_restored(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPES", "0")
    random.seed(5)
    expected, folder = random.Random(5).random(), Path.cwd()
    watch = Watch(())
    with watch.during("fit"):
        random.random()
        os.environ["STRIPES"] = "1"
        os.environ["SPOTS"] = "1"
        os.chdir(tmp_path)
    assert list(watch.seeds) == ["random in fit"]
    assert set(watch.state) == {
        "the environment variable STRIPES in fit",
        "the environment variable SPOTS in fit",
        "the working folder in fit",
    }
    assert random.random() == expected and Path.cwd() == folder
    assert os.environ["STRIPES"] == "0" and "SPOTS" not in os.environ


def test_unpickled_classes_are_recorded():
    watch = Watch(())
    with watch.during("represent"):
        pickle.loads(pickle.dumps(Fraction(1, 2)))
        pickle.loads(pickle.dumps([1, "plain", {"values": 2.0}]))
    assert list(watch.pickles) == ["fractions.Fraction"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not report peak memory")
def test_the_memory_of_earlier_code_does_not_count_for_a_stage():
    np.ones((200, 1024, 1024), np.uint8).sum()
    watch = Watch(())
    with watch.during("fit"):
        np.ones((100, 1024, 1024), np.uint8).sum()
    assert watch.memory_mib is not None and 95 < watch.memory_mib < 150


def test_a_long_list_is_shortened():
    assert first_few(dict.fromkeys("abcde")) == "a, b, c and 2 more"
