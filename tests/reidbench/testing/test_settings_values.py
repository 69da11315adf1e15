"""Another valid value is found for every setting except free text."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from reidbench import Settings
from reidbench.testing.settings_values import varied


class Options(Settings):
    cells: int = Field(4, ge=1, le=4)
    ratio: float = Field(1.0, gt=0, le=1)
    mirror: bool = False
    metric: Literal["cosine", "euclidean"] = "cosine"
    size: Literal["auto"] | Annotated[int, Field(ge=16)] = "auto"
    mean: Literal["auto"] | tuple[float, float, float] = "auto"
    weights: str = "auto"


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("cells", 3),
        ("ratio", 0.5),
        ("mirror", True),
        ("metric", "euclidean"),
        ("size", 33),
        ("mean", (0.3, 0.4, 0.5)),
    ],
)
def test_the_first_other_value_follows_from_the_type(key, first):
    settings = next(varied(Options(), key))
    assert getattr(settings, key) == pytest.approx(first) if key == "mean" else getattr(settings, key) == first
    assert settings.model_dump(exclude={key}) == Options().model_dump(exclude={key})


def test_free_text_has_no_other_value():
    assert list(varied(Options(), "weights")) == []
