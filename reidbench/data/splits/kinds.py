"""The kinds of split, and what each needs from the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from reidbench.data.splits.dealing import Group, deal, flat, gather
from reidbench.data.splits.time_aware import Cutoff, deal_in_time, deal_torn
from reidbench.errors import ReidbenchError, did_you_mean


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of split.

    Attributes:
        name: Name as on the command line, with the days if they were given.
        deal: Gives every image of one group its part.
        has_new: Whether there are queries of unknown animals.
        holds_share: Whether the option ``--new-share`` sets their share.
        in_time: Whether the kind needs dates; images without a date are then unused.
        learns_apart: Whether some animals are only in ``fit``.
    """

    name: str
    deal: Callable[[Group], None]
    has_new: bool = True
    holds_share: bool = True
    in_time: bool = False
    learns_apart: bool = False

    def check_share(self, new_share: float | None) -> None:
        """Refuse a share of unknown animals that this kind of split could not obey.

        Args:
            new_share: The share that the user gave, or ``None``.

        Raises:
            ReidbenchError: The kind has no unknown animals, or takes those that the days give.
        """
        if new_share is None or (self.has_new and self.holds_share) or (not self.has_new and new_share == 0):
            return
        reason = "unknown animals follow from the days" if self.has_new else "it has no query of an unknown animal"
        raise ReidbenchError(
            f"--new-share has no effect on the kind of split '{self.name}': {reason}",
            where=f"--split-kind {self.name} --new-share {new_share:g}",
            remedy="remove --new-share (new_share), or choose another kind of split, such as open-set",
        )


def _deal_in_turn(group: Group) -> None:
    animals = gather(group)
    names = group.shuffle(sorted(animals), "identities")
    deal([animals[name] for name in names], group.parts, group.share)


def _deal_half(group: Group) -> None:
    """Put half of the animals into ``fit``, and deal the others."""
    animals = gather(group)
    names = group.shuffle(sorted(animals), "identities")
    learnt, asked = names[: len(names) // 2], names[len(names) // 2 :]
    for name in learnt:
        group.parts[flat(animals[name])] = "fit"
    deal([animals[name] for name in asked], group.parts, group.share)


_CUTOFF = "time-cutoff"
_KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("open-set", _deal_in_turn),
        Kind("closed-set", _deal_in_turn, has_new=False),
        Kind("disjoint", _deal_half, learns_apart=True),
        Kind("time-proportion", deal_in_time, in_time=True),
        Kind(_CUTOFF, Cutoff(), holds_share=False, in_time=True),
        Kind("random", deal_torn, in_time=True),
    )
}
KINDS: Final = tuple(_KINDS)
SOURCE_KINDS: Final = ("auto", "given", "competition")
"""Kinds that depend on the source of the images; :func:`reidbench.data.splitting.split_of_kind` makes them."""


MAY_DRAW_NOTHING: Final = ("given", _CUTOFF)
"""Kinds in which the data can decide the part of every image, so that a seed changes nothing."""


def parse_kind(text: str) -> Kind:
    """Return the kind with a name; ``time-cutoff`` can have days, as in ``time-cutoff=2022-06-01,2023-01-01``.

    Raises:
        ReidbenchError: No kind has this name, or the text after ``=`` is not a day.
    """
    name, equals, given = text.partition("=")
    if name not in _KINDS or (equals and name != _CUTOFF):
        guess = did_you_mean(name, KINDS)
        raise ReidbenchError(
            f"there is no kind of split '{text}'",
            where=f"--split-kind {text}",
            remedy=f"{guess} " * bool(guess) + f"choose one of: {', '.join((*SOURCE_KINDS, *KINDS))}",
        )
    return replace(_KINDS[name], name=text, deal=Cutoff(given)) if equals else _KINDS[name]
