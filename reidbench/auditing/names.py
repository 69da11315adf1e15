"""What names give away: one animal written in two ways, and files that name another animal than their row does."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath

from reidbench.auditing.findings import Suspect
from reidbench.data.images import ImageSet

_TOKEN = re.compile(r"[^\W\d_]+|\d+")


def tokens(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a name, without case, leading zeros and what stands between.

    Example:
        >>> tokens("Lynx_007"), tokens("lynx 7")
        (('lynx', '7'), ('lynx', '7'))
    """
    return tuple(str(int(part)) if part.isdigit() else part.casefold() for part in _TOKEN.findall(text))


def written_alike(images: ImageSet) -> list[Suspect]:
    """Return identities of one group whose names differ in case, zeros or punctuation alone."""
    first: dict[tuple[str, tuple[str, ...]], dict[str, int]] = defaultdict(dict)
    for row, (group, name) in enumerate(zip(images.table["group"], images.table["identity"], strict=True)):
        if tokens(name):
            first[group, tokens(name)].setdefault(name, row)
    return [
        Suspect("one animal under two names", tuple(found.values()), " and ".join(map(repr, sorted(found))))
        for found in first.values()
        if len(found) > 1
    ]


def named_in_files(images: ImageSet) -> list[Suspect]:
    """Return files whose name holds the name of another animal of their group than the row says.

    A name that is a number alone is not looked for: every file is numbered.
    """
    table = images.table
    known: dict[str, dict[tuple[str, ...], str]] = defaultdict(dict)
    for group, name in zip(table["group"], table["identity"], strict=True):
        words = tokens(name)
        if words and not (len(words) == 1 and words[0].isdigit()):
            known[group][words] = name
    found = []
    for row, (group, name, path) in enumerate(zip(table["group"], table["identity"], table["path"], strict=True)):
        stem = tokens(PurePosixPath(path.replace("\\", "/")).stem)
        longest = max(map(len, known[group]), default=0)
        named = {
            known[group][stem[start : start + length]]
            for start in range(len(stem))
            for length in range(1, min(longest, len(stem) - start) + 1)
            if stem[start : start + length] in known[group]
        }
        # A name inside a longer one that is its own, such as 'ana' in 'ana b', says nothing.
        others = sorted(other for other in named if other != name and not _within(tokens(other), tokens(name)))
        if others:
            told = f"{path} is of '{name}' and names {', '.join(map(repr, others))}"
            found.append(Suspect("another animal in the file name", (row,), told))
    return found


def _within(words: tuple[str, ...], longer: tuple[str, ...]) -> bool:
    return any(longer[start : start + len(words)] == words for start in range(len(longer) - len(words) + 1))
