"""Decided photographs become part of the gallery: a new table, and never a change of the old one.

A decision table is what the review page saves: ``image_id,decision,identity,sha256,group`` with decision ``accept``
(an enrolled animal), ``new`` (a name of its own) or ``reject`` (left out). What is written is a dataset like any
other, every row of the old one and the enrolled ones, so that it can be run, split and audited too.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reidbench.constants import NEW_IDENTITY
from reidbench.data.images import ImageSet
from reidbench.data.sources.files import read_csv
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.identifying.new_photographs import read_photographs
from reidbench.records.finding import find_run
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry
from reidbench.running.inputs import dataset_of

DECISIONS = ("accept", "new", "reject")
ENROLLED = "enrolled"
"""Column of an enlarged dataset that says which rows were enrolled from new photographs: empty or ``yes``."""

_COLUMNS = ("image_id", "identity", "path", "dataset", "date", "orientation", "bbox", ENROLLED)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided of one photograph, one of :data:`DECISIONS`; ``identity`` is empty for a rejected one."""

    image_id: str
    decision: str
    identity: str
    sha256: str
    group: str
    where: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What was written: photographs enrolled, animals among them that are new, photographs left out."""

    path: Path
    n_photograph: int
    n_new: int
    n_rejected: int


def read_decisions(path: Path) -> list[Decision]:
    """Read a decision table.

    Raises:
        ReidbenchError: A column is missing, a decision is none, names no animal, or a photograph is decided twice.
    """
    rows = read_csv(path)
    missing = [name for name in ("image_id", "decision", "identity") if name not in rows.columns]
    if missing:
        raise ReidbenchError(
            f"the decisions have no column {' and no column '.join(missing)}; "
            f"their columns: {', '.join(rows.columns) or 'none'}",
            where=str(path),
            remedy="save them with the button of the review page",
        )

    def cell(name: str, index: int) -> str:
        return str(rows.columns[name][index]).strip() if name in rows.columns else ""

    found: dict[str, Decision] = {}
    for index in range(rows.n_row):
        where = f"{path}, row {int(rows.numbers[index])}" if rows.numbers is not None else str(path)
        name, decision, identity = (cell(column, index) for column in ("image_id", "decision", "identity"))
        if decision not in DECISIONS:
            guess = did_you_mean(decision, DECISIONS)
            raise ReidbenchError(
                f"'{decision}' is no decision" + (f"; {guess}" if guess else ""),
                where=where,
                remedy="write accept, new or reject",
            )
        if decision != "reject" and identity in ("", NEW_IDENTITY):
            raise ReidbenchError(
                f"'{name}' is decided as {decision} and no animal is named",
                where=where,
                remedy="name the animal in the column identity, or write reject",
            )
        made = Decision(
            name, decision, "" if decision == "reject" else identity, cell("sha256", index), cell("group", index), where
        )
        before = found.get(name)
        if before is not None and (before.decision, before.identity) != (made.decision, made.identity):
            raise ReidbenchError(
                f"'{name}' is decided twice and differently: {_told(before)} ({before.where}), {_told(made)}",
                where=where,
                remedy="keep one of the two rows",
            )
        found.setdefault(name, made)
    if not found:
        raise ReidbenchError("the table holds no decision", where=str(path), remedy="decide at least one photograph")
    return list(found.values())


def enrol_decisions(
    decisions: Path,
    photographs: Path,
    run: str,
    *,
    dataset: str | None = None,
    root: Path | None = None,
    group: str | None = None,
    gallery: Path | None = None,
    output: Path,
    runs_dir: Path = Path("runs"),
    registry: Registry | None = None,
) -> Enrolled:
    """Enrol what was decided of a folder of photographs; the arguments are those of ``identify``.

    Raises:
        ReidbenchError: See :func:`enrol`; nothing is written.
    """
    record = find_run(run, runs_dir)
    images = dataset_of(record, dataset, root, registry)
    more = read_gallery(gallery, images) if gallery is not None else None
    groups = sorted({*images.table["group"], *(more.table["group"] if more is not None else ())})
    read = read_photographs(photographs, groups, group)
    return enrol(read_decisions(decisions), read.images, images, more, output)


def enrol(
    decisions: Sequence[Decision], photographs: ImageSet, images: ImageSet, more: ImageSet | None, output: Path
) -> Enrolled:
    """Write the enlarged dataset.

    Args:
        decisions: What was decided.
        photographs: The photographs, as they were read.
        images: The dataset of the run.
        more: Photographs enrolled before, kept in the new table too.
        output: CSV to write; never a file that holds one of the tables that are read.

    Raises:
        ReidbenchError: A decision is of an unknown photograph or animal, contradicts another, or enrols a photograph
            that is enrolled already; nothing is written.
    """
    row_of = {name: row for row, name in enumerate(photographs.table["image_id"])}
    before = [images] if more is None else [images, more]
    group_of: dict[str, str] = {}
    place_of: dict[str, tuple[str, str]] = {}
    for each in before:
        table = each.table
        group_of |= dict(zip(table["identity"], table["group"], strict=True))
        place_of |= dict(zip(each.file_hashes(), zip(table["image_id"], table["identity"], strict=True), strict=True))
    hashes = photographs.file_hashes()
    taken = {name for each in before for name in each.table["image_id"]}
    invented: dict[str, str] = {}  # group of each new animal
    seen: dict[str, Decision] = {}
    rows: list[dict[str, str]] = []
    for decision in decisions:
        if decision.image_id not in row_of:
            guess = did_you_mean(decision.image_id, row_of)
            raise ReidbenchError(
                f"there is no photograph '{decision.image_id}'" + (f"; {guess}" if guess else ""),
                where=decision.where,
                remedy="name the folder that was identified, or take the row out",
            )
        if decision.decision == "reject":
            continue
        row = row_of[decision.image_id]
        group = str(photographs.table["group"].iloc[row])
        _check_name(decision, group, group_of, invented)
        _check_bytes(decision, hashes[row], place_of, seen)
        seen[hashes[row]] = decision
        if decision.decision == "new":
            invented[decision.identity] = group
        image_id = decision.image_id
        if image_id in taken:
            image_id = f"{hashes[row][:12]}/{image_id}"
        taken.add(image_id)
        rows.append(_row(photographs, row, image_id, decision.identity, yes=True))
    if not rows:
        raise ReidbenchError(
            "every photograph is rejected: there is nothing to enrol",
            where=decisions[0].where.partition(", row")[0],
            remedy="accept at least one, or leave the gallery as it is",
        )
    old = [
        _row(each, row, str(each.table["image_id"].iloc[row]), str(each.table["identity"].iloc[row]), yes=each is more)
        for each in before
        for row in range(len(each))
    ]
    _write(output, [*old, *rows])
    return Enrolled(output, len(rows), len(invented), sum(each.decision == "reject" for each in decisions))


def read_gallery(path: Path, images: ImageSet) -> ImageSet:
    """Read the photographs that were enrolled since a run from an enlarged dataset.

    Args:
        path: A table that ``--enroll`` wrote.
        images: The dataset of the run.

    Raises:
        ReidbenchError: The table has no column ``enrolled`` or no enrolled row, or a photograph is of the run already.
    """
    rows = read_csv(path)
    if ENROLLED not in rows.columns:
        raise ReidbenchError(
            f"the table has no column {ENROLLED}, so it was not written by --enroll",
            where=f"--gallery {path}",
            remedy="name a table that identify --enroll wrote",
        )
    whole = load_dataset(str(path))
    marked = dict(zip(rows.columns["image_id"], rows.columns[ENROLLED], strict=True))
    chosen = [row for row, name in enumerate(whole.table["image_id"]) if str(marked[name]).strip()]
    if not chosen:
        raise ReidbenchError("no row of the table is enrolled", where=f"--gallery {path}", remedy="leave --gallery out")
    more = whole.take(chosen)
    both = set(more.table["image_id"]) & set(images.table["image_id"])
    if both:
        raise ReidbenchError(
            f"'{sorted(both)[0]}' is an image of the run's dataset, and marked as enrolled since",
            where=f"--gallery {path}",
            remedy=f"empty its cell in the column {ENROLLED}",
        )
    group_of = dict(zip(images.table["identity"], images.table["group"], strict=True))
    for identity, group in zip(more.table["identity"], more.table["group"], strict=True):
        if group_of.get(identity, group) != group:
            raise ReidbenchError(
                f"'{identity}' is of group '{group_of[identity]}' in the run, and of '{group}' here",
                where=f"--gallery {path}",
                remedy="names belong to their group: give one of the two another name",
            )
    return more


def _check_name(decision: Decision, group: str, group_of: Mapping[str, str], invented: Mapping[str, str]) -> None:
    known = group_of.get(decision.identity)
    if decision.decision == "accept" and known is None:
        guess = did_you_mean(decision.identity, group_of)
        raise ReidbenchError(
            f"'{decision.image_id}' is accepted as '{decision.identity}', which is not enrolled"
            + (f"; {guess}" if guess else ""),
            where=decision.where,
            remedy="decide it as new, or correct the name",
        )
    if decision.decision == "accept" and known != group:
        raise ReidbenchError(
            f"'{decision.image_id}' is of group '{group}', and '{decision.identity}' of '{known}'",
            where=decision.where,
            remedy="name an animal of its group, or the group with --group",
        )
    if decision.decision == "new" and known is not None:
        raise ReidbenchError(
            f"'{decision.image_id}' is decided as a new animal '{decision.identity}', but one of that name is enrolled",
            where=decision.where,
            remedy="give the new animal a name of its own, or decide accept",
        )
    if decision.decision == "new" and invented.get(decision.identity, group) != group:
        raise ReidbenchError(
            f"the new animal '{decision.identity}' is of group '{invented[decision.identity]}' and of '{group}'",
            where=decision.where,
            remedy="names belong to their group: give one of the two another name",
        )


def _check_bytes(
    decision: Decision, sha256: str, place_of: Mapping[str, tuple[str, str]], seen: Mapping[str, Decision]
) -> None:
    if decision.sha256 and decision.sha256 != sha256:
        raise ReidbenchError(
            f"'{decision.image_id}' is not the file that was decided on: its bytes have changed",
            where=decision.where,
            remedy="identify and review it again",
        )
    if sha256 in place_of:
        image_id, identity = place_of[sha256]
        raise ReidbenchError(
            f"'{decision.image_id}' is a copy, byte by byte, of '{image_id}', which is there already ({identity})",
            where=decision.where,
            remedy="reject it, or take its row out",
        )
    if sha256 in seen:
        other = seen[sha256]
        raise ReidbenchError(
            f"'{decision.image_id}' is a copy, byte by byte, of '{other.image_id}' ({_told(other)}, {other.where})",
            where=decision.where,
            remedy="enrol one of the two and reject the other",
        )


def _told(decision: Decision) -> str:
    return f"{decision.decision} {decision.identity}".strip()


def _row(images: ImageSet, row: int, image_id: str, identity: str, *, yes: bool) -> dict[str, str]:
    table = images.table
    box = table["bbox"].iloc[row]
    return {
        "image_id": image_id,
        "identity": identity,
        "path": str(images.image_path(row).resolve()),
        "dataset": str(table["group"].iloc[row]),
        "date": str(table["date"].iloc[row]),
        "orientation": str(table["orientation"].iloc[row]),
        "bbox": "" if box is None else str([float(value) for value in np.asarray(box)]),
        ENROLLED: "yes" if yes else "",
    }


def _write(output: Path, rows: Sequence[Mapping[str, str]]) -> None:
    if output.exists():
        raise ReidbenchError(
            "the file is there already, and no table is ever changed",
            where=f"--output {output}",
            remedy="name a new file",
        )
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(output)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ReidbenchError(
            f"the enlarged dataset can't be written: {error.strerror or error}",
            where=f"--output {output}",
            remedy="name a file that can be written",
        ) from error
