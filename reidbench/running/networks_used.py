"""The pretrained networks that the offered methods load, and where their weights would come from on this machine.

Nothing here imports torch, and the hub is contacted only if the caller allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import MethodSpec
from reidbench.methods.presets import PAPER
from reidbench.networks.backbones.hub import hub_is_reachable
from reidbench.networks.catalogue import KnownNetwork, known_network
from reidbench.registry.registered import Registry
from reidbench.running.building import DEEPEST, effective_settings, resolve_settings

Place = Literal["cache", "package", "hub", "absent", "changed", "unknown"]
HERE: tuple[Place, ...] = ("cache", "package")
"""The places on this machine."""


@dataclass(frozen=True, slots=True)
class UsedNetwork:
    """A network that a method loads with ``weights=auto``.

    Attributes:
        name: Name of the network as in settings.
        method: Name of the method.
        preset: Preset of the method; empty for its default settings.
    """

    name: str
    method: str
    preset: str

    @property
    def user(self) -> str:
        """Method and preset as tables show them."""
        return f"{self.method} ({self.preset})" if self.preset else self.method


@dataclass(frozen=True, slots=True)
class WeightsPlace:
    """Where the weights of a network would come from on this machine.

    Attributes:
        kind: ``cache``, ``package``, ``hub`` (they would be downloaded), ``absent``, ``changed`` (a package holds
            another file) or ``unknown`` (reidbench does not know the network).
        text: A sentence about the place.
        n_bytes: Size of the file; 0 if unknown.
        licence: Licence of the weights; empty if unknown.
    """

    kind: Place
    text: str
    n_bytes: int = 0
    licence: str = ""


def networks_used(registry: Registry, methods: Iterable[str] = ()) -> tuple[list[UsedNetwork], list[str]]:
    """Return the networks of every method and preset, and why those of some methods are not known.

    Args:
        registry: The offered methods.
        methods: Names of the methods to look at; by default all.

    Raises:
        ReidbenchError: A method does not exist.
    """
    offers = [registry.find(name) for name in methods] or list(registry.offers)
    used: dict[UsedNetwork, None] = {}
    problems = []
    for offer in offers:
        # Without the preset paper, the defaults are what a run on photographs uses.
        defaults = [] if PAPER in offer.spec.presets else [""]
        for preset in [*defaults, *offer.spec.presets]:
            try:
                settings = effective_settings(offer.spec, preset or None, {})
                warning = resolve_settings(offer.spec, settings, online=False).warning
                problems += [f"{offer.spec.name} ({preset}): {warning}"] if warning else []
                for name in _names(offer.spec, settings, registry, 0):
                    used[UsedNetwork(name, offer.spec.name, preset)] = None
            except ReidbenchError as error:
                problems.append(f"{offer.spec.name}: {error.message}")
    return list(used), list(dict.fromkeys(problems))


def _names(spec: MethodSpec, settings: Any, registry: Registry, level: int) -> Iterator[str]:
    settings = resolve_settings(spec, settings, online=False).settings
    if spec.networks is not None:
        yield from spec.networks(settings)
    if spec.parts is None or level >= DEEPEST:
        return
    for part in spec.parts(settings).values():
        offer = registry.find(part.method)
        yield from _names(offer.spec, effective_settings(offer.spec, part.preset, part.settings), registry, level + 1)


def place_of(name: str, *, online: bool = False) -> WeightsPlace:
    """Return where the weights of a network would come from.

    Args:
        name: Name of the network as in settings.
        online: Whether to test if the hub answers. Nothing is downloaded.
    """
    network = known_network(name)
    if network is None:
        return WeightsPlace("unknown", "reidbench does not know where the weights of this network are")
    try:
        found = network.find()
    except ReidbenchError as error:
        return WeightsPlace("changed", f"{error.message}; {error.remedy}", network.n_bytes, network.licence)
    if found.path is not None:
        n_bytes = found.path.stat().st_size
        if found.packaged is None:
            return WeightsPlace("cache", f"the local cache: {found.path}", n_bytes, network.licence)
        packaged = found.packaged
        text = f"the package {packaged.distribution} {packaged.version}"
        return WeightsPlace("package", text, n_bytes, packaged.licence)
    return _elsewhere(network, online)


def _elsewhere(network: KnownNetwork, online: bool) -> WeightsPlace:
    packaged = network.packaged
    install = f"; {packaged.install}" if packaged is not None else ""
    if online and hub_is_reachable():
        text = f"the hub, by a download: {network.repository}{install}"
        return WeightsPlace("hub", text, network.n_bytes, network.licence)
    tested = ", which does not answer" if online else ""
    text = f"not on this machine; on the hub{tested}: {network.repository}{install}"
    return WeightsPlace("absent", text, network.n_bytes, network.licence)
