"""Find the plugins, keep a broken one from ending the command, and look methods up by name.

pluggy's own ``load_setuptools_entrypoints`` is not used: one broken plugin would end every command, and
a second entry point of a used name would be dropped without a word.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy

from reidbench import hookspecs
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.method import MethodSpec

ENTRY_POINT_GROUP = "reidbench"


@dataclass(frozen=True, slots=True)
class Offer:
    """A method and the distribution that offers it."""

    spec: MethodSpec
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that could not be used, and why."""

    entry_point: str
    distribution: str
    reason: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Every method that the installed plugins offer, and the plugins that failed."""

    offers: tuple[Offer, ...]
    broken: tuple[BrokenPlugin, ...]

    def find(self, name: str) -> Offer:
        """Return the offer called ``name`` or ``distribution:method``.

        Raises:
            ReidbenchError: No method, or more than one, has that name.
        """
        distribution, _, method = name.rpartition(":")
        found = [o for o in self.offers if o.spec.name == method and distribution in ("", o.distribution)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(sorted(f"{offer.distribution}:{method}" for offer in found))
            raise ReidbenchError(
                f"two plugins offer a method '{method}': {names}",
                where=f"--method {name}",
                remedy=f"name one of them whole, as in --method {found[0].distribution}:{method}",
            )
        for plugin in self.broken:
            if method in (plugin.entry_point, plugin.entry_point.removeprefix("reidbench_")):
                raise ReidbenchError(
                    f"the plugin '{plugin.entry_point}' of {plugin.distribution} failed to load: {plugin.reason}",
                    where=f"--method {name}",
                    remedy="mend or uninstall it; reidbench methods lists the others",
                )
        hint = did_you_mean(method, [offer.spec.name for offer in self.offers])
        raise ReidbenchError(
            f"no method is called '{name}'" + (f"; {hint}" if hint else ""),
            where=f"--method {name}",
            remedy="reidbench methods   # lists them all",
        )


def load_registry(entry_points: Iterable[Any] | None = None) -> Registry:
    """Load each plugin on its own and collect what it offers.

    Args:
        entry_points: What to load instead of the installed entry points, for tests.
    """
    if entry_points is None:
        entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    offers: list[Offer] = []
    broken: list[BrokenPlugin] = []
    for entry_point in sorted(entry_points, key=lambda e: (e.name, e.value)):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        version = entry_point.dist.version if entry_point.dist else "unknown"
        try:
            specs = _specs_of(entry_point.load())
        except Exception as error:  # whatever a stranger's module raises costs only its own methods
            broken.append(BrokenPlugin(entry_point.name, distribution, f"{type(error).__name__}: {error}"))
            continue
        offers += [Offer(spec, distribution, version) for spec in specs]
    offers.sort(key=lambda offer: (offer.spec.name, offer.distribution))
    return Registry(tuple(offers), tuple(broken))


def _specs_of(plugin: ModuleType) -> list[MethodSpec]:
    """Ask one plugin alone, so that its failure can be told from another's."""
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()  # a misspelt hook would otherwise never be called
    specs = [spec for offered in manager.hook.reidbench_methods() for spec in offered]
    for spec in specs:
        if not isinstance(spec, MethodSpec):
            raise TypeError(f"reidbench_methods returned {type(spec).__name__}, not MethodSpec")
    return specs
