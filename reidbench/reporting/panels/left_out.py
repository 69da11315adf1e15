"""Panels "Left out" and "Failed": runs without a row, because their record can't be read or because they failed."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, table_sections
from reidbench.reporting.small_tables import failure_tables, unreadable_tables

PANEL = PagePanel(
    lambda report: table_sections([*unreadable_tables(report.unreadable), *failure_tables(report.failures)])
)
