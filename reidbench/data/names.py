"""Decide what the name of an identity is, for every table, folder, prediction, truth and decision.

Blanks around a name do not count, letters are composed (Unicode NFC), and a number is a name as text: ``7.0`` in a
column of numbers is ``7``, and the text ``007`` stays ``007``. Words such as ``NA`` or ``unknown`` name no animal.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reidbench.constants import NEW_IDENTITY
from reidbench.errors import ReidbenchError

UNIDENTIFIED_WORDS = frozenset({
    "", "na", "n/a", "#n/a", "n.a.", "<na>", "nan", "nat", "none", "null", "nil", "unknown", "unassigned",
    "unidentified", "unnamed", "undetermined", "no id", "no name", "?", "??", "???", "-", "--", "---", "–", "—", ".",
})  # fmt: skip
"""Words for an unidentified animal, in lower case, with a blank for ``_`` or ``-`` between words."""

_MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "n.a.", "<na>", "nan", "nat", "none", "null", "nil", "."})
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# Joiners carry meaning between two letters of some scripts, so they are removed only at the ends.
_ENDS = re.compile(r"^[\s\u200c\u200d]+|[\s\u200c\u200d]+$")
_BLANKS = re.compile(r"\s+")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0")  # 1.000 can be a thousand
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_THOUSANDS = re.compile(r"(?<=\d)[,'\u2019](?=\d{3}(?!\d))")
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTXaeopcyxijsABEZHIKMNOPTYXo")
_SHOWN = 5


def identity_name(value: Any) -> str:
    r"""Return a cell as the name of an identity; empty for a missing cell.

    Example:
        >>> identity_name(" Ana\u00a0"), identity_name("007"), identity_name(7.0), identity_name(None)
        ('Ana', '007', '7', '')
    """
    if _is_missing(value):
        return ""
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if float(value).is_integer() else str(value)
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", str(value)))
    return _BLANKS.sub(" ", _ENDS.sub("", text))


def _is_missing(value: Any) -> bool:
    """Return whether a cell is empty for pandas, which is not imported here: the help of commands needs this module."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def identity_names(values: Iterable[Any]) -> list[str]:
    """Return the cells of a column as names.

    pandas writes the numbers of a column as ``7.0`` if a cell is empty. So ``7.0`` is read as ``7`` if every cell of
    the column is a number or a word for an unidentified or new animal, whether the file holds numbers or text.

    Example:
        >>> identity_names(["7.0", "", "12.0"]), identity_names(["7.0", "7.5"]), identity_names(["007", 7.0])
        (['7', '', '12'], ['7', '7.5'], ['007', '7'])
    """
    names = [identity_name(value) for value in values]
    if all(
        _PLAIN_NUMBER.fullmatch(name) or is_word(name) or is_new(name) or name.casefold() == "new" for name in names
    ):
        return [match[1] if (match := _WHOLE.fullmatch(name)) else name for name in names]
    return names


def whole_numbers(cells: Sequence[str]) -> list[str]:
    """Return the cells of a column of numbers without the ``.0`` of whole numbers; another column stays as it is.

    ``007`` is text, so a column with it is not a column of numbers.

    Example:
        >>> whole_numbers(["7.0", "", "7.5"]), whole_numbers(["007", "7.0"])
        (['7', '', '7.5'], ['007', '7.0'])
    """
    if all(cell == "" or _PLAIN_NUMBER.fullmatch(cell) for cell in cells):
        return [match[1] if (match := _WHOLE.fullmatch(cell)) else cell for cell in cells]
    return list(cells)


def is_word(name: str) -> bool:
    """Tell whether a name is one of :data:`UNIDENTIFIED_WORDS`, in any case.

    Example:
        >>> is_word("Unknown"), is_word("no_id"), is_word("unknown 3")
        (True, True, False)
    """
    return name.casefold() in UNIDENTIFIED_WORDS or _spaced(name) in UNIDENTIFIED_WORDS


def is_missing_word(name: str) -> bool:
    """Tell whether a name is empty or a word that programs write for an empty cell, such as ``NA`` or ``nan``."""
    return name.casefold() in _MISSING_WORDS


def is_new(name: str) -> bool:
    """Tell whether a name is the prediction for a new animal, in any case, with ``_``, ``-`` or a blank.

    Example:
        >>> is_new("New Individual"), is_new("new")
        (True, False)
    """
    return _spaced(name) == _spaced(NEW_IDENTITY)


def tokens(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a name, in lower case, without leading zeros and punctuation.

    Two names with the same tokens are *near-equal*: they may be one animal. Wide letters and letters of a Latin name
    that were typed on a Cyrillic or Greek keyboard count as the letters that they look like, ``1,007`` as 1007, and the
    number ``7.0`` as 7.

    Example:
        >>> tokens("Lynx_007"), tokens("lynx 7"), tokens("7.0"), tokens("7.1")
        (('lynx', '7'), ('lynx', '7'), ('7',), ('7', '1'))
    """
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        return (whole[1].lstrip("-"),)
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).translate(_LOOK_ALIKE))
    parts = _TOKEN.findall(_THOUSANDS.sub("", plain))
    return tuple(str(int(part)) if part.isdecimal() else part.casefold() for part in parts)


def near_equal(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that differ from ``name`` only in case, leading zeros, blanks or punctuation, sorted.

    Example:
        >>> near_equal("s09_161", ["S09_161", "S09_16", "s09_161"])
        ['S09_161']
    """
    wanted = tokens(name)
    return sorted({other for other in names if other != name and wanted and tokens(other) == wanted})


def nearest(name: str, names: Collection[str]) -> str:
    """Return the most similar of some names, empty if none is similar.

    Example:
        >>> nearest("Anna", ["Ana", "Bo"]), nearest("x", ["Ana"])
        ('Ana', '')
    """
    near = near_equal(name, names) or difflib.get_close_matches(name, sorted(names), 1)
    return near[0] if near else ""


def describe_words(words: Mapping[str, int]) -> str:
    """Return how often each word was found, most frequent first.

    Example:
        >>> describe_words({"NA": 3, "": 1, "unknown": 8})
        "8 'unknown', 3 'NA', 1 empty"
    """
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count} '{word}'" if word else f"{count} empty" for word, count in ordered[:_SHOWN]]
    rest = ordered[_SHOWN:]
    if rest:
        shown.append(f"{sum(count for _, count in rest)} with {len(rest)} other words")
    return ", ".join(shown)


@dataclass(frozen=True, slots=True)
class NameRules:
    """What a user says about names, in addition to the rules for every table.

    Attributes:
        unknown: Further words for an unidentified animal, in any case (``--unknown``).
        names: Words that are names although they look like a word for an unidentified animal (``--name``), in exactly
            this spelling.

    Raises:
        ReidbenchError: One word is in both, or is empty, or is the prediction for a new animal.

    Example:
        >>> rules = NameRules(unknown=("stray",), names=("None",))
        >>> rules.identity("Stray"), rules.identity("NA"), rules.identity("None"), rules.identity(" Ana ")
        ('', '', 'None', 'Ana')
    """

    unknown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for option in ("unknown", "names"):
            words = tuple(dict.fromkeys(identity_name(word) for word in getattr(self, option)))
            object.__setattr__(self, option, words)
            flag = "--unknown" if option == "unknown" else "--name"
            wrong = [word for word in words if not word or (option == "names" and is_new(word))]
            if wrong:
                problem = f"'{wrong[0]}' is the prediction for a new animal" if wrong[0] else "the word is empty"
                raise ReidbenchError(problem, where=f"{flag} '{wrong[0]}'", remedy="name another word, or none")
        both = [word for word in self.names if word.casefold() in self._unknown]
        if both:
            raise ReidbenchError(
                f"'{both[0]}' is given both as a name and as a word for an unidentified animal",
                where=f"--name {both[0]} --unknown {both[0]}",
                remedy="keep one of the two options",
            )

    @property
    def _unknown(self) -> frozenset[str]:
        return frozenset(word.casefold() for word in self.unknown)

    def is_unidentified(self, name: str) -> bool:
        """Tell whether a name, as :func:`identity_name` returns it, names no animal."""
        return name not in self.names and (is_word(name) or name.casefold() in self._unknown)

    def identity(self, value: Any) -> str:
        """Return the name in a cell; empty if the cell names no animal."""
        name = identity_name(value)
        return "" if self.is_unidentified(name) else name

    def unused(self, names: Collection[str]) -> list[str]:
        """Return a note for each word of the user that does not occur among the names of a source."""
        folded = {name.casefold() for name in names}
        notes = [f"--unknown {word}: no row has this word" for word in self.unknown if word.casefold() not in folded]
        for word in self.names:
            if word not in names:
                others = sorted(name for name in set(names) if name.casefold() == word.casefold())
                spelled = f"; the spelling there is {', '.join(map(repr, others))}" if others else ""
                notes.append(f"--name {word}: no row has this name{spelled}")
        return notes


def _spaced(name: str) -> str:
    """Return a name in lower case, with one blank for ``_``, ``-`` and blanks between its words."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
