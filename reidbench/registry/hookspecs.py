"""The hooks through which plugins reach reidbench: one for each kind of thing that a plugin may offer.

Every hook is called at most once for each command and has to be cheap: it returns specs, and what is heavy waits
until one of them is asked for. Each is called for each plugin alone, so a failure costs what that hook of
that plugin offers. Order never matters: what is offered is listed by name. Two plugins offering one name
make the bare name an error that names both; a name of reidbench's own is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from reidbench.calibration.specs import CalibrationSpec
    from reidbench.data.sources.named import DatasetSpec
    from reidbench.methods.contract import MethodSpec
    from reidbench.registry.commands import CommandSpec
    from reidbench.registry.sections import SectionSpec
    from reidbench.thresholds.base import PolicySpec

hookspec = pluggy.HookspecMarker("reidbench")


@hookspec
def reidbench_methods() -> Iterable[MethodSpec]:  # type: ignore[empty-body]
    """Offer identification methods to ``--method``.

    Called before options are read: import torch inside ``build``. ``distribution:method`` selects one of two
    methods of one name.
    """


@hookspec
def reidbench_threshold_policies() -> Iterable[PolicySpec]:  # type: ignore[empty-body]
    """Offer threshold policies to ``--threshold`` and ``rethreshold``.

    Called before options are read; ``distribution/policy`` selects one of two policies of one name. Those of
    reidbench itself come through the same hook.
    """


@hookspec
def reidbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Offer datasets to ``--dataset``, ``datasets`` and ``split``.

    Called when a dataset is listed or named that is neither built in nor a file or folder; ``load`` is
    called for the one that was named. ``distribution:dataset`` selects one of two of one name.
    """


@hookspec
def reidbench_score_calibrations() -> Iterable[CalibrationSpec]:  # type: ignore[empty-body]
    """Offer curves from similarity to score, wherever a calibration is named (``Calibration.kind``).

    ``fit`` is called once for each fold and group on labelled pairs of the calibration episode, in every
    run that names the curve. ``distribution:curve`` selects one of two of one name.
    """


@hookspec
def reidbench_report_sections() -> Iterable[SectionSpec]:  # type: ignore[empty-body]
    """Offer sections to the page that ``report`` writes.

    ``make`` is called once for each page with its runs. Every section that is offered is on the page, unless it
    is empty; one that fails says so in its place.
    """


@hookspec
def reidbench_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Offer sub-commands of ``reidbench``.

    Called for ``--help`` and for a command that is not one of reidbench's own; ``distribution:command`` selects
    one of two of one name.
    """
