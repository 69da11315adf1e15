"""One method under two protocols: photographs torn from their days, and days in order of time.

Both splits hold the same animals, as many photographs of each in every part; so what differs is which photographs are
asked about. The difference is told apart: what the encounter gave, and what is left for time and for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from reidbench.constants import UNDEFINED
from reidbench.leaderboard.ranking import LeaderboardRow, boards, setup_key
from reidbench.leaderboard.without_encounters import WithoutEncounters, without_encounters
from reidbench.metrics.answers import Answers
from reidbench.metrics.uncertainty.rates import IdentityRates, identity_rates
from reidbench.metrics.uncertainty.shared_animals import Difference, mean_difference, mean_score
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import read_saved_run
from reidbench.reporting.numbers import show, show_difference, show_difference_interval
from reidbench.reporting.small_tables import Sheet, name_of

TORN = "random"


@dataclass(frozen=True, slots=True)
class ProtocolDifference:
    """What a method scores on torn days and in order of time.

    Attributes:
        torn: Mean score of the runs on torn days.
        timed: Mean score of the runs in order of time.
        difference: Torn minus timed.
        hidden: Mean score of the torn runs without photographs of the query's own day, ``None`` where unknown.
        encounter: Torn minus hidden: what the encounter gave. ``None`` where unknown.
        n_known: Known test queries of the torn runs.
        n_encountered: Those with a photograph of their animal and day in the gallery.
        n_left_out: Those that nothing else in the gallery could answer; ``hidden`` leaves them out.
    """

    torn: float
    timed: float
    difference: Difference
    hidden: float | None = None
    encounter: Difference | None = None
    n_known: int = 0
    n_encountered: int = 0
    n_left_out: int = 0


def compare_protocols(torn: Sequence[RunRecord], timed: Sequence[RunRecord]) -> ProtocolDifference | None:
    """Compare the runs of one method on torn days with those in order of time.

    Args:
        torn: Runs on splits of the kind ``random``.
        timed: Runs of the same method on time-aware splits.

    Returns:
        The difference; ``None`` where no group of a run has known and new animals.
    """
    saved = [read_saved_run(run) for run in torn]
    later = [read_saved_run(run) for run in timed]
    whole = [_rates(run.test.answers, run.test.predicted) for run in saved]
    in_time = [_rates(run.test.answers, run.test.predicted) for run in later]
    found = mean_difference(whole, in_time)
    if found is None:
        return None
    hidden = [without_encounters(run) for run in saved]
    told = [each for each in hidden if each is not None]
    if len(told) < len(hidden):
        return ProtocolDifference(mean_score(whole), mean_score(in_time), found)
    rest = [_rates(each.answers, each.predicted) for each in told]
    encounter = mean_difference(whole, rest)
    return ProtocolDifference(
        torn=mean_score(whole),
        timed=mean_score(in_time),
        difference=found,
        hidden=mean_score(rest) if encounter else None,
        encounter=encounter,
        **_counts(told),
    )


def protocol_sheets(rows: Sequence[LeaderboardRow]) -> list[Sheet]:
    """Return, for each dataset that was run both ways, what the encounter was worth to each method."""
    sheets = []
    by_dataset: dict[tuple[str, str], dict[str, list[LeaderboardRow]]] = {}
    for board in boards(rows):
        by_dataset.setdefault((board[0].dataset, board[0].dataset_digest), {})[board[0].protocol] = board
    for (dataset, _), found in by_dataset.items():
        for timed in ("time-proportion", "time-cutoff"):
            if TORN in found and timed in found:
                sheet = _sheet(dataset, timed, found[TORN], found[timed])
                sheets += [sheet] if sheet else []
    return sheets


def _sheet(dataset: str, timed: str, torn: Sequence[LeaderboardRow], later: Sequence[LeaderboardRow]) -> Sheet | None:
    partner = {setup_key(row.runs[0]): row for row in later if row.runs}
    cells, notes = [], []
    for row in torn:
        other = partner.get(setup_key(row.runs[0])) if row.runs else None
        found = compare_protocols(row.runs, other.runs) if other else None
        if found is None:
            continue
        name = name_of(row)
        cells.append((
            name, show(found.torn), show(found.timed), *_shown(found.difference), show(found.hidden),
            *_shown(found.encounter),
        ))  # fmt: skip
        if found.encounter is None:
            notes.append(f"{name}: what its days are worth can't be told apart, because it compares with one centroid "
                         "or class for each animal, or because an earlier version wrote the run.")  # fmt: skip
        else:
            left = f" ({found.n_left_out} of them alone, left out when hidden)" if found.n_left_out else ""
            notes.append(
                f"{name}: {found.n_encountered} of {found.n_known} known test queries of the random split have a "
                f"photograph of the same animal and day in the gallery{left}."
            )
    if not cells:
        return None
    headings = ("method", TORN, timed, "difference", "95 %", "own day hidden", "encounter", "95 %")
    told = (
        "Own day hidden: the random runs answered again, at their own thresholds, as if no photograph of the query's "
        "animal and day were enrolled. Encounter: random minus that. The difference also holds what time and other "
        "photographs do. Intervals: over reweighted animals, the same for both."
    )
    return Sheet(f"{dataset}: how much of the score was the encounter", headings, tuple(cells), (*_joined(notes), told))


def _joined(notes: Sequence[str]) -> list[str]:
    """Say once what is true of several methods."""
    methods: dict[str, list[str]] = {}
    for note in notes:
        name, _, rest = note.partition(": ")
        methods.setdefault(rest, []).append(name)
    return [f"{', '.join(names)}: {rest}" for rest, names in methods.items()]


def _shown(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return UNDEFINED, UNDEFINED
    return show_difference(difference.value), show_difference_interval(difference.interval)


def _rates(answers: Answers, predicted: NDArray[Any]) -> IdentityRates:
    return identity_rates(answers.true, answers.known, answers.group, [predicted])


def _counts(told: Sequence[WithoutEncounters]) -> dict[str, int]:
    return {name: sum(getattr(each, name) for each in told) for name in ("n_known", "n_encountered", "n_left_out")}
