"""The hooks with which plugins offer things to reidbench, one hook for each kind of thing.

A hook is called at most once per command and must be fast: it returns specs, and the work starts when a spec is used.
reidbench calls each hook of each plugin separately; if one fails, only what this hook offers is missing. Order does not
matter, because everything is listed by name. If two plugins offer the same name, the name alone is an error that names
both. A plugin can't use a name that reidbench itself uses.
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
    """Offer identification methods for ``--method``.

    Called before options are read, so import torch inside ``build``. If two plugins offer one name,
    ``distribution:method`` selects one of them.
    """


@hookspec
def reidbench_threshold_policies() -> Iterable[PolicySpec]:  # type: ignore[empty-body]
    """Offer threshold policies for ``--threshold``.

    Called before options are read. If two plugins offer one name, ``distribution/policy`` selects one of them. The
    policies of reidbench itself use the same hook.
    """


@hookspec
def reidbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Offer datasets for ``--dataset``, ``datasets`` and ``split``.

    Called when datasets are listed, or when a dataset is neither built in nor a file or folder. ``load`` is called only
    for the dataset that the user names. If two plugins offer one name, ``distribution:dataset`` selects one of them.
    """


@hookspec
def reidbench_score_calibrations() -> Iterable[CalibrationSpec]:  # type: ignore[empty-body]
    """Offer calibration curves, from similarity to probability, for ``Calibration.kind``.

    In a run with the curve, ``fit`` is called once for each fold and group, with labelled pairs of calibration queries
    and gallery images. If two plugins offer one name, ``distribution:curve`` selects one of them.
    """


@hookspec
def reidbench_report_sections() -> Iterable[SectionSpec]:  # type: ignore[empty-body]
    """Offer sections of the page that ``report`` writes.

    ``make`` is called once per page with the runs of the page. The page shows every section that is not empty. If a
    section fails, the page shows the error instead.
    """


@hookspec
def reidbench_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Offer sub-commands of ``reidbench``.

    Called for ``--help`` and for a command that reidbench does not have. If two plugins offer one name,
    ``distribution:command`` selects one of them.
    """
