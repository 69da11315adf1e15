"""Enrol reviewed photographs: write an enlarged dataset. The old dataset is never changed.

The enlarged dataset holds every row of the old one and the enrolled photographs; every command can use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.csv_files import read_csv
from reidbench.data.images import ImageSet
from reidbench.data.names import near_equal
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.identifying.decided_names import NameChoices, settle_names
from reidbench.identifying.decisions import Decision, in_words, read_decisions
from reidbench.identifying.enlarged_table import ENROLLED, enlarged_rows, enrolled_row, write_enlarged_table
from reidbench.identifying.new_photographs import read_photographs
from reidbench.records.finding import find_run
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry
from reidbench.running.inputs import dataset_of

NO_CHOICES = NameChoices()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The written dataset, with the numbers of enrolled photographs, new animals and rejected photographs."""

    path: Path
    n_photograph: int
    n_new: int
    n_rejected: int


def enrol_decisions(
    decisions: Path,
    photographs: Path,
    run: str,
    *,
    dataset: str | None = None,
    root: Path | None = None,
    unknown: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    bbox: str = "",
    group: str | None = None,
    gallery: Path | None = None,
    choices: NameChoices = NO_CHOICES,
    output: Path,
    runs_dir: Path = Path("runs"),
    registry: Registry | None = None,
) -> Enrolled:
    """Enrol the reviewed photographs of a folder; the arguments are those of ``identify``.

    Raises:
        ReidbenchError: See :func:`write_enlarged_dataset`; nothing is written.
    """
    record = find_run(run, runs_dir)
    images = dataset_of(record, dataset, root, registry, unknown=unknown, names=names)
    enrolled_before = read_gallery(gallery, images) if gallery is not None else None
    groups = sorted({*images.table["group"], *(enrolled_before.table["group"] if enrolled_before is not None else ())})
    new = read_photographs(photographs, groups, group, columns=columns, bbox=bbox)
    return write_enlarged_dataset(read_decisions(decisions), new.images, images, enrolled_before, output, choices)


def write_enlarged_dataset(
    decisions: Sequence[Decision],
    photographs: ImageSet,
    images: ImageSet,
    enrolled_before: ImageSet | None,
    output: Path,
    choices: NameChoices = NO_CHOICES,
) -> Enrolled:
    """Write a dataset with the old images and the accepted and new photographs.

    Args:
        decisions: The decisions.
        photographs: The photographs that the decisions are on.
        images: The dataset of the run.
        enrolled_before: Photographs that were enrolled after the run; they are kept.
        output: CSV to write; it must not exist.
        choices: The decisions of the user on near-equal names.

    Raises:
        ReidbenchError: A decision names an unknown photograph or animal, contradicts another decision, or would enrol a
            photograph twice; a new name would not read back or is near-equal to another one; or ``output`` exists.
            Nothing is written.
    """
    row_of = {name: row for row, name in enumerate(photographs.table["image_id"])}
    old_sets = [images] if enrolled_before is None else [images, enrolled_before]
    group_of: dict[str, str] = {}
    enrolled_files: dict[str, tuple[str, str]] = {}  # digest -> image id and identity
    used_ids: set[str] = set()
    for old in old_sets:
        ids = zip(old.table["image_id"], old.table["identity"], strict=True)
        group_of |= dict(zip(old.table["identity"], old.table["group"], strict=True))
        enrolled_files |= dict(zip(old.file_hashes(), ids, strict=True))
        used_ids |= set(old.table["image_id"])
    decisions = settle_names(decisions, group_of, images.naming, choices)
    hashes = photographs.file_hashes()
    new_animals: dict[str, str] = {}  # identity -> group
    decided_files: dict[str, Decision] = {}  # digest -> decision
    rows: list[dict[str, str]] = []
    for decision in decisions:
        if decision.image_id not in row_of:
            guess = did_you_mean(decision.image_id, row_of)
            raise ReidbenchError(
                f"there is no photograph '{decision.image_id}'" + (f"; {guess}" if guess else ""),
                where=decision.where,
                remedy="name the folder that was identified, or remove the row",
            )
        if decision.decision == "reject":
            continue
        row = row_of[decision.image_id]
        group = str(photographs.table["group"].iloc[row])
        _check_name(decision, group, group_of, new_animals)
        _check_bytes(decision, hashes[row], enrolled_files, decided_files)
        decided_files[hashes[row]] = decision
        if decision.decision == "new":
            new_animals[decision.identity] = group
        image_id = decision.image_id
        if image_id in used_ids:
            image_id = f"{hashes[row][:12]}/{image_id}"
        used_ids.add(image_id)
        rows.append(enrolled_row(photographs, row, image_id, decision.identity, output))
    if not rows:
        raise ReidbenchError(
            "there is nothing to enrol: every photograph is rejected",
            where=decisions[0].where.partition(", row")[0],
            remedy="accept at least one photograph, or keep the gallery without changes",
        )
    write_enlarged_table(output, enlarged_rows(images, enrolled_before, output), rows, images.reading.columns)
    n_rejected = sum(decision.decision == "reject" for decision in decisions)
    return Enrolled(output, len(rows), len(new_animals), n_rejected)


def read_gallery(path: Path, images: ImageSet) -> ImageSet:
    """Read the photographs that were enrolled after a run from an enlarged dataset.

    Args:
        path: A table that ``--enroll`` wrote.
        images: The dataset of the run.

    Raises:
        ReidbenchError: The table has no column ``enrolled`` or no enrolled row, an enrolled photograph belongs to the
            dataset of the run, or an identity has another group there.
    """
    table = read_csv(path, "enlarged dataset")
    if ENROLLED not in table.columns:
        raise ReidbenchError(
            f"the table has no column {ENROLLED}, so it was not written by --enroll",
            where=f"--enrolled {path}",
            remedy="name a table that identify --enroll wrote",
        )
    dataset = load_dataset(
        str(path),
        unknown=images.naming.unknown,
        names=images.naming.names,
        columns=images.reading.options.columns,
        bbox="xywh" if images.reading.options.bbox else "",
    )
    marks = dict(zip(table.rows, table.column(ENROLLED), strict=True))
    marked = [
        row
        for row, number in enumerate([] if dataset.origin.rows is None else dataset.origin.rows.tolist())
        if marks[number].strip()
    ]
    if not marked:
        raise ReidbenchError(
            "no row of the table is marked as enrolled",
            where=f"--enrolled {path}",
            remedy="remove the option --enrolled",
        )
    enrolled_later = dataset.take(marked)
    both = set(enrolled_later.table["image_id"]) & set(images.table["image_id"])
    if both:
        raise ReidbenchError(
            f"'{sorted(both)[0]}' is marked as enrolled after the run, but it is an image of the run's dataset",
            where=f"--enrolled {path}",
            remedy=f"clear its cell in the column {ENROLLED}",
        )
    group_of = dict(zip(images.table["identity"], images.table["group"], strict=True))
    for identity, group in zip(enrolled_later.table["identity"], enrolled_later.table["group"], strict=True):
        if group_of.get(identity, group) != group:
            raise ReidbenchError(
                f"'{identity}' has the group '{group_of[identity]}' in the run and '{group}' here",
                where=f"--enrolled {path}",
                remedy="an identity belongs to one group: rename one of the two animals",
            )
    return enrolled_later


def _check_name(decision: Decision, group: str, group_of: Mapping[str, str], new_animals: Mapping[str, str]) -> None:
    """Refuse a decision whose animal does not exist, exists already, or is in another group."""
    enrolled_group = group_of.get(decision.identity)
    if decision.decision == "accept" and enrolled_group is None:
        guess = did_you_mean(decision.identity, group_of)
        near = near_equal(decision.identity, group_of)
        raise ReidbenchError(
            f"'{decision.image_id}' is accepted as '{decision.identity}', but no such animal is enrolled"
            + (f"; {guess}" if guess else ""),
            where=decision.where,
            remedy="correct the name, or decide new"
            + (f"; --same {decision.identity}={near[0]} enrols it as that animal" if near else ""),
        )
    if decision.decision == "accept" and enrolled_group != group:
        raise ReidbenchError(
            f"'{decision.image_id}' has the group '{group}', but '{decision.identity}' the group '{enrolled_group}'",
            where=decision.where,
            remedy="name an animal of the same group, or give the group of the photographs with --group",
        )
    if decision.decision == "new" and enrolled_group is not None:
        raise ReidbenchError(
            f"'{decision.image_id}' is decided as a new animal, but '{decision.identity}' is already enrolled",
            where=decision.where,
            remedy="choose another name for the new animal, or decide accept",
        )
    if decision.decision == "new" and new_animals.get(decision.identity, group) != group:
        raise ReidbenchError(
            f"the new animal '{decision.identity}' has photographs of two groups, "
            f"'{new_animals[decision.identity]}' and '{group}'",
            where=decision.where,
            remedy="an identity belongs to one group: rename one of the two animals",
        )


def _check_bytes(
    decision: Decision,
    sha256: str,
    enrolled_files: Mapping[str, tuple[str, str]],
    decided_files: Mapping[str, Decision],
) -> None:
    """Refuse a decision on a file that changed, or whose bytes are enrolled or decided on already."""
    if decision.sha256 and decision.sha256 != sha256:
        raise ReidbenchError(
            f"the file '{decision.image_id}' has changed since the decision",
            where=decision.where,
            remedy="identify and review it again",
        )
    if sha256 in enrolled_files:
        image_id, identity = enrolled_files[sha256]
        raise ReidbenchError(
            f"'{decision.image_id}' has the same bytes as '{image_id}', which is already in the dataset ({identity})",
            where=decision.where,
            remedy="reject it, or remove its row",
        )
    if sha256 in decided_files:
        other = decided_files[sha256]
        raise ReidbenchError(
            f"'{decision.image_id}' has the same bytes as '{other.image_id}' ({in_words(other)}, {other.where})",
            where=decision.where,
            remedy="enrol one of the two and reject the other",
        )
