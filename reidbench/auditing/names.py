"""Find doubtful names.

These are one identity in two spellings, names that may stand for an unidentified animal, and files that are named after
another animal than their row.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

from reidbench.auditing.findings import Suspect
from reidbench.data.doubtful_names import looks_unidentified
from reidbench.data.images import ImageSet
from reidbench.data.names import tokens


def same_name_variants(images: ImageSet) -> list[Suspect]:
    """Return identities of one group whose names differ only in case, leading zeros or punctuation."""
    first_rows: dict[tuple[str, tuple[str, ...]], dict[str, int]] = defaultdict(dict)
    for row, (group, name) in enumerate(zip(images.table["group"], images.table["identity"], strict=True)):
        if tokens(name):
            first_rows[group, tokens(name)].setdefault(name, row)
    return [
        Suspect("one animal under two names", tuple(variants.values()), " and ".join(map(repr, sorted(variants))))
        for variants in first_rows.values()
        if len(variants) > 1
    ]


def unidentified_names(images: ImageSet) -> list[Suspect]:
    """Return identities that look like a word for an unidentified animal, such as ``unknown 3`` or ``calf of Ana``.

    Names that the user gave with ``--name`` are left out. The images stay in the set.
    """
    rows_by_name: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(images.identity.tolist()):
        if name not in images.naming.names and looks_unidentified(name):
            rows_by_name[name].append(row)
    return [
        Suspect(
            "may name no animal",
            tuple(rows),
            f"{name!r}, {len(rows)} images; set aside with --unknown, or say that it is a name with --name",
        )
        for name, rows in sorted(rows_by_name.items())
    ]


def other_animals_in_file_names(images: ImageSet) -> list[Suspect]:
    """Return files whose name contains the name of another animal of the same group.

    Names that consist of one number are not looked for, because most file names contain numbers.
    """
    table = images.table
    names_by_group: dict[str, dict[tuple[str, ...], str]] = defaultdict(dict)
    for group, name in zip(table["group"], table["identity"], strict=True):
        words = tokens(name)
        if words and not (len(words) == 1 and words[0].isdigit()):
            names_by_group[group][words] = name
    suspects = []
    for row, (group, name, path) in enumerate(zip(table["group"], table["identity"], table["path"], strict=True)):
        stem = tokens(PurePosixPath(path.replace("\\", "/")).stem)
        names = names_by_group[group]
        longest = max(map(len, names), default=0)
        in_file_name = {
            names[stem[start : start + length]]
            for start in range(len(stem))
            for length in range(1, min(longest, len(stem) - start) + 1)
            if stem[start : start + length] in names
        }
        # A name that is part of the animal's own name is no contradiction, such as 'ana' in 'ana b'.
        others = sorted(other for other in in_file_name if other != name and not _within(tokens(other), tokens(name)))
        if others:
            note = f"{path} has the identity '{name}', but its file name contains {', '.join(map(repr, others))}"
            suspects.append(Suspect("another animal in the file name", (row,), note))
    return suspects


def _within(words: tuple[str, ...], longer: tuple[str, ...]) -> bool:
    return any(longer[start : start + len(words)] == words for start in range(len(longer) - len(words) + 1))
