"""Other values that a setting may take, found from its type."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import ValidationError

from reidbench.methods.contract import Settings


def varied(settings: Settings, key: str) -> Iterator[Settings]:
    """Yield the settings with other values of one key that are allowed; none for free text.

    Example:
        >>> class Options(Settings):
        ...     cells: int = 4
        >>> next(varied(Options(), "cells"))
        Options(cells=5)
    """
    value = getattr(settings, key)
    given = settings.model_dump()
    for other in _others(type(settings).model_fields[key].annotation, value):
        if other == value:
            continue
        try:
            yield type(settings)(**{**given, key: other})
        except ValidationError:
            continue


def _others(annotation: Any, value: Any) -> Iterator[Any]:
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _others(inside[0], value)
    elif origin in (typing.Union, types.UnionType):
        for each in inside:
            yield from _others(each, value)
    elif origin is typing.Literal:
        yield from inside
    elif annotation is bool:
        yield not value
    elif annotation is int:
        near = value if isinstance(value, int) else 32
        yield from (near + 1, near - 1, near * 2, max(1, near // 2))
    elif annotation is float:
        share = float(value) if isinstance(value, int | float) else 0.5
        yield from (share * 0.5, share + 0.25, share + 1.0, share * 0.9)
    elif origin is tuple and inside and all(each is float for each in inside):
        yield tuple(0.3 + 0.1 * place for place in range(len(inside)))
