"""A function becomes a method: its name, help and settings are its own."""

from typing import Annotated

import numpy as np
import pytest
from pydantic import Field

from reidbench import embedding_method
from reidbench.methods.from_function import DeclaredEmbedding


@embedding_method
def brightness(pixels, scale: float = 2.0, label="x"):
    """Mean brightness.

    And more that no table shows.
    """
    return np.array([[image.mean() * scale, len(label)] for image in pixels])


def test_name_summary_and_settings_are_the_functions_own():
    assert (brightness.name, brightness.summary, brightness.version) == ("brightness", "Mean brightness.", "1")
    assert brightness.settings().model_dump() == {"scale": 2.0, "label": "x"}
    assert brightness.settings(scale="3").scale == 3.0
    with pytest.raises(ValueError, match="contrast"):
        brightness.settings(contrast=1)


def test_settings_reach_the_function():
    method = brightness.build(brightness.settings(scale=3.0))
    assert method.embed([np.full((2, 2, 3), 5, np.uint8)]).tolist() == [[15.0, 1.0]]


def test_options_of_the_decorator():
    @embedding_method(name="other", metric="euclidean", version="2", source="a paper")
    def plain(pixels):
        return np.zeros((len(pixels), 1))

    assert (plain.name, plain.version, plain.source) == ("other", "2", "a paper")
    assert plain.summary == "one vector for each image"
    assert plain.build(plain.settings()).metric == "euclidean"


def test_fingerprints_differ_by_settings_and_by_function():
    def other(pixels, scale: float = 2.0, label="x"):
        return np.zeros((len(pixels), 1))

    one, two = (brightness.build(brightness.settings(scale=scale)).fingerprint() for scale in (1.0, 2.0))
    assert one != two
    assert two != DeclaredEmbedding(brightness.settings(), other, "cosine").fingerprint()


def test_a_parameter_without_a_default_is_refused():
    with pytest.raises(TypeError, match="'scale' of broken has no default"):

        @embedding_method
        def broken(pixels, scale):
            return pixels


def test_a_parameter_may_carry_limits_and_a_description():
    @embedding_method
    def limited(pixels, side: Annotated[int, Field(ge=2, description="side in pixels")] = 16):
        """Limited."""

    assert limited.settings.model_fields["side"].description == "side in pixels"
    assert limited.settings().side == 16
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        limited.settings(side=1)
