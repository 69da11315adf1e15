"""Panels of the report, one a file, in the order of the page.

A new panel is a file here with a ``PANEL`` and a line in one of the two tuples below.
"""

from __future__ import annotations

from reidbench.reporting.panels import (
    all_datasets,
    by_group,
    carried_thresholds,
    citations,
    earlier_rule,
    encounter_size,
    every_threshold,
    expected_cost,
    gallery_size,
    intervals,
    leaderboard,
    left_out,
    method_by_method,
    plugin_sections,
    score_against_cost,
    shared_encounters,
)
from reidbench.reporting.panels.base import DatasetPanel, PagePanel

DATASET_PANELS: tuple[DatasetPanel, ...] = (
    leaderboard.PANEL,
    intervals.PANEL,
    score_against_cost.PANEL,
    every_threshold.PANEL,
    by_group.PANEL,
    encounter_size.PANEL,
    expected_cost.PANEL,
    gallery_size.PANEL,
    method_by_method.PANEL,
)
"""Panels of each dataset."""

PAGE_PANELS: tuple[PagePanel, ...] = (
    left_out.PANEL,
    earlier_rule.PANEL,
    all_datasets.PANEL,
    shared_encounters.PANEL,
    carried_thresholds.PANEL,
    plugin_sections.PANEL,
    citations.PANEL,
)
"""Panels below all datasets, made from all runs of the page."""
