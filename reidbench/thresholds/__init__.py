"""Threshold policies: rules that choose the threshold on the calibration queries, one in each file.

A policy is written as ``name``, ``name=value``, ``name:scope`` or ``name=value:scope``.
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
"""The policies of reidbench itself."""


def parse_policy(text: str, specs: Iterable[PolicySpec] = BUILTIN) -> Policy:
    """Return the policy for a text.

    Args:
        text: ``name``, ``name=value``, ``name:scope`` or ``name=value:scope``.
        specs: The policies to choose from; a registry adds those of plugins.

    Raises:
        ReidbenchError: No policy has this name, or its value or scope is not valid.

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
