"""Which runs make a row, which rows are ranked together, and the spread over seeds and splits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reidbench.errors import ReidbenchError
from reidbench.leaderboard.ranking import boards, compare_runs, leaderboard, ranks
from reidbench.records.run_data import RunData
from reidbench.records.run_record import RunRecord
from tests.reidbench.records.example import changed, example, with_id


def make_run(
    method: str = "sift",
    score: float | None = 0.5,
    *,
    seed: int = 0,
    split: str = "s0",
    dataset: str = "patterns",
    digest: str = "d0",
    gallery: str = "group",
    settings: dict[str, Any] | None = None,
    weights: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    created: str = "2025-01-01T00:00:00Z",
    policy: str = "max-score",
    total_s: float = 6.0,
) -> RunRecord:
    overall = {"score": score, "baks": 0.4, "baus": 0.8, "balanced_rank1": 0.6, "n_queries": 40, **(metrics or {})}
    data = example(
        id=f"{method}-{split}-{seed}-{created}",
        method=method,
        dataset={"name": dataset, "digest": digest},
        split={"digest": split},
        seed=seed,
        preset="quick",
        settings={"effective": settings or {}},
        weights=weights or {},
        gallery=gallery,
        threshold={"policy": policy},
        metrics={"test": {"overall": overall}},
        timing={"fit_s": 1.0, "represent_s": 2.0, "match_s": 3.0, "total_s": total_s},
        created=created,
    )
    return RunRecord(Path("runs") / str(data["id"]), RunData.from_json(data))


def test_ranks_share_a_place_and_skip_the_next():
    assert ranks([0.5, 0.7, None, 0.5 + 1e-13, 0.1]) == [2, 1, None, 2, 4]


def test_values_further_apart_than_the_tie_are_ranked_apart():
    assert ranks([0.5, 0.5 + 1e-11]) == [2, 1]


def test_methods_are_ranked_by_the_official_score():
    # b has the better BAKS and balanced Rank-1; the score alone decides.
    rows = leaderboard(
        [make_run("a", 0.6), make_run("b", 0.5, metrics={"baks": 0.9, "balanced_rank1": 0.9}), make_run("c", 0.6)]
    )
    assert [(row.rank, row.method) for row in rows] == [(1, "a"), (1, "c"), (3, "b")]


def test_a_metric_that_a_run_is_older_than_is_undefined_with_the_reason():
    reasons = {"auroc": "no unknown queries"}
    (row,) = leaderboard([make_run(metrics={"fpr95": 0.25, "auroc": None, "reasons": reasons}), make_run(seed=1)])
    assert row.metrics["fpr95"] is None and row.metrics["rank1"] is None
    assert row.reasons["fpr95"] == row.reasons["rank1"] == "a run of this row is older than this metric"
    assert row.reasons["auroc"] == "no unknown queries" and "score" not in row.reasons


def test_seeds_of_one_split_give_a_mean_and_their_standard_deviation():
    rows = leaderboard([make_run(score=0.4, seed=0), make_run(score=0.6, seed=2), make_run(score=0.8, seed=1)])
    row = rows[0]
    assert len(rows) == 1
    assert row.seeds == (0, 1, 2)
    assert row.n_runs == 3
    assert row.metrics["score"] == pytest.approx(0.6)
    assert row.seed_sd["score"] == pytest.approx(0.2)  # deviations -.2, 0, .2 → sqrt(.08 / 2)
    assert row.split_sd["score"] is None


def test_splits_weigh_equally_and_their_spread_is_apart_from_that_of_seeds():
    runs = [
        make_run(score=0.2, seed=0, split="s0"),
        make_run(score=0.4, seed=1, split="s0"),
        make_run(score=0.7, seed=0, split="s1"),
    ]
    row = leaderboard(runs)[0]
    assert row.metrics["score"] == pytest.approx(0.5)  # (.3 + .7) / 2; over runs it would be .4333
    assert row.seed_sd["score"] == pytest.approx(0.1414213562)  # s0 alone has two seeds
    assert row.split_sd["score"] == pytest.approx(0.2828427125)  # of .3 and .7
    assert row.splits == ("s0", "s1")


def test_the_spread_over_seeds_pools_the_variances_of_the_splits():
    runs = [make_run(score=value, seed=seed, split=split) for split, seed, value in
            (("s0", 0, 0.4), ("s0", 1, 0.6), ("s1", 0, 0.1), ("s1", 1, 0.5))]  # fmt: skip
    row = leaderboard(runs)[0]
    assert row.seed_sd["score"] == pytest.approx(0.2236067977)  # sqrt((.02 + .08) / 2)


def test_one_seed_has_no_spread():
    row = leaderboard([make_run()])[0]
    assert row.seed_sd["score"] is None
    assert row.to_json()["score_sd"] is None
    assert row.to_json()["split_sd"] is None


def test_an_undefined_value_makes_the_mean_undefined():
    runs = [make_run(seed=0, metrics={"auroc": 0.9}), make_run(seed=1, metrics={"auroc": None})]
    assert leaderboard(runs)[0].metrics["auroc"] is None


def test_a_closed_set_is_ranked_by_balanced_rank1():
    rows = leaderboard(
        [make_run("a", None, metrics={"balanced_rank1": 0.3}), make_run("b", None, metrics={"balanced_rank1": 0.5})]
    )
    assert [(row.rank, row.method, row.ranked_by) for row in rows] == [
        (1, "b", "balanced_rank1"),
        (2, "a", "balanced_rank1"),
    ]


def test_a_closed_set_gives_the_spread_of_balanced_rank1():
    runs = [make_run(score=None, seed=seed, metrics={"balanced_rank1": value}) for seed, value in ((0, 0.4), (1, 0.6))]
    row = leaderboard(runs)[0].to_json()
    assert row["score"] is None and row["score_sd"] is None
    assert row["balanced_rank1_sd"] == pytest.approx(0.1414213562)


def test_a_row_without_score_has_no_rank_beside_rows_that_have_one():
    rows = leaderboard([make_run("a", None), make_run("b", 0.1)])
    assert [(row.rank, row.method) for row in rows] == [(1, "b"), (None, "a")]


def test_different_splits_are_refused_with_the_splits_of_each():
    runs = [make_run("a", split="aaaa"), make_run("a", split="bbbb"), make_run("b", split="bbbb")]
    with pytest.raises(ReidbenchError) as caught:
        leaderboard(runs)
    message = str(caught.value)
    assert "a: aaaa (open-set, seed 0), bbbb (open-set, seed 0)" in message
    assert "b: bbbb" in message
    assert "--split-digest bbbb" in message and "--mixed-splits" in message


def test_different_splits_are_ranked_when_told():
    runs = [make_run("a", 0.3, split="aaaa"), make_run("b", 0.4, split="bbbb")]
    assert [row.method for row in leaderboard(runs, mixed_splits=True)] == ["b", "a"]


def test_a_remedy_names_no_common_split_where_there_is_none():
    with pytest.raises(ReidbenchError, match="no split is common to all"):
        leaderboard([make_run("a", split="aaaa"), make_run("b", split="bbbb")])


def test_different_galleries_are_refused_even_when_splits_may_be_mixed():
    runs = [make_run("a", gallery="group"), make_run("b", gallery="all")]
    with pytest.raises(ReidbenchError, match="different galleries"):
        leaderboard(runs, mixed_splits=True)


def test_each_dataset_is_ranked_by_itself():
    runs = [make_run("a", 0.3), make_run("b", 0.2), make_run("b", 0.1, dataset="turtles", digest="d1", split="t0")]
    assert [(row.dataset, row.rank, row.method) for row in leaderboard(runs)] == [
        ("patterns", 1, "a"),
        ("patterns", 2, "b"),
        ("turtles", 1, "b"),
    ]


def test_one_name_with_two_contents_is_two_datasets():
    rows = leaderboard([make_run("a", digest="d0"), make_run("b", digest="d1", split="s1")])
    assert [[row.method for row in board] for board in boards(rows)] == [["a"], ["b"]]


def test_settings_part_a_method_into_variants_that_name_the_difference():
    runs = [make_run("a", 0.3, settings={"epochs": 3, "dim": 8}), make_run("a", 0.5, settings={"epochs": 9, "dim": 8})]
    rows = leaderboard(runs)
    assert [(row.rank, row.variant) for row in rows] == [(1, "epochs=9"), (2, "epochs=3")]


def test_threshold_policies_are_variants():
    rows = leaderboard([make_run("a", 0.3), make_run("a", 0.5, policy="fixed=0.5")])
    assert [row.variant for row in rows] == ["threshold=fixed=0.5", "threshold=max-score"]


def test_the_only_setup_of_a_method_has_no_variant():
    assert leaderboard([make_run("a", settings={"epochs": 3}), make_run("b")])[0].variant == ""


def test_random_weights_of_several_seeds_are_one_row():
    runs = [
        make_run("a", seed=seed, weights={"source": f"random, seed {seed}", "pretrained": False, "label": "random"})
        for seed in (0, 1)
    ]
    rows = leaderboard(runs)
    assert len(rows) == 1
    assert rows[0].random_weights


def test_random_and_pretrained_weights_are_never_averaged():
    random = {"source": "random, seed 0", "pretrained": False, "label": "random"}
    pretrained = {"source": "hub", "pretrained": True, "sha256": "ab", "label": "pretrained"}
    rows = leaderboard([make_run("a", 0.2, weights=random), make_run("a", 0.6, weights=pretrained)])
    assert [(row.weights, row.random_weights) for row in rows] == [("pretrained", False), ("random", True)]


def test_a_method_without_network_does_not_count_as_random():
    assert not leaderboard([make_run()])[0].random_weights


def test_a_repeated_run_counts_once_and_the_newest_stands():
    runs = [make_run(score=0.9, created="2025-01-02"), make_run(score=0.1, created="2025-01-01")]
    row = leaderboard(runs)[0]
    assert (row.n_runs, row.metrics["score"]) == (1, 0.9)


def test_a_json_row_has_every_metric_and_the_costs():
    row = leaderboard([make_run(metrics={"regret": 0.05})])[0].to_json()
    assert row["rank"] == 1
    assert row["seeds"] == [0]
    assert row["splits"] == ["s0"]
    assert row["score"] == 0.5 and row["regret"] == 0.05
    assert row["map"] is None and row["root_of_means_score"] is None
    assert row["n_queries"] == 40 and isinstance(row["n_queries"], int)
    assert (row["fit_s"], row["represent_s"], row["match_s"], row["seconds"]) == (1.0, 2.0, 3.0, 6.0)
    assert (row["weights"], row["pretrained"], row["threshold"], row["preset"]) == ("none", False, "max-score", "quick")
    json.dumps(row, allow_nan=False)


def write(run: RunRecord, runs_dir: Path) -> None:
    data = with_id(run.data.to_json())
    folder = runs_dir / run.dataset / run.method / data["id"]
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(data))


def test_runs_are_read_from_their_folder(tmp_path):
    write(make_run("a", 0.2), tmp_path)
    write(make_run("b", 0.4), tmp_path)
    assert [row.method for row in compare_runs(tmp_path)] == ["b", "a"]


def test_a_split_is_chosen_by_how_its_digest_begins(tmp_path):
    for method, split in (("a", "aaaa"), ("a", "bbbb"), ("b", "bbbb")):
        write(make_run(method, split=split), tmp_path)
    rows = compare_runs(tmp_path, split="bb")
    assert [row.splits for row in rows] == [("bbbb",), ("bbbb",)]


def test_a_gallery_is_chosen(tmp_path):
    write(make_run("a", gallery="group"), tmp_path)
    write(make_run("b", gallery="all"), tmp_path)
    assert [row.method for row in compare_runs(tmp_path, gallery="all")] == ["b"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"dataset": "pattern"}, "did you mean 'patterns'"),
        ({"split": "zz"}, "no run is on split 'zz'"),
        ({"gallery": "all"}, "no run has the gallery 'all'"),
    ],
)
def test_a_choice_that_leaves_no_run_is_refused(tmp_path, chosen, message):
    write(make_run(), tmp_path)
    with pytest.raises(ReidbenchError, match=message):
        compare_runs(tmp_path, **chosen)


def test_an_empty_folder_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(ReidbenchError) as caught:
        compare_runs(tmp_path)
    assert "reidbench run" in caught.value.remedy


def test_a_row_takes_the_worst_stamp_of_its_runs():
    stamps = [
        {"status": "blind", "n_query": 3},
        {"status": "differs", "n_query": 3, "differences": {"order": "1 of 3 queries have other results"}},
    ]
    runs = [make_run(seed=seed) for seed in range(2)]
    stamped = [changed(run, blindness=stamp) for run, stamp in zip(runs, stamps, strict=True)]
    (row,) = leaderboard(stamped)
    assert row.blindness == "differs" and row.follows.startswith("another order of queries: 1 of 3")
    assert leaderboard(stamped[:1])[0].blindness == "blind" and leaderboard(runs)[0].blindness == "untested"
