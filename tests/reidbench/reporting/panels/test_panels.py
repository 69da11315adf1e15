"""Panels in the order of the page: a new one is a spec in a tuple, and one without blocks is not shown."""

import re

from reidbench.leaderboard.ranking import leaderboard
from reidbench.reporting import page
from reidbench.reporting.blocks import Section
from reidbench.reporting.panels import DATASET_PANELS, PAGE_PANELS
from reidbench.reporting.panels.base import DatasetPanel, PagePanel


def test_a_panel_added_to_a_tuple_is_on_the_page_in_its_place(finished, monkeypatch):
    added = DatasetPanel(lambda board: f"Rows by {board.metric}", lambda board: [f"{len(board.rows)} rows"])
    below = PagePanel(lambda report: [Section("Runs", [f"{len(report.records)} runs"])])
    monkeypatch.setattr(page, "DATASET_PANELS", (DATASET_PANELS[0], added, *DATASET_PANELS[1:]))
    monkeypatch.setattr(page, "PAGE_PANELS", (below, *PAGE_PANELS))
    text = page.write_report(leaderboard(finished.of("patterns")))
    headings = re.findall(r"<h3>([^<]*)</h3>", text)
    assert headings[:3] == ["Leaderboard", "Rows by score", "Uncertainty"]
    assert "<p>2 rows</p>" in text and "<p>4 runs</p>" in text
    assert '<h2 id="sheet-1">Runs</h2>' in text


def test_a_panel_without_blocks_is_not_shown(finished, monkeypatch):
    rows = leaderboard(finished.of("patterns"))
    before = page.write_report(rows)
    monkeypatch.setattr(page, "DATASET_PANELS", (*DATASET_PANELS, DatasetPanel("Empty", lambda board: [])))
    monkeypatch.setattr(page, "PAGE_PANELS", (PagePanel(lambda report: []), *PAGE_PANELS))
    assert page.write_report(rows) == before
