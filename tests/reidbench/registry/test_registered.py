"""A broken plugin costs only its own methods; names find one method or say why not."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import MethodSpec, Settings
from reidbench.registry.registered import BrokenPluginError, load_registry
from reidbench.thresholds import Fixed, PolicySpec


@dataclass
class EntryPoint:
    name: str
    plugin: Any
    distribution: str = "stranger"
    value: str = "module"

    @property
    def dist(self):
        return SimpleNamespace(name=self.distribution, version="1.0")

    def load(self):
        if isinstance(self.plugin, Exception):
            raise self.plugin
        return self.plugin


def offering(*names):
    class Plugin:
        @reidbench.hookimpl
        def reidbench_methods(self):
            return [MethodSpec(name, "a test", Settings, lambda settings: None) for name in names]

    return Plugin()


class MisspeltHook:
    @reidbench.hookimpl
    def reidbench_method(self):
        return []


class TakesSettings:
    @reidbench.hookimpl
    def reidbench_methods(self, settings):
        return []


class ReturnsOne:
    @reidbench.hookimpl
    def reidbench_methods(self):
        return MethodSpec("one", "a test", Settings, lambda settings: None)


class ForgetsToReturn:
    @reidbench.hookimpl
    def reidbench_methods(self):
        pass


class Raises:
    @reidbench.hookimpl
    def reidbench_methods(self):
        raise KeyError("sugar")


class ReturnsText:
    @reidbench.hookimpl
    def reidbench_methods(self):
        return ["sift"]


def test_our_methods_come_through_the_door_that_strangers_use():
    names = {offer.spec.name for offer in load_registry().offers}
    assert {"color_histogram", "sift", "triplet_resnet50", "triplet_effnet"} <= names


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        (ImportError("no module named x"), "no module named x"),
        (MisspeltHook(), "there is no hook 'reidbench_method'; did you mean 'reidbench_methods'?"),
        (TakesSettings(), "reidbench_methods is called without arguments, but has 'settings'"),
        (ForgetsToReturn(), "reidbench_methods returned None: return a list of MethodSpec"),
        (ReturnsOne(), "reidbench_methods returned one MethodSpec: return a list of them"),
        (ReturnsText(), "reidbench_methods returned a list of str, not of MethodSpec"),
        (Raises(), "KeyError: 'sugar' (test_registered.py, line "),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_the_others_run(plugin, reason):
    registry = load_registry([EntryPoint("bad", plugin), EntryPoint("good", offering("fine"))])
    assert registry.find("fine").spec.name == "fine"
    assert len(registry.broken) == 1 and reason in registry.broken[0].reason
    with pytest.raises(ReidbenchError, match="failed to load"):
        registry.find("bad")


def test_two_methods_of_one_name_need_their_distribution():
    registry = load_registry(
        [EntryPoint("a", offering("sift", "only_a"), "dist-a"), EntryPoint("a", offering("sift"), "dist-b")]
    )
    with pytest.raises(ReidbenchError, match="dist-a:sift and dist-b:sift"):
        registry.find("sift")
    assert registry.find("dist-b:sift").distribution == "dist-b"
    assert registry.find("only_a").distribution == "dist-a"


def test_a_name_offered_twice_by_one_distribution_is_used_once_and_told():
    registry = load_registry([EntryPoint("a", offering("twin", "twin"))])
    assert registry.find("stranger:twin").spec.name == "twin"
    assert "'twin' is offered twice" in registry.broken[0].reason


def test_a_plugin_that_ends_the_program_and_one_named_by_its_distribution_are_told_apart():
    class Leaves(EntryPoint):
        def load(self):
            raise SystemExit("leaving")

    registry = load_registry([Leaves("bad", None, "dist-bad"), EntryPoint("good", offering("fine"))])
    assert registry.find("fine")
    for asked in ("bad", "dist-bad:bad", "dist-bad:whatever"):
        with pytest.raises(BrokenPluginError, match="dist-bad 1.0 failed to load: SystemExit: leaving") as caught:
            registry.find(asked)
        assert caught.value.plugin.version == "1.0"
    with pytest.raises(ReidbenchError, match="no method is called 'other:bad'"):
        registry.find("other:bad")


def test_a_misspelt_method_is_answered_with_the_nearest_name():
    with pytest.raises(ReidbenchError, match="did you mean 'sift'"):
        load_registry([EntryPoint("a", offering("sift"))]).find("sfit")


def offering_policies(*specs):
    class Plugin:
        @reidbench.hookimpl
        def reidbench_threshold_policies(self):
            return list(specs)

    return Plugin()


HALF = PolicySpec("half", "a half, or what is given", lambda value, scope: Fixed(float(value or 0.5)))


def test_a_plugin_may_offer_a_policy_and_no_method():
    registry = load_registry([EntryPoint("half", offering_policies(HALF))])
    assert registry.policy("half") == Fixed(0.5) and registry.policy("half=0.25") == Fixed(0.25)
    assert not registry.broken and not registry.offers
    assert registry.policy("max-score").text == "max-score"
    with pytest.raises(ReidbenchError, match="did you mean 'half'"):
        registry.policy("halff")


def test_two_policies_of_one_name_need_their_distribution():
    taken = PolicySpec("max-score", "another's", lambda value, scope: Fixed(7.0))
    registry = load_registry([EntryPoint("a", offering_policies(taken))])
    with pytest.raises(ReidbenchError, match="reidbench/max-score and stranger/max-score"):
        registry.policy("max-score:group")
    assert registry.policy("stranger/max-score") == Fixed(7.0)
    assert registry.policy("reidbench/max-score:group").text == "max-score:group"
    with pytest.raises(ReidbenchError, match="nobody offers no threshold policy 'max-score'"):
        registry.policy("nobody/max-score")


def test_what_is_no_policy_breaks_its_plugin_alone():
    registry = load_registry([EntryPoint("a", offering_policies("max")), EntryPoint("b", offering("sift"))])
    assert registry.find("sift") and "not of PolicySpec" in registry.broken[0].reason
    with pytest.raises(ValueError, match="can't be called"):
        PolicySpec("a=b", "", HALF.make)
