"""Apply the checks to a method: from Python, from pytest, and for the command ``reidbench plugin check``."""

from __future__ import annotations

import functools
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
"""All checks, in the order of tables."""

_BY_NAME = {check.name: check for check in CHECKS}


class MethodFailsChecks(AssertionError):
    """A method failed checks; the message names each check, what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Examination:
    """The results of the checks of one method.

    Attributes:
        method: Name of the method.
        plugin: Distribution of the plugin that offers the method.
        settings: Effective settings of the method.
        outcomes: One outcome for each reported check.
    """

    method: str
    plugin: str
    settings: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes of the failed checks."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == "failed")

    def count(self, verdict: str) -> int:
        """Return the number of checks with a verdict: ``passed``, ``failed`` or ``not applicable``."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: the method, the counts and every outcome."""
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
    """Apply the checks to a method and return the results; a failed check raises no error.

    Args:
        method: Name of an installed method, ``distribution:method``, or a method spec.
        settings: Settings that differ from the defaults, by name.
        preset: Named set of settings; by default ``quick`` or ``paper``, the first one that the method has.
        only: Names of the checks to report; by default all. Checks that these need are made too.
        memory_mib: Memory limit of a stage on tiny images, in MiB.
        registry: Methods and parts; by default those of the installed plugins.
        progress: Shows a progress bar.

    Raises:
        ReidbenchError: A method, setting, preset or check does not exist.

    Example:
        >>> examination = examine("color_histogram", only=["order_kept"])  # doctest: +SKIP
        >>> examination.outcomes[0].verdict  # doctest: +SKIP
        'passed'
    """
    checks = [_find(name) for name in only] or list(CHECKS)
    tested = _method_under_test(method, settings or {}, preset, memory_mib, registry)
    finished: dict[str, Outcome] = {}
    outcomes = []
    with (progress or Progress()).stage(f"check {tested.spec.name}", len(checks)) as stage:
        for check in checks:
            stage.describe(check.name)
            outcomes.append(_outcome_of(check, tested, finished))
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
    """Apply the checks to a method and raise an error if one fails; for a test.

    Args:
        method: Name of an installed method, ``distribution:method``, or a method spec.
        only: A check, its name, or several names; by default all checks.
        settings: Settings that differ from the defaults, by name.
        preset: As for :func:`examine`.
        memory_mib: As for :func:`examine`.
        registry: As for :func:`examine`.

    Raises:
        MethodFailsChecks: An ``AssertionError`` that names each failed check, what is wrong, and what to do.
        ReidbenchError: A method, setting, preset or check does not exist.

    Example:
        >>> check_method("color_histogram").count("failed")  # doctest: +SKIP
        0
    """
    names = [str(only)] if isinstance(only, str | Check) else list(only)
    examination = examine(
        method, settings=settings, preset=preset, only=names, memory_mib=memory_mib, registry=registry
    )
    if examination.failed:
        raise MethodFailsChecks(f"{examination.method} fails {_listed(examination.failed)}")
    return examination


def conformance_tests(
    method: str | MethodSpec,
    *,
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    memory_mib: float = DEFAULT_MEMORY_MIB,
) -> Callable[..., None]:
    """Return a pytest function with one test for each check; the method is built once for all of them.

    Args:
        method: Name of an installed method, ``distribution:method``, or a method spec.
        settings: Settings that differ from the defaults, by name.
        preset: As for :func:`examine`.
        memory_mib: As for :func:`examine`.

    Example:
        >>> test_stripes = conformance_tests("stripes")  # doctest: +SKIP
    """
    import pytest

    @functools.cache
    def tested_and_finished() -> tuple[MethodUnderTest, dict[str, Outcome]]:
        return _method_under_test(method, settings or {}, preset, memory_mib, None), {}

    @pytest.mark.parametrize("check", CHECKS, ids=str)
    def test_method(check: Check) -> None:
        tested, finished = tested_and_finished()
        outcome = _outcome_of(check, tested, finished)
        if outcome.verdict == "not applicable":
            pytest.skip(outcome.difference)
        if outcome.verdict == "failed":
            raise MethodFailsChecks(f"{tested.spec.name} fails {_listed([outcome])}")

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
    presets = offer.spec.presets
    if preset is None:
        preset = next((name for name in ("quick", PAPER) if name in presets), None)
    else:
        preset = offer.spec.find_preset(preset)
    return MethodUnderTest(offer, registry, settings, preset=preset, memory_mib=memory_mib)


def _find(name: str) -> Check:
    if name not in _BY_NAME:
        hint = did_you_mean(name, _BY_NAME)
        raise ReidbenchError(
            f"there is no check '{name}'" + (f"; {hint}" if hint else ""),
            where=f"--only {name}",
            remedy="reidbench plugin check --list   # lists all checks",
        )
    return _BY_NAME[name]


def _outcome_of(check: Check, tested: MethodUnderTest, finished: dict[str, Outcome]) -> Outcome:
    """Make a check, and the checks that it needs, unless its outcome is in ``finished``."""
    if check.name not in finished:
        finished[check.name] = _make(check, tested, finished)
    return finished[check.name]


def _make(check: Check, tested: MethodUnderTest, finished: dict[str, Outcome]) -> Outcome:
    for name in check.needs:
        needed = _outcome_of(_BY_NAME[name], tested, finished)
        if needed.blocked:
            return Outcome(check, "not applicable", needed.difference, blocked=True)
        if needed.verdict == "failed":
            return Outcome(check, "not applicable", f"not checked: {name} failed", blocked=True)
    started = time.perf_counter()
    remedy = check.remedy
    try:
        difference = check.judge(tested)
    except NotApplicable as reason:
        return Outcome(check, "not applicable", str(reason), seconds=time.perf_counter() - started)
    except ReidbenchError as error:
        difference, remedy = error.message, error.remedy or remedy
    except Exception as error:  # a plugin may raise anything; it is the result of this check
        difference = f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - started
    if difference:
        return Outcome(check, "failed", difference, remedy, seconds)
    return Outcome(check, "passed", seconds=seconds)


def _listed(failed: Iterable[Outcome]) -> str:
    lines = [
        f"{outcome.check.name}: {outcome.difference}\n  reason: {outcome.check.reason}\n  remedy: {outcome.remedy}"
        for outcome in failed
    ]
    return "\n".join(lines)
