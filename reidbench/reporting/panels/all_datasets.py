"""Panel "Over all datasets": the rank of each method on each dataset, and means over datasets."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, sheet_sections
from reidbench.reporting.small_tables import dataset_sheet

PANEL = PagePanel(lambda report: sheet_sections(dataset_sheet(report.rows)))
