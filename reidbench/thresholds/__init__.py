"""Threshold policies, one a file, by name.

A policy is written ``name``, ``name=value``, ``name:scope`` or ``name=value:scope``.
"""

from __future__ import annotations

from collections.abc import Iterable

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.thresholds.base import Adjustment, Policy, PolicySpec, Thresholds
from reidbench.thresholds.builtin import reidbench_threshold_policies
from reidbench.thresholds.fixed import Fixed
from reidbench.thresholds.max_score import MaxScore

__all__ = [
    "BUILTIN", "Adjustment", "Fixed", "MaxScore", "Policy", "PolicySpec", "Thresholds", "parse_policy",
]  # fmt: skip

BUILTIN: tuple[PolicySpec, ...] = tuple(reidbench_threshold_policies())
"""The policies that need no plugin."""


def parse_policy(text: str, specs: Iterable[PolicySpec] = BUILTIN) -> Policy:
    """Return the policy that a text asks for.

    Args:
        text: ``name``, ``name=value``, ``name:scope`` or ``name=value:scope``.
        specs: Policies to choose from, such as a registry's with those of plugins.

    Raises:
        ReidbenchError: No policy has that name, or it can't be used so.

    Example:
        >>> parse_policy("fixed=0.6")
        Fixed(value=0.6)
    """
    head, colon, scope = text.strip().partition(":")
    name, equals, value = head.partition("=")
    by_name = {spec.name: spec for spec in specs}
    if name not in by_name:
        hint = did_you_mean(name, by_name)
        raise ReidbenchError(
            f"there is no threshold policy '{name}'" + (f"; {hint}" if hint else ""),
            where=f"--threshold {text}",
            remedy="choose one of: " + ", ".join(sorted(by_name)),
        )
    return by_name[name].make(value if equals else None, scope if colon else None)
