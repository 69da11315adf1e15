"""The hooks through which plugins reach reidbench."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from reidbench.method import MethodSpec

hookspec = pluggy.HookspecMarker("reidbench")


@hookspec
def reidbench_methods() -> Iterable[MethodSpec]:  # type: ignore[empty-body]
    """Offer identification methods to the benchmark.

    Called once per command, before options are read, so it has to be cheap: return specs, and import
    torch inside ``build``. Order does not matter; methods are listed by name, and two plugins offering
    one name make the bare name an error that names both (``distribution:method`` selects one).
    """
