"""Near-duplicates by embedding: planted vectors, a limit above other encounters, and a mirrored photograph."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import reidbench
from reidbench.auditing.auditing import audit_images
from reidbench.auditing.embeddings import LOWEST_COSINE, Embeddings, near_embeddings, read_embeddings
from reidbench.auditing.findings import NEAR_EMBEDDING
from reidbench.auditing.nearest import nearest_above
from reidbench.cli.main import app
from reidbench.data.decoding import decode
from reidbench.data.splits import make_split
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate


def _units(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 100, 1 << 25])
def test_nearest_pairs_are_those_of_a_full_comparison(block, monkeypatch):
    monkeypatch.setattr("reidbench.auditing.nearest._BLOCK", block)
    unit = _units(np.random.default_rng(0).normal(size=(40, 3)))
    unit[7] = 0
    cosine = unit @ unit.T - 2 * np.eye(40)
    kept = [(a, b) for a in range(40) for b in np.argsort(-cosine[a])[:4] if cosine[a, b] >= 0.3]
    found = nearest_above(unit, 0.3, neighbours=4)
    assert [tuple(pair) for pair in found.rows.tolist()] == sorted({tuple(sorted((a, int(b)))) for a, b in kept})
    assert found.cosine == pytest.approx([cosine[a, b] for a, b in found.rows], abs=1e-6)


def _table(album, n_animal):
    """Two photographs of each animal, on two days, and a third that is a copy on the first day."""
    days = ("2020-01-01", "2020-02-01", "2020-01-01")
    return album([{"identity": f"a{n}", "date": day, "size": (32, 32)} for n in range(n_animal) for day in days])


def test_planted_copies_are_found_and_two_days_of_one_animal_are_not(album):
    images = _table(album, 40)
    rng = np.random.default_rng(0)
    animal = np.repeat(rng.normal(size=(40, 32)), 3, axis=0)
    vectors = animal + 0.25 * rng.normal(size=animal.shape)  # two days of one animal: cosine about .94
    vectors[2::3] = vectors[::3] + 0.02 * rng.normal(size=(40, 32))
    found = near_embeddings(Embeddings("r", "m", np.arange(120), _units(vectors)), images, np.arange(120))
    assert found.limit > LOWEST_COSINE
    pairs = {tuple(pair) for pair in found.pairs.rows.tolist()}
    copies = {(3 * n, 3 * n + 2) for n in range(40)}
    assert copies <= pairs and len({row for pair in pairs - copies for row in pair}) <= 0.03 * 120
    assert f"{found.limit:.4f}" in found.note and "120 of 120" in found.note


def test_two_encounters_of_one_day_set_the_limit_as_those_of_two_days(album):
    def limit(*dates):
        images = album([{"identity": "ana", "size": (32, 32), "date": date} for date in dates])
        unit = np.array([[1, 0], [0.98, 0.2], [0, 1]], np.float32)  # the cosine of the first two is .98
        return near_embeddings(Embeddings("r", "m", np.arange(3), _units(unit)), images, np.arange(3)).limit

    two_days = limit("2020-01-01", "2020-02-01", "2020-03-01")
    assert two_days == pytest.approx(0.98, abs=0.01)
    assert limit("2020-01-01T08:00:00", "2020-01-01T12:00:00", "2020-01-01T18:00:00") == two_days
    assert limit("2020-01-01T23:58:00", "2020-01-02T00:02:00", "2020-01-02T00:30:00") == LOWEST_COSINE  # one encounter


def test_a_known_copy_under_another_name_does_not_raise_the_limit(album):
    images = album([{"identity": name, "size": (32, 32)} for name in ("ana", "bo", "cy", "cy")])
    unit = np.array([[1, 0], [1, 0], [0, 1], [0.1, 0.995]], np.float32)
    embeddings = Embeddings("r", "m", np.arange(4), _units(unit))
    assert near_embeddings(embeddings, images, np.array([0, 0, 1, 2])).limit == LOWEST_COSINE
    assert near_embeddings(embeddings, images, np.arange(4)).limit > 0.99


def test_two_animals_near_in_embedding_are_shown_and_leak_nothing(album):
    images = album([{"identity": name, "size": (32, 32)} for name in ("ana", "bo", "cy", "cy")])
    unit = _units(np.array([[1, 0, 0], [0.97, 0.2, 0], [0, 0, 1], [0, 0, 1]]))
    audit = audit_images(images, embeddings=Embeddings("r", "m", np.arange(4), unit))
    near = [(pair.left, pair.right) for pair in audit.pairs if pair.kind == NEAR_EMBEDDING]
    assert (2, 3) in near and audit.groups[2] == audit.groups[3] and audit.groups[0] != audit.groups[1]


def _mirrored(drawn, queries, folder):
    """Write a table and its split in which the gallery has a mirrored copy of each row of ``queries``."""
    split = make_split(drawn)
    part = dict(zip(split.image_ids, split.parts, strict=True))
    rows = drawn.table.drop(columns=["bbox", "group"]).assign(
        path=[str(drawn.image_path(row).resolve()) for row in range(len(drawn))]
    )
    copies = rows.iloc[queries].assign(image_id=[f"mirrored-{n}" for n in queries], path=[f"{n}.png" for n in queries])
    for row in queries:
        Image.fromarray(decode(drawn.image_path(row))[:, ::-1].copy()).save(folder / f"{row}.png")
    pd.concat([rows, copies]).to_csv(folder / "metadata.csv", index=False)
    part |= dict.fromkeys(copies["image_id"], "gallery")
    pd.DataFrame(part.items(), columns=["image_id", "part"]).to_csv(folder / "split.csv", index=False)
    return {frozenset(pair) for pair in zip(copies["image_id"], rows["image_id"].iloc[queries], strict=True)}


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """A table of drawn animals, a mirrored copy of a test query in the gallery, and two runs on it."""
    folder = tmp_path_factory.mktemp("mirrored")
    drawn = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    (pair,) = _mirrored(drawn, [int(make_split(drawn).indices("test", drawn)[0])], folder)
    images = reidbench.load_dataset(str(folder))
    given = {"split": folder / "split.csv", "runs_dir": folder / "runs", "progress": Progress(), "device": "cpu"}
    return folder, pair, evaluate("color_histogram", images, **given), evaluate("sift", images, **given)


def _audit(folder, *options):
    given = ["audit", folder, "--split", folder / "split.csv", *options]
    return CliRunner().invoke(app, list(map(str, given)))


def _links(audit):
    return {frozenset(pair["images"]): pair for pair in audit["pairs"] if pair["kind"] == NEAR_EMBEDDING}


def test_a_mirrored_copy_is_found_by_the_embedding_of_a_run(mirrored):
    folder, planted, run, _ = mirrored
    plain = json.loads(_audit(folder, "--json").stdout)
    audit = json.loads(_audit(folder, "--embedding", run.path, "--json").stdout)
    assert "near in embedding" in plain["not_checked"] and "near in embedding" not in audit["not_checked"]
    assert not [pair for pair in plain["pairs"] if set(pair["images"]) == planted and pair["alike"]]
    link = _links(audit)[planted]
    assert link["crosses"] and link["alike"] > 0.99
    assert planted & set(audit["leaked"]) and "color_histogram" in " ".join(audit["notes"])


def test_pairs_by_embedding_are_shown_repaired_and_left_out_of_saved_runs(mirrored, tmp_path):
    folder, planted, run, local = mirrored
    page, repaired = tmp_path / "audit.html", tmp_path / "repaired.csv"
    options = ["--embedding", run.path, "--runs", folder / "runs", "-o", page, "--repair", repaired]
    audit = json.loads(_audit(folder, *options, "--json").stdout)
    (query,) = planted & set(audit["leaked"])
    parts = pd.read_csv(repaired, dtype=str).set_index("image_id")["part"]
    before = pd.read_csv(folder / "split.csv", dtype=str).set_index("image_id")["part"]
    moved = before[before != parts[before.index]]
    assert query in moved.index and set(parts[moved.index]) == {"unused"} and set(moved) <= {"calibration", "test"}
    again = CliRunner().invoke(
        app, ["audit", str(folder), "--split", str(repaired), "--embedding", str(run.path), "--json"]
    )
    assert json.loads(again.stdout)["leaked"] == []
    for rescored in audit["runs"]:
        assert rescored["n_leaked"] == sum(before[image_id] == "test" for image_id in audit["leaked"]) > 0
    assert {rescored["run"] for rescored in audit["runs"]} == {run.id, local.id}
    text = page.read_text()
    assert "Near in embedding" in text and f"run {run.id}" in text
    cards = text.split("Near in embedding</h2>")[1].split("</section>")[0]
    assert all(image_id in cards for image_id in planted) and "on two sides of the split" in cards


def test_a_method_without_one_vector_for_an_image_is_refused(mirrored):
    folder, _, _, local = mirrored
    refused = _audit(folder, "--embedding", local.path)
    assert refused.exit_code == 1 and "one vector" in str(refused.exception)


@pytest.mark.slow
def test_mirrored_zebras_are_found_by_a_pretrained_network(shared_dir, tmp_path):
    """Within sighting: zebras have no dates, so the split also separates photographs of one sighting."""
    zebra = reidbench.load_dataset(str(shared_dir / "data" / "zebra"))
    planted = _mirrored(zebra, [int(row) for row in make_split(zebra).indices("test", zebra)[::2]], tmp_path)
    images = reidbench.load_dataset(str(tmp_path))
    weights = shared_dir / "weights" / "mobilenetv2_100_coral_imagenet.safetensors"
    run = evaluate(
        "embedding_cosine", images, split=tmp_path / "split.csv", runs_dir=tmp_path / "runs", progress=Progress(),
        device="cpu", settings={"model": "mobilenetv2_100", "weights": str(weights)},
    )  # fmt: skip
    links = _links(json.loads(_audit(tmp_path, "--embedding", run.path, "--json").stdout))
    identity = images.table.set_index("image_id")["identity"]
    assert len(planted & links.keys()) >= 0.7 * len(planted)
    false_alarms = {image_id for pair in links if identity[list(pair)].nunique() == 2 for image_id in pair}
    assert len(false_alarms) <= 0.02 * len(images)


def test_the_embedding_of_each_image_is_its_own_whatever_the_order_of_the_table(tmp_path):
    """A run has an order of its own; a table in another order must not mix embeddings up."""
    drawn = reidbench.load_dataset("patterns:identities=12,size=64")
    table = drawn.table.drop(columns=["bbox", "group"]).assign(
        path=[str(drawn.image_path(row).resolve()) for row in range(len(drawn))], species=drawn.table["group"]
    )
    table.to_csv(tmp_path / "sheet.csv", index=False)
    table[::-1].to_csv(tmp_path / "reversed.csv", index=False)
    record = evaluate("color_histogram", str(tmp_path / "sheet.csv"), runs_dir=tmp_path / "runs", progress=Progress())
    by_id = []
    for name in ("sheet.csv", "reversed.csv"):
        images = reidbench.load_dataset(str(tmp_path / name))
        found = read_embeddings(record, images, Progress())
        by_id.append(dict(zip(images.image_id[found.rows].tolist(), found.unit.tolist(), strict=True)))
    assert by_id[0] == by_id[1]
    pixels = {name: decode(images.image_path(row)) for row, name in enumerate(images.image_id.tolist())}
    (spec,) = [offer.spec for offer in load_registry().offers if offer.spec.name == "color_histogram"]
    method = spec.build(spec.settings())
    for name in sorted(by_id[0])[:5]:
        assert np.allclose(_units(method.embed([pixels[name]]))[0], by_id[0][name], atol=1e-6)
