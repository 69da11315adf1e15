"""Panel "How much of the score comes from same-day photographs": random splits and splits in order of time."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, sheet_sections
from reidbench.reporting.protocols import protocol_sheets

PANEL = PagePanel(lambda report: sheet_sections(protocol_sheets(report.rows)))
