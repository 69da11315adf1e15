"""Decisions of a person on photographs, as the review page saves them.

The table has the columns ``image_id,decision,identity,sha256,group``. A decision is ``accept`` (an enrolled animal),
``new`` (a new animal with the given name) or ``reject`` (not enrolled).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reidbench.csv_files import read_csv
from reidbench.data.names import identity_name, is_new
from reidbench.errors import ReidbenchError, did_you_mean

DECISIONS = ("accept", "new", "reject")


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of a person on one photograph.

    Attributes:
        image_id: The photograph.
        decision: One of :data:`DECISIONS`.
        identity: The animal; empty for a rejected photograph.
        sha256: Digest of the file that the person saw; empty if the table does not give it.
        group: Group of the photograph; empty if the table does not give it.
        where: File and row of the decision, for error messages.
    """

    image_id: str
    decision: str
    identity: str
    sha256: str
    group: str
    where: str


def read_decisions(path: Path) -> list[Decision]:
    """Read a table of decisions; repeated rows with the same decision count once.

    Raises:
        ReidbenchError: A column or every row is missing, a decision is unknown or lacks the name of the animal, or two
            decisions on one photograph differ.
    """
    table = read_csv(path, "decisions").unmarked()
    needed, optional = ("image_id", "decision", "identity"), ("sha256", "group")
    table.require(*needed, remedy="save the decisions with the button 'download decisions' of the review page")
    decisions: dict[str, Decision] = {}
    for index, cells in enumerate(zip(*map(table.column, (*needed, *optional)), strict=True)):
        where = table.where(index)
        name, decision, identity, sha256, group = (cell.strip() for cell in cells)
        identity = identity_name(identity)
        if decision not in DECISIONS:
            guess = did_you_mean(decision, DECISIONS)
            raise ReidbenchError(
                f"unknown decision '{decision}'" + (f"; {guess}" if guess else ""),
                where=where,
                remedy="write accept, new or reject",
            )
        if decision != "reject" and (not identity or is_new(identity)):
            raise ReidbenchError(
                f"the decision on '{name}' is {decision}, but no animal is named",
                where=where,
                remedy="name the animal in the column identity, or write reject",
            )
        this = Decision(name, decision, "" if decision == "reject" else identity, sha256, group, where)
        earlier = decisions.setdefault(name, this)
        if (earlier.decision, earlier.identity) != (this.decision, this.identity):
            raise ReidbenchError(
                f"two decisions on '{name}' differ: {in_words(earlier)} ({earlier.where}), {in_words(this)}",
                where=where,
                remedy="keep one of the two rows",
            )
    if not decisions:
        raise ReidbenchError("the table has no decision", where=str(path), remedy="decide on at least one photograph")
    return list(decisions.values())


def in_words(decision: Decision) -> str:
    """Return a decision as text, such as ``accept Ana``."""
    return f"{decision.decision} {decision.identity}".strip()
