"""Batches of decoded images: bounded by bytes, and of the same images at every budget if the method shrinks them."""

import gc
import weakref

import numpy as np
import pytest

import reidbench
from reidbench.data import memory
from reidbench.methods.classifier import ClassifierMethod
from reidbench.methods.decoded_batches import decoded_batches
from reidbench.progress import Progress

PIXELS = (10, 10, 3)  # 300 bytes


class Photographs:
    """Images of 300 bytes each that count the arrays of pixels that are alive."""

    def __init__(self, n):
        self.n, self.alive, self.most = n, [], 0

    def __len__(self):
        return self.n

    def pixels(self, index):
        pixels = np.full(PIXELS, index, np.uint8)
        self.alive.append(weakref.ref(pixels))
        gc.collect()
        self.most = max(self.most, sum(ref() is not None for ref in self.alive))
        return pixels


def sizes(photographs, size, shrink=lambda pixels: pixels):
    done = []
    batches = decoded_batches(
        photographs, size, lambda batch: [int(image.flat[0]) for image in batch], shrink=shrink, advance=done.append
    )
    values = [value for batch in batches for value in batch]
    assert values == list(range(len(photographs)))
    return done


@pytest.fixture
def budget(monkeypatch):
    return lambda n_bytes: monkeypatch.setattr(memory, "_budget", n_bytes)


def test_small_images_fill_the_batch():
    assert sizes(Photographs(7), 3) == [3, 3, 1]


def test_whole_photographs_are_cut_at_a_quarter_of_the_budget(budget):
    budget(4 * 900)  # a quarter holds three photographs of 300 bytes
    photographs = Photographs(8)
    assert sizes(photographs, 64) == [3, 3, 2] and photographs.most == 3


def test_one_photograph_beyond_the_quarter_is_a_batch(budget):
    budget(400)
    photographs = Photographs(3)
    assert sizes(photographs, 64) == [1, 1, 1] and photographs.most == 1


def test_shrunk_images_fill_the_batch_and_the_photographs_are_let_go(budget):
    budget(400)
    photographs = Photographs(7)
    assert sizes(photographs, 3, lambda pixels: pixels[:2].copy()) == [3, 3, 1] and photographs.most == 1


def test_a_view_of_a_photograph_counts_as_the_whole_photograph(budget):
    budget(4 * 900)
    assert sizes(Photographs(6), 64, lambda pixels: pixels[:2]) == [3, 3]


class OfBatch(reidbench.EmbeddingMethod):
    """Its vectors hold the size of the batch, as the last bits of a network's vectors do."""

    batch_size = 4

    def shrink(self, pixels):
        return pixels[:1].copy()

    def embed(self, pixels):
        return np.array([[len(pixels), image.flat[0]] for image in pixels], dtype=float)


class ClassOfBatch(ClassifierMethod):
    batch_size = 4

    def shrink(self, pixels):
        return pixels[:1].copy()

    def classify(self, pixels):
        return np.array([[len(pixels) / 8, image.flat[0] / 8] for image in pixels])


class PointsOfBatch(reidbench.LocalFeatureMethod):
    batch_size = 4

    def shrink(self, pixels):
        return pixels[:1].copy()

    def describe_batch(self, pixels):
        return [{"keypoint": np.array([[len(pixels), image.flat[0]]], np.float32)} for image in pixels]

    def match(self, query, gallery, pairs):
        raise NotImplementedError


@pytest.mark.parametrize("kind", [OfBatch, ClassOfBatch, PointsOfBatch])
def test_a_method_that_shrinks_has_equal_batches_at_every_budget(kind, budget):
    def values():
        features = kind(None).represent(Photographs(10), Progress())
        arrays = [*features.dense.values(), *(rows.values for rows in features.ragged.values())]
        return arrays[0].tolist()

    large = values()
    budget(400)
    assert values() == large


@pytest.mark.parametrize("method", ["color_histogram", "sift"])
def test_two_budgets_give_equal_files(method, tmp_path, monkeypatch):
    images = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    monkeypatch.setattr(memory, "SMALLEST_MEMORY", 1)
    files, stores = [], []
    for n_bytes in (2**30, 60_000):  # a picture needs 49,152 bytes; a batch holds two pictures, a block some queries
        cache = tmp_path / f"cache{n_bytes}"
        monkeypatch.setenv("REIDBENCH_CACHE", str(cache))
        record = reidbench.evaluate(
            method, images, runs_dir=tmp_path / f"runs{n_bytes}", progress=Progress(), device="cpu", memory=n_bytes
        )
        files.append({name: (record.path / name).read_bytes() for name in ("predictions.csv", "scores.npz")})
        stores.append([path.read_bytes() for path in sorted(cache.glob("representations/*/*/shard-*/*.npy"))])
        files[-1]["id"] = record.id.encode()
    assert files[0] == files[1] and stores[0] == stores[1] and len(stores[0])
    assert memory.memory_bytes() == 2**30
