"""Random and time-aware runs side by side, on a small set of drawn animals."""

import json

import pytest
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.data.splits.kinds import KINDS, parse_kind
from reidbench.errors import ReidbenchError
from reidbench.leaderboard.ranking import boards, compare_runs
from reidbench.leaderboard.selection import IN_TIME, protocol_of
from reidbench.records.finding import load_runs
from reidbench.records.saved_run import read_saved_run
from reidbench.reporting.page import write_report
from reidbench.reporting.protocols import compare_protocols, protocol_tables

SMALL = "patterns:identities=36,size=64,level=easy"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    runs_dir = tmp_path_factory.mktemp("both") / "runs"
    options = ["--method", "color_histogram", "--dataset", SMALL, "--runs", str(runs_dir)]
    done = CliRunner().invoke(app, ["run", *options, "--protocol", "both"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return runs_dir, done.stdout


def test_random_days_flatter_and_the_command_says_by_how_much(both):
    runs_dir, printed = both[0], " ".join(both[1].split())
    kinds = {run.data.split.kind: run for run in load_runs(runs_dir)}
    assert set(kinds) == {"random", "time-proportion"}
    found = compare_protocols([kinds["random"]], [kinds["time-proportion"]])
    assert found.random == pytest.approx(kinds["random"].metrics["score"])
    assert found.in_time == pytest.approx(kinds["time-proportion"].metrics["score"])
    assert found.difference.value == pytest.approx(found.random - found.in_time) and found.difference.value > 0.1
    assert found.same_encounter.value == pytest.approx(found.random - found.hidden) and found.same_encounter.value > 0.1
    assert found.difference.interval.low < found.difference.value < found.difference.interval.high
    assert 0 < found.n_encountered <= found.n_known
    assert "how much of the score comes from shared encounters" in printed
    assert f"{found.n_encountered} of {found.n_known} known test queries" in printed


def test_no_query_meets_its_own_day_in_order_of_time(both):
    timed = next(run for run in load_runs(both[0]) if run.data.split.kind == "time-proportion")
    assert not read_saved_run(timed).test.encountered.any()


def test_protocols_are_ranked_apart_and_tables_say_why(both):
    rows = compare_runs(both[0])
    assert [row.protocol for row in rows] == ["random", "time-proportion"] and [row.rank for row in rows] == [1, 1]
    assert len(boards(rows)) == 2
    (table,) = protocol_tables(rows)
    assert table.rows[0][0] == "color_histogram" and table.headings[1:3] == ("random", "time-proportion")
    page = write_report(rows)
    assert "how much of the score comes from shared encounters" in page and "are on two sides" in page
    shown = CliRunner().invoke(app, ["compare", "--runs", str(both[0])], catch_exceptions=False).stdout
    shown = " ".join(shown.split())
    assert "how much of the score comes from shared encounters" in shown and "are on two sides" in shown
    told = CliRunner().invoke(app, ["compare", "--runs", str(both[0]), "--json"], catch_exceptions=False).stdout
    assert [row["split_kinds"] for row in json.loads(told)] == [["random"], ["time-proportion"]]


def test_the_protocols_of_their_own_are_the_kinds_that_need_dates():
    assert sorted(IN_TIME) == sorted(kind for kind in KINDS if parse_kind(kind).in_time)
    assert (
        protocol_of("time-cutoff=2022-01-01") == "time-cutoff" and protocol_of("open-set") == protocol_of("file") == ""
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--protocol", "boht"], "there is no protocol 'boht'"),
        (["--protocol", "both", "--split-kind", "disjoint"], "--protocol and --split-kind both choose the split"),
        (["--protocol", "both", "--split", "split.csv"], "--protocol and --split both choose the split"),
    ],
)
def test_protocol_options_that_contradict_are_refused(options, message):
    with pytest.raises(ReidbenchError, match=message):
        CliRunner().invoke(app, ["run", "--method", "sift", *options], catch_exceptions=False)
