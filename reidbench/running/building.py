"""Build a method from its name and settings, with all the parts it asks for.

Parts are methods like any other, found by name among the installed plugins. Two places in a tree that ask
for one method with equal settings share one object, so its weights are in memory once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from reidbench.calibration.calibrated import Calibrated
from reidbench.calibration.specs import OWN_CURVES
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import Method, MethodSpec, Weights
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry

OPTIONS = "options"
"""Field of a settings class that takes ``PART.KEY=VALUE``: settings of parts, by part."""
DEEPEST = 4
"""Parts of parts, at most: deeper is a method that asks for itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A method ready to run, and where each of its leaves came from.

    Attributes:
        method: The whole.
        leaves: The methods in it that describe images, each once.
        parts: Every part by its path in the tree, as the record shows it.
        paths: Path of each leaf, in their order; empty for a method that stands alone.
        calibrated_by: The plugin whose curve calibrates the whole, as the record shows it; empty for ours.
        offers: The method's own offer and that of each part, as they were built.
    """

    method: Method
    leaves: tuple[tuple[Offer, Method], ...]
    parts: Mapping[str, Mapping[str, Any]]
    paths: tuple[str, ...] = ("",)
    calibrated_by: Mapping[str, Any] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()

    @property
    def part_weights(self) -> Mapping[str, Weights]:
        """The weights of each part that describes images, by its path; empty for a method that stands alone."""
        return {path: leaf.weights for path, (_, leaf) in zip(self.paths, self.leaves, strict=True) if path}

    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        """Load the weights of every leaf; an error of a part says which, and how its settings are written."""
        for (_, leaf), path in zip(self.leaves, self.paths, strict=True):
            try:
                leaf.prepare(device, seed, progress)
            except ReidbenchError as error:
                if not path:
                    raise
                own = path.replace("/", ".")
                raise ReidbenchError(
                    f"part {path}: {error.message}",
                    where=error.where,
                    remedy=f"{error.remedy}; settings of this part are written --set {own}.KEY=VALUE",
                ) from error


def assemble(offer: Offer, settings: Any, registry: Registry) -> Assembled:
    """Build a method and its parts.

    Args:
        offer: The method.
        settings: Its effective settings.
        registry: Where parts are found.

    Raises:
        ReidbenchError: A part does not exist, takes other settings, or asks for itself.
    """
    builder = _Builder(registry)
    method = builder.build(offer, settings, ())
    method, curve = builder.calibrated(method, method.calibration)
    leaves, paths, offers = tuple(builder.leaves.values()), tuple(builder.paths), tuple(builder.offers)
    return Assembled(method, leaves, builder.parts, paths, curve, offers)


def represent(method: Method, leaf: Callable[[Method], Representation]) -> Representation:
    """Put together what the leaves of a tree say, asking each through ``leaf``."""
    if isinstance(method, Calibrated):
        return represent(method.inner, leaf)
    if method.parts:
        return Representation.join({name: represent(part, leaf) for name, part in method.parts.items()})
    return leaf(method)


def combinations(method: Method) -> Iterator[tuple[str, Method]]:
    """Yield every method in a tree that is made of parts, with its path, inner ones first."""
    yield from _combinations(method, "")


def effective_settings(spec: MethodSpec, preset: str | None, given: Mapping[str, Any]) -> Any:
    """Combine defaults, preset and what the user gave, and check them.

    Raises:
        ReidbenchError: A setting does not exist or has the wrong type.
    """
    known = spec.settings.model_fields
    flat: dict[str, Any] = {}
    of_parts: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        part, dot, inner = key.partition(".")
        if dot and OPTIONS in known:
            of_parts.setdefault(part, {})[inner] = value
        elif key in known:
            flat[key] = value
        else:
            hint = did_you_mean(key, known)
            raise ReidbenchError(
                f"{spec.name} has no setting '{key}'" + (f"; {hint}" if hint else ""),
                where=f"--set {key}={value}",
                remedy=f"reidbench methods {spec.name}   # lists them",
            )
    values = {**(spec.presets[preset] if preset else {}), **flat}
    if of_parts:
        before = dict(values.get(OPTIONS) or {})
        values[OPTIONS] = before | {part: {**before.get(part, {}), **own} for part, own in of_parts.items()}
    try:
        return spec.settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        reason = first["msg"][0].lower() + first["msg"][1:]
        raise ReidbenchError(
            f"the setting '{key}' of {spec.name} can't be {first['input']!r}: {reason}",
            where=f"--set {key}={first['input']}",
            remedy=f"reidbench methods {spec.name}   # shows each setting's type",
        ) from error


class _Builder:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._built: dict[tuple[str, str, str], Method] = {}
        self.leaves: dict[int, tuple[Offer, Method]] = {}
        self.parts: dict[str, dict[str, Any]] = {}
        self.paths: list[str] = []
        self.offers: list[Offer] = []

    def build(self, offer: Offer, settings: Any, path: tuple[str, ...]) -> Method:
        offer.spec.check_installed()
        self.offers.append(offer)
        key = (offer.distribution, offer.spec.name, settings.model_dump_json())
        if key in self._built and offer.spec.parts is None:
            return self._built[key]
        if offer.spec.parts is None:
            method: Method = offer.spec.build(settings)
            self.leaves[id(method)] = (offer, method)
            self.paths.append("/".join(path))
        else:
            method = offer.spec.build(settings, self._parts_of(offer, settings, path))
        if not isinstance(method, Method):
            raise TypeError(f"build of {offer.spec.name} returned {type(method).__name__}, not a reidbench.Method")
        self._built[key] = method
        return method

    def calibrated(self, method: Method, how: Calibration | None) -> tuple[Method, dict[str, Any]]:
        """Wrap a method whose similarities are calibrated, and say for the record whose curve a plugin's is."""
        if how is None or how.kind == "none":
            return method, {}
        if how.kind in OWN_CURVES:
            return Calibrated(method, how), {}
        found = self._registry.calibration(how.kind)
        by = {"name": found.distribution, "version": found.version, "curve_version": found.spec.version}
        return Calibrated(method, how, found.spec), {"calibrated_by": by}

    def _parts_of(self, offer: Offer, settings: Any, path: tuple[str, ...]) -> dict[str, Method]:
        assert offer.spec.parts is not None
        if len(path) >= DEEPEST:
            raise ReidbenchError(
                f"{offer.spec.name} is made of parts {DEEPEST} deep: {' > '.join(path)}",
                where=f"--set parts of {path[0]}",
                remedy="name parts that stand alone",
            )
        parts: dict[str, Method] = {}
        for name, asked in offer.spec.parts(settings).items():
            inside = (*path, name)
            found = self._registry.find(asked.method)
            own = effective_settings(found.spec, asked.preset, asked.settings)
            part = self.build(found, own, inside)
            how = None if part.matching == "identity" else asked.calibration
            parts[name], curve = self.calibrated(part, how)
            self.parts["/".join(inside)] = {
                "method": found.spec.name,
                "plugin": {"name": found.distribution, "version": found.version, "method_version": found.spec.version},
                "settings": own.model_dump(mode="json"),
                "calibration": None if asked.calibration is None else asked.calibration.model_dump(mode="json"),
                **curve,
            }
        return parts


def _combinations(method: Method, path: str) -> Iterator[tuple[str, Method]]:
    if isinstance(method, Calibrated):
        yield from _combinations(method.inner, path)
        return
    for name, part in method.parts.items():
        yield from _combinations(part, f"{path}/{name}" if path else name)
    if method.parts:
        yield path, method
