"""A method is built with its parts; each part is found by its name and built once."""

import numpy as np
import pytest

from reidbench.calibration.calibrated import Calibrated
from reidbench.errors import ReidbenchError
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import EmbeddingMethod, MethodSpec, PartSpec, Settings
from reidbench.methods.fusion import Fusion
from reidbench.methods.representation import Representation
from reidbench.registry.registered import Offer, Registry
from reidbench.running.building import assemble, combinations, effective_settings, join_representations


class LeafSettings(Settings):
    size: int = 1


class Leaf(EmbeddingMethod):
    def embed(self, pixels):
        raise AssertionError


class FusedSettings(Settings):
    options: dict[str, dict] = {}
    left: int = 1


def registry(**parts):
    """A registry with the method ``leaf``, and a fusion for each argument, a function from settings to parts."""
    specs = [MethodSpec("leaf", "", LeafSettings, Leaf)]
    specs += [MethodSpec(name, "", FusedSettings, Fusion, parts=asked) for name, asked in parts.items()]
    return Registry(tuple(Offer(spec, "test", "1") for spec in specs), ())


def built(name, found, settings=None):
    offer = found.find(name)
    return assemble(offer, settings or offer.spec.settings(), found)


def test_a_method_without_parts_is_itself():
    assembled = built("leaf", registry())
    assert (
        type(assembled.method) is Leaf
        and [part.path for part in assembled.feature_parts] == [""]
        and not assembled.parts
    )


def test_parts_are_calibrated_as_specified_and_equal_parts_are_one_object():
    asked = {"a": PartSpec("leaf"), "b": PartSpec("leaf", calibration=None), "c": PartSpec("leaf", {"size": 2})}
    assembled = built("fused", registry(fused=lambda settings: asked))
    parts = assembled.method.parts
    assert isinstance(parts["a"], Calibrated) and type(parts["b"]) is Leaf
    assert parts["a"].inner is parts["b"] is not parts["c"].inner
    assert [(part.path, part.method.settings.size) for part in assembled.feature_parts] == [("a", 1), ("c", 2)]
    assert assembled.parts["c"]["settings"] == {"size": 2} and assembled.parts["b"]["calibration"] is None


def test_parts_of_parts_are_named_by_their_path():
    found = registry(
        inner=lambda settings: {"leaf": PartSpec("leaf")},
        outer=lambda settings: {"one": PartSpec("inner", calibration=None), "two": PartSpec("leaf")},
    )
    assembled = built("outer", found)
    assert set(assembled.parts) == {"one", "one/leaf", "two"}
    assert [path for path, _ in combinations(assembled.method)] == ["one", ""]
    vectors = Representation({"embedding": np.eye(2)})
    whole = join_representations(assembled.method, lambda method: vectors)
    assert sorted(whole.dense) == ["one/leaf/embedding", "two/embedding"]


def test_a_method_that_contains_itself_is_an_error():
    found = registry(loop=lambda settings: {"again": PartSpec("loop", calibration=None)})
    with pytest.raises(ReidbenchError, match="more than 4 levels: again > again"):
        built("loop", found)


def test_a_method_without_parts_may_be_calibrated():
    class Probable(Leaf):
        calibration = Calibration(kind="logistic")

    spec = MethodSpec("probable", "", LeafSettings, Probable)
    offer = Offer(spec, "test", "1")
    assert isinstance(assemble(offer, LeafSettings(), Registry((offer,), ())).method, Calibrated)


def test_settings_of_parts_start_with_the_name_of_the_part():
    spec = MethodSpec("fused", "", FusedSettings, Fusion, presets={"quick": {"options": {"a": {"size": 1, "deep": 2}}}})
    settings = effective_settings(spec, "quick", {"a.size": "3", "b.c.size": "4", "left": "5"})
    assert settings.options == {"a": {"size": "3", "deep": 2}, "b": {"c.size": "4"}} and settings.left == 5
    with pytest.raises(ReidbenchError, match="leaf has no setting 'a.size'"):
        effective_settings(registry().find("leaf").spec, None, {"a.size": 3})


def test_a_preset_sets_nothing_of_parts_that_the_user_replaced():
    class Named(Settings):
        parts: str = "leaf"
        options: dict[str, dict] = {}

    quick = {"parts": "leaf,more=leaf", "options": {"leaf": {"size": 2}, "more": {"size": 3}}}
    spec = MethodSpec("named", "", Named, Fusion, parts=lambda settings: {}, presets={"quick": quick})
    assert effective_settings(spec, "quick", {}).options == {"leaf": {"size": 2}, "more": {"size": 3}}
    assert effective_settings(spec, "quick", {"parts": "other,more=leaf"}).options == {"more": {"size": 3}}
    given = effective_settings(spec, "quick", {"parts": "other", "other.size": 5})
    assert given.options == {"other": {"size": 5}}
