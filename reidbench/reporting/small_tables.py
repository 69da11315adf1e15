"""The small tables below a leaderboard: groups, differences, intervals, variance, costs, several datasets, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from reidbench.constants import UNDEFINED
from reidbench.leaderboard.ranking import OFFICIAL, LeaderboardRow, boards, describe_query
from reidbench.metrics.builtin import METRIC, METRICS
from reidbench.records.failures import FailedRun
from reidbench.records.finding import UnreadableRun
from reidbench.reporting.numbers import show, show_difference, show_difference_interval, show_interval


@dataclass(frozen=True, slots=True)
class SmallTable:
    """A small table: title, headings, cells as text, and notes.

    The first ``n_names`` columns are names, the others numbers. With ``prose``, the last column holds sentences; a
    narrow terminal prints each sentence below the rest of its row.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    n_names: int = 1
    prose: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(f"a row of '{self.title}' has {len(row)} cells for {len(self.headings)} headings")


def name_of(row: LeaderboardRow) -> str:
    """Return the method of a row, with its variant if it has one."""
    return f"{row.method} {row.variant}".strip()


def group_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return a table for each dataset: the metrics of each group, method by method."""
    tables = []
    shown = {metric.name: metric.title for metric in METRICS if metric.by_group}
    for board in boards(rows):
        cells = [
            (group, name_of(row), *(show(values.get(name)) for name in shown))
            for group in sorted({group for row in board for group in row.groups})
            for row in board
            if (values := row.groups.get(group)) is not None
        ]  # fmt: skip
        headings = ("group", "method", *shown.values())
        tables.append(SmallTable(f"{board[0].dataset}, by group", headings, tuple(cells), n_names=2))
    return tables


def difference_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return a table for each dataset: paired differences of the score from the reference row (``--against``)."""
    tables = []
    for board in boards(rows):
        reference = next((row for row in board if row.confidence.reference), None)
        if reference is None:
            continue
        cells = tuple(
            (
                name_of(row),
                show_difference(difference.value),
                show_difference_interval(difference.interval),
                f"{difference.beats:.3f}",
                f"{difference.p_value:.4f}",
            )
            for row in board
            if (difference := row.confidence.against) is not None
        )
        note = (
            "P(better): how probable it is that the method is better (share of random weights of the animals with "
            "which its score is higher). p: p-value of a permutation test, adjusted for the number of comparisons "
            "(Holm's method); below 0.05, the difference is hardly chance."
        )
        headings = ("method", "difference", "95 %", "P(better)", "p")
        title = f"{board[0].dataset}: score minus that of {name_of(reference)}, paired by animal"
        tables.append(SmallTable(title, headings, cells, (note,)))
    return tables


def interval_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return a table for each dataset: the metrics that have an interval, each with its interval below it."""
    tables = []
    shown = {name: METRIC[name].title for name in ("baks", "baus", "auroc", "fpr95", "oracle_score")}
    for board in boards(rows):
        kept = [name for name in shown if any(getattr(row.confidence, name) is not None for row in board)]
        if not kept:
            continue
        cells = tuple(
            (
                name_of(row),
                *(f"{show(row.metrics.get(name))}\n{show_interval(getattr(row.confidence, name))}" for name in kept),
            )
            for row in board
        )
        notes = [
            "Intervals over animals (Bayesian bootstrap): 10,000 sets of random weights for BAKS and BAUS, 1,000 for "
            "the others; thresholds held fixed."
        ]
        if "oracle_score" in kept:
            notes.append(
                "The oracle uses the best threshold for these queries. It and its interval are too high for other "
                "queries."
            )
        headings = ("method", *(shown[name] for name in kept))
        tables.append(SmallTable(f"{board[0].dataset}: 95 % intervals", headings, cells, tuple(notes)))
    return tables


def variance_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return a table for each dataset: how much the score of one run varies, by cause; none if it is unknown."""
    tables = []
    for board in boards(rows):
        known = [row for row in board if row.confidence.variance.queries is not None]
        if not known:
            continue
        cells = []
        for row in known:
            causes = row.confidence.variance
            deviations = (causes.queries, causes.splits, causes.seeds)
            together = sum(value**2 for value in deviations if value is not None) ** 0.5
            cells.append((name_of(row), *map(show, (*deviations, together)), str(row.n_runs)))
        notes: tuple[str, ...] = (
            "Query animals: with other query animals on the same split. Splits: with other splits, beyond the effect "
            "of query animals and seeds. Seeds: with other seeds of the method on one split. Together: root of the "
            "sum of squares.",
        )
        if any(UNDEFINED in row for row in cells):
            notes += (f"{UNDEFINED}: not varied in these runs, so unknown and not in the sum.",)
        headings = ("method", "query animals", "splits", "seeds", "together", "runs")
        title = f"{board[0].dataset}: standard deviation of one run's score, by cause"
        tables.append(SmallTable(title, headings, tuple(cells), notes))
    return tables


def cost_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return a table for each dataset: seconds by stage, memory and device of one run of each row."""
    tables = []
    shown = {"fit_s": "fit s", "represent_s": "extract s", "match_s": "match s", "seconds": "all s"}
    for board in boards(rows):
        cells = tuple(
            (
                name_of(row),
                row.device or UNDEFINED,
                *(show(row.timing.get(key), 1) for key in shown),
                show(row.timing.get("peak_memory_mib"), 0),
            )
            for row in board
        )
        notes: tuple[str, ...] = (
            "Seconds: mean over the runs of a row. Results read from the cache count with the time that it took to "
            "compute them. All: with further steps, such as comparing the gallery with itself.",
            "Peak MiB: highest memory of the process until the end of the run. A method that runs after a larger one "
            "in the same process shows the memory of the larger one; run --isolate measures each method alone.",
        )
        headings = ("method", "device", *shown.values(), "peak MiB")
        tables.append(SmallTable(f"{board[0].dataset}: costs of a run", headings, cells, notes, n_names=2))
    return tables


def dataset_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return ranks by dataset and the mean of paired differences, for methods with runs on several datasets.

    Protocols are not averaged: each protocol with several datasets has its own table.

    The difference from the first method of the table is taken on each dataset, then averaged. A method without a score
    on one of the datasets has no mean, because it would be a mean over other datasets.
    """
    by_protocol: dict[tuple[str, str], list[list[LeaderboardRow]]] = {}
    for board in boards(rows):
        if board[0].ranked_by == OFFICIAL:
            by_protocol.setdefault((board[0].protocol, board[0].query), []).append(board)
    tables = (
        _over_datasets(datasets, ", ".join(filter(None, (protocol, describe_query(query)))))
        for (protocol, query), datasets in by_protocol.items()
        if len(datasets) > 1
    )
    return [table for table in tables if table is not None]


def rule_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return a table of the runs whose dataset has the digest rule of earlier versions; none if there are none."""
    counts = Counter(
        (row.dataset, row.dataset_digest[:12], name_of(row))
        for row in rows
        for run in row.runs
        if run.data.dataset.digest_rule == 1
    )
    if not counts:
        return []
    note = (
        "Ids, the order of rows and the name of the dataset count in these digests (dataset.digest_rule 1). Newer runs "
        "of the same images have another digest and other splits, so they are not ranked together with these runs. Run "
        "the methods again to compare them."
    )
    cells = tuple((*names, str(count)) for names, count in sorted(counts.items()))
    headings = ("dataset", "digest", "method", "runs")
    return [SmallTable("Runs by the digest rule of earlier versions", headings, cells, (note,), n_names=3)]


def _over_datasets(datasets: Sequence[Sequence[LeaderboardRow]], protocol: str) -> SmallTable | None:
    by_name: dict[str, list[LeaderboardRow | None]] = {}
    for place, board in enumerate(datasets):
        for row in board:
            by_name.setdefault(name_of(row), [None] * len(datasets))[place] = row

    def scores(name: str) -> list[float] | None:
        values = [None if row is None else row.metrics.get(OFFICIAL) for row in by_name[name]]
        return None if None in values else [value for value in values if value is not None]

    complete = {name: values for name in by_name if (values := scores(name)) is not None}
    if len(complete) < 2:
        return None
    order = sorted(complete, key=lambda name: -fmean(complete[name]))
    first = complete[order[0]]
    cells = []
    for name in [*order, *sorted(set(by_name) - set(order))]:
        ranks = [UNDEFINED if row is None or row.rank is None else str(row.rank) for row in by_name[name]]
        if name in complete:
            differences = [mine - other for mine, other in zip(complete[name], first, strict=True)]
            mean = show(fmean(complete[name]))
            difference = "" if name == order[0] else show_difference(fmean(differences))
        else:
            mean = difference = UNDEFINED
        cells.append((name, *ranks, mean, difference))
    headings = ("method", *(f"rank on {board[0].dataset}" for board in datasets), "mean score", "mean difference")
    note = (
        f"Mean difference: the score minus that of {order[0]} on each dataset, averaged; each dataset counts equally."
    )
    title = "Over all datasets" + (f", {protocol}" if protocol else "")
    return SmallTable(title, headings, tuple(cells), (note,))


def failure_tables(failures: Sequence[FailedRun]) -> list[SmallTable]:
    """Return a table of the failed runs with their reasons; empty if all succeeded."""
    if not failures:
        return []
    cells = []
    for each in failures:
        plugin = f"{each.plugin} {each.version[:12]}".strip() or UNDEFINED
        split = each.asked.get("split") or each.asked.get("split_seed", UNDEFINED)
        seeds = f"{split}, {each.asked.get('seed', UNDEFINED)}"
        cells.append((each.method, plugin, each.dataset, seeds, each.how, each.reason))
    headings = ("method", "plugin", "dataset", "split, seed", "how", "reason")
    return [SmallTable("Failed", headings, tuple(cells), n_names=len(headings), prose=True)]


def unreadable_tables(runs: Sequence[UnreadableRun]) -> list[SmallTable]:
    """Return a table of the runs and failures whose records can't be read; empty if all can."""
    if not runs:
        return []
    cells = tuple((str(each.path), f"{each.reason}; {each.remedy}") for each in runs)
    title = "Left out: the record of " + ("a run" if len(runs) == 1 else f"{len(runs)} runs") + " can't be read"
    return [SmallTable(title, ("folder or file", "reason, and what to do"), cells, n_names=2, prose=True)]


def markdown_lines(table: SmallTable, escaped: Callable[[str], str]) -> list[str]:
    """Return a small table as lines of Markdown."""
    rule = ["---" if place < table.n_names else "---:" for place in range(len(table.headings))]
    cells = [table.headings, *table.rows]
    lines = ["| " + " | ".join(map(escaped, row)) + " |" for row in cells]
    return [
        f"## {escaped(table.title)}", "", lines[0], "| " + " | ".join(rule) + " |", *lines[1:], "",
        *(f"- {escaped(note)}" for note in table.notes),
    ]  # fmt: skip
