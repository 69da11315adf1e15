"""A method that uses anything but the pixels of a query is not blind, and the record names what it uses."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import reidbench
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench.running.blindness import FEWEST, MOST, _deranged, sample_size
from reidbench.running.evaluation import evaluate


class Loud(Progress):
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Drawn animals in one folder for each identity, as in many catalogues."""
    drawn = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    folder = tmp_path_factory.mktemp("catalogue")
    for index in range(len(drawn)):
        path = folder / drawn.table["identity"].iloc[index] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.open(drawn.image_path(index)).save(path)
    return reidbench.load_dataset(str(folder))


def run(images, tmp_path, method, name="stranger", progress=None, parts=None, **options):
    spec = reidbench.MethodSpec(name, "", reidbench.Settings, method, parts=parts)
    registry = Registry((Offer(spec, "test", "1"), *options.pop("others", ())), ())
    return evaluate(
        name, images, runs_dir=tmp_path / "runs", progress=progress or Progress(), device="cpu", registry=registry,
        store_dir=tmp_path / "store", **options,
    )  # fmt: skip


class Honest(reidbench.EmbeddingMethod):
    """Mean colours of a grid of cells."""

    calls = 0

    def embed(self, pixels):
        type(self).calls += 1
        cells = [np.array_split(row, 4, axis=1) for image in pixels for row in np.array_split(image, 4, axis=0)]
        means = np.array([[cell.mean(axis=(0, 1)) for cell in row] for row in cells])
        return means.reshape(len(pixels), -1) - 128


class ReadsFolderNames(Honest):
    """Observes which file is opened, and makes a vector of the name of its folder."""

    def embed(self, pixels):
        raise AssertionError

    def represent(self, images, progress):
        opened, real = [], Image.open

        def watch(path, *args, **options):
            opened.append(str(path).split("/")[-2])
            return real(path, *args, **options)

        Image.open = watch
        try:
            for index in range(len(images)):
                images.pixels(index)
        finally:
            Image.open = real
        vectors = [np.random.default_rng(list(name.encode())).normal(size=32) for name in opened]
        return reidbench.Representation({"embedding": np.array(vectors, dtype=np.float32)})


class MatchesQueries(Honest):
    """Moves each query towards the nearest other queries before it searches the gallery."""

    def score(self, query, gallery):
        vectors = query.dense["embedding"]
        nearest = np.argsort(-super().score(query, query), axis=1)[:, 1:4]
        if nearest.shape[1]:
            vectors = vectors + vectors[nearest].mean(axis=1)
        return super().score(reidbench.Representation({"embedding": vectors}), gallery)


class CentresItsBatch(Honest):
    """Subtracts the mean vector of the batch."""

    def embed(self, pixels):
        vectors = super().embed(pixels)
        return vectors - vectors.mean(axis=0)


class Rolls(Honest):
    """Adds noise that differs each time."""

    dice = np.random.default_rng(5)

    def embed(self, pixels):
        return super().embed(pixels) + self.dice.normal(size=(len(pixels), 48))


class NeedsMany(Honest):
    """Fails on fewer than ten images; its batches hold all images."""

    batch_size = 1000

    def embed(self, pixels):
        if len(pixels) < 10:
            raise RuntimeError("too few images")
        return super().embed(pixels)


class SaysSo(MatchesQueries):
    transductive = True
    shown = []

    def represent(self, images, progress):
        self.shown.append(len(images))
        return super().represent(images, progress)


class RemembersOrder(Honest):
    """Adds the position of each image to its vector."""

    def represent(self, images, progress):
        made = super().represent(images, progress).dense["embedding"]
        return reidbench.Representation({"embedding": made + 40 * np.arange(len(images))[:, None].astype(np.float32)})


class Learns(Honest):
    """Returns other vectors before it is fitted."""

    learns = True
    learned = False

    def fit(self, train, context):
        self.learned = True
        return reidbench.FitReport()

    def embed(self, pixels):
        found = super().embed(pixels)
        return found if self.learned else found[:, ::-1] ** 2


@pytest.mark.parametrize(("model", "status"), [("kept", "blind"), ("lost", "untested")])
def test_a_run_killed_before_the_test_is_tested_with_the_trained_model_from_the_cache(images, tmp_path, model, status):
    first = run(images, tmp_path, Learns)
    assert first.data.blindness.status == "blind"
    for note in (tmp_path / "store").rglob("blindness-*.json"):
        note.unlink()
    if model == "lost":
        shutil.rmtree(tmp_path / "store" / "work")
    again = run(images, tmp_path, Learns, again=True)
    assert again.data.blindness.status == status
    assert again.data.metrics == first.data.metrics


def test_a_blind_method_is_recorded_and_its_result_is_cached(images, tmp_path):
    first = run(images, tmp_path, Honest)
    stamp = first.data.blindness
    assert stamp.status == "blind" and stamp.differences == {} and stamp.largest <= 1e-5
    assert json.loads((first.path / "run.json").read_text())["blindness"] == stamp.to_json()
    before = Honest.calls
    other = run(images, tmp_path, Honest, split_seed=1, threshold="max-score")
    assert Honest.calls > before  # other images are used, so it extracts and is tested
    before = Honest.calls
    again = run(images, tmp_path, Honest, again=True)
    assert Honest.calls == before
    assert again.data.blindness == other.data.blindness and again.data.blindness.status == "blind"


@pytest.mark.parametrize(
    ("method", "follows"),
    [
        (ReadsFolderNames, {"labels"}),
        (MatchesQueries, {"others", "batch"}),
        (CentresItsBatch, {"others", "batch"}),
        (RemembersOrder, {"order", "others", "batch"}),
        (Rolls, {"repeat"}),
    ],
)
def test_the_changes_that_alter_predictions_are_named(images, tmp_path, method, follows):
    loud = Loud()
    record = run(images, tmp_path, method, progress=loud)
    stamp = record.data.blindness
    assert stamp.status == "differs" and set(stamp.differences) == follows
    assert any("not blind" in warning for warning in loud.warnings)


def test_reading_folder_names_finds_every_enrolled_animal(images, tmp_path):
    """Without the blindness test, this method would rank first."""
    assert run(images, tmp_path, ReadsFolderNames).metrics["rank1"] == 1.0


def test_a_method_that_fails_in_the_test_keeps_its_run(images, tmp_path):
    stamp = run(images, tmp_path, NeedsMany).data.blindness
    assert stamp.status == "differs" and "too few images" in stamp.differences["others"]


def test_a_declared_transductive_method_receives_all_images_at_once(images, tmp_path):
    SaysSo.shown.clear()
    record = run(images, tmp_path, SaysSo)
    assert record.data.blindness.status == "transductive"
    counts = record.data.split.counts
    assert SaysSo.shown == [counts["gallery"] + counts["calibration"] + counts["test"]]
    run(images, tmp_path, SaysSo, split_seed=1)
    assert len(SaysSo.shown) == 2 and SaysSo.shown[1] > 30  # with other images, features of the first run are not used


def test_a_fusion_with_a_part_that_is_not_blind_is_not_blind(images, tmp_path):
    class Pair(reidbench.Fusion):
        pass

    cheat = Offer(reidbench.MethodSpec("cheat", "", reidbench.Settings, ReadsFolderNames), "test", "1")
    honest = Offer(reidbench.MethodSpec("honest", "", reidbench.Settings, Honest), "test", "1")
    parts = {"a": reidbench.PartSpec("honest"), "b": reidbench.PartSpec("cheat")}
    found = run(images, tmp_path, Pair, parts=lambda settings: parts, others=(cheat, honest))
    assert set(found.data.blindness.differences) == {"labels"}
    clean = {"a": reidbench.PartSpec("honest")}
    found = run(images, tmp_path, Pair, "clean", parts=lambda settings: clean, others=(honest,))
    assert found.data.blindness.status == "blind"


def test_the_images_that_a_method_receives_hold_no_identity_and_no_id(images):
    """Visit all objects that the images refer to: the only texts are file paths, in a private attribute."""
    seen, texts, todo = set(), set(), [reidbench.Images(images)]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, str):
            texts.add(each)
        elif isinstance(each, dict):
            todo += each.values()
        elif isinstance(each, tuple | list):
            todo += each
        else:
            slots = getattr(type(each), "__slots__", ())
            todo += [getattr(each, name) for name in slots if hasattr(each, name)]
            todo += vars(each).values() if hasattr(each, "__dict__") else []
    assert not texts & set(images.table["identity"])
    assert not texts & set(images.table["image_id"])


def test_labels_move_to_other_queries():
    labels = np.array(["a", "a", "b", "c", "c", "d"], dtype=object)
    moved = _deranged(labels)
    assert (moved != labels).all() and sorted(moved) == sorted(labels)


@pytest.mark.parametrize(("n_query", "n_test", "n"), [(400, 200, 6), (20, 10, FEWEST), (9000, 4000, MOST), (4, 2, 2)])
def test_the_sample_is_a_small_share_of_the_queries(n_query, n_test, n):
    assert sample_size(n_query, n_test) == n
