"""Panel "How much of the score comes from shared encounters": random splits and splits in order of time."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, table_sections
from reidbench.reporting.protocols import protocol_tables

PANEL = PagePanel(lambda report: table_sections(protocol_tables(report.rows)))
