"""Fit one method of a run on what the run learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import FitContext, FitReport, Images, LabelledImages, Method, Validation
from reidbench.methods.representation import Representation
from reidbench.metrics.summary import summarise
from reidbench.progress import Progress
from reidbench.running.setup import Setup
from reidbench.thresholds import parse_policy
from reidbench.thresholds.apply import choose_thresholds


def fit_method(setup: Setup, method: Method, work_dir: Path, *, restore: bool = False) -> FitReport:
    """Fit a method, or restore what an earlier fit learned.

    A method that validates while it learns is validated on the calibration queries.

    Args:
        setup: The run.
        method: The whole method or one of its parts.
        work_dir: Folder for checkpoints.
        restore: Restore what an earlier fit left in ``work_dir``.

    Raises:
        TypeError: ``fit`` did not return a :class:`FitReport`.
    """
    learned_from = setup.learned_from
    identities = tuple(setup.images.identity[learned_from].tolist())
    labelled = LabelledImages(Images(setup.images.take(learned_from), masks=method.uses_masks), identities)
    # Made once: a method may keep decoded pixels by these objects from one validation to the next.
    images = {
        part: Images(setup.images.take(setup.rows[part]), masks=method.uses_masks)
        for part in ("gallery", "calibration")
    }

    def features(part: str) -> Features:
        rows = setup.rows[part]
        if part == "gallery" and method.matching == "identity":
            # A classifier compares with classes only, so the gallery needs no features.
            return Features(rows, Representation({"place": np.arange(len(rows))}))
        return Features(rows, method.represent(images[part], Progress()))

    def validate() -> Validation:
        gallery, queries = features("gallery"), features("calibration")
        episode = match_episode(
            method,
            setup.images,
            queries,
            gallery,
            mode=setup.gallery_mode,
            learned=setup.learned,
            progress=Progress(),
        )
        overall = summarise(episode.answers, choose_thresholds(parse_policy("max-score"), episode.answers)).overall
        return Validation(overall.rank1, overall.balanced_rank1, overall.score)

    if method.learns:
        work_dir.mkdir(parents=True, exist_ok=True)
    report = method.fit(labelled, FitContext(validate, setup.seed, setup.device, work_dir, setup.progress, restore))
    if not isinstance(report, FitReport):
        raise TypeError(f"fit of {type(method).__name__} returned {type(report).__name__}, not a reidbench.FitReport")
    return report


def join_reports(reports: Sequence[tuple[str, FitReport]]) -> FitReport:
    """Join the reports of several methods into one, each entry with the method's name; one report stays as it is."""
    if len(reports) == 1:
        return reports[0][1]
    return FitReport(
        history=tuple({"part": name, **row} for name, report in reports for row in report.history),
        notes=tuple(f"{name}: {note}" for name, report in reports for note in report.notes),
        facts={f"{name}.{key}": value for name, report in reports for key, value in report.facts.items()},
    )
