"""Ids of runs and keys of cached representations that version 0.1.0 wrote stay as they are.

The values below were made by 0.1.0. The images are files of fixed bytes, so no image encoder takes part in a digest.
"""

import struct
from dataclasses import replace

import pytest

import reidbench
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate

PLUGIN = '''"""A method made of one function."""

import numpy as np

import reidbench


@reidbench.embedding_method
def mean_colour(pixels, power: float = 1.0):
    """Mean colour of the image."""
    return np.stack([(image / 255).mean((0, 1)) ** power for image in pixels])


@reidbench.hookimpl
def reidbench_methods():
    return [mean_colour]
'''

DATASET = "82f74e4e642f101ecace6acde1e0ee3f234b3e485db351b26ec9ff8c794d7281"
FIRST_IMAGE = "dbd20e22ea79f4f3162fd1408de4d320ccd4d8c1ea227f45af8ea45084e6e649"
PROMISED = {
    "color_histogram": ("26d26863af0a49d6", "c517e7125adbb57f69705c988fa09744c18b3214e80d9c9d38581f401e4ccafe"),
    "sift": ("89c89bd0376ac2db", "90a856f67bbea00c1f8012a83d82f6fc345cb82e2dc57814a7ac44acacd1d428"),
    "mean_colour": ("46d81116e4fc8164", "e56100aea6ac6baaa67a09e16e60c2cd2603c1d9f9dca6bc3287913b45fc7e77"),
}
"""Run id and cache key by method."""


def bitmap(identity: int, photograph: int, side: int = 24) -> bytes:
    """Return an uncompressed picture of 24 bits: a header of 54 bytes, then rows of blue, green and red."""
    rows = bytearray()
    for y in range(side):
        for x in range(side):
            wave = (x * (identity + 2) + y * (photograph + 3)) % 17 * 15
            rows += bytes((wave, (identity * 29 + x * y) % 256, (255 - wave + photograph * 7) % 256))
    header = struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54)
    return header + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + bytes(rows)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    lines = ["image_id,identity,path,species"]
    for identity in range(12):
        for photograph in range(6):
            name = f"{identity:02}-{photograph}"
            (folder / f"{name}.bmp").write_bytes(bitmap(identity, photograph))
            lines.append(f"{name},animal {identity},{name}.bmp,{'lynx' if identity % 2 else 'turtle'}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return reidbench.load_dataset(str(folder / "metadata.csv"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Return what is installed as version 0.1.0 offered it: the version is part of a run's id on purpose."""
    plugin = tmp_path_factory.mktemp("plugin") / "mean_colour.py"
    plugin.write_bytes(PLUGIN.encode())
    found = load_registry(files=[plugin])
    offers = [replace(each, version="0.1.0") if each.distribution == "reidbench" else each for each in found.offers]
    return replace(found, offers=tuple(offers))


def test_a_dataset_by_rule_1_and_an_image_have_the_digests_of_0_1_0(photographs):
    assert photographs.by_rule_1("photographs").digest == DATASET
    assert photographs.contents()[0] == FIRST_IMAGE


@pytest.mark.parametrize("method", PROMISED)
def test_a_run_by_rule_1_has_the_id_and_the_cache_key_of_0_1_0(method, photographs, registry, tmp_path):
    record = evaluate(
        method, photographs.by_rule_1("photographs"), registry=registry, runs_dir=tmp_path / "runs",
        store_dir=tmp_path / "store", progress=Progress(), device="cpu",
    )  # fmt: skip
    (store,) = (tmp_path / "store" / "representations").glob("*/*")
    assert (record.id, store.name) == PROMISED[method]
    assert record.path.name == record.id and record.data.dataset.digest_rule == 1


def test_a_run_by_rule_2_has_another_id_and_the_cache_key_of_0_1_0(photographs, registry, tmp_path):
    record = evaluate(
        "color_histogram", photographs, registry=registry, runs_dir=tmp_path / "runs", store_dir=tmp_path / "store",
        progress=Progress(), device="cpu",
    )  # fmt: skip
    (store,) = (tmp_path / "store" / "representations").glob("*/*")
    run_id, key = PROMISED["color_histogram"]
    assert (record.id != run_id, store.name) == (True, key) and record.data.dataset.digest_rule == 2
