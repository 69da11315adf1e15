"""Check the names in decisions: each must read back from a table, and near-equal names need a decision of the user."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from reidbench.data.names import NameRules, identity_name, is_new, near_equal
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.identifying.decisions import Decision

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NameChoices:
    """The decisions of the user on near-equal names.

    Attributes:
        same: Texts ``NAME=NAME`` (``--same``): the first name, of a decision, is the animal with the second name.
        new: Names of decisions (``--new``) that are new animals although a near-equal name exists.
        ask: Called with a name and a near-equal one; tells whether they are one animal. ``None`` makes it an error.
    """

    same: Sequence[str] = ()
    new: Sequence[str] = ()
    ask: Callable[[str, str], bool] | None = field(default=None, repr=False)


def settle_names(
    decisions: Sequence[Decision], enrolled: Collection[str], rules: NameRules, choices: NameChoices
) -> list[Decision]:
    """Return the decisions with the names that the animals have.

    Args:
        decisions: The decisions.
        enrolled: Names of the enrolled animals.
        rules: Words of the dataset that are, or are not, names.
        choices: The decisions of the user on near-equal names.

    Raises:
        ReidbenchError: A name would not read back from a table, a choice does not fit the decisions, or a new name is
            near-equal to another name and the user has not said whether they are one animal.
    """
    _refuse_unreadable(decisions, rules)
    decided = {decision.identity for decision in decisions if decision.identity}
    same = dict(_pair(text, decided, enrolled) for text in choices.same)
    new = {identity_name(name) for name in choices.new}
    unused = sorted(new - decided)
    if unused:
        guess = did_you_mean(unused[0], decided)
        raise ReidbenchError(
            f"no decision names '{unused[0]}'" + (f"; {guess}" if guess else ""),
            where=f"--new {unused[0]}",
            remedy="name an animal as the decisions do",
        )
    both = sorted(new & set(same))
    if both:
        raise ReidbenchError(
            f"'{both[0]}' is given both as a new animal and as another one",
            where=f"--new {both[0]} --same {both[0]}={same[both[0]]}",
            remedy="keep one of the two options",
        )
    new_names = sorted({each.identity for each in decisions if each.decision == "new"} - set(enrolled) - set(same))
    open_pairs: list[tuple[str, str]] = []
    for name in new_names:
        if name in new:
            continue
        for other in near_equal(name, [*enrolled, *(each for each in new_names if each < name and each not in same)]):
            if choices.ask is None:
                open_pairs.append((name, other))
            elif choices.ask(name, other):
                same[name] = other
                break
    if open_pairs:
        pairs = ", ".join(f"'{name}' and '{other}'" for name, other in open_pairs[:_SHOWN])
        more = f" and {len(open_pairs) - _SHOWN} more" if len(open_pairs) > _SHOWN else ""
        name, other = open_pairs[0]
        raise ReidbenchError(
            f"names that are nearly equal may be one animal: {pairs}{more}",
            where=next(each.where for each in decisions if each.identity == name),
            remedy=f"--same {name}={other} if they are one animal, --new {name} if '{name}' is a new one",
        )
    return [_renamed(decision, same, enrolled) for decision in decisions]


def _renamed(decision: Decision, same: dict[str, str], enrolled: Collection[str]) -> Decision:
    if decision.identity not in same:
        return decision
    name = same[decision.identity]
    return replace(decision, identity=name, decision="accept" if name in enrolled else "new")


def _pair(text: str, decided: Collection[str], enrolled: Collection[str]) -> tuple[str, str]:
    """Return the two names of ``NAME=NAME``; a name may contain ``=``."""
    places = [place for place, letter in enumerate(text) if letter == "="]
    pairs = [(identity_name(text[:place]), identity_name(text[place + 1 :])) for place in places]
    for name, other in pairs:
        if name in decided and name != other and (other in enrolled or other in decided):
            return name, other
    raise ReidbenchError(
        f"'{text}' is not NAME=NAME with a name of the decisions and the name of another animal",
        where=f"--same {text}",
        remedy="write the name in the decisions first, then the name of the animal: --same s09_161=S09_161",
    )


def _refuse_unreadable(decisions: Sequence[Decision], rules: NameRules) -> None:
    wrong = [
        each for each in decisions if each.identity and (is_new(each.identity) or not rules.identity(each.identity))
    ]
    if wrong:
        names = list(dict.fromkeys(each.identity for each in wrong))
        shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise ReidbenchError(
            f"{shown}{more}: a table with this name would be read as a photograph of an unidentified animal",
            where=wrong[0].where,
            remedy="give the animal another name; for an animal that is really called so, add --name to every command",
        )
