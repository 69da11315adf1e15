"""Every hook: what a stranger offers is found by name, and what is wrong with it costs only itself."""

import re

import pytest

from reidbench.errors import ReidbenchError
from reidbench.registry.registered import load_registry

ALL = """
import reidbench

@reidbench.hookimpl
def reidbench_methods():
    return [reidbench.MethodSpec("own_method", "", reidbench.Settings, lambda settings: None)]

@reidbench.hookimpl
def reidbench_threshold_policies():
    return [reidbench.PolicySpec("own_policy", "", lambda value, scope: None)]

@reidbench.hookimpl
def reidbench_datasets():
    return [reidbench.DatasetSpec("own_dataset", "", lambda root: None)]

@reidbench.hookimpl
def reidbench_score_calibrations():
    return [reidbench.CalibrationSpec("own_curve", "", lambda similarity, same, weight: None)]

@reidbench.hookimpl
def reidbench_report_sections():
    return [reidbench.SectionSpec("own section", lambda runs: ())]

@reidbench.hookimpl
def reidbench_commands():
    return [reidbench.CommandSpec("own-command", "", lambda: None)]
"""
FIELDS = {
    "reidbench_methods": "offers",
    "reidbench_threshold_policies": "policies",
    "reidbench_datasets": "datasets",
    "reidbench_score_calibrations": "calibrations",
    "reidbench_report_sections": "sections",
    "reidbench_commands": "commands",
}


def load(tmp_path, code):
    path = tmp_path / "stranger.py"
    path.write_text(code)
    return load_registry([], files=[path])


def offered(registry, hook):
    return [o.spec.name for o in getattr(registry, FIELDS[hook]) if o.distribution == "stranger.py"]


def test_one_plugin_may_offer_something_through_every_hook(tmp_path):
    registry = load(tmp_path, ALL)
    assert not registry.broken
    assert [len(offered(registry, hook)) for hook in FIELDS] == [1] * 6


@pytest.mark.parametrize("hook", FIELDS)
def test_a_hook_that_raises_costs_only_what_it_offers(tmp_path, hook):
    registry = load(tmp_path, ALL.replace(f"def {hook}():", f"def {hook}():\n    raise OSError('no disk')"))
    (broken,) = registry.broken
    assert re.fullmatch(r"OSError: no disk \(stranger\.py, line \d+\)", broken.reason)
    assert {each for each in FIELDS if not offered(registry, each)} == {hook}


@pytest.mark.parametrize("hook", FIELDS)
def test_a_hook_that_returns_something_else_says_what(tmp_path, hook):
    registry = load(tmp_path, ALL.replace(f"def {hook}():", f"def {hook}():\n    return ['text']"))
    (broken,) = registry.broken
    assert broken.reason.startswith(f"TypeError: {hook} returned a list of str, not of ")


@pytest.mark.parametrize("hook", FIELDS)
def test_a_hook_without_its_mark_is_told(tmp_path, hook):
    registry = load(tmp_path, ALL.replace(f"@reidbench.hookimpl\ndef {hook}", f"def {hook}"))
    assert f"{hook} is not marked as a hook" in registry.broken[0].reason


@pytest.mark.parametrize(
    ("own", "taken"),
    [
        ("own_dataset", "patterns"),
        ("own_dataset", "StripeSpotter"),
        ("own_curve", "isotonic"),
        ("own-command", "run"),
        ("own-command", "plugin"),
    ],
)
def test_a_name_of_reidbenchs_own_is_refused_with_the_reason(tmp_path, own, taken):
    registry = load(tmp_path, ALL.replace(f'"{own}"', f'"{taken}"'))
    assert [plugin.reason.endswith(f"'{taken}', because reidbench uses this name") for plugin in registry.broken] == [
        True
    ]
    assert sum(len(offered(registry, hook)) for hook in FIELDS) == 5


def test_two_of_one_name_need_their_distribution(stranger):
    stranger(ALL, "dist-a")
    stranger(ALL, "dist-b")
    registry = load_registry()
    for find, name in (
        (registry.find, "own_method"),
        (registry.dataset, "own_dataset"),
        (registry.calibration, "own_curve"),
        (registry.command, "own-command"),
    ):
        with pytest.raises(ReidbenchError, match=f"dist-a:{name} and dist-b:{name}"):
            find(name)
        assert find(f"dist-b:{name}").distribution == "dist-b"
    assert registry.dataset("nobody") is None and registry.command("nobody") is None
    with pytest.raises(ReidbenchError, match="no score calibration is called 'own_curv'; did you mean 'own_curve'"):
        registry.calibration("own_curv")


@pytest.mark.parametrize(
    "spec",
    [
        'DatasetSpec("a:b", "", None)',
        'CalibrationSpec("a b", "", None)',
        'CommandSpec("A", "", None)',
        'SectionSpec(" ", None)',
    ],
)
def test_a_name_that_could_not_be_asked_for_is_refused(tmp_path, spec):
    registry = load(tmp_path, f"import reidbench\nit = reidbench.{spec}")
    assert registry.broken[0].reason.startswith("ValueError")
