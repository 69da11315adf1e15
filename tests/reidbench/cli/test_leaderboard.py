"""The leaderboard on a terminal: what stays on a narrow one, and what is bold."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from reidbench.cli.leaderboard import leaderboard_text, print_leaderboard
from reidbench.leaderboard.confidence import Confidence
from reidbench.metrics.uncertainty.bootstrap import Interval
from tests.reidbench.reporting.test_leaderboard_table import LONG_ROWS, make_row


@pytest.mark.parametrize("width", [80, 160])
def test_a_table_fits_its_width(width):
    table = [line for line in leaderboard_text(LONG_ROWS, width).splitlines() if "·" not in line]
    assert max(map(len, table)) <= width


def test_a_narrow_table_keeps_what_decides():
    text, _, below = leaderboard_text(LONG_ROWS, 80).partition("Not shown at a width of 80: ")
    for kept in ("rank", "megadescriptor_cosine", "0.710 ± 0.012", "pretrained", "BAKS", "BAUS"):
        assert kept in text
    assert "root of means" not in text and "…" not in text
    listed, _, rest = " ".join(below.split()).partition(". A wider terminal or --format markdown shows them.")
    assert rest and {"root of means", "bal. Rank-1"} < set(listed.split(", ")) and "BAKS" not in listed


def test_a_wide_table_shows_more_than_a_narrow_one():
    narrow, wide = (leaderboard_text(LONG_ROWS, width).partition("Not shown")[0] for width in (80, 160))
    assert "AUROC" not in narrow
    assert "AUROC" in wide and "seconds" in wide and "regret" in wide


def test_costs_are_in_a_wide_table_and_each_stage_in_a_wider_one():
    timing = {"fit_s": 1.5, "represent_s": 20.25, "match_s": 3.0, "seconds": 24.75, "peak_memory_mib": 512.4}
    confidence = Confidence(score=Interval(0.6, 0.8), ranks=(1, 2), tie_group=1)
    shared: dict[str, Any] = {"timing": timing, "device": "cpu", "confidence": confidence, "split_sd": {"score": 0.05}}
    rows = [make_row("sift", 1, 0.7, **shared), make_row("triplet_resnet50", 2, 0.4, weights="pretrained", **shared)]
    heading = leaderboard_text(rows, 160).splitlines()[2].split()
    assert heading[-4:] == ["seconds", "peak", "MiB", "device"] and "fit" not in heading
    assert "fit s  extract s  match s  seconds" in leaderboard_text(rows, 260)
    first = next(line.split() for line in leaderboard_text(rows, 160).splitlines() if " sift " in line)
    assert first[-3:] == ["24.8", "512", "cpu"]


def test_the_best_is_bold_on_a_terminal():
    buffer = io.StringIO()
    console = Console(file=buffer, width=120, force_terminal=True, color_system="standard", highlight=False)
    print_leaderboard([make_row("a", 1, 0.7), make_row("b", 2, 0.6)], console)
    assert "\x1b[1m0.700\x1b[0m" in buffer.getvalue()
    assert "\x1b[1m0.600" not in buffer.getvalue()


def test_the_column_that_ranks_a_closed_set_is_always_shown():
    rows = [make_row(ranked_by="balanced_rank1", score=None, reasons={"score": "no unknown queries"})]
    assert "bal. Rank-1" in leaderboard_text(rows, 80).partition("Not shown")[0]


def test_markup_in_a_name_is_printed_as_it_is():
    assert "[bold]x:smile:" in leaderboard_text([make_row(variant="[bold]x:smile:")], 120)
