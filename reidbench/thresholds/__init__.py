"""Threshold policies, one a file, by name.

A policy is written ``name``, ``name=value``, ``name:scope`` or ``name=value:scope``.
"""

from __future__ import annotations

from collections.abc import Callable

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.thresholds.base import Policy, Thresholds
from reidbench.thresholds.fixed import Fixed
from reidbench.thresholds.max_score import MaxScore

__all__ = ["POLICIES", "Fixed", "MaxScore", "Policy", "Thresholds", "parse_policy"]

POLICIES: dict[str, Callable[[str | None, str | None], Policy]] = {
    "fixed": Fixed.parse,
    "max-score": MaxScore.parse,
}
"""Makes a policy from the texts after ``=`` and after ``:``, ``None`` where there is none; by name."""


def parse_policy(text: str) -> Policy:
    """Return the policy that a text asks for.

    Raises:
        ReidbenchError: No policy has that name, or it can't be used so.

    Example:
        >>> parse_policy("fixed=0.6")
        Fixed(value=0.6)
    """
    head, colon, scope = text.strip().partition(":")
    name, equals, value = head.partition("=")
    if name not in POLICIES:
        hint = did_you_mean(name, POLICIES)
        raise ReidbenchError(
            f"there is no threshold policy '{name}'" + (f"; {hint}" if hint else ""),
            where=f"--threshold {text}",
            remedy="choose one of: " + ", ".join(sorted(POLICIES)),
        )
    return POLICIES[name](value if equals else None, scope if colon else None)
