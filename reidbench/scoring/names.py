"""Bring the names of predictions and truth to one spelling, and say what was changed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence, Set
from typing import Any

from reidbench.constants import NEW_IDENTITY
from reidbench.data.names import NameRules, identity_names, is_missing_word, is_new, nearest
from reidbench.errors import ReidbenchError

Note = Callable[[str], None]
_SHOWN = 5


def warn(text: str) -> None:
    """Print a note as a warning of Python."""
    warnings.warn(text, UserWarning, stacklevel=4)


def read_names(cells: Sequence[Any], column: str, what: str, note: Note) -> list[str]:
    """Return the cells of a column as names, and note those that were written differently.

    Args:
        cells: The cells as the file or table holds them.
        column: Name of the column, for the note.
        what: What the table holds: ``predictions`` or ``truth``.
        note: Receives one sentence if a name was written differently.
    """
    names = identity_names(cells)
    written = zip(cells, names, strict=True)
    changed = Counter((str(cell), name) for cell, name in written if name and str(cell) != name)
    if changed:
        shown = [f"{ascii(str(cell))} as {name!r}" for cell, name in list(changed)[:_SHOWN]]
        note(
            f"{_n(changed.total(), 'cell')} of the column {column} in the {what} read without blanks, invisible "
            f"characters, decomposed letters or a final .0: {_list(shown, changed)}"
        )
    return names


def match_answers(
    answers: Sequence[str], true: Set[str], rules: NameRules, note: Note, *, where: str, allow_unmatched: bool
) -> list[str]:
    """Return the predicted names as the truth spells them.

    A name of the truth stays. Another spelling of ``new_individual``, the word ``new`` and words for an unidentified
    animal, such as ``unknown``, count as ``new_individual``. A number is the identity of the truth with the same value,
    if there is exactly one: ``7`` is ``007``. Every other name is *unmatched* and counts as a wrong identity.

    Args:
        answers: Predicted names, from :func:`read_names`, without words for an empty cell.
        true: Identities of the truth.
        rules: The rules of the user for names.
        note: Receives one sentence for each kind of change, and one about unmatched names.
        where: The predictions, for errors.
        allow_unmatched: Whether it is no error if no predicted name is an identity of the truth.

    Raises:
        ReidbenchError: Answers name identities, but none of them is in the truth.
    """
    by_number: dict[int, list[str]] = {}
    for name in sorted(true):
        if name.isdecimal():
            by_number.setdefault(int(name), []).append(name)
    matched = [_match(name, true, by_number, rules) for name in answers]
    changed = Counter(pair for pair in zip(answers, matched, strict=True) if pair[0] != pair[1])
    for to_new in (True, False):
        kind = {pair: count for pair, count in changed.items() if (pair[1] == NEW_IDENTITY) is to_new}
        if kind:
            count = sum(kind.values())
            shown = [
                f"{name!r} ({n})" if to_new else f"{name!r} as {match!r} ({n})" for (name, match), n in kind.items()
            ]
            verb = f"read as {NEW_IDENTITY}" if to_new else "read as the same number with other zeros in front"
            note(f"{_n(count, 'prediction')} {verb}: {_list(shown[:_SHOWN], kind)}")
    unmatched = Counter(name for name in matched if name != NEW_IDENTITY and name not in true)
    if not unmatched:
        return matched
    shown = []
    for name, count in unmatched.most_common(_SHOWN):
        near = nearest(name, true)
        shown.append(f"{name!r} ({count}" + (f"; most similar in the truth: {near!r})" if near else ")"))
    n_named = sum(name != NEW_IDENTITY for name in matched)
    text = (
        f"{unmatched.total()} of {n_named} predictions of an animal have a name that is not in the truth: "
        f"{_list(shown, unmatched)}"
    )
    if unmatched.total() == n_named and not allow_unmatched:
        raise ReidbenchError(
            text,
            where=where,
            remedy="spell the names as in the truth; if they are right, because these animals are enrolled but no "
            "query shows them, add --allow-unmatched",
        )
    note(
        text
        + "; they count as wrong identities, which is correct if these animals are enrolled but no query shows them"
    )
    return matched


def refuse_unnamed(names: Sequence[str], image_ids: Sequence[str], what: str, where: str, remedy: str) -> None:
    """Refuse words that a program writes for an empty cell, such as ``nan``; ``names`` holds only those to refuse."""
    if names:
        words = ", ".join(f"'{word}'" for word in dict.fromkeys(names) if word)
        shown = ", ".join(image_ids[:_SHOWN]) + (
            f" and {len(image_ids) - _SHOWN} more" if len(image_ids) > _SHOWN else ""
        )
        said = f" ({words})" if words else ""
        raise ReidbenchError(
            f"{_n(len(names), what)} {'is' if len(names) == 1 else 'are'} empty{said}: image_id {shown}",
            where=where,
            remedy=remedy + ("; if the word is the name of an animal, add --name WORD" if words else ""),
        )


def is_empty_answer(name: str, true: Set[str], rules: NameRules) -> bool:
    """Tell whether a prediction is empty: no text, or a word for an empty cell that is no name."""
    return name not in true and name not in rules.names and is_missing_word(name)


def _match(name: str, true: Set[str], by_number: dict[int, list[str]], rules: NameRules) -> str:
    if name in true or name in rules.names:
        return name
    if is_new(name) or name.casefold() == "new" or rules.is_unidentified(name):
        return NEW_IDENTITY
    if name.isdecimal() and len(same := by_number.get(int(name), [])) == 1:
        return same[0]
    return name


def _n(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def _list(shown: Sequence[str], everything: Any) -> str:
    more = len(everything) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
