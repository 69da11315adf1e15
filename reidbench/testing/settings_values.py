"""Find other valid values of a setting from its type."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import ValidationError

from reidbench.methods.contract import Settings


def varied(settings: Settings, key: str) -> Iterator[Settings]:
    """Yield the settings with other valid values of one key; nothing for free text.

    Example:
        >>> class Options(Settings):
        ...     cells: int = 4
        >>> next(varied(Options(), "cells"))
        Options(cells=5)
    """
    value = getattr(settings, key)
    values = settings.model_dump()
    for other in _other_values(type(settings).model_fields[key].annotation, value):
        if other == value:
            continue
        try:
            yield type(settings)(**{**values, key: other})
        except ValidationError:
            continue


def _other_values(annotation: Any, value: Any) -> Iterator[Any]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _other_values(arguments[0], value)
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _other_values(argument, value)
    elif origin is typing.Literal:
        yield from arguments
    elif annotation is bool:
        yield not value
    elif annotation is int:
        whole = value if isinstance(value, int) else 32
        yield from (whole + 1, whole - 1, whole * 2, max(1, whole // 2))
    elif annotation is float:
        number = float(value) if isinstance(value, int | float) else 0.5
        yield from (number * 0.5, number + 0.25, number + 1.0, number * 0.9)
    elif origin is tuple and arguments and all(argument is float for argument in arguments):
        yield tuple(0.3 + 0.1 * index for index in range(len(arguments)))
