"""Load the plugins, list broken ones with their reason, and find what plugins offer by name.

pluggy's function ``load_setuptools_entrypoints`` is not used: with it, one broken plugin would end every command, and a
second entry point with the same name would be dropped without a message.
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
from reidbench.constants import ENTRY_POINT_GROUP
from reidbench.data.sources.named import DatasetSpec
from reidbench.errors import LoadError, ReidbenchError, did_you_mean
from reidbench.methods.contract import MethodSpec
from reidbench.registry import hookspecs
from reidbench.registry.commands import CommandSpec, own_commands
from reidbench.registry.plugin_files import PluginFile, read_plugin_files
from reidbench.registry.sections import SectionSpec
from reidbench.thresholds import BUILTIN, Policy, PolicySpec, parse_policy


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Spec = TypeVar("Spec", bound=_Named)


@dataclass(frozen=True)  # slots would make a call of an alias such as Offer fail in Python 3.11
class Offered(Generic[Spec]):
    """A spec that a plugin offers.

    Attributes:
        spec: The spec.
        distribution: Name of the distribution, or of the plugin file.
        version: Version of the distribution, or digest of the plugin file.
    """

    spec: Spec
    distribution: str
    version: str = ""


Offer = Offered[MethodSpec]
PolicyOffer = Offered[PolicySpec]

BUILTIN_OFFERS = tuple(PolicyOffer(spec, "reidbench") for spec in BUILTIN)


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin, or one of its hooks, that can't be used.

    Attributes:
        entry_point: Name of the entry point.
        distribution: Name of the distribution, or of the plugin file.
        reason: The reason, as a sentence.
        version: Version of the distribution, or digest of the plugin file.
    """

    entry_point: str
    distribution: str
    reason: str
    version: str = "unknown"


class BrokenPluginError(LoadError):
    """The user named a method of a plugin that can't be used.

    Args:
        plugin: The plugin.
        method: The method that the user named.
    """

    def __init__(self, plugin: BrokenPlugin, method: str) -> None:
        super().__init__(
            f"the plugin '{plugin.entry_point}' of {plugin.distribution} {_short_version(plugin)} failed to load: "
            f"{plugin.reason}",
            where=f"--method {method}",
            remedy="fix the file that --plugin names"
            if _is_file(plugin)
            else "fix or uninstall it; reidbench methods lists the others",
        )
        self.plugin = plugin


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that the plugins offer, and the plugins that can't be used.

    Attributes:
        offers: Methods, by name and distribution.
        broken: Plugins, or hooks of plugins, that can't be used.
        policies: Threshold policies, including those of reidbench.
        datasets: Datasets of plugins.
        calibrations: Calibration curves of plugins.
        sections: Sections of the report.
        commands: Sub-commands of plugins.
    """

    offers: tuple[Offer, ...]
    broken: tuple[BrokenPlugin, ...]
    policies: tuple[PolicyOffer, ...] = BUILTIN_OFFERS
    datasets: tuple[Offered[DatasetSpec], ...] = ()
    calibrations: tuple[Offered[CalibrationSpec], ...] = ()
    sections: tuple[Offered[SectionSpec], ...] = ()
    commands: tuple[Offered[CommandSpec], ...] = ()

    def find(self, name: str) -> Offer:
        """Return the method called ``name``, or ``distribution:method``.

        Raises:
            ReidbenchError: No method, or more than one, has this name, or its plugin can't be used.
        """
        offer = _find_offer(self.offers, name, "a method", "--method")
        if offer is not None:
            return offer
        distribution, _, method = name.rpartition(":")
        for plugin in self.broken:
            names = (plugin.entry_point, plugin.entry_point.removeprefix("reidbench_"))
            if (method in names and distribution in ("", plugin.distribution)) or distribution == plugin.distribution:
                raise BrokenPluginError(plugin, name)
        if method.isidentifier() and len(method) <= 100 and (Path(method) / "pyproject.toml").is_file():
            raise ReidbenchError(
                f"no method is called '{name}'; the folder '{method}' is a package that is not installed",
                where=f"--method {name}",
                remedy=f"pip install -e ./{method}",
            )
        hint = did_you_mean(method, [offer.spec.name for offer in self.offers])
        files = [f"{plugin.distribution} failed to load: {plugin.reason}" for plugin in self.broken if _is_file(plugin)]
        raise ReidbenchError(
            "; ".join(filter(None, (f"no method is called '{name}'", *files, hint))),
            where=f"--method {name}",
            remedy="fix the file that --plugin names" if files else "reidbench methods   # lists all methods",
        )

    def policy(self, text: str) -> Policy:
        """Return the threshold policy for a text, which may start with ``distribution/``.

        Raises:
            ReidbenchError: No policy, or more than one, has this name, or its value or scope is not valid.
        """
        distribution, slash, rest = text.partition("/")
        if not slash:
            distribution, rest = "", text
        name = rest.strip().partition(":")[0].partition("=")[0]
        namesakes = [offer for offer in self.policies if offer.spec.name == name]
        offers = [offer for offer in namesakes if distribution in ("", offer.distribution)]
        if len(offers) > 1 or (distribution and not offers):
            existing = " and ".join(sorted(f"{offer.distribution}/{name}" for offer in namesakes)) or "none"
            example = (offers or namesakes or self.policies)[0].distribution
            raise ReidbenchError(
                f"two plugins offer a threshold policy '{name}': {existing}"
                if offers
                else f"{distribution} offers no threshold policy '{name}'; existing: {existing}",
                where=f"--threshold {text}",
                remedy=f"give the distribution too, such as --threshold {example}/{rest}",
            )
        return parse_policy(rest, [offer.spec for offer in offers or self.policies])

    def dataset(self, name: str) -> Offered[DatasetSpec] | None:
        """Return the dataset called ``name``, or ``distribution:dataset``; ``None`` if no plugin offers it.

        Raises:
            ReidbenchError: Two plugins offer this name.
        """
        return _find_offer(self.datasets, name, "a dataset", "--dataset")

    def calibration(self, name: str) -> Offered[CalibrationSpec]:
        """Return the plugin's calibration curve called ``name``, or ``distribution:curve``.

        Raises:
            ReidbenchError: No plugin, or more than one, offers this name.
        """
        offer = _find_offer(self.calibrations, name, "a score calibration", "calibration")
        if offer is not None:
            return offer
        names = sorted([*OWN_CURVES, *(offer.spec.name for offer in self.calibrations)])
        hint = did_you_mean(name, names)
        raise ReidbenchError(
            f"no score calibration is called '{name}'" + (f"; {hint}" if hint else ""),
            where=f"calibration {name}",
            remedy=f"choose one of: {', '.join(names)}",
        )

    def command(self, name: str) -> Offered[CommandSpec] | None:
        """Return the command called ``name``, or ``distribution:command``; ``None`` if no plugin offers it.

        Raises:
            ReidbenchError: Two plugins offer this name.
        """
        return _find_offer(self.commands, name, "a command", "reidbench")


def canonical(text: str, policy: Policy) -> str:
    """Return the text of a policy for run records: in one spelling, with the distribution if the user named it.

    Args:
        text: The text that the user gave.
        policy: The policy for this text.

    Example:
        >>> canonical("max-score:per-group", parse_policy("max-score:per-group"))
        'max-score:group'
    """
    distribution, slash, _ = text.partition("/")
    return f"{distribution}{slash}{policy.text}" if slash else policy.text


def load_registry(entry_points: Iterable[Any] | None = None, files: Sequence[Path | str] = ()) -> Registry:
    """Load each plugin separately and collect what it offers.

    A plugin that can't be loaded is listed in ``Registry.broken``.

    Args:
        entry_points: Entry points to load instead of the installed ones, for tests.
        files: Plugin files to load in addition.

    Raises:
        ReidbenchError: A file can't be read, or two different files have the same name.
    """
    if entry_points is None:
        entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    offered: dict[str, list[Offered[Any]]] = {hook.name: [] for hook in _HOOKS}
    broken: list[BrokenPlugin] = []
    for entry_point in (*sorted(entry_points, key=lambda e: (e.name, e.value)), *read_plugin_files(files)):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        version = entry_point.dist.version if entry_point.dist else "unknown"
        problems = _Problems(broken, entry_point.name, distribution, version)
        try:
            specs_of = _specs_by_hook(entry_point.load())
        except (Exception, SystemExit) as error:  # code of a plugin may raise anything
            problems.add(_reason(error))
            continue
        for hook in _HOOKS:
            try:
                specs = specs_of(hook)
            except (Exception, SystemExit) as error:
                problems.add(_reason(error))
                continue
            reserved = hook.reserved() if specs else ()
            for spec in specs:
                if spec.name in reserved:
                    problems.add(f"{hook.kind} can't be called '{spec.name}', because reidbench uses this name")
                    continue
                if any(o.spec.name == spec.name and o.distribution == distribution for o in offered[hook.name]):
                    problems.add(f"{hook.kind} '{spec.name}' is offered twice by one distribution; the first is used")
                    continue
                if isinstance(entry_point, PluginFile) and isinstance(spec, MethodSpec):
                    spec = dataclasses.replace(spec, version=version)  # the method's version is part of cache keys
                offered[hook.name].append(Offered(spec, distribution, version))
    for offers in offered.values():
        offers.sort(key=lambda offer: (offer.spec.name, offer.distribution))
    offered["reidbench_threshold_policies"] = sorted(
        [*BUILTIN_OFFERS, *offered["reidbench_threshold_policies"]], key=lambda o: (o.spec.name, o.distribution)
    )
    methods, policies, *rest = (tuple(offered[hook.name]) for hook in _HOOKS)
    return Registry(methods, tuple(broken), policies, *rest)


@dataclass(frozen=True, slots=True)
class _Hook:
    """One kind of thing that plugins offer: name of the hook, type of its specs, and names that are reserved."""

    name: str
    spec_type: type
    kind: str
    reserved: Callable[[], Collection[str]] = tuple


def _reserved_datasets() -> Collection[str]:
    from reidbench.constants import BUILT_IN
    from reidbench.data.sources.wildlife import wildlife_names

    return {BUILT_IN, *wildlife_names()}


# In the order of the registry's fields.
_HOOKS = (
    _Hook("reidbench_methods", MethodSpec, "a method"),
    _Hook("reidbench_threshold_policies", PolicySpec, "a threshold policy"),
    _Hook("reidbench_datasets", DatasetSpec, "a dataset", _reserved_datasets),
    _Hook("reidbench_score_calibrations", CalibrationSpec, "a score calibration", lambda: OWN_CURVES),
    _Hook("reidbench_report_sections", SectionSpec, "a report section"),
    _Hook("reidbench_commands", CommandSpec, "a command", own_commands),
)


@dataclass(frozen=True, slots=True)
class _Problems:
    """Adds the problems of one plugin to the list of all."""

    broken: list[BrokenPlugin]
    entry_point: str
    distribution: str
    version: str

    def add(self, reason: str) -> None:
        """Add a problem of the plugin."""
        self.broken.append(BrokenPlugin(self.entry_point, self.distribution, reason, self.version))


def _specs_by_hook(plugin: ModuleType) -> Callable[[_Hook], list[Any]]:
    """Register one plugin alone, and return a function that calls one of its hooks.

    A module without any hook offers the specs at its top level, such as a decorated function.
    """
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    _check_hooks(manager, plugin)
    manager.register(plugin)
    manager.check_pending()  # raises for a misspelt hook, which would otherwise never be called
    for hook in _HOOKS:
        function = getattr(plugin, hook.name, None)
        if callable(function) and not getattr(manager.hook, hook.name).get_hookimpls():
            raise TypeError(f"{hook.name} is not marked as a hook: put @reidbench.hookimpl above it")
    if not manager.get_hookcallers(plugin):
        spec_types = tuple(hook.spec_type for hook in _HOOKS)
        top_level = [value for value in vars(plugin).values() if isinstance(value, spec_types)]
        if not top_level:
            raise ValueError("it offers nothing: it has no hook and no MethodSpec at its top level")
        return lambda hook: [spec for spec in top_level if isinstance(spec, hook.spec_type)]

    def call(hook: _Hook) -> list[Any]:
        caller, type_name = getattr(manager.hook, hook.name), hook.spec_type.__name__
        results = caller()
        if caller.get_hookimpls() and not results:  # pluggy leaves out None
            raise TypeError(f"{hook.name} returned None: return a list of {type_name}")
        specs = []
        for result in results:
            if isinstance(result, hook.spec_type):
                raise TypeError(f"{hook.name} returned one {type_name}: return a list of them")
            for spec in result:
                if not isinstance(spec, hook.spec_type):
                    raise TypeError(
                        f"{hook.name} returned a {type(result).__name__} of {type(spec).__name__}, not of {type_name}"
                    )
                specs.append(spec)
        return specs

    return call


def _check_hooks(manager: pluggy.PluginManager, plugin: ModuleType) -> None:
    """Check the hooks of a plugin before pluggy does, with clearer messages.

    Raises:
        TypeError: There is no hook of this name, or the plugin's function has a parameter.
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
        parameters = inspect.signature(getattr(plugin, attribute)).parameters
        unknown = [parameter for parameter in parameters if parameter not in caller.spec.argnames]
        if unknown:
            raise TypeError(f"{name} is called without arguments, but has {', '.join(map(repr, unknown))}")


def _find_offer(offers: Sequence[Offered[Spec]], name: str, what: str, option: str) -> Offered[Spec] | None:
    """Return the offer called ``name``, or ``distribution:name``; ``None`` if there is none.

    Raises:
        ReidbenchError: Two plugins offer this name.
    """
    distribution, _, bare_name = name.rpartition(":")
    matches = [offer for offer in offers if offer.spec.name == bare_name and distribution in ("", offer.distribution)]
    if len(matches) > 1:
        names = " and ".join(sorted(f"{offer.distribution}:{bare_name}" for offer in matches))
        raise ReidbenchError(
            f"two plugins offer {what} '{bare_name}': {names}",
            where=f"{option} {name}",
            remedy=f"give the distribution too, such as {option} {matches[0].distribution}:{bare_name}",
        )
    return matches[0] if matches else None


def _reason(error: BaseException) -> str:
    """Return the text of an error with the file and line of the plugin; a syntax error contains its place."""
    text = f"{type(error).__name__}: {error}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    if isinstance(error, SyntaxError) or not frames or frames[-1].filename == __file__:
        return text
    return f"{text} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _short_version(plugin: BrokenPlugin) -> str:
    return plugin.version[:12] if _is_file(plugin) else plugin.version


def _is_file(plugin: BrokenPlugin) -> bool:
    return plugin.distribution.endswith(".py")
