"""Build a method from its name and settings, with all its parts.

Parts are methods like any other, found by name among the installed plugins. If two places in a tree use the same method
with equal settings, they share one object, so its weights are in memory once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic import ValidationError

from reidbench.calibration.calibrated import Calibrated
from reidbench.calibration.specs import OWN_CURVES
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import Method, MethodSpec, Resolved, Weights
from reidbench.methods.representation import Representation
from reidbench.networks.catalogue import pretrained_here
from reidbench.progress import Progress
from reidbench.records.run_data import CurvePlugin, PartData
from reidbench.registry.registered import Offer, Registry

OPTIONS = "options"
"""Field of a settings class that takes ``PART.KEY=VALUE``: the settings of each part."""
PARTS = "parts"
"""Field of a settings class that names the parts, each as ``NAME`` or ``NAME=METHOD``, joined by commas in text."""
DEEPEST = 4
"""Most levels of parts within parts; a method with more is taken to contain itself."""


@dataclass(frozen=True, slots=True, eq=False)
class FeaturePart:
    """A method that extracts features: a part of a fusion, or a method without parts.

    Attributes:
        offer: Plugin and specification that the method comes from.
        method: The method.
        path: Its path in the tree of parts; empty for a method that is not a part.
    """

    offer: Offer
    method: Method
    path: str

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.offer.spec.name


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A method with its parts.

    Attributes:
        method: The whole method.
        feature_parts: The methods in it that extract features, each once.
        parts: Every part by its path in the tree, as the record holds it.
        calibrated_by: The plugin whose curve calibrates the whole method, as the record holds it; empty for a built-in
            curve.
        offers: Offers of the method and of each part, in the order in which they were built.
    """

    method: Method
    feature_parts: tuple[FeaturePart, ...]
    parts: Mapping[str, Mapping[str, Any]]
    calibrated_by: Mapping[str, Any] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()

    @property
    def part_weights(self) -> Mapping[str, Weights]:
        """Weights of each part that extracts features, by its path; empty for a method without parts."""
        return {part.path: part.method.weights for part in self.feature_parts if part.path}

    @property
    def recorded_parts(self) -> dict[str, PartData]:
        """Every part by its path in the tree, as values of a record."""
        return {path: PartData.model_validate({"calibrated_by": None, **part}) for path, part in self.parts.items()}

    @property
    def curve_plugin(self) -> CurvePlugin | None:
        """The plugin whose curve calibrates the whole; ``None`` for a curve of reidbench or none."""
        given = self.calibrated_by.get("calibrated_by")
        return None if given is None else CurvePlugin.model_validate(given)

    def prepare(self, device: str, seed: int, progress: Progress, *, may_substitute: bool = False) -> None:
        """Load the weights of every part that extracts features.

        Args:
            device: ``cpu`` or ``cuda``.
            seed: Seed of all random choices.
            progress: Shows progress bars and warnings.
            may_substitute: Whether ``weights=auto`` may use starter or random weights; see
                :attr:`reidbench.Method.may_substitute`.

        Raises:
            ReidbenchError: Weights can't be loaded; the message names the part and how to write its settings.
        """
        for part in self.feature_parts:
            part.method.may_substitute = may_substitute
            try:
                part.method.prepare(device, seed, progress)
            except ReidbenchError as error:
                if not part.path:
                    raise
                own = part.path.replace("/", ".")
                raise ReidbenchError(
                    f"part {part.path}: {error.message}",
                    where=error.where,
                    remedy=f"{error.remedy}; settings of this part are written --set {own}.KEY=VALUE",
                ) from error


def resolve_settings(spec: MethodSpec, settings: Any, *, online: bool = True) -> Resolved:
    """Replace settings that depend on the machine, such as ``backbone=auto``, by the values in effect.

    Args:
        spec: The method.
        settings: Its effective settings.
        online: Whether the hub may be contacted.

    Raises:
        ReidbenchError: An installed package of weights has been changed.
    """
    if spec.resolve is None:
        return Resolved(settings)
    return spec.resolve(settings, partial(pretrained_here, online=online))


def assemble(
    offer: Offer, settings: Any, registry: Registry, *, drawn: bool = False, progress: Progress | None = None
) -> Assembled:
    """Build a method and its parts.

    Args:
        offer: The method.
        settings: Its effective settings, resolved.
        registry: Offers of the parts.
        drawn: Whether the images are the drawn animals of the package, for which presets of parts may have other
            values.
        progress: Receives warnings about settings of parts that depend on the machine.

    Raises:
        ReidbenchError: A part does not exist, has no such setting, or contains itself.
    """
    builder = _Builder(registry, drawn, progress or Progress())
    method = builder.build(offer, settings, ())
    method, curve = builder.calibrated(method, method.calibration)
    return Assembled(method, tuple(builder.feature_parts), builder.parts, curve, tuple(builder.offers))


def join_representations(method: Method, representation_of: Callable[[Method], Representation]) -> Representation:
    """Join the representations of the parts of a method into that of the whole.

    Args:
        method: The whole method.
        representation_of: Returns the representation of one part that extracts features.
    """
    if isinstance(method, Calibrated):
        return join_representations(method.inner, representation_of)
    if method.parts:
        parts = method.parts.items()
        return Representation.join({name: join_representations(part, representation_of) for name, part in parts})
    return representation_of(method)


def combinations(method: Method) -> Iterator[tuple[str, Method]]:
    """Yield the path and the method of everything in a tree that has parts, inner ones first."""
    yield from _combinations(method, "")


def effective_settings(spec: MethodSpec, preset: str | None, given: Mapping[str, Any], *, drawn: bool = False) -> Any:
    """Combine and check default settings, a preset and the settings that the user gave.

    Args:
        spec: The method.
        preset: Name of a preset, ``None`` for the defaults.
        given: Settings that the user gave, by name.
        drawn: Whether the images are the drawn animals of the package, for which a preset may have other values.

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
    values = {**(spec.preset_values(preset, drawn=drawn) if preset else {}), **flat}
    if PARTS in flat and OPTIONS not in flat and OPTIONS in values:
        # The preset sets options of its own parts; the parts that the user names may be others.
        named = _part_names(flat[PARTS])
        values[OPTIONS] = {part: own for part, own in values[OPTIONS].items() if part in named}
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


def _part_names(parts: str | Sequence[str]) -> set[str]:
    entries = parts.split(",") if isinstance(parts, str) else parts
    return {str(entry).partition("=")[0].strip() for entry in entries}


class _Builder:
    def __init__(self, registry: Registry, drawn: bool, progress: Progress) -> None:
        self._registry = registry
        self._drawn = drawn
        self._progress = progress
        self._built: dict[tuple[str, str, str], Method] = {}
        self.feature_parts: list[FeaturePart] = []
        self.parts: dict[str, dict[str, Any]] = {}
        self.offers: list[Offer] = []

    def build(self, offer: Offer, settings: Any, path: tuple[str, ...]) -> Method:
        offer.spec.check_installed()
        self.offers.append(offer)
        key = (offer.distribution, offer.spec.name, settings.model_dump_json())
        if key in self._built and offer.spec.parts is None:
            return self._built[key]
        if offer.spec.parts is None:
            method: Method = offer.spec.build(settings)
        else:
            method = offer.spec.build(settings, self._parts_of(offer, settings, path))
        if not isinstance(method, Method):
            raise TypeError(f"build of {offer.spec.name} returned {type(method).__name__}, not a reidbench.Method")
        if offer.spec.parts is None:
            self.feature_parts.append(FeaturePart(offer, method, "/".join(path)))
        self._built[key] = method
        return method

    def calibrated(self, method: Method, how: Calibration | None) -> tuple[Method, dict[str, Any]]:
        """Wrap a method if its similarities are calibrated; return it, and for the record the plugin of its curve."""
        if how is None or how.kind == "none":
            return method, {}
        if how.kind in OWN_CURVES:
            return Calibrated(method, how), {}
        curve = self._registry.calibration(how.kind)
        by = {"name": curve.distribution, "version": curve.version, "curve_version": curve.spec.version}
        return Calibrated(method, how, curve.spec), {"calibrated_by": by}

    def _parts_of(self, offer: Offer, settings: Any, path: tuple[str, ...]) -> dict[str, Method]:
        assert offer.spec.parts is not None
        if len(path) >= DEEPEST:
            raise ReidbenchError(
                f"{offer.spec.name} has parts in more than {DEEPEST} levels: {' > '.join(path)}",
                where=f"--set parts of {path[0]}",
                remedy="name parts that have no parts themselves",
            )
        parts: dict[str, Method] = {}
        for name, part_spec in offer.spec.parts(settings).items():
            inside = (*path, name)
            part_offer = self._registry.find(part_spec.method)
            fields = part_offer.spec.settings.model_fields
            given = {key: value for key, value in part_spec.offered.items() if key in fields} | dict(part_spec.settings)
            own = effective_settings(part_offer.spec, part_spec.preset, given, drawn=self._drawn)
            resolved = resolve_settings(part_offer.spec, own)
            own = resolved.settings
            if resolved.warning:
                self._progress.warn(resolved.warning)
            part = self.build(part_offer, own, inside)
            how = None if part.matching == "identity" else part_spec.calibration
            parts[name], curve = self.calibrated(part, how)
            self.parts["/".join(inside)] = {
                "method": part_offer.spec.name,
                "plugin": {
                    "name": part_offer.distribution,
                    "version": part_offer.version,
                    "method_version": part_offer.spec.version,
                },
                "settings": own.model_dump(mode="json"),
                "calibration": None if part_spec.calibration is None else part_spec.calibration.model_dump(mode="json"),
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
