"""Make a method from one function: name, help and settings come from the function's signature and docstring."""

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
    """Make a method from a function that computes one vector for each image.

    The first parameter of the function is a list of decoded images, each ``(height, width, 3)`` RGB with 8 bits. The
    function returns one vector of finite numbers for each, ``(n, dim)``. All other parameters need defaults and become
    settings for ``--set KEY=VALUE``. The function's name is the name of the method, and the first line of its docstring
    is the summary. A method that loads weights should subclass :class:`EmbeddingMethod` instead.

    Args:
        function: The function; ``None`` if the decorator is used with options.
        name: Name of the method, if different from the function's name.
        metric: Similarity of two vectors: their cosine, or minus their Euclidean distance.
        version: Change it whenever the same settings give other numbers. A file given to ``--plugin``
            also has its digest as a version.
        source: Paper or repository that the method follows.

    Raises:
        TypeError: A parameter after the first has no default.

    Example:
        >>> @embedding_method
        ... def mean_colour(pixels, power: float = 1.0):
        ...     '''Mean colour of the image.'''
        ...     return np.stack([(image / 255).mean((0, 1)) ** power for image in pixels])
        >>> mean_colour.name, mean_colour.summary, mean_colour.settings().power
        ('mean_colour', 'Mean colour of the image.', 1.0)
    """
    if function is None:
        return lambda decorated: _spec(decorated, name, metric, version, source)
    return _spec(function, name, metric, version, source)


class DeclaredEmbedding(EmbeddingMethod):
    """A method that calls a function with the settings as keyword arguments."""

    fingerprint_name = "reidbench.declared.DeclaredEmbedding"  # the old module name, which is part of cache keys

    def __init__(self, settings: Any, function: Embed, metric: Literal["cosine", "euclidean"]) -> None:
        super().__init__(settings)
        self.metric = metric
        self._function = function

    @override
    def fingerprint(self) -> str:
        text = f"{super().fingerprint()}|{self._function.__module__}.{self._function.__qualname__}"
        return hashlib.sha256(text.encode()).hexdigest()

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
