"""A method from one function: its name, its help and its settings are the function's own."""

from __future__ import annotations

import hashlib
import inspect
import typing
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import create_model
from typing_extensions import override

from reidbench.methods.contract import EmbeddingMethod, Method, MethodSpec, Settings

Embed = Callable[..., NDArray[Any]]


@typing.overload
def embedding_method(function: Embed) -> MethodSpec: ...


@typing.overload
def embedding_method(
    *, name: str = "", metric: Literal["cosine", "euclidean"] = "cosine", version: str = "1", source: str = ""
) -> Callable[[Embed], MethodSpec]: ...


def embedding_method(
    function: Embed | None = None,
    *,
    name: str = "",
    metric: Literal["cosine", "euclidean"] = "cosine",
    version: str = "1",
    source: str = "",
) -> MethodSpec | Callable[[Embed], MethodSpec]:
    """Make a method of a function that turns images into vectors.

    The function's first parameter is a list of decoded images, each ``(height, width, 3)`` RGB of 8 bits; it returns
    one vector for each, ``(n, dim)``, finite. Its other parameters have defaults and become settings, so that
    ``--set KEY=VALUE`` reaches them. Its name is the method's, and the first line of its docstring the summary.
    A method with weights to load is better off as an :class:`EmbeddingMethod`.

    Args:
        function: The function; absent where the decorator is written with options.
        name: Name of the method, where it is not the function's.
        metric: What vectors are compared by.
        version: Raise it whenever the same settings would give other numbers; a file given to ``--plugin`` has its own.
        source: Paper or repository that the method follows.

    Raises:
        TypeError: A parameter has no default, so nothing could be run without it.

    Example:
        >>> @embedding_method
        ... def mean_colour(pixels, power: float = 1.0):
        ...     '''Mean colour of the image.'''
        ...     return np.stack([(image / 255).mean((0, 1)) ** power for image in pixels])
        >>> mean_colour.name, mean_colour.summary, mean_colour.settings().power
        ('mean_colour', 'Mean colour of the image.', 1.0)
    """
    if function is None:
        return lambda given: _spec(given, name, metric, version, source)
    return _spec(function, name, metric, version, source)


class DeclaredEmbedding(EmbeddingMethod):
    """Calls a function with the settings as its keywords."""

    fingerprint_name = "reidbench.declared.DeclaredEmbedding"  # its module when the first caches were written

    def __init__(self, settings: Any, function: Embed, metric: Literal["cosine", "euclidean"]) -> None:
        super().__init__(settings)
        self.metric = metric
        self._function = function

    @override
    def fingerprint(self) -> str:
        whose = f"{super().fingerprint()}|{self._function.__module__}.{self._function.__qualname__}"
        return hashlib.sha256(whose.encode()).hexdigest()

    @override
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        return self._function(pixels, **{key: getattr(self.settings, key) for key in type(self.settings).model_fields})


def _spec(
    function: Embed, name: str, metric: Literal["cosine", "euclidean"], version: str, source: str
) -> MethodSpec:  # fmt: skip
    types = typing.get_type_hints(function, include_extras=True)
    _, *options = inspect.signature(function).parameters.values()
    fields: dict[str, Any] = {}
    for option in options:
        if option.default is inspect.Parameter.empty:
            raise TypeError(f"the parameter '{option.name}' of {function.__name__} has no default")
        fields[option.name] = (types.get(option.name, type(option.default)), option.default)
    settings = create_model(
        f"{function.__name__}_settings", __base__=Settings, __module__=function.__module__, **fields
    )  # fmt: skip

    def build(chosen: Any) -> Method:
        return DeclaredEmbedding(chosen, function, metric)

    summary = (inspect.getdoc(function) or "one vector for each image").splitlines()[0]
    return MethodSpec(name or function.__name__, summary, settings, build, source=source, version=version)
