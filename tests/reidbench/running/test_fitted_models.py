"""A trained model is moved to the cache whole, and used only if its files have their digests."""

import errno
import json
import os
import shutil

import pytest

from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.running.block_digests import FileDigests
from reidbench.running.fitted_models import DIGESTS, find_fitted, fitted_dir, keep_fitted, work_dir


class Heard(Progress):
    """Keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def heard(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "cache"))
    return Heard()


def keep(text="weights"):
    work_dir("key").mkdir(parents=True)
    (work_dir("key") / "checkpoint.pt").write_text(text)
    (work_dir("key") / "more").mkdir()
    (work_dir("key") / "more" / "classes.txt").write_text("ana")
    keep_fitted("key", work_dir("key"))


def test_a_new_fit_replaces_an_earlier_one(heard):
    for text in ("first", "second"):
        keep(text)
        assert not work_dir("key").exists()
        assert find_fitted("key", heard) == fitted_dir("key")
        assert (fitted_dir("key") / "checkpoint.pt").read_text() == text
    with pytest.raises(ReidbenchError, match="cache can't be written: the folder of the training is gone") as caught:
        keep_fitted("key", work_dir("key"))
    assert caught.value.where == str(fitted_dir("key")) and fitted_dir("key").is_dir() and not heard.warnings


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "checkpoint.pt").write_text("weighty"),
        lambda folder: (folder / "checkpoint.pt").write_text(""),
        lambda folder: (folder / "more" / "classes.txt").unlink(),
        lambda folder: (folder / DIGESTS).write_text("{"),
        lambda folder: (folder / DIGESTS).write_text("{}"),
        lambda folder: (folder / DIGESTS).write_text(
            (folder / DIGESTS).read_text().replace("checkpoint", "chequepoint")
        ),
    ],
)
def test_a_damaged_model_counts_as_missing_is_removed_and_reported_once(heard, damage):
    keep()
    damage(fitted_dir("key"))
    assert find_fitted("key", heard) is None and find_fitted("key", heard) is None
    assert len(heard.warnings) == 1 and "damaged and was removed" in heard.warnings[0]
    assert not fitted_dir("key").exists()


def test_a_model_of_an_earlier_version_gets_digests_which_is_said_once(heard):
    keep()
    (fitted_dir("key") / DIGESTS).unlink()
    assert find_fitted("key", heard) == find_fitted("key", heard) == fitted_dir("key")
    assert len(heard.warnings) == 1 and "added checksums to a trained model of an earlier version" in heard.warnings[0]
    assert list(json.loads((fitted_dir("key") / DIGESTS).read_text())["files"]) == ["checkpoint.pt", "more/classes.txt"]


def test_an_error_that_proves_no_damage_removes_no_model(heard, monkeypatch):
    keep()

    def fail(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(FileDigests, "check", fail)
    with pytest.raises(ReidbenchError, match="a trained model can't be read: Too many open files"):
        find_fitted("key", heard)
    assert fitted_dir("key").is_dir()


def test_a_model_is_moved_to_another_disk(heard, monkeypatch):
    plain = os.rename

    def refuse(source, path, **options):
        if os.fspath(source) == str(work_dir("key")):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        plain(source, path, **options)

    monkeypatch.setattr(os, "rename", refuse)
    keep()
    assert find_fitted("key", heard) == fitted_dir("key") and not work_dir("key").exists()
    shutil.rmtree(fitted_dir("key"))
    assert find_fitted("key", heard) is None and not heard.warnings
