"""Find the plugins, keep a broken one from ending the command, and look up by name what they offer.

pluggy's own ``load_setuptools_entrypoints`` is not used: one broken plugin would end every command, and
a second entry point of a used name would be dropped without a word.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import inspect
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar

import pluggy

from reidbench.calibration.specs import OWN_CURVES, CalibrationSpec
from reidbench.data.sources.named import DatasetSpec
from reidbench.errors import LoadError, ReidbenchError, did_you_mean
from reidbench.methods.contract import MethodSpec
from reidbench.registry import hookspecs
from reidbench.registry.commands import CommandSpec, own_commands
from reidbench.registry.plugin_files import PluginFile, read_plugin_files
from reidbench.registry.sections import SectionSpec
from reidbench.thresholds import BUILTIN, Policy, PolicySpec, parse_policy

ENTRY_POINT_GROUP = "reidbench"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Spec = TypeVar("Spec", bound=_Named)


@dataclass(frozen=True)  # slots would make a call of an alias such as Offer fail in Python 3.11
class Offered(Generic[Spec]):
    """Something that a plugin offers, and the distribution that offers it."""

    spec: Spec
    distribution: str
    version: str = ""


Offer = Offered[MethodSpec]
PolicyOffer = Offered[PolicySpec]

BUILTIN_OFFERS = tuple(PolicyOffer(spec, "reidbench") for spec in BUILTIN)


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin, or what it offers through one hook, that could not be used, and why."""

    entry_point: str
    distribution: str
    reason: str
    version: str = "unknown"


class BrokenPluginError(LoadError):
    """A method of a plugin that could not be used was asked for."""

    def __init__(self, plugin: BrokenPlugin, asked: str) -> None:
        super().__init__(
            f"the plugin '{plugin.entry_point}' of {plugin.distribution} {_short(plugin)} failed to load: "
            f"{plugin.reason}",
            where=f"--method {asked}",
            remedy="mend the file that --plugin names"
            if _is_file(plugin)
            else "mend or uninstall it; reidbench methods lists the others",
        )
        self.plugin = plugin


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that the plugins offer, by name, and what could not be used."""

    offers: tuple[Offer, ...]
    broken: tuple[BrokenPlugin, ...]
    policies: tuple[PolicyOffer, ...] = BUILTIN_OFFERS
    datasets: tuple[Offered[DatasetSpec], ...] = ()
    calibrations: tuple[Offered[CalibrationSpec], ...] = ()
    sections: tuple[Offered[SectionSpec], ...] = ()
    commands: tuple[Offered[CommandSpec], ...] = ()

    def find(self, name: str) -> Offer:
        """Return the offer called ``name`` or ``distribution:method``.

        Raises:
            ReidbenchError: No method, or more than one, has that name.
        """
        found = _named(self.offers, name, "a method", "--method")
        if found is not None:
            return found
        distribution, _, method = name.rpartition(":")
        for plugin in self.broken:
            own = (plugin.entry_point, plugin.entry_point.removeprefix("reidbench_"))
            if (method in own and distribution in ("", plugin.distribution)) or distribution == plugin.distribution:
                raise BrokenPluginError(plugin, name)
        hint = did_you_mean(method, [offer.spec.name for offer in self.offers])
        lost = [f"{each.distribution} failed to load: {each.reason}" for each in self.broken if _is_file(each)]
        raise ReidbenchError(
            "; ".join(filter(None, (f"no method is called '{name}'", *lost, hint))),
            where=f"--method {name}",
            remedy="mend the file that --plugin names" if lost else "reidbench methods   # lists them all",
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

    def dataset(self, name: str) -> Offered[DatasetSpec] | None:
        """Return the dataset called ``name`` or ``distribution:dataset``; ``None`` where no plugin offers it.

        Raises:
            ReidbenchError: More than one has that name.
        """
        return _named(self.datasets, name, "a dataset", "--dataset")

    def calibration(self, name: str) -> Offered[CalibrationSpec]:
        """Return the calibration curve called ``name`` or ``distribution:curve``, one that is not reidbench's own.

        Raises:
            ReidbenchError: None, or more than one, has that name.
        """
        found = _named(self.calibrations, name, "a score calibration", "calibration")
        if found is not None:
            return found
        known = sorted([*OWN_CURVES, *(offer.spec.name for offer in self.calibrations)])
        hint = did_you_mean(name, known)
        raise ReidbenchError(
            f"no score calibration is called '{name}'" + (f"; {hint}" if hint else ""),
            where=f"calibration {name}",
            remedy=f"choose one of: {', '.join(known)}",
        )

    def command(self, name: str) -> Offered[CommandSpec] | None:
        """Return the command called ``name`` or ``distribution:command``; ``None`` where no plugin offers it.

        Raises:
            ReidbenchError: More than one has that name.
        """
        return _named(self.commands, name, "a command", "reidbench")


def canonical(text: str, policy: Policy) -> str:
    """Return a policy's text as records hold it: in one spelling, with the distribution where one was named.

    Example:
        >>> canonical("max-score:per-group", parse_policy("max-score:per-group"))
        'max-score:group'
    """
    distribution, slash, _ = text.partition("/")
    return f"{distribution}{slash}{policy.text}" if slash else policy.text


def load_registry(entry_points: Iterable[Any] | None = None, files: Sequence[Path | str] = ()) -> Registry:
    """Load each plugin on its own and collect what it offers.

    Args:
        entry_points: What to load instead of the installed entry points, for tests.
        files: Plugins in plain files, besides the installed ones.

    Raises:
        ReidbenchError: A file does not exist. One that can't be loaded is listed as broken, like any plugin.
    """
    if entry_points is None:
        entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    found: dict[str, list[Offered[Any]]] = {hook.name: [] for hook in _HOOKS}
    broken: list[BrokenPlugin] = []
    for entry_point in (*sorted(entry_points, key=lambda e: (e.name, e.value)), *read_plugin_files(files)):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        version = entry_point.dist.version if entry_point.dist else "unknown"
        lost = _Lost(broken, entry_point.name, distribution, version)
        try:
            ask = _asker(entry_point.load())
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises costs only what it offers
            lost.because(_said(error))
            continue
        for hook in _HOOKS:
            try:
                specs = ask(hook)
            except (Exception, SystemExit) as error:
                lost.because(_said(error))
                continue
            taken = hook.taken() if specs else ()
            for spec in specs:
                if spec.name in taken:
                    lost.because(f"{hook.what} can't be called '{spec.name}', which is a name of reidbench's own")
                    continue
                if any(o.spec.name == spec.name and o.distribution == distribution for o in found[hook.name]):
                    lost.because(f"{hook.what} '{spec.name}' is offered twice by one distribution; the first is used")
                    continue
                if isinstance(entry_point, PluginFile) and isinstance(spec, MethodSpec):
                    spec = dataclasses.replace(spec, version=version)  # caches go by the method's version
                found[hook.name].append(Offered(spec, distribution, version))
    for offers in found.values():
        offers.sort(key=lambda offer: (offer.spec.name, offer.distribution))
    found["reidbench_threshold_policies"] = sorted(
        [*BUILTIN_OFFERS, *found["reidbench_threshold_policies"]], key=lambda o: (o.spec.name, o.distribution)
    )
    methods, policies, *others = (tuple(found[hook.name]) for hook in _HOOKS)
    return Registry(methods, tuple(broken), policies, *others)


@dataclass(frozen=True, slots=True)
class _Hook:
    name: str
    wanted: type
    what: str
    taken: Callable[[], Collection[str]] = tuple


def _taken_datasets() -> Collection[str]:
    from reidbench.constants import BUILT_IN
    from reidbench.data.sources.wildlife import wildlife_names

    return {BUILT_IN, *wildlife_names()}


# In the order of the registry's fields.
_HOOKS = (
    _Hook("reidbench_methods", MethodSpec, "a method"),
    _Hook("reidbench_threshold_policies", PolicySpec, "a threshold policy"),
    _Hook("reidbench_datasets", DatasetSpec, "a dataset", _taken_datasets),
    _Hook("reidbench_score_calibrations", CalibrationSpec, "a score calibration", lambda: OWN_CURVES),
    _Hook("reidbench_report_sections", SectionSpec, "a report section"),
    _Hook("reidbench_commands", CommandSpec, "a command", own_commands),
)


@dataclass(frozen=True, slots=True)
class _Lost:
    broken: list[BrokenPlugin]
    entry_point: str
    distribution: str
    version: str

    def because(self, reason: str) -> None:
        self.broken.append(BrokenPlugin(self.entry_point, self.distribution, reason, self.version))


def _asker(plugin: ModuleType) -> Callable[[_Hook], list[Any]]:
    """Register one plugin alone, so that its failure can be told from another's, and return what asks its hooks.

    A module without any hook offers the specs that stand in it, which is all that a decorated function needs.
    """
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    _check_hooks(manager, plugin)
    manager.register(plugin)
    manager.check_pending()  # a misspelt hook would otherwise never be called
    for hook in _HOOKS:
        function = getattr(plugin, hook.name, None)
        if callable(function) and not getattr(manager.hook, hook.name).get_hookimpls():
            raise TypeError(f"{hook.name} is not marked as a hook: put @reidbench.hookimpl above it")
    if not manager.get_hookcallers(plugin):
        standing = [value for value in vars(plugin).values() if isinstance(value, tuple(h.wanted for h in _HOOKS))]
        if not standing:
            raise ValueError("it offers nothing: it has no hook, and no MethodSpec stands in it")
        return lambda hook: [spec for spec in standing if isinstance(spec, hook.wanted)]

    def ask(hook: _Hook) -> list[Any]:
        caller, wanted = getattr(manager.hook, hook.name), hook.wanted.__name__
        answers = caller()
        if caller.get_hookimpls() and not answers:  # pluggy leaves None out
            raise TypeError(f"{hook.name} returned None: return a list of {wanted}")
        specs = []
        for offered in answers:
            if isinstance(offered, hook.wanted):
                raise TypeError(f"{hook.name} returned one {wanted}: return a list of them")
            for spec in offered:
                if not isinstance(spec, hook.wanted):
                    raise TypeError(
                        f"{hook.name} returned a {type(offered).__name__} of {type(spec).__name__}, not of {wanted}"
                    )
                specs.append(spec)
        return specs

    return ask


def _check_hooks(manager: pluggy.PluginManager, plugin: ModuleType) -> None:
    """Refuse a hook that pluggy would refuse, in words that name the mistake.

    Raises:
        TypeError: There is no hook of that name, or it is given no such argument.
    """
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is None or options["optionalhook"]:
            continue
        name = options["specname"] or attribute
        caller = getattr(manager.hook, name, None)
        if caller is None or not caller.has_spec():
            hint = did_you_mean(name, [hook.name for hook in _HOOKS])
            raise TypeError("; ".join(filter(None, (f"there is no hook '{name}'", hint))))
        taken = [p for p in inspect.signature(getattr(plugin, attribute)).parameters if p not in caller.spec.argnames]
        if taken:
            raise TypeError(f"{name} is called without arguments, and takes {', '.join(map(repr, taken))}")


def _named(offers: Sequence[Offered[Spec]], name: str, what: str, option: str) -> Offered[Spec] | None:
    """Return the one offer of a name, ``None`` for none.

    Raises:
        ReidbenchError: Two plugins offer it.
    """
    distribution, _, own = name.rpartition(":")
    found = [offer for offer in offers if offer.spec.name == own and distribution in ("", offer.distribution)]
    if len(found) > 1:
        names = " and ".join(sorted(f"{offer.distribution}:{own}" for offer in found))
        raise ReidbenchError(
            f"two plugins offer {what} '{own}': {names}",
            where=f"{option} {name}",
            remedy=f"name one of them whole, as in {option} {found[0].distribution}:{own}",
        )
    return found[0] if found else None


def _said(error: BaseException) -> str:
    """Return what an error says, with the place in the plugin that raised it; a syntax error names its own."""
    text = f"{type(error).__name__}: {error}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    if isinstance(error, SyntaxError) or not frames or frames[-1].filename == __file__:
        return text
    return f"{text} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _short(plugin: BrokenPlugin) -> str:
    return plugin.version[:12] if _is_file(plugin) else plugin.version


def _is_file(plugin: BrokenPlugin) -> bool:
    return plugin.distribution.endswith(".py")
