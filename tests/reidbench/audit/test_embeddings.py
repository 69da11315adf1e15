"""Near-duplicates by embedding: planted vectors, the cut that is above other encounters, and a mirrored photograph."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import reidbench
from reidbench.audit.auditing import audit_images
from reidbench.audit.embeddings import FLOOR, Embeddings, near_embeddings
from reidbench.audit.findings import NEAR_EMBEDDING
from reidbench.audit.nearest import nearest_above
from reidbench.cli.main import app
from reidbench.data.decoding import decode
from reidbench.data.splits import make_split
from reidbench.evaluation import evaluate
from reidbench.progress import Progress


def _units(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 100, 1 << 25])
def test_nearest_pairs_are_those_of_a_full_comparison(block, monkeypatch):
    monkeypatch.setattr("reidbench.audit.nearest._BLOCK", block)
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
    assert found.cut > FLOOR
    pairs = {tuple(pair) for pair in found.pairs.rows.tolist()}
    copies = {(3 * n, 3 * n + 2) for n in range(40)}
    assert copies <= pairs and len({row for pair in pairs - copies for row in pair}) <= 0.03 * 120
    assert f"{found.cut:.4f}" in found.note and "120 of 120" in found.note


def test_a_copy_under_another_name_that_is_linked_already_does_not_raise_the_cut(album):
    images = album([{"identity": name, "size": (32, 32)} for name in ("ana", "bo", "cy", "cy")])
    unit = np.array([[1, 0], [1, 0], [0, 1], [0.1, 0.995]], np.float32)
    embeddings = Embeddings("r", "m", np.arange(4), _units(unit))
    assert near_embeddings(embeddings, images, np.array([0, 0, 1, 2])).cut == FLOOR
    assert near_embeddings(embeddings, images, np.arange(4)).cut > 0.99


def test_two_animals_near_in_embedding_are_shown_and_leak_nothing(album):
    images = album([{"identity": name, "size": (32, 32)} for name in ("ana", "bo", "cy", "cy")])
    unit = _units(np.array([[1, 0, 0], [0.97, 0.2, 0], [0, 0, 1], [0, 0, 1]]))
    audit = audit_images(images, embeddings=Embeddings("r", "m", np.arange(4), unit))
    near = [(pair.left, pair.right) for pair in audit.pairs if pair.kind == NEAR_EMBEDDING]
    assert (2, 3) in near and audit.groups[2] == audit.groups[3] and audit.groups[0] != audit.groups[1]


def test_a_mirrored_copy_is_found_by_the_embedding_of_a_run(tmp_path):
    drawn = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    split = make_split(drawn)
    part = dict(zip(split.image_ids, split.parts, strict=True))
    asked = int(split.indices("test", drawn)[0])
    pixels = decode(drawn.image_path(asked))
    Image.fromarray(pixels[:, ::-1].copy()).save(tmp_path / "mirrored.png")
    rows = drawn.table.drop(columns=["bbox", "group"]).assign(
        path=[str(drawn.image_path(row).resolve()) for row in range(len(drawn))]
    )
    copy = rows.iloc[[asked]].assign(image_id="mirrored", path="mirrored.png")
    pd.concat([rows, copy]).to_csv(tmp_path / "metadata.csv", index=False)
    pd.DataFrame([*part.items(), ("mirrored", "gallery")], columns=["image_id", "part"]).to_csv(
        tmp_path / "split.csv", index=False
    )
    images = reidbench.load_dataset(str(tmp_path))
    given = {"split": tmp_path / "split.csv", "runs_dir": tmp_path / "runs", "progress": Progress(), "device": "cpu"}
    run = evaluate("color_histogram", images, **given)
    options = ["audit", str(tmp_path), "--split", str(tmp_path / "split.csv")]
    by_embedding = [*options, "--embedding", str(run.path), "--json"]
    plain = json.loads(CliRunner().invoke(app, [*options, "--json"], catch_exceptions=False).stdout)
    told = json.loads(CliRunner().invoke(app, by_embedding, catch_exceptions=False).stdout)
    mirrored = ["mirrored", drawn.table["image_id"].iloc[asked]]
    assert not [pair for pair in plain["pairs"] if set(pair["images"]) == set(mirrored) and pair["alike"]]
    found = [p for p in told["pairs"] if p["kind"] == NEAR_EMBEDDING and set(p["images"]) == set(mirrored)]
    assert len(found) == 1 and found[0]["crosses"] and found[0]["alike"] > 0.99
    assert mirrored[1] in told["leaked"] and "color_histogram" in " ".join(told["notes"])
    local = evaluate("sift", images, **given)
    refused = CliRunner().invoke(app, [*options, "--embedding", str(local.path)])
    assert refused.exit_code == 1 and "one vector" in str(refused.output) + str(refused.exception)
