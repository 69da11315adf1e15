"""One method on random splits and on splits in order of time: how much of its score comes from shared encounters.

Both kinds of split have the same animals, and as many photographs of each animal in each part. They differ in which
photographs are queries. The difference of the scores has two parts: photographs of the query's encounter in the
gallery, and everything else that changes with time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from reidbench.constants import UNDEFINED
from reidbench.leaderboard.ranking import LeaderboardRow, boards, describe_query, setup_key
from reidbench.leaderboard.without_encounters import without_encounters
from reidbench.metrics.answers import Answers
from reidbench.metrics.uncertainty.rates import IdentityRates, identity_rates
from reidbench.metrics.uncertainty.shared_animals import Difference, mean_difference, mean_score
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import read_saved_run
from reidbench.reporting.numbers import show, show_difference, show_difference_interval
from reidbench.reporting.small_tables import SmallTable, name_of

RANDOM = "random"
IN_TIME = ("time-proportion", "time-cutoff")


@dataclass(frozen=True, slots=True)
class ProtocolDifference:
    """Scores of one method on random splits and on splits in order of time.

    Attributes:
        random: Mean score of the runs on random splits.
        in_time: Mean score of the runs on splits in order of time.
        difference: ``random`` minus ``in_time``.
        hidden: Mean score of the random runs if no photograph of the query's encounter were enrolled; ``None`` if
            unknown.
        same_encounter: ``random`` minus ``hidden``: the part of the score that comes from photographs of the query's
            encounter; ``None`` if unknown.
        n_known: Known test queries of the random runs.
        n_encountered: Those with a photograph of their encounter in the gallery.
        n_left_out: Those of ``n_encountered`` without any other gallery photograph of their animal; ``hidden`` leaves
            them out.
    """

    random: float
    in_time: float
    difference: Difference
    hidden: float | None = None
    same_encounter: Difference | None = None
    n_known: int = 0
    n_encountered: int = 0
    n_left_out: int = 0


def compare_protocols(random: Sequence[RunRecord], in_time: Sequence[RunRecord]) -> ProtocolDifference | None:
    """Compare the runs of one method on random splits with those in order of time.

    Args:
        random: Runs on splits of the kind ``random``.
        in_time: Runs of the same method on time-aware splits.

    Returns:
        The difference; ``None`` if a run has no group with both known and unknown animals.
    """
    saved = [read_saved_run(run) for run in random]
    random_rates = [_rates(run.test.answers, run.test.predicted) for run in saved]
    later = [read_saved_run(run).test for run in in_time]
    time_rates = [_rates(test.answers, test.predicted) for test in later]
    difference = mean_difference(random_rates, time_rates)
    if difference is None:
        return None
    scores = mean_score(random_rates), mean_score(time_rates)
    hidden = [each for run in saved if (each := without_encounters(run)) is not None]
    if len(hidden) < len(saved):
        return ProtocolDifference(*scores, difference)
    hidden_rates = [_rates(each.answers, each.predicted) for each in hidden]
    same_encounter = mean_difference(random_rates, hidden_rates)
    return ProtocolDifference(
        *scores,
        difference,
        hidden=mean_score(hidden_rates) if same_encounter else None,
        same_encounter=same_encounter,
        n_known=sum(each.n_known for each in hidden),
        n_encountered=sum(each.n_encountered for each in hidden),
        n_left_out=sum(each.n_left_out for each in hidden),
    )


def protocol_tables(rows: Sequence[LeaderboardRow]) -> list[SmallTable]:
    """Return, for each dataset with both kinds of run, how much of each score comes from shared encounters."""
    tables = []
    by_dataset: dict[tuple[str, str, str], dict[str, list[LeaderboardRow]]] = {}
    for board in boards(rows):
        first = board[0]
        by_dataset.setdefault((first.dataset, first.dataset_digest, first.query), {})[first.protocol] = board
    for (dataset, _, query), by_protocol in by_dataset.items():
        name = ", ".join(filter(None, (dataset, describe_query(query))))
        for kind in IN_TIME:
            if RANDOM in by_protocol and kind in by_protocol:
                table = _table(name, kind, by_protocol[RANDOM], by_protocol[kind])
                tables += [table] if table else []
    return tables


def _table(
    dataset: str, kind: str, random: Sequence[LeaderboardRow], in_time: Sequence[LeaderboardRow]
) -> SmallTable | None:
    partner = {setup_key(row.runs[0]): row for row in in_time if row.runs}
    cells: list[tuple[str, ...]] = []
    notes: dict[str, list[str]] = {}  # methods by note, so that one note serves several methods
    for row in random:
        other = partner.get(setup_key(row.runs[0])) if row.runs else None
        compared = compare_protocols(row.runs, other.runs) if other else None
        if compared is None:
            continue
        cells.append((
            name_of(row), show(compared.random), show(compared.in_time), *_shown(compared.difference),
            show(compared.hidden), *_shown(compared.same_encounter),
        ))  # fmt: skip
        notes.setdefault(_note(compared), []).append(name_of(row))
    if not cells:
        return None
    headings = ("method", RANDOM, kind, "difference", "95 %", "encounter hidden", "encounter part", "95 %")
    return SmallTable(
        f"{dataset}: how much of the score comes from shared encounters",
        headings,
        tuple(cells),
        (
            *(f"{', '.join(methods)}: {note}" for note, methods in notes.items()),
            "Encounter hidden: the score of the random runs if no photograph of the query's encounter were enrolled; "
            "thresholds held fixed. Encounter part: random minus encounter hidden. The difference also "
            "includes other effects of time. 95 %: intervals over animals, with the same weights on both sides.",
        ),
    )


def _note(compared: ProtocolDifference) -> str:
    if compared.same_encounter is None:
        return (
            "the encounter part is unknown, because the method compares with one centroid or class for each animal, or "
            "because an earlier version wrote the run."
        )
    left_out = (
        " Queries without any other photograph of their animal there are left out when the encounter is hidden: "
        f"{compared.n_left_out}."
    )
    return (
        f"{compared.n_encountered} of {compared.n_known} known test queries of the random split have a photograph of "
        "their encounter in the gallery." + (left_out if compared.n_left_out else "")
    )


def _shown(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return UNDEFINED, UNDEFINED
    return show_difference(difference.value), show_difference_interval(difference.interval)


def _rates(answers: Answers, predicted: NDArray[Any]) -> IdentityRates:
    return identity_rates(answers.true, answers.known, answers.group, [predicted])
