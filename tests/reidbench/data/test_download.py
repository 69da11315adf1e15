"""Sets of wildlife-datasets by name: downloaded by the library's own code, with a stand-in and without a network."""

import io
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.data.sources.download import download, is_downloaded, offer_download
from reidbench.data.splitting import split_of_kind
from reidbench.errors import ReidbenchError
from reidbench.registry.datasets import load_dataset


@pytest.fixture
def herd(monkeypatch):
    """A class of wildlife-datasets that "downloads" sixty drawn images of ten animals, the last two in test alone."""
    from wildlife_datasets import datasets

    class Herd(datasets.WildlifeDataset):
        summary = {"licenses": "CC BY 4.0", "licenses_url": "https://example.org/l", "size": 1200,
                   "reported_n_total": 60, "url": "https://example.org"}  # fmt: skip
        downloads, fails = 0, ""
        split = tuple("test" if index % 6 >= 4 or index >= 48 else "train" for index in range(60))

        @classmethod
        def _download(cls):
            cls.downloads += 1
            if cls.fails == "download":
                raise Exception("Kaggle must be setup.\n   Check it.")
            random = np.random.default_rng(0)
            rows = []
            for index in range(60):
                Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(f"{index}.png")
                rows.append((index, f"h{index // 6}", f"{index}.png", cls.split[index], index // 2))
            columns = ["image_id", "identity", "path", "split", "cluster_id"]
            pd.DataFrame(rows, columns=columns).to_csv("metadata.csv", index=False)

        @classmethod
        def _extract(cls):
            if cls.fails == "extract":
                raise Exception("Extracting failed.")

            if cls.fails == "archive":
                from wildlife_datasets.datasets.utils import extract_archive

                extract_archive(cls.archive, ".")

        def create_catalogue(self):
            return self.finalize_catalogue(pd.read_csv(f"{self.root}/metadata.csv"))

    monkeypatch.setattr(datasets, "Herd", Herd, raising=False)
    for module in ("data.sources.download", "data.sources.wildlife", "registry.datasets"):
        monkeypatch.setattr(f"reidbench.{module}.wildlife_names", lambda: ["Herd", "StripeSpotter"])
    return Herd


def test_size_and_licence_are_shown(herd):
    assert offer_download("Herd").lines() == [
        "Herd: 1.2 GB to download, 60 images reported",
        "licence: CC BY 4.0 (https://example.org/l)",
        "described at https://example.org",
    ]
    herd.summary = {}
    assert offer_download("Herd").lines() == [
        "Herd: size not stated", "licence: not stated: ask the authors before you use the data",
    ]  # fmt: skip


def test_real_classes_state_theirs():
    lines = offer_download("WildlifeReID10k").lines()
    assert lines[0].startswith("WildlifeReID10k: 24.8 GB to download") and "kaggle.com" in lines[1]
    with pytest.raises(ReidbenchError, match="not a dataset of wildlife-datasets"):
        offer_download("Stripespoter")


def test_a_download_is_read_with_its_own_split(herd, tmp_path, capsys):
    root = tmp_path / "new" / "herd"
    download("Herd", root)
    assert is_downloaded("Herd", root) and "FINISHED" in capsys.readouterr().err
    images = load_dataset("Herd", root)
    assert images.given.kind == "given" and len(images) == 60
    split = split_of_kind(images)
    parts = dict(zip(split.image_ids, split.parts, strict=True))
    assert split.kind == "given"
    given_test = {str(index) for index, word in enumerate(herd.split) if word == "test"}
    assert {image_id for image_id, part in parts.items() if part == "test"} <= given_test
    for index in range(0, 60, 2):  # clusters of two: an image of test takes its neighbour out of the gallery
        assert len({parts[str(index)], parts[str(index + 1)]} - {"unused"}) <= 1


def test_a_split_of_enrolled_animals_alone_is_left_to_the_user(herd, tmp_path):
    herd.split = tuple("test" if index % 6 >= 4 else "train" for index in range(60))
    download("Herd", tmp_path)
    images = load_dataset("Herd", tmp_path)
    assert images.given.kind == "" and "--split-kind given" in images.note
    assert split_of_kind(images).kind == "open-set"


@pytest.mark.parametrize("fails", ["download", "extract"])
def test_a_failed_download_says_why_and_can_be_tried_again(herd, tmp_path, fails):
    herd.fails = fails
    with pytest.raises(ReidbenchError, match="could not be downloaded: Exception") as caught:
        download("Herd", tmp_path)
    assert "kaggle" in caught.value.remedy and not is_downloaded("Herd", tmp_path)
    herd.fails = ""
    download("Herd", tmp_path)
    assert herd.downloads == 2 and len(load_dataset("Herd", tmp_path)) == 60


def _tar(path, name, link=""):
    with tarfile.open(path, "w:gz") as file:
        entry = tarfile.TarInfo(name)
        if link:
            entry.type, entry.linkname = tarfile.SYMTYPE, link
        else:
            entry.size = 5
        file.addfile(entry, io.BytesIO(b"owned"))


@pytest.mark.parametrize(("name", "link"), [("../victim.txt", ""), ("a", "../victim.txt"), ("{folder}/victim.txt", "")])
def test_a_tar_file_that_leads_outside_its_folder_is_refused(herd, tmp_path, name, link):
    (tmp_path / "victim.txt").write_text("mine")
    herd.fails, herd.archive = "archive", str(tmp_path / "a.tar.gz")
    _tar(herd.archive, name.format(folder=tmp_path), link)
    filter_before = getattr(tarfile.TarFile, "extraction_filter", None)
    if name.startswith("{"):  # the filter makes absolute paths relative
        download("Herd", tmp_path / "herd")
    else:
        with pytest.raises(ReidbenchError, match=r"could not be downloaded: \w*(OutsideDestination|Filter|Absolute)"):
            download("Herd", tmp_path / "herd")
        assert not is_downloaded("Herd", tmp_path / "herd")
    assert (tmp_path / "victim.txt").read_text() == "mine" and not (tmp_path / "herd" / "a").is_symlink()
    assert getattr(tarfile.TarFile, "extraction_filter", None) is filter_before


def test_a_zip_file_that_leads_outside_its_folder_writes_nothing_there(herd, tmp_path):
    herd.fails, herd.archive = "archive", str(tmp_path / "a.zip")
    with zipfile.ZipFile(herd.archive, "w") as file:
        file.writestr("../victim.txt", "owned")
    download("Herd", tmp_path / "herd")
    assert not (tmp_path / "victim.txt").exists()


def run(*more, given=None):
    return CliRunner().invoke(app, ["run", "--method", "color_histogram", "--dataset", "Herd", *more], input=given)


def test_the_command_asks_first(herd, tmp_path, monkeypatch):
    place = ["--root", str(tmp_path / "herd"), "--runs", str(tmp_path / "runs"), "--download"]
    done = run(*place)
    assert str(done.exception) == "Cannot ask for confirmation: stdin is not a terminal. Add --yes."
    assert "CC BY 4.0" in done.stderr and herd.downloads == 0
    monkeypatch.setattr("reidbench.cli.confirmation.is_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert run(*place).exit_code == 1 and herd.downloads == 0
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    done = run(*place)
    assert done.exit_code == 0 and herd.downloads == 1 and "color_histogram" in done.stdout
    done = run(*place, "--yes")
    assert done.exit_code == 0 and herd.downloads == 1 and "already" in done.stderr


def test_yes_agrees_and_a_root_is_needed(herd, tmp_path):
    assert "--download needs a folder" in str(run("--download", "--yes").exception)
    done = run("--root", str(tmp_path / "h"), "--runs", str(tmp_path / "r"), "--download", "--yes")
    assert done.exit_code == 0 and herd.downloads == 1
