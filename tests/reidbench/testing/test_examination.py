"""Every check fails for the method with its planted fault and for no other; a sound method passes all checks."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from reidbench import ReidbenchError
from reidbench.testing import CHECKS, MethodFailsChecks, check_method, conformance_tests, examine
from tests.reidbench.testing.faults import FAULTS, GivesNan, Sound, spec

MEMORY_MIB = 100.0  # the sound method needs a few MiB, the one with the planted fault 150

test_sound_method = conformance_tests(spec())


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """A plugin whose hook imports kornia, here an empty module of that name."""
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
    examination = examine(planted, memory_mib=MEMORY_MIB)
    assert [outcome.check.name for outcome in examination.failed] == [check.name]
    assert examination.failed[0].difference and examination.failed[0].remedy


def test_every_check_has_a_planted_fault_a_reason_and_a_remedy():
    names = [check.name for check in CHECKS]
    assert len(names) >= 25 and len(set(names)) == len(names)
    assert set(FAULTS) | {"light_import"} == set(names)
    for check in CHECKS:
        assert check.reason.strip() and check.remedy.strip() and check.topic
        assert set(check.needs) < set(names)


def test_a_sound_method_passes_on_both_devices(monkeypatch):
    monkeypatch.setattr("reidbench.testing.behaviour.has_gpu", lambda: True)
    examination = check_method(spec(), memory_mib=MEMORY_MIB)
    skipped = {outcome.check.name for outcome in examination.outcomes if outcome.verdict == "not applicable"}
    assert skipped == {"presets", "licence", "needs"}
    assert examination.count("passed") == len(CHECKS) - len(skipped)


def test_nan_fails_the_check_finite_and_blocks_the_checks_that_need_it():
    examination = examine(spec(GivesNan))
    (failed,) = examination.failed
    assert (failed.check.name, failed.difference) == ("finite", "'embedding' contains nan")
    outcomes = {outcome.check.name: outcome for outcome in examination.outcomes}
    assert outcomes["represents"].difference == "not checked: finite failed"
    assert outcomes["whole_run"].blocked and outcomes["name"].verdict == "passed"


@pytest.mark.parametrize("name", ["query_blocks", "image_subset", "batch_size"])
def test_checks_of_independence_do_not_apply_to_a_declared_transductive_method(name):
    class Declared(FAULTS[name].build):
        transductive = True

    examination = examine(spec(Declared))
    assert not examination.failed
    outcomes = {outcome.check.name: outcome for outcome in examination.outcomes}
    for skipped in ("query_blocks", "pairs_agree", "image_subset", "batch_size"):
        assert "declared transductive" in outcomes[skipped].difference


def test_a_reidbench_error_gives_the_remedy():
    class Missing(Sound):
        def prepare(self, device, seed, progress):
            raise ReidbenchError("net.pth is missing", remedy="--set weights=FILE")

    failed = examine(spec(Missing), only=["prepares"]).failed
    assert [(outcome.check.name, outcome.difference, outcome.remedy) for outcome in failed] == [
        ("prepares", "net.pth is missing", "--set weights=FILE")
    ]


def test_numpys_global_generator_is_observed_and_restored():
    import numpy as np

    class Draws(Sound):
        def represent(self, images, progress):
            np.random.rand()
            return super().represent(images, progress)

    np.random.seed(3)
    expected = np.random.RandomState(3).rand()
    examination = examine(spec(Draws), only=["seeds"])
    assert examination.failed[0].difference == "it changed the global random generator: numpy in represent"
    assert np.random.rand() == expected


def test_the_error_of_check_method_names_check_difference_and_remedy():
    with pytest.raises(MethodFailsChecks, match="order_kept: 'embedding' differs by up to") as caught:
        check_method(FAULTS["order_kept"], "order_kept")
    assert "remedy: do not sort" in str(caught.value) and isinstance(caught.value, AssertionError)


def test_with_only_the_needed_checks_are_made_but_not_reported():
    examination = examine(spec(), only=["image_subset", "name"], settings={"cells": "6"})
    assert [outcome.check.name for outcome in examination.outcomes] == ["image_subset", "name"]
    assert examination.settings == {"cells": 6}
    counts = json.loads(json.dumps(examination.to_json()))["counts"]
    assert counts == {"passed": 2, "failed": 0, "not_applicable": 0}


def test_a_check_preset_or_setting_that_does_not_exist_is_an_error():
    with pytest.raises(ReidbenchError, match="did you mean 'order_kept'"):
        examine(spec(), only=["order_kep"])
    with pytest.raises(ReidbenchError, match="no preset 'fast'"):
        examine(spec(), preset="fast")
    with pytest.raises(ReidbenchError, match="no setting 'cell'"):
        examine(spec(), settings={"cell": 3})


def test_the_test_file_of_a_plugin_has_two_lines(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "from reidbench.testing import conformance_tests\n\ntest_mine = conformance_tests('color_histogram')\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert f"{len(CHECKS) - 4} passed, 4 skipped" in result.stdout


def test_importing_the_kit_imports_neither_torch_nor_pytest():
    code = "import sys, reidbench.testing; sys.exit(str({'torch', 'pytest', 'sklearn'} & set(sys.modules) or ''))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""


def test_settings_of_parts_are_accepted():
    settings = {"parts": "color_histogram,sift", "sift.keypoints": "32"}
    examination = examine("wildfusion", settings=settings, only=["settings_defaults", "settings_from_text"])
    assert [outcome.verdict for outcome in examination.outcomes] == ["passed", "passed"]
    assert examination.settings["options"] == {"sift": {"keypoints": "32"}}
