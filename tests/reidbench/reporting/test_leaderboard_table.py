"""How a leaderboard looks: what stays on a narrow terminal, what is bold, how undefined values print."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from reidbench.leaderboard.confidence import Confidence
from reidbench.leaderboard.ranking import ROW_METRICS, LeaderboardRow
from reidbench.metrics.uncertainty.bootstrap import Interval
from reidbench.records.run_data import RunData
from reidbench.records.run_record import RunRecord
from reidbench.reporting.leaderboard_table import (
    as_cells,
    as_csv,
    as_json,
    as_markdown,
    notes_of,
    title_of,
)
from tests.reidbench.records.example import example


def make_row(method: str = "sift", rank: int | None = 1, score: float | None = 0.5, **changes: Any) -> LeaderboardRow:
    metrics: dict[str, float | None] = dict.fromkeys(ROW_METRICS, 0.25) | {"score": score, "n_queries": 40}
    metrics |= changes.pop("metrics", {})
    values: dict[str, Any] = {
        "rank": rank,
        "method": method,
        "variant": "",
        "dataset": "patterns",
        "dataset_digest": "d0",
        "dataset_note": "",
        "gallery": "group",
        "seeds": (0,),
        "splits": ("0123456789abcdef",),
        "split_seeds": (3,),
        "split_kinds": ("open-set",),
        "n_runs": 1,
        "metrics": metrics,
        "ranked_by": "score",
        "seed_sd": {},
        "split_sd": {},
        "weights": "none",
        "pretrained": False,
        "threshold": "max-score",
        "preset": "quick",
        "timing": {"fit_s": 1.0, "represent_s": 2.0, "match_s": 3.0, "seconds": 6.0},
    }
    return LeaderboardRow(**(values | changes))


def cells_of(markdown: str, method: str) -> dict[str, str]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    titles, row = lines[0], next(line for line in lines if f" {method} " in line)
    return dict(zip(*([cell.strip() for cell in line.strip("|").split("|")] for line in (titles, row)), strict=True))


LONG_ROWS = [
    make_row("megadescriptor_cosine", 1, 0.71, weights="pretrained", seed_sd={"score": 0.012}, seeds=(0, 1, 2)),
    make_row("triplet_effnet", 2, 0.4, variant="epochs=125 threshold=max-score:group", weights="random"),
]


def test_a_title_names_dataset_split_and_seed():
    board = [make_row(seeds=(0, 2)), make_row(seeds=(1,))]
    assert (
        title_of(board)
        == "patterns · split 0123456789ab (open-set, seed 3) · method seeds 0, 1, 2 · gallery: the query's group"
    )


def test_a_split_from_a_file_says_so():
    assert "(open-set, from a file)" in title_of([make_row(split_seeds=(None,))])


def test_many_splits_are_counted_in_the_heading_not_listed():
    seeds = (0, 1, 2, 5)
    row = make_row(
        splits=tuple(f"{seed:064x}" for seed in seeds), split_seeds=seeds, split_kinds=("open-set",) * len(seeds)
    )
    assert title_of([row]).startswith("patterns · 4 splits (open-set, seeds 0–2, 5) · ")


def test_the_best_of_each_column_is_bold():
    rows = [
        make_row("a", 1, 0.7, metrics={"baks": 0.3, "fpr95": 0.9}),
        make_row("b", 2, 0.6, metrics={"baks": 0.4, "fpr95": 0.2}),
    ]
    markdown = as_markdown(rows)
    first, second = cells_of(markdown, "a"), cells_of(markdown, "b")
    assert (first["score"], second["score"]) == ("**0.700**", "0.600")
    assert (first["BAKS"], second["BAKS"]) == ("0.300", "**0.400**")
    assert (first["FPR95"], second["FPR95"]) == ("0.900", "**0.200**")  # lower is better
    assert first["BAUS"] == second["BAUS"] == "**0.250**"


def test_a_lone_row_has_nothing_to_be_best_of():
    assert "**" not in as_markdown([make_row()])


def test_undefined_values_print_as_a_dash_and_never_as_zero():
    rows = [make_row("a", 1, 0.5, metrics={"map": None}), make_row("b", 2, 0.4)]
    assert cells_of(as_markdown(rows), "a")["mAP"] == "–"
    assert next(csv.DictReader(io.StringIO(as_csv(rows))))["map"] == ""
    assert json.loads(as_json(rows))[0]["map"] is None


def test_a_row_without_rank_prints_a_dash_and_a_note():
    rows = [make_row("a"), make_row("b", None, None)]
    assert cells_of(as_markdown(rows), "b")["rank"] == "–"
    assert "Without rank, because the score is undefined: b." in notes_of(rows)


def test_licences_of_weights_are_noted():
    rows = [
        make_row("b", weights="x", licence="CC BY-NC 4.0"),
        make_row("a", 2, 0.4, weights="x", licence="CC BY-NC 4.0"),
        make_row("c", 3, 0.3, weights="y", licence="mit"),
        make_row("sift", 4, 0.2),
    ]
    assert "Licences of weights: CC BY-NC 4.0 (a, b); mit (c)." in notes_of(rows)
    assert not any("Licence" in note for note in notes_of([make_row("sift")]))


def test_random_weights_are_noted_and_absent_ones_are_not():
    rows = [make_row("a", weights="random"), make_row("b", 2, 0.4, weights="none")]
    assert any(note.startswith("Started from random weights: a. ") for note in notes_of(rows))
    assert cells_of(as_markdown(rows), "a")["weights"] == "random"


def test_the_chance_score_stands_under_the_table():
    assert "Chance score (the score of guessing): 0.250." in notes_of([make_row()])
    rows = [make_row("a", metrics={"chance_score": 0.1}), make_row("b", 2, metrics={"chance_score": 0.2})]
    assert "Chance score (the score of guessing): 0.100 to 0.200." in notes_of(rows)


def test_a_note_of_the_dataset_is_printed_once():
    rows = [make_row("a", dataset_note="bytes differ"), make_row("b", 2, 0.4, dataset_note="bytes differ")]
    assert notes_of(rows).count("Dataset: bytes differ") == 1


def test_a_closed_set_table_says_what_ranked_it():
    reason = {"score": "no unknown queries"}
    rows = [make_row(ranked_by="balanced_rank1", score=None, reasons=reason)]
    assert "Ranked by balanced Rank-1: no row has a score (no unknown queries)." in notes_of(rows)


def test_warnings_of_the_split_are_printed_also_without_a_score():
    run = RunRecord(Path("run"), RunData.from_json(example(split={"warnings": ["lynx has one animal"]})))
    rows = [make_row(ranked_by="balanced_rank1", score=None, runs=(run,))]
    assert "Split: lynx has one animal." in notes_of(rows)


def test_groups_that_the_score_leaves_out_are_named():
    assert "Left out of the score: lynx (no unknown queries)." in notes_of(
        [make_row(left_out={"lynx": "no unknown queries"})]
    )


def test_mixed_splits_are_noted():
    rows = [make_row("a"), make_row("b", 2, splits=("ffff",))]
    assert any(note.startswith("Rows have different splits") for note in notes_of(rows))


def test_each_dataset_has_its_own_table():
    markdown = as_markdown([make_row("a"), make_row("b", dataset="turtles", dataset_digest="d1")])
    assert [line for line in markdown.splitlines() if line.startswith("##")] == [
        "## patterns · split 0123456789ab (open-set, seed 3) · method seed 0 · gallery: the query's group",
        "## turtles · split 0123456789ab (open-set, seed 3) · method seed 0 · gallery: the query's group",
    ]


def test_variants_stand_in_a_column_of_their_own():
    assert cells_of(as_markdown(LONG_ROWS), "triplet_effnet")["variant"] == "epochs=125 threshold=max-score:group"
    assert "variant" not in as_markdown([make_row()])


def test_a_bar_in_a_name_ends_no_cell():
    assert "a\\|b" in as_markdown([make_row(variant="a|b")])


def test_csv_rows_have_the_keys_of_json():
    rows = [make_row(seeds=(0, 1))]
    row = next(csv.DictReader(io.StringIO(as_csv(rows))))
    assert set(row) == set(json.loads(as_json(rows))[0]) - {"reasons", "left_out", "groups"}
    assert (row["seeds"], row["score"], row["pretrained"]) == ("0 1", "0.5", "false")


def test_cells_of_a_page_say_what_they_are_sorted_by():
    sure = make_row("a", 1, 0.7, confidence=Confidence(score=Interval(0.62, 0.81), ranks=(1, 2)))
    headings, (first, second) = as_cells([sure, make_row("b", 2, 0.6)])
    titles = [title for title, _ in headings]
    by_title = dict(zip(titles, first, strict=True))
    assert (by_title["95 %"].text, by_title["95 %"].sort) == ("0.620–0.810", 0.62)
    assert (by_title["ranks"].text, by_title["ranks"].sort) == ("1–2", 1.0)
    assert (by_title["score"].sort, by_title["score"].best) == (0.7, True)
    assert by_title["method"].sort is None
    undefined = dict(zip(titles, second, strict=True))["95 %"]
    assert (undefined.text, undefined.sort) == ("–", None)


def test_a_method_that_is_not_blind_is_marked_and_told_below():
    rows = [
        make_row("honest", blindness="blind"),
        make_row("cheat", rank=2, blindness="differs", follows="other labels and file names: 2 of 3 queries"),
        make_row("expands", rank=3, blindness="transductive"),
        make_row("old", rank=4),
    ]
    text = as_markdown(rows)
    marks = {row.method: cells_of(text, row.method)["blind"] for row in rows}
    assert marks == {"honest": "yes", "cheat": "no", "expands": "transductive", "old": "–"}
    assert "Not blind: cheat. Its predictions changed with other labels and file names: 2 of 3 queries." in text
    assert "Declared transductive: expands" in text
    assert json.loads(as_json(rows))[1]["blindness"] == "differs"
    assert "| blind |" not in as_markdown([make_row("old")])
