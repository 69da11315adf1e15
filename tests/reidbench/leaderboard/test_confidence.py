"""Intervals, ranks and differences from runs on disk; runs without answers leave a table without them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from reidbench.cli.leaderboard import leaderboard_text, print_leaderboard
from reidbench.constants import NEW_IDENTITY
from reidbench.errors import ReidbenchError
from reidbench.leaderboard.detection_intervals import with_detection_intervals
from reidbench.leaderboard.ranking import leaderboard
from reidbench.records.run_data import RunData
from reidbench.records.run_record import PREDICTION_COLUMNS, RunFiles, RunRecord, write_run
from reidbench.reporting.leaderboard_table import as_markdown
from reidbench.reporting.small_tables import (
    cost_tables,
    dataset_tables,
    difference_tables,
    group_tables,
    interval_tables,
    markdown_lines,
    variance_tables,
)
from tests.reidbench.records.example import changed, example

TRUE = np.array([f"a{i // 3}" for i in range(240)])
KNOWN = np.arange(240) < 165  # 55 known and 25 unknown animals
GROUP = np.where(np.arange(240) // 3 % 2, "L", "S")


def make_run(
    folder: Path,
    method: str,
    quality: float,
    *,
    seed: int = 0,
    split: str = "s0",
    dataset: str = "d",
    like: int = 0,
    **changes: Any,
) -> RunRecord:
    """Write a run whose answers are right with probability ``quality``; ``like`` seeds the luck."""
    rng = np.random.default_rng([like, seed, int(split[1:])])
    right = rng.random(240) < quality
    predicted = np.where(KNOWN, np.where(right, TRUE, "x"), np.where(right, NEW_IDENTITY, "x"))
    hit = {side: [] for side in (True, False)}
    scores = {}
    for group in ("L", "S"):
        means = []
        for side in (True, False):
            mine = (group == GROUP) & (side == KNOWN)
            means.append(np.mean([right[mine & (name == TRUE)].mean() for name in np.unique(TRUE[mine])]))
            hit[side].append(means[-1])
        scores[group] = float(np.sqrt(means[0] * means[1]))
    overall = {"score": float(np.mean(list(scores.values()))), "baks": 0.5, "baus": 0.5}
    data = example(
        method=method,
        dataset={"name": dataset, "digest": dataset},
        split={"digest": split},
        seed=seed,
        metrics={"test": {"overall": overall, "groups": {g: {"score": s} for g, s in scores.items()}}},
        **changes,
    )
    image_id = np.array([f"i{k}" for k in range(240)])
    rows = [
        dict(zip(PREDICTION_COLUMNS, (i, p, 0.5, 0.5, "x", g, "test"), strict=True))
        for i, p, g in zip(image_id, predicted, GROUP, strict=True)
    ]
    arrays = {"test.image_id": image_id, "test.true": TRUE, "test.group": GROUP, "identities": np.unique(TRUE[KNOWN])}
    return write_run(folder / dataset / method / str(data["id"]), RunData.from_json(data), RunFiles([], rows, arrays))


def test_a_perfect_side_is_inside_its_interval(tmp_path):
    (row,) = leaderboard([make_run(tmp_path, "perfect", 1.0)])
    assert row.confidence.baks.high == row.confidence.baus.high == row.confidence.score.high == 1.0
    assert 0.85 < row.confidence.baus.low < row.confidence.baks.low < 1.0  # 25 unknown, 55 known animals


def test_methods_far_apart_are_told_apart_and_twins_are_not(tmp_path):
    runs = [make_run(tmp_path, "best", 0.95), make_run(tmp_path, "twin", 0.5, like=1), make_run(tmp_path, "same", 0.5)]
    rows = leaderboard(runs)
    assert rows[0].method == "best"
    assert [row.confidence.ranks for row in rows] == [(1, 1), (2, 3), (2, 3)]
    assert [row.confidence.tie_group for row in rows] == [1, 2, 2]
    for row in rows:
        assert row.confidence.score.low <= row.metrics["score"] <= row.confidence.score.high
        assert row.confidence.score.high - row.confidence.score.low < 0.25
        assert row.confidence.warning == ""
    assert 0.02 < rows[0].confidence.detectable < 0.2


def test_differences_are_paired_and_signed(tmp_path):
    runs = [make_run(tmp_path, "low", 0.4), make_run(tmp_path, "high", 0.9), make_run(tmp_path, "copy", 0.9)]
    rows = {row.method: row for row in leaderboard(runs, against="high")}
    low, copy = rows["low"].confidence.against, rows["copy"].confidence.against
    assert low.value == pytest.approx(rows["low"].metrics["score"] - rows["high"].metrics["score"])
    assert low.interval.high < 0 and low.beats == 0.0 and low.p_value < 0.001
    assert copy.value == 0 and copy.p_value == 1.0 and copy.interval.low <= 0 <= copy.interval.high
    assert rows["high"].confidence.against is None and rows["high"].confidence.reference
    (table,) = difference_tables(list(rows.values()))
    assert "minus that of high" in table.title and len(table.rows) == 2


def test_seeds_and_splits_are_averaged_as_the_score_is(tmp_path):
    runs = [make_run(tmp_path, "many", 0.7, seed=seed, split=split) for seed in (0, 1) for split in ("s0", "s1")]
    runs += [make_run(tmp_path, "once", 0.7, split=split, like=3) for split in ("s0", "s1")]
    rows = leaderboard(runs, against="once")
    for row in rows:
        assert row.confidence.score.low < row.metrics["score"] < row.confidence.score.high
        assert row.confidence.score.high - row.confidence.score.low < 0.25
        assert row.confidence.ranks is not None and row.n_runs == len(row.runs)


def test_variance_is_told_apart_by_query_animals_splits_and_seeds(tmp_path):
    qualities = {("s0", 0): 0.3, ("s0", 1): 0.5, ("s1", 0): 0.7, ("s1", 1): 0.9}
    runs = [make_run(tmp_path, "all", q, seed=seed, split=split) for (split, seed), q in qualities.items()]
    (row,) = leaderboard(runs)
    causes = row.confidence.variance
    scores = [[run.metrics["score"] for run in runs[:2]], [run.metrics["score"] for run in runs[2:]]]
    of_seeds = np.mean([np.var(found, ddof=1) for found in scores])
    assert causes.seeds == pytest.approx(np.sqrt(of_seeds))
    of_means = np.var([np.mean(found) for found in scores], ddof=1)
    assert 0.8 * (of_means - of_seeds / 2) < causes.splits**2 <= of_means - of_seeds / 2  # the same animals on both
    assert 0.01 < causes.queries < 0.06
    (table,) = variance_tables([row])
    together = np.sqrt(causes.queries**2 + causes.splits**2 + causes.seeds**2)
    assert table.rows == (("all", *(f"{v:.3f}" for v in (causes.queries, causes.splits, causes.seeds, together)), "4"),)
    assert len(table.notes) == 1 and row.to_json()["sd_seeds"] == causes.seeds


def test_costs_are_means_of_a_rows_runs_and_unknown_ones_a_dash(tmp_path):
    runs = [
        make_run(
            tmp_path,
            "timed",
            0.7,
            seed=seed,
            timing={"fit_s": fit, "represent_s": 2.0, "match_s": 3.0, "total_s": total},
            environment={"peak_memory_mib": peak},
        )
        for seed, fit, total, peak in ((0, 1.0, 6.0, 300.0), (1, 3.0, 8.0, 400.0))
    ]
    untold = make_run(tmp_path, "untold", 0.4)
    untold = changed(untold, timing={}, environment=example()["environment"] | {"device": "", "peak_memory_mib": None})
    (table,) = cost_tables(leaderboard([*runs, untold]))
    assert table.headings == ("method", "device", "fit s", "extract s", "match s", "all s", "peak MiB")
    assert table.rows[0] == ("timed", "cpu", "2.0", "2.0", "3.0", "7.0", "350")
    assert table.rows[1] == ("untold", *("–",) * 6)


def test_what_was_not_varied_prints_as_a_dash(tmp_path):
    rows = leaderboard([make_run(tmp_path, "once", 0.7)])
    (table,) = variance_tables(rows)
    assert table.rows[0][2:4] == ("–", "–") and table.rows[0][1] == table.rows[0][4]
    assert "not varied" in table.notes[1]
    (rows[0].runs[0].path / "predictions.csv").unlink()
    assert variance_tables(leaderboard([rows[0].runs[0]])) == []


def test_runs_without_scores_have_no_interval_of_what_needs_scores(tmp_path):
    rows = with_detection_intervals(leaderboard([make_run(tmp_path, "a", 0.5)]))
    assert rows[0].confidence.auroc is None and rows[0].confidence.baks is not None
    (table,) = interval_tables(rows)
    assert table.headings == ("method", "BAKS", "BAUS") and len(table.notes) == 1


def test_intervals_of_what_needs_scores_hold_their_values(finished):
    rows = with_detection_intervals(leaderboard(finished.of("patterns")))
    for row in rows:
        for name in ("auroc", "fpr95", "oracle_score"):
            found = getattr(row.confidence, name)
            assert found.low <= row.metrics[name] <= found.high and found.low < found.high
            assert row.to_json()[f"{name}_low"] == found.low
    (table,) = interval_tables(rows)
    assert table.headings == ("method", "BAKS", "BAUS", "AUROC", "FPR95", "oracle")
    low, high = rows[0].confidence.auroc.low, rows[0].confidence.auroc.high
    assert table.rows[0][3] == f"{rows[0].metrics['auroc']:.3f}\n{low:.3f}–{high:.3f}"
    text = leaderboard_text(rows, 80, [table])
    assert max(map(len, text.splitlines())) <= 80 and f"{low:.3f}–{high:.3f}" in text
    alone = with_detection_intervals([rows[0]])  # other rows don't move an interval
    assert alone[0].confidence.auroc == rows[0].confidence.auroc


def test_runs_without_answers_have_no_intervals_and_no_differences(tmp_path):
    runs = [make_run(tmp_path, "a", 0.5), make_run(tmp_path, "b", 0.9)]
    (runs[0].path / "predictions.csv").unlink()
    rows = {row.method: row for row in leaderboard(runs)}
    assert rows["a"].confidence.score is None and rows["b"].confidence.score is not None
    with pytest.raises(ReidbenchError, match="differences from that row can't be computed"):
        leaderboard(runs, against="a")
    (runs[1].path / "scores.npz").write_bytes(b"nothing")
    with pytest.raises(ReidbenchError, match="was changed after it was written, or is damaged"):
        leaderboard(runs)


def test_a_method_that_is_not_there_is_named_with_those_that_are(tmp_path):
    runs = [make_run(tmp_path, "sift", 0.5)]
    with pytest.raises(ReidbenchError, match="did you mean 'sift'"):
        leaderboard(runs, against="sfit")


def test_several_datasets_give_ranks_and_a_mean_of_paired_differences(tmp_path):
    runs = [
        make_run(tmp_path, method, quality, dataset=dataset)
        for dataset, shift in (("one", 0.0), ("two", -0.1))
        for method, quality in (("a", 0.9), ("b", 0.6))
    ]
    runs.append(make_run(tmp_path, "only_one", 0.99, dataset="one"))
    rows = leaderboard(runs)
    (table,) = dataset_tables(rows)
    assert table.headings == ("method", "rank on one", "rank on two", "mean score", "mean difference")
    assert [row[0] for row in table.rows] == ["a", "b", "only_one"]
    scores = {(row.method, row.dataset): row.metrics["score"] for row in rows}
    mean = np.mean([scores["b", d] - scores["a", d] for d in ("one", "two")])
    assert table.rows[1][-1] == f"{mean:+.3f}" and table.rows[2][2:] == ("–", "–", "–")
    assert dataset_tables([row for row in rows if row.dataset == "one"]) == []


def test_groups_stand_side_by_side_and_json_holds_everything(tmp_path):
    rows = leaderboard([make_run(tmp_path, "a", 0.9), make_run(tmp_path, "b", 0.6)], against="a")
    (table,) = group_tables(rows)
    assert [row[:2] for row in table.rows] == [("L", "a"), ("L", "b"), ("S", "a"), ("S", "b")]
    flat = json.loads(json.dumps(rows[1].to_json(), allow_nan=False))
    for key in (
        "score_low",
        "score_high",
        "rank_low",
        "rank_high",
        "tie_group",
        "device",
        "peak_memory_mib",
        "against_p",
    ):
        assert flat[key] is not None, key
    assert set(flat["groups"]) == {"L", "S"}


def test_small_tables_are_printed_and_written_as_markdown(tmp_path):
    rows = leaderboard([make_run(tmp_path, "a", 0.9), make_run(tmp_path, "b", 0.6)], against="a")
    tables = [*group_tables(rows), *difference_tables(rows)]
    for width in (80, 160):
        text = leaderboard_text(rows, width, tables)
        assert max(map(len, text.splitlines())) <= width
        for word in ("95 %", "ranks", "BAKS", "by group", "P(better)"):
            assert word in text
    assert "| method | difference | 95 % | P(better) | p |" in as_markdown(rows, tables)
    assert markdown_lines(tables[1], str)[3] == "| --- | ---: | ---: | ---: | ---: |"
    console = Console(width=80, record=True, file=io.StringIO())
    print_leaderboard(rows, console, tables)
    assert "minus that of a" in console.export_text()
