"""Find the columns of a table: by the documented name, by a known synonym, or as the user says.

Upper and lower case, blanks, underscores and hyphens do not count. A table that leaves a choice is an error, because a
wrong choice would change every number without a sign.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reidbench.errors import ReidbenchError, did_you_mean

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "identity": ("individual", "individual id", "individual name", "animal", "animal id", "animal name"),
    "path": ("file path", "file", "file name", "image", "image path", "image file", "photo", "photograph"),
    "image_id": ("media id", "photo id"),
    "date": (
        "date time", "timestamp", "event date", "capture date", "capture time", "date taken", "date time original",
    ),
    "encounter": (),  # reidbench.data.sources.rows.ENCOUNTER_COLUMNS has its synonyms, of which several may occur
    "orientation": ("side", "viewpoint"),
    "species": ("scientific name",),
    "dataset": (),
    "bbox": ("bounding box", "box"),
    "split": (),
    "cluster_id": (),
    "segmentation": (),
}  # fmt: skip
"""Roles of columns with their synonyms; :func:`plain` compares them.

``name`` and ``id`` are not among them: they may name the animal or the file.
"""


@dataclass(frozen=True, slots=True)
class FoundColumns:
    """The columns of a table by role.

    Attributes:
        header: Column of each role that the table has, in the order of :data:`SYNONYMS`.
        not_used: Columns without a role.
    """

    header: Mapping[str, str]
    not_used: tuple[str, ...]


def plain(header: str) -> str:
    """Return a header without case, blanks, underscores, hyphens and invisible characters.

    Example:
        >>> plain("Individual ID"), plain("individual_id"), plain("individualID")
        ('individualid', 'individualid', 'individualid')
    """
    return re.sub(r"[\s_\-\u200b-\u200f\u202a-\u202e\u2060\ufeff]+", "", header).casefold()


def parse_columns(pairs: Iterable[str]) -> dict[str, str]:
    """Return the column of each role in ``--columns ROLE=COLUMN,ROLE=COLUMN``; the option can be repeated.

    A comma belongs to a column's name unless ``ROLE=`` follows it.

    Raises:
        ReidbenchError: There is no ``=``, no such role, or a role is named twice.

    Example:
        >>> parse_columns(["identity=Animal,path=File", "date="])
        {'identity': 'Animal', 'path': 'File', 'date': ''}
    """
    columns: dict[str, str] = {}
    for pair in pairs:
        for part in re.split(r",(?=\s*[A-Za-z_]+\s*=)", pair):
            role, equals, header = (piece.strip() for piece in part.partition("="))
            if not equals:
                raise ReidbenchError(
                    f"'{part}' is not ROLE=COLUMN", where=f"--columns {pair}", remedy="write --columns identity=Animal"
                )
            if columns.setdefault(role, header) != header:
                raise ReidbenchError(
                    f"two columns are named for {role}: '{columns[role]}' and '{header}'",
                    where=f"--columns {pair}",
                    remedy="name one",
                )
    check_roles(columns)
    return columns


def check_roles(columns: Mapping[str, str]) -> None:
    """Check that all keys are roles of columns.

    Raises:
        ReidbenchError: A key is none.
    """
    for role in columns:
        if role not in SYNONYMS:
            guess = did_you_mean(role, SYNONYMS)
            raise ReidbenchError(
                f"'{role}' is no role of a column",
                where=f"--columns {role}={columns[role]}",
                remedy=f"{guess} " * bool(guess) + f"the roles are {', '.join(SYNONYMS)}",
            )


def find_columns(
    headers: Sequence[str], asked: Mapping[str, str], *, where: str, needed: Sequence[str]
) -> FoundColumns:
    """Find the column of each role.

    The documented name decides before synonyms; a synonym beside it is not used.

    Args:
        headers: Columns of the table.
        asked: Column of some roles as the user says; empty text for no column.
        where: The table, for errors.
        needed: Roles that the table must have.

    Raises:
        ReidbenchError: Two columns could have one role, or the column of a needed or asked role is missing.

    Example:
        >>> found = find_columns(["Animal", "File", "Sex"], {}, where="herd.csv", needed=["identity", "path"])
        >>> found.header, found.not_used
        ({'identity': 'Animal', 'path': 'File'}, ('Sex',))
    """
    check_roles(asked)
    header = {role: _asked(role, name, headers, where) for role, name in asked.items() if name}
    free = [each for each in headers if each not in header.values()]
    for role, synonyms in SYNONYMS.items():
        if role in asked:
            continue
        for names in ({plain(role)}, {plain(synonym) for synonym in synonyms}):
            matching = [each for each in free if plain(each) in names]
            if len(matching) > 1:
                quoted = " and ".join(f"'{each}'" for each in matching)
                raise ReidbenchError(
                    f"the columns {quoted} could both be the column {role}",
                    where=where,
                    remedy=f"--columns {role}='{matching[0]}'   # or another one; --columns {role}= for none",
                )
            if matching:
                header[role] = matching[0]
                break
    missing = [role for role in needed if role not in header]
    if missing:
        free = [each for each in headers if each not in header.values()]
        raise _missing(missing, free, headers, where, needed)
    ordered = {role: header[role] for role in SYNONYMS if role in header}
    return FoundColumns(ordered, tuple(each for each in headers if each not in header.values()))


def _asked(role: str, name: str, headers: Sequence[str], where: str) -> str:
    """Return the column that the user names for a role."""
    if name in headers:
        return name
    matching = [each for each in headers if plain(each) == plain(name)]
    if len(matching) == 1:
        return matching[0]
    guess = did_you_mean(name, headers)
    raise ReidbenchError(
        f"the table has no column '{name}'; its columns: {', '.join(headers) or 'none'}",
        where=f"{where}, --columns {role}={name}",
        remedy=guess or "name one of its columns",
    )


def _missing(
    missing: Sequence[str], free: Sequence[str], headers: Sequence[str], where: str, needed: Sequence[str]
) -> ReidbenchError:
    """Return the error for roles without a column, with the most similar free column of each."""
    guesses = []
    for role in missing:
        similarity = {
            each: max(
                difflib.SequenceMatcher(None, plain(each), plain(name)).ratio() for name in (role, *SYNONYMS[role])
            )
            for each in free
        }
        best = max(similarity, key=lambda each: similarity[each], default="")
        if best and similarity[best] >= 0.6:
            guesses.append(f"{role}={best}")
    example = ",".join(guesses)
    quoted = f"'{example}'" if re.search(r"[^\w=,.-]", example) else example
    optional = ", ".join(role for role in SYNONYMS if role not in ("identity", "path"))
    listed = f"columns: {' and '.join(needed)}; optional: {optional}"
    return ReidbenchError(
        f"the table has no column {' and no column '.join(missing)}; its columns: {', '.join(headers) or 'none'}",
        where=where,
        remedy=(f"did you mean --columns {quoted}? " if example else "")
        + f"{listed}; --columns ROLE=COLUMN names a column for a role",
    )
