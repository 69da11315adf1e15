"""Panel "Over all datasets": the rank of each method on each dataset, and means over datasets."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, table_sections
from reidbench.reporting.small_tables import dataset_tables

PANEL = PagePanel(lambda report: table_sections(dataset_tables(report.rows)))
