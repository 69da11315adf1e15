"""A method in a plain file: found, run, and known by its bytes."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.records.finding import load_runs
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate

DATASET = "patterns:identities=12,size=64,level=easy"
MEAN = '''
from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

import reidbench


@reidbench.embedding_method
def mean_colour(pixels, power: Annotated[float, Field(gt=0)] = 1.0):
    """Mean colour of the image."""
    return np.stack([(image / 255).mean((0, 1)) ** power for image in pixels])
'''


def write(tmp_path, code=MEAN, name="my_method.py"):
    (tmp_path / name).write_text(code)
    return tmp_path / name


def test_the_bytes_of_the_file_are_its_version(tmp_path):
    path = write(tmp_path)
    offer = load_registry([], files=[path]).find("mean_colour")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (offer.distribution, offer.version, offer.spec.version) == ("my_method.py", digest, digest)
    assert load_registry([], files=[path]).find("my_method.py:mean_colour").spec.name == "mean_colour"


def test_a_run_of_a_file_on_a_dataset_of_a_file_is_opened_again_with_them(tmp_path):
    """split, run and identify by the command, the second plugin word for word from the docs."""
    docs = (Path(__file__).parents[3] / "docs" / "writing-a-method.md").read_text(encoding="utf-8")
    meadow = write(
        tmp_path, re.search(r"```python\n(# meadow.py\n.*?)```", docs, re.S)[1].replace("=24", "=12"), "meadow.py"
    )
    given = ["--plugin", meadow, "--plugin", write(tmp_path)]

    def call(*arguments):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    split, runs = tmp_path / "split.csv", tmp_path / "runs"
    assert "gallery" in call("split", "meadow", "--plugin", meadow, "-o", split)
    call("run", "--method", "mean_colour", "--dataset", "meadow", "--split", split, "--runs", runs, *given)
    (record,) = load_runs(runs)
    images = load_dataset("meadow", registry=load_registry([], files=[meadow]))
    photographs = tmp_path / "new"
    photographs.mkdir()
    shutil.copy(images.image_path(0), photographs)
    asked = ["identify", photographs, "--run", record.path, "--group", images.table["group"][0], "--whole", "--json"]
    found = json.loads(call(*asked, *given, "-o", tmp_path / "answers.csv"))["photographs"]
    assert found[0]["candidates"][0]["identity"] == images.table["identity"][0]  # the photograph itself is enrolled
    with pytest.raises(ReidbenchError, match="mean_colour|meadow"):
        CliRunner().invoke(app, [str(each) for each in asked], catch_exceptions=False)


def test_a_run_of_a_file_is_another_run_when_the_file_changes(tmp_path):
    def run():
        return evaluate("mean_colour", DATASET, plugins=[path], runs_dir=tmp_path / "runs", progress=Progress())

    path = write(tmp_path)
    first, again = run(), run()
    assert first.id == again.id and first.data.plugin.name == "my_method.py"
    write(tmp_path, MEAN.replace("image / 255", "1 - image / 255"))
    changed = run()
    assert changed.id != first.id and changed.metrics != first.metrics  # not the colours that were cached


def test_a_fusion_takes_parts_of_a_file_by_name_and_is_another_run_when_one_changes(tmp_path):
    def run():
        return evaluate(
            "wildfusion",
            DATASET,
            plugins=[path],
            settings={"parts": "colour=mean_colour,color_histogram", "colour.power": 0.5, "shortlist": 5},
            runs_dir=tmp_path / "runs",
            progress=Progress(),
        )

    path = write(tmp_path)
    first = run()
    part = first.data.parts["colour"]
    assert part.method == "mean_colour" and part.settings == {"power": 0.5}
    assert part.plugin.version == hashlib.sha256(path.read_bytes()).hexdigest()
    write(tmp_path, MEAN + "\n")
    assert run().id != first.id


def test_settings_and_their_checks_come_from_the_parameters(tmp_path):
    spec = load_registry([], files=[write(tmp_path)]).find("mean_colour").spec
    assert spec.settings().power == 1.0
    with pytest.raises(ReidbenchError, match="'power' of mean_colour can't be -1.0"):
        evaluate("mean_colour", DATASET, plugins=[tmp_path / "my_method.py"], settings={"power": -1.0})


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "it offers nothing"),
        ("raise SystemError('half')", "half"),
    ],
)
def test_a_file_that_can_not_be_loaded_is_told_where_its_method_is_asked_for(tmp_path, code, reason):
    registry = load_registry(files=[write(tmp_path, code)])
    assert registry.find("sift").spec.name == "sift"  # the others run
    for name in ("mean_colour", "my_method"):
        with pytest.raises(ReidbenchError, match="my_method.* failed to load") as caught:
            registry.find(name)
        assert reason in caught.value.message


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(ReidbenchError, match="the plugin can't be read"):
        load_registry(files=[tmp_path / "nothing.py"])


def test_two_files_of_one_name_could_not_be_told_apart(tmp_path):
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other", MEAN + "\n")
    with pytest.raises(ReidbenchError, match="two plugins are called my_method.py"):
        load_registry(files=[write(tmp_path), other])
    assert load_registry(files=[write(tmp_path), tmp_path / "my_method.py"]).find("mean_colour")


def test_the_file_with_a_hook_in_it_offers_what_the_hook_returns(tmp_path):
    code = MEAN + "\n\n@reidbench.hookimpl\ndef reidbench_methods():\n    return [mean_colour]\n"
    assert [o.spec.name for o in load_registry([], files=[write(tmp_path, code)]).offers] == ["mean_colour"]
