"""Find the plugins, keep a broken one from ending the command, and look methods and policies up by name.

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
from reidbench.thresholds import BUILTIN, Policy, PolicySpec, parse_policy

ENTRY_POINT_GROUP = "reidbench"


@dataclass(frozen=True, slots=True)
class Offer:
    """A method and the distribution that offers it."""

    spec: MethodSpec
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class PolicyOffer:
    """A threshold policy and the distribution that offers it."""

    spec: PolicySpec
    distribution: str


BUILTIN_OFFERS = tuple(PolicyOffer(spec, "reidbench") for spec in BUILTIN)


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that could not be used, and why."""

    entry_point: str
    distribution: str
    reason: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Every method and policy that the installed plugins offer, and the plugins that failed."""

    offers: tuple[Offer, ...]
    broken: tuple[BrokenPlugin, ...]
    policies: tuple[PolicyOffer, ...] = BUILTIN_OFFERS

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

    def policy(self, text: str) -> Policy:
        """Return the policy that a text asks for, which may begin with ``distribution/``.

        Raises:
            ReidbenchError: No policy, or more than one, has that name, or it can't be used so.
        """
        distribution, slash, rest = text.partition("/")
        if not slash:
            distribution, rest = "", text
        name = rest.strip().partition(":")[0].partition("=")[0]
        named = [offer for offer in self.policies if offer.spec.name == name]
        offers = [offer for offer in named if distribution in ("", offer.distribution)]
        if len(offers) > 1 or (distribution and not offers):
            have = " and ".join(sorted(f"{offer.distribution}/{name}" for offer in named)) or "none"
            raise ReidbenchError(
                f"two plugins offer a threshold policy '{name}': {have}"
                if offers
                else f"{distribution} offers no threshold policy '{name}'; there is {have}",
                where=f"--threshold {text}",
                remedy=f"name one of them whole, as in --threshold {(offers or named or self.policies)[0].distribution}"
                f"/{rest}",
            )
        return parse_policy(rest, [offer.spec for offer in offers or self.policies])


def canonical(text: str, policy: Policy) -> str:
    """Return a policy's text as records hold it: in one spelling, with the distribution where one was named.

    Example:
        >>> canonical("max-score:per-group", parse_policy("max-score:per-group"))
        'max-score:group'
    """
    distribution, slash, _ = text.partition("/")
    return f"{distribution}{slash}{policy.text}" if slash else policy.text


def load_registry(entry_points: Iterable[Any] | None = None) -> Registry:
    """Load each plugin on its own and collect what it offers.

    Args:
        entry_points: What to load instead of the installed entry points, for tests.
    """
    if entry_points is None:
        entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    offers: list[Offer] = []
    policies = list(BUILTIN_OFFERS)
    broken: list[BrokenPlugin] = []
    for entry_point in sorted(entry_points, key=lambda e: (e.name, e.value)):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        version = entry_point.dist.version if entry_point.dist else "unknown"
        try:
            methods, offered_policies = _specs_of(entry_point.load())
        except Exception as error:  # whatever a stranger's module raises costs only its own methods
            broken.append(BrokenPlugin(entry_point.name, distribution, f"{type(error).__name__}: {error}"))
            continue
        offers += [Offer(spec, distribution, version) for spec in methods]
        policies += [PolicyOffer(spec, distribution) for spec in offered_policies]
    offers.sort(key=lambda offer: (offer.spec.name, offer.distribution))
    policies.sort(key=lambda offer: (offer.spec.name, offer.distribution))
    return Registry(tuple(offers), tuple(broken), tuple(policies))


def _specs_of(plugin: ModuleType) -> tuple[list[MethodSpec], list[PolicySpec]]:
    """Ask one plugin alone, so that its failure can be told from another's."""
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()  # a misspelt hook would otherwise never be called
    methods = [spec for offered in manager.hook.reidbench_methods() for spec in offered]
    policies = [spec for offered in manager.hook.reidbench_threshold_policies() for spec in offered]
    for hook, specs, wanted in (
        ("reidbench_methods", methods, MethodSpec),
        ("reidbench_threshold_policies", policies, PolicySpec),
    ):
        for spec in specs:
            if not isinstance(spec, wanted):
                raise TypeError(f"{hook} returned {type(spec).__name__}, not {wanted.__name__}")
    return methods, policies
