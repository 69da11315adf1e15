"""The hooks through which plugins reach reidbench."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from reidbench.method import MethodSpec
    from reidbench.thresholds.base import PolicySpec

hookspec = pluggy.HookspecMarker("reidbench")


@hookspec
def reidbench_methods() -> Iterable[MethodSpec]:  # type: ignore[empty-body]
    """Offer identification methods to the benchmark.

    Called once per command, before options are read, so it has to be cheap: return specs, and import
    torch inside ``build``. Order does not matter; methods are listed by name, and two plugins offering
    one name make the bare name an error that names both (``distribution:method`` selects one).
    """


@hookspec
def reidbench_threshold_policies() -> Iterable[PolicySpec]:  # type: ignore[empty-body]
    """Offer threshold policies to ``--threshold`` and ``rethreshold``.

    Called once per command, before options are read, so it has to be cheap. Order does not matter;
    policies are listed by name, and two plugins offering one name make the bare name an error that names
    both (``distribution/policy`` selects one). Those of reidbench itself come through the same hook.
    """
