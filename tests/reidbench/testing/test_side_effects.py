"""What a method does beside answering is seen, told apart by stage, and put back."""

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

from reidbench.testing.side_effects import Watch, shown, temporary_files_in, write_folders


def test_files_are_noted_where_they_may_not_be(tmp_path):
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


def test_a_tree_that_is_removed_is_where_it_stands_and_one_of_the_kit_is_let_go(tmp_path):
    own, other, earlier = tmp_path / "own", tmp_path / "other", tmp_path / "reidbench-check-0"
    for folder in (own, other, earlier):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "a.txt").write_text("a")
    watch = Watch((own,))
    with watch.during("represent"):
        shutil.rmtree(own / "inner")
        shutil.rmtree(earlier)  # as a temporary folder of an earlier check does whenever memory is tidied up
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


def test_nothing_is_noted_when_the_watch_is_off(tmp_path):
    watch = Watch(())
    with watch.during("fit"):
        pass
    (tmp_path / "a.txt").write_text("a")
    assert not watch.writes


def test_a_host_is_refused_but_for_weights_on_a_machine_that_is_not_offline(monkeypatch):
    watch = Watch(())
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for stage in ("prepare", "score"):
        with watch.during(stage), pytest.raises(OSError, match=f"no network in {stage}: 192.0.2.1 was asked for"):
            socket.getaddrinfo("192.0.2.1", 80)
    assert list(watch.hosts) == ["192.0.2.1 in prepare", "192.0.2.1 in score"]
    monkeypatch.delenv("HF_HUB_OFFLINE")
    loading = Watch(())
    with loading.during("prepare"):  # a number is looked up without asking anybody
        socket.getaddrinfo("192.0.2.1", 80)
    with loading.during("score"), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    assert not loading.hosts


def test_global_state_is_noted_and_put_back(tmp_path, monkeypatch):
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


def test_unpickled_classes_are_named():
    watch = Watch(())
    with watch.during("represent"):
        pickle.loads(pickle.dumps(Fraction(1, 2)))
        pickle.loads(pickle.dumps([1, "plain", {"values": 2.0}]))
    assert list(watch.pickles) == ["fractions.Fraction"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel tells no peak here")
def test_memory_is_that_of_the_stage_and_not_of_what_ran_before():
    np.ones((200, 1024, 1024), np.uint8).sum()
    watch = Watch(())
    with watch.during("fit"):
        np.ones((100, 1024, 1024), np.uint8).sum()
    assert watch.memory_mib is not None and 95 < watch.memory_mib < 150


def test_a_long_list_is_cut():
    assert shown(dict.fromkeys("abcde")) == "a, b, c and 2 more"
