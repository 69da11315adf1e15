"""Put a method through the checks: from Python, from pytest, and for the command ``reidbench plugin check``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.methods.contract import MethodSpec
from reidbench.methods.presets import PAPER
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry, load_registry
from reidbench.testing import behaviour, declaration, extracting, fitting, scoring, whole_run
from reidbench.testing.check import Check, NotApplicable, Outcome
from reidbench.testing.method_under_test import DEFAULT_MEMORY_MIB, MethodUnderTest

CHECKS: tuple[Check, ...] = tuple(
    check
    for module in (declaration, fitting, extracting, scoring, behaviour, whole_run)
    for check in module.topic.checks
)
"""Every check, in the order in which tables show them."""

_BY_NAME = {check.name: check for check in CHECKS}


class MethodFailsChecks(AssertionError):
    """A method failed a check; the message says which, what differed and what to do."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What the checks found.

    Attributes:
        method: Name of the method.
        plugin: The distribution that offers it.
        settings: Its effective settings.
        outcomes: One for each check, in the order of :data:`CHECKS`.
    """

    method: str
    plugin: str
    settings: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == "failed")

    def count(self, verdict: str) -> int:
        return sum(outcome.verdict == verdict for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the method, the counts and every outcome."""
        verdicts = ("passed", "failed", "not applicable")
        return {
            "method": self.method,
            "plugin": self.plugin,
            "settings": dict(self.settings),
            "counts": {verdict.replace(" ", "_"): self.count(verdict) for verdict in verdicts},
            "checks": [outcome.to_json() for outcome in self.outcomes],
        }


def examine(
    method: str | MethodSpec,
    *,
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    only: Sequence[str] = (),
    memory_mib: float = DEFAULT_MEMORY_MIB,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Put a method through the checks and return what they found; nothing is raised where one fails.

    Args:
        method: Name of an installed method, ``distribution:method``, or the spec itself.
        settings: Settings that differ from the defaults, by name.
        preset: A named set of settings; by default ``quick``, else ``paper``, where there are such.
        only: Names of the checks; by default all. What these need is gone through, but not reported.
        memory_mib: What a stage may take on tiny images, in MiB.
        registry: Where methods and parts are found; by default among the installed plugins.
        progress: Where the bar goes.

    Raises:
        ReidbenchError: No such method, setting, preset or check.

    Example:
        >>> found = examine("color_histogram", only=["order_kept"])  # doctest: +SKIP
        >>> found.outcomes[0].verdict  # doctest: +SKIP
        'passed'
    """
    asked = [_find(name) for name in only] or list(CHECKS)
    tested = _method_under_test(method, settings or {}, preset, memory_mib, registry)
    judged: dict[str, Outcome] = {}
    outcomes = []
    with (progress or Progress()).stage(f"check {tested.spec.name}", len(asked)) as stage:
        for check in asked:
            stage.describe(check.name)
            outcomes.append(_judge(check, tested, judged))
            stage.advance()
    effective = tested.settings.model_dump(mode="json")
    return Examination(tested.spec.name, tested.offer.distribution, effective, tuple(outcomes))


def check_method(
    method: str | MethodSpec,
    only: str | Check | Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    memory_mib: float = DEFAULT_MEMORY_MIB,
    registry: Registry | None = None,
) -> Examination:
    """Put a method through the checks and raise where one fails; for a test.

    Args:
        method: Name of an installed method, ``distribution:method``, or the spec itself.
        only: A check, its name, or several names; by default all.
        settings: Settings that differ from the defaults, by name.
        preset: As for :func:`examine`.
        memory_mib: As for :func:`examine`.
        registry: As for :func:`examine`.

    Raises:
        MethodFailsChecks: An ``AssertionError`` that names each failed check, what differed and what to do.
        ReidbenchError: No such method, setting, preset or check.

    Example:
        >>> check_method("color_histogram").count("failed")  # doctest: +SKIP
        0
    """
    names = [str(only)] if isinstance(only, str | Check) else list(only)
    found = examine(method, settings=settings, preset=preset, only=names, memory_mib=memory_mib, registry=registry)
    if found.failed:
        raise MethodFailsChecks(f"{found.method} fails {_listed(found.failed)}")
    return found


def conformance_tests(
    method: str | MethodSpec,
    *,
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    memory_mib: float = DEFAULT_MEMORY_MIB,
) -> Callable[..., None]:
    """Return a pytest function with one test for each check; the method is built once for all of them.

    Args:
        method: Name of an installed method, ``distribution:method``, or the spec itself.
        settings: Settings that differ from the defaults, by name.
        preset: As for :func:`examine`.
        memory_mib: As for :func:`examine`.

    Example:
        >>> test_stripes = conformance_tests("stripes")  # doctest: +SKIP
    """
    import pytest

    made: list[tuple[MethodUnderTest, dict[str, Outcome]]] = []

    @pytest.mark.parametrize("check", CHECKS, ids=str)
    def test_method(check: Check) -> None:
        if not made:
            made.append((_method_under_test(method, settings or {}, preset, memory_mib, None), {}))
        outcome = _judge(check, *made[0])
        if outcome.verdict == "not applicable":
            pytest.skip(outcome.difference)
        if outcome.verdict == "failed":
            raise MethodFailsChecks(f"{made[0][0].spec.name} fails {_listed([outcome])}")

    return test_method


def _method_under_test(
    method: str | MethodSpec,
    settings: Mapping[str, Any],
    preset: str | None,
    memory_mib: float,
    registry: Registry | None,
) -> MethodUnderTest:
    registry = registry or load_registry()
    offer = registry.find(method) if isinstance(method, str) else Offer(method, "unpackaged", "0")
    named = offer.spec.presets
    if preset is None:
        preset = next((name for name in ("quick", PAPER) if name in named), None)
    else:
        preset = offer.spec.find_preset(preset)
    return MethodUnderTest(offer, registry, settings, preset=preset, memory_mib=memory_mib)


def _find(name: str) -> Check:
    if name not in _BY_NAME:
        hint = did_you_mean(name, _BY_NAME)
        raise ReidbenchError(
            f"no check is called '{name}'" + (f"; {hint}" if hint else ""),
            where=f"--only {name}",
            remedy="reidbench plugin check --list   # lists them all",
        )
    return _BY_NAME[name]


def _judge(check: Check, tested: MethodUnderTest, judged: dict[str, Outcome]) -> Outcome:
    """Return what a check found; what it needs is judged first, and each check once."""
    if check.name not in judged:
        judged[check.name] = _outcome(check, tested, judged)
    return judged[check.name]


def _outcome(check: Check, tested: MethodUnderTest, judged: dict[str, Outcome]) -> Outcome:
    for name in check.needs:
        before = _judge(_BY_NAME[name], tested, judged)
        if before.blocked:
            return Outcome(check, "not applicable", before.difference, blocked=True)
        if before.verdict == "failed":
            return Outcome(check, "not applicable", f"not judged: {name} failed", blocked=True)
    started = time.perf_counter()
    remedy = check.remedy
    try:
        difference = check.judge(tested)
    except NotApplicable as reason:
        return Outcome(check, "not applicable", str(reason), seconds=time.perf_counter() - started)
    except ReidbenchError as error:
        difference, remedy = error.message, error.remedy or remedy
    except Exception as error:  # whatever a stranger's method raises is what this check found
        difference = f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - started
    if difference:
        return Outcome(check, "failed", difference, remedy, seconds)
    return Outcome(check, "passed", seconds=seconds)


def _listed(failed: Iterable[Outcome]) -> str:
    lines = [
        f"{each.check.name}: {each.difference}\n  reason: {each.check.reason}\n  remedy: {each.remedy}"
        for each in failed
    ]
    return "\n".join(lines)
