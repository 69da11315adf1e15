"""The peer runs wildlife-tools' own code, and agrees with ours where both are given the same network and input."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import reidbench_megadescriptor
import reidbench_wildlife_tools
from reidbench import Images, ImageSet, Progress, ReidbenchError, evaluate
from reidbench.registry.registered import Offer, Registry

installed = importlib.util.find_spec("wildlife_tools") is not None
needs_extra = pytest.mark.skipif(not installed, reason="pip install 'reidbench[wildlife-tools]'")

TINY = {"model": "test_resnet", "weights": "random", "size": 32, "batch_size": 16}


def registry():
    specs = [*reidbench_megadescriptor.reidbench_methods(), *reidbench_wildlife_tools.reidbench_methods()]
    return Registry(tuple(Offer(spec, "reidbench", "0") for spec in specs), ())


def run(method, tmp_path, dataset="patterns:identities=8,size=64", **settings):
    return evaluate(
        method,
        dataset,
        settings={**TINY, **settings},
        device="cpu",
        runs_dir=tmp_path,
        progress=Progress(),
        registry=registry(),
    )


@needs_extra
def test_it_gives_the_answers_of_embedding_cosine_for_the_same_network_and_input(tmp_path):
    theirs, ours = run("wildlife_tools", tmp_path), run("embedding_cosine", tmp_path)
    columns = ["image_id", "candidate", "identity"]
    predictions = [pd.read_csv(record.path / "predictions.csv") for record in (theirs, ours)]
    pd.testing.assert_frame_equal(predictions[0][columns], predictions[1][columns])
    np.testing.assert_allclose(predictions[0]["score"], predictions[1]["score"], atol=1e-5)
    assert theirs.data.fit.facts["wildlife-tools"] == "0.0.9"
    assert theirs.data.fit.facts["input"] == ours.data.fit.facts["input"]


@needs_extra
def test_it_is_wildlife_tools_that_works(monkeypatch, tmp_path):
    import wildlife_tools.features
    import wildlife_tools.similarity

    called = []
    for owner in (wildlife_tools.features.DeepFeatures, wildlife_tools.similarity.CosineSimilarity):
        inner = owner.__call__

        def spy(self, *arguments, _inner=inner, _name=owner.__name__):
            called.append(_name)
            return _inner(self, *arguments)

        monkeypatch.setattr(owner, "__call__", spy)
    run("wildlife_tools", tmp_path, workers=0, batch_size=8)
    assert {"DeepFeatures", "CosineSimilarity"} <= set(called)


@needs_extra
@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_one_clear_error(tmp_path, workers):
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    table = pd.DataFrame({"image_id": ["1"], "identity": ["ana"], "path": ["broken.jpg"]})
    table.to_csv(tmp_path / "metadata.csv", index=False)
    spec = reidbench_wildlife_tools.reidbench_methods()[0]
    method = spec.build(spec.settings(**TINY, workers=workers))
    method.prepare("cpu", 0, Progress())
    images = _images(tmp_path / "metadata.csv")
    with pytest.raises(ReidbenchError) as caught:
        method.represent(images, Progress())
    assert "cannot be read" in caught.value.message and "Traceback" not in caught.value.message
    assert caught.value.where.endswith("broken.jpg")


def _images(path):
    from reidbench import load_dataset

    dataset = load_dataset(str(path))
    assert isinstance(dataset, ImageSet)
    return Images(dataset)


@needs_extra
def test_the_extra_brings_no_second_opencv():
    names = {str(each.metadata["Name"]).lower() for each in importlib.metadata.distributions()}
    assert len({name for name in names if name.startswith("opencv")}) == 1  # each would overwrite the other's files


def test_the_hook_loads_neither_torch_nor_the_library():
    code = (
        "import sys, reidbench_wildlife_tools as r; s = r.reidbench_methods()[0]; s.absent\n"
        "sys.exit(bool({'torch', 'wildlife_tools', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_it_is_one_clear_error(monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wildlife_tools" else find(name))
    with pytest.raises(ReidbenchError, match="wildlife_tools can't run here") as caught:
        run("wildlife_tools", tmp_path)
    assert caught.value.remedy == "pip install 'reidbench[wildlife-tools]'"
