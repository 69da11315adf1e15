"""Panel "Runs by the digest rule of earlier versions"."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, table_sections
from reidbench.reporting.small_tables import rule_tables

PANEL = PagePanel(lambda report: table_sections(rule_tables(report.rows)))
