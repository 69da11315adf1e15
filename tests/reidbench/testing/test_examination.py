"""Every check fails for the method that was made to fail it, and for no other; a sound method passes all."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from reidbench import ReidbenchError
from reidbench.testing import CHECKS, MethodFailsChecks, check_method, conformance_tests, examine
from tests.reidbench.testing.faults import FAULTS, GivesNan, Sound, spec

MEMORY_MIB = 100.0  # the sound method takes a few, the planted fault 150

test_sound_method = conformance_tests(spec())


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """A plugin whose hook imports kornia; an empty module of that name stands in for the real one."""
    (tmp_path / "kornia.py").write_text("")
    (tmp_path / "heavy_plugin.py").write_text(
        "import kornia\nfrom tests.reidbench.testing.faults import Sound\n\nbuild = lambda settings: Sound(settings)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = sys.modules.get("kornia")
    module = importlib.import_module("heavy_plugin")
    yield spec(module.build)
    del sys.modules["heavy_plugin"]
    if before is None:
        sys.modules.pop("kornia", None)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_a_planted_fault_fails_its_check_and_no_other(check, request, monkeypatch):
    if check.name == "devices_agree":
        monkeypatch.setattr("reidbench.testing.behaviour.has_gpu", lambda: True)
    planted = request.getfixturevalue("heavy") if check.name == "light_import" else FAULTS[check.name]
    found = examine(planted, memory_mib=MEMORY_MIB)
    assert [outcome.check.name for outcome in found.failed] == [check.name]
    assert found.failed[0].difference and found.failed[0].remedy


def test_every_check_has_a_planted_fault_a_reason_and_a_remedy():
    names = [check.name for check in CHECKS]
    assert len(names) >= 25 and len(set(names)) == len(names)
    assert set(FAULTS) | {"light_import"} == set(names)
    for check in CHECKS:
        assert check.reason.strip() and check.remedy.strip() and check.topic
        assert set(check.needs) < set(names)


def test_a_sound_method_passes_on_both_devices(monkeypatch):
    monkeypatch.setattr("reidbench.testing.behaviour.has_gpu", lambda: True)
    found = check_method(spec(), memory_mib=MEMORY_MIB)
    skipped = {outcome.check.name for outcome in found.outcomes if outcome.verdict == "not applicable"}
    assert skipped == {"presets", "licence", "needs"}
    assert found.count("passed") == len(CHECKS) - len(skipped)


def test_nan_that_the_core_refuses_is_named_as_such():
    found = examine(spec(GivesNan))
    assert [(each.check.name, each.difference) for each in found.failed] == [("finite", "'embedding' contains nan")]
    judged = {each.check.name: each for each in found.outcomes}
    assert judged["represents"].difference == "not judged: finite failed"
    assert judged["whole_run"].blocked and judged["name"].verdict == "passed"


@pytest.mark.parametrize("name", ["query_blocks", "image_subset", "batch_size"])
def test_declared_transductive_is_not_judged_as_if_it_were_not(name):
    class Declared(FAULTS[name].build):
        transductive = True

    found = examine(spec(Declared))
    assert not found.failed
    judged = {each.check.name: each for each in found.outcomes}
    for skipped in ("query_blocks", "pairs_agree", "image_subset", "batch_size"):
        assert "declared transductive" in judged[skipped].difference


def test_an_error_that_a_user_can_mend_brings_its_own_remedy():
    class Missing(Sound):
        def prepare(self, device, seed, progress):
            raise ReidbenchError("net.pth is missing", remedy="--set weights=FILE")

    failed = examine(spec(Missing), only=["prepares"]).failed
    assert [(each.check.name, each.difference, each.remedy) for each in failed] == [
        ("prepares", "net.pth is missing", "--set weights=FILE")
    ]


def test_numpys_global_generator_is_watched_and_put_back():
    import numpy as np

    class Draws(Sound):
        def represent(self, images, progress):
            np.random.rand()
            return super().represent(images, progress)

    np.random.seed(3)
    expected = np.random.RandomState(3).rand()
    found = examine(spec(Draws), only=["seeds"])
    assert found.failed[0].difference == "the global generator was moved: numpy in represent"
    assert np.random.rand() == expected


def test_check_method_raises_with_everything_a_reader_needs():
    with pytest.raises(MethodFailsChecks, match="order_kept: 'embedding' differs by up to") as caught:
        check_method(FAULTS["order_kept"], "order_kept")
    assert "remedy: do not sort" in str(caught.value) and isinstance(caught.value, AssertionError)


def test_only_reports_what_was_asked_for_though_more_is_gone_through():
    found = examine(spec(), only=["image_subset", "name"], settings={"cells": "6"})
    assert [each.check.name for each in found.outcomes] == ["image_subset", "name"]
    assert found.settings == {"cells": 6}
    assert json.loads(json.dumps(found.to_json()))["counts"] == {"passed": 2, "failed": 0, "not_applicable": 0}


def test_a_check_or_preset_that_does_not_exist_is_one_clear_error():
    with pytest.raises(ReidbenchError, match="did you mean 'order_kept'"):
        examine(spec(), only=["order_kep"])
    with pytest.raises(ReidbenchError, match="no preset 'fast'"):
        examine(spec(), preset="fast")
    with pytest.raises(ReidbenchError, match="no setting 'cell'"):
        examine(spec(), settings={"cell": 3})


def test_a_strangers_whole_test_file_is_two_lines(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "from reidbench.testing import conformance_tests\n\ntest_mine = conformance_tests('color_histogram')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"{len(CHECKS) - 4} passed, 4 skipped" in done.stdout


def test_importing_the_kit_imports_neither_torch_nor_pytest():
    code = "import sys, reidbench.testing; sys.exit(str({'torch', 'pytest', 'sklearn'} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_settings_of_parts_are_taken_as_a_run_takes_them():
    given = {"parts": "color_histogram,sift", "sift.keypoints": "32"}
    found = examine("wildfusion", settings=given, only=["settings_defaults", "settings_from_text"])
    assert [each.verdict for each in found.outcomes] == ["passed", "passed"]
    assert found.settings["options"] == {"sift": {"keypoints": "32"}}
