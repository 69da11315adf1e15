"""The tables that stand below a leaderboard: groups, differences, intervals, variance, costs, several datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from reidbench.constants import UNDEFINED
from reidbench.leaderboard.ranking import OFFICIAL, LeaderboardRow, boards
from reidbench.metrics.builtin import METRIC, METRICS
from reidbench.records.failures import FailedRun
from reidbench.records.finding import UnreadableRun
from reidbench.reporting.numbers import show, show_difference, show_difference_interval, show_interval


@dataclass(frozen=True, slots=True)
class SmallTable:
    """A small table: its title, its headings, its cells as text, and what has to be known of it.

    The first ``n_names`` columns are names, the others numbers. With ``prose`` the last one is a sentence, which a
    narrow terminal shows below the rest of its row.
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
    """Return a row's method, with its variant where it has one."""
    return f"{row.method} {row.variant}".strip()


def group_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return each dataset's groups, every method's numbers side by side."""
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
    """Return each dataset's paired differences from the row that was asked about."""
    tables = []
    for board in boards(rows):
        reference = next((row for row in board if row.standing.reference), None)
        if reference is None:
            continue
        cells = tuple(
            (
                name_of(row),
                show_difference(found.value),
                show_difference_interval(found.interval),
                f"{found.beats:.3f}",
                f"{found.p_value:.4f}",
            )
            for row in board
            if (found := row.standing.against) is not None
        )
        note = "P(better): share of folds in which the method is above. p: exchange test, adjusted by Holm."
        headings = ("method", "difference", "95 %", "P(better)", "p")
        title = f"{board[0].dataset}: score minus that of {name_of(reference)}, paired by animal"
        tables.append(SmallTable(title, headings, cells, (note,)))
    return tables


def interval_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return for each dataset the numbers beside the score that have intervals, each above its own."""
    tables = []
    shown = {name: METRIC[name].title for name in ("baks", "baus", "auroc", "fpr95", "oracle_score")}
    for board in boards(rows):
        kept = [name for name in shown if any(getattr(row.standing, name) is not None for row in board)]
        if not kept:
            continue
        cells = tuple(
            (
                name_of(row),
                *(f"{show(row.metrics.get(name))}\n{show_interval(getattr(row.standing, name))}" for name in kept),
            )
            for row in board
        )
        notes = ["Over reweighted animals: BAKS and BAUS 10,000 times, thresholds as they are; the others 1,000 times."]
        if "oracle_score" in kept:
            notes.append("The oracle is the best of these very queries: it and its interval lie above a fair score.")
        headings = ("method", *(shown[name] for name in kept))
        tables.append(SmallTable(f"{board[0].dataset}: 95 % intervals", headings, cells, tuple(notes)))
    return tables


def variance_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return for each dataset how much a run's score varies, by cause; datasets that can't tell are left out."""
    tables = []
    for board in boards(rows):
        told = [row for row in board if row.standing.variance.queries is not None]
        if not told:
            continue
        cells = []
        for row in told:
            causes = row.standing.variance
            found = (causes.queries, causes.splits, causes.seeds)
            together = sum(value**2 for value in found if value is not None) ** 0.5
            cells.append((name_of(row), *map(show, (*found, together)), str(row.n_runs)))
        notes: tuple[str, ...] = (
            "Query animals: other animals asked on the same split. Splits: beyond what the animals that they ask and "
            "the seeds explain. Seeds: of the method, within a split. Together: root of the sum of squares.",
        )
        if any(UNDEFINED in row for row in cells):
            notes += (f"{UNDEFINED}: was not varied, so it is not known and not in the sum.",)
        headings = ("method", "query animals", "splits", "seeds", "together", "runs")
        title = f"{board[0].dataset}: standard deviation of one run's score, by cause"
        tables.append(SmallTable(title, headings, tuple(cells), notes))
    return tables


def cost_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return for each dataset what a run of each row takes: seconds by stage, memory and device."""
    tables = []
    shown = {"fit_s": "fit s", "represent_s": "represent s", "match_s": "match s", "seconds": "all s"}
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
            "Seconds: mean of a row's runs. Fitting and representing cost what they took when they were done, also "
            "where a run found them in the cache. All: with the rest, such as searching the gallery for itself.",
            "Peak MiB: of the process until the run's end, so methods run after a larger one in one process show "
            "that one's; run --isolate gives each its own.",
        )
        headings = ("method", "device", *shown.values(), "peak MiB")
        tables.append(SmallTable(f"{board[0].dataset}: costs of a run", headings, cells, notes, n_names=2))
    return tables


def dataset_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return ranks by dataset and the mean of paired differences, where methods stand on several datasets.

    Protocols are not averaged: where there are several, each with several datasets has a table.

    A difference is taken on each dataset from the first method of the table, then averaged; a method that lacks
    a dataset or a score there has no mean, for it would be of other datasets than its rivals'.
    """
    by_protocol: dict[str, list[list[LeaderboardRow]]] = {}
    for board in boards(rows):
        if board[0].ranked_by == OFFICIAL:
            by_protocol.setdefault(board[0].protocol, []).append(board)
    tables = (_over_datasets(datasets, protocol) for protocol, datasets in by_protocol.items() if len(datasets) > 1)
    return [table for table in tables if table is not None]


def _over_datasets(datasets: Sequence[Sequence[LeaderboardRow]], protocol: str) -> SmallTable | None:
    by_name: dict[str, list[LeaderboardRow | None]] = {}
    for place, board in enumerate(datasets):
        for row in board:
            by_name.setdefault(name_of(row), [None] * len(datasets))[place] = row

    def scores(name: str) -> list[float] | None:
        found = [None if row is None else row.metrics.get(OFFICIAL) for row in by_name[name]]
        return None if None in found else [value for value in found if value is not None]

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
    note = f"Mean difference: of the score from {order[0]}'s, dataset by dataset; each dataset weighs the same."
    title = "Over all datasets" + (f", {protocol}" if protocol else "")
    return SmallTable(title, headings, tuple(cells), (note,))


def failure_tables(failures: Sequence[FailedRun]) -> list[SmallTable]:
    """Return the runs that have no numbers, and why; none where all succeeded."""
    if not failures:
        return []
    cells = tuple(
        (each.method, f"{each.plugin} {each.version[:12]}".strip() or UNDEFINED, each.dataset,
         f"{each.asked['split'] or each.asked['split_seed']}, {each.asked['seed']}", each.how, each.reason)
        for each in failures
    )  # fmt: skip
    headings = ("method", "plugin", "dataset", "split, seed", "how", "reason")
    return [SmallTable("Failed", headings, cells, n_names=len(headings), prose=True)]


def unreadable_tables(runs: Sequence[UnreadableRun]) -> list[SmallTable]:
    """Return the run folders that have no row because their records can't be read; none where all can."""
    if not runs:
        return []
    cells = tuple((str(each.path), f"{each.reason}; {each.remedy}") for each in runs)
    title = "Left out: the record of " + ("a run" if len(runs) == 1 else f"{len(runs)} runs") + " can't be read"
    return [SmallTable(title, ("folder", "reason, and what to do"), cells, n_names=2, prose=True)]


def markdown_lines(table: SmallTable, escaped: Callable[[str], str]) -> list[str]:
    """Return a small table as lines of Markdown."""
    rule = ["---" if place < table.n_names else "---:" for place in range(len(table.headings))]
    cells = [table.headings, *table.rows]
    lines = ["| " + " | ".join(map(escaped, row)) + " |" for row in cells]
    return [
        f"## {escaped(table.title)}", "", lines[0], "| " + " | ".join(rule) + " |", *lines[1:], "",
        *(f"- {escaped(note)}" for note in table.notes),
    ]  # fmt: skip
