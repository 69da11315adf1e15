"""Decide which side of an animal a word means, for every table and every comparison of sides."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from reidbench.data.doubtful_names import names_no_animal
from reidbench.data.names import identity_name, is_word

# Words are in lower case and without accents.
_LEFT = frozenset({
    "l", "left", "lft", "gauche", "links", "linke", "linker", "izquierda", "izquierdo", "izq", "esquerda", "esquerdo",
    "sinistra", "sinistro", "sx", "venstre", "vanster", "vasen", "levy", "leva", "leve", "lewy", "lewa", "lewo", "bal",
    "левыи", "левая", "левое", "слева", "左", "左側", "左侧",
})  # fmt: skip
_RIGHT = frozenset({
    "r", "right", "rgt", "droite", "droit", "rechts", "rechte", "rechter", "derecha", "derecho", "dcha", "direita",
    "direito", "destra", "destro", "dx", "høyre", "højre", "hoyre", "hojre", "hoger", "oikea", "pravy", "prava",
    "prave", "prawy", "prawa", "prawo", "jobb", "правыи", "правая", "правое", "справа", "右", "右側", "右侧",
})  # fmt: skip
_UNKNOWN = frozenset({
    "both", "lr", "rl", "beide", "beides", "ambos", "ambas", "entrambi", "entrambe", "begge", "bada", "either", "any",
    "ambiguous",
})  # fmt: skip
_NOUNS = frozenset({
    "side", "sides", "flank", "flanks", "view", "profile", "lateral", "seite", "flanke", "flanc", "cote", "profil",
    "lado", "flanco", "lato", "fianco", "kant", "zijde", "sida", "bok", "strana", "бок", "сторона",
})  # fmt: skip
_JOINING = frozenset({"and", "or", "und", "oder", "et", "ou", "y", "e", "en"})
_WORD = re.compile(r"[^\W\d_]+|\d+")
_SHOWN = 5


@lru_cache(maxsize=4096)
def side_of(value: str) -> str:
    """Return ``left``, ``right``, empty text for an unknown side, or another value in lower case.

    A photograph of both sides has an unknown side, so it is compared with all.

    Example:
        >>> side_of(" L "), side_of("left flank"), side_of("gauche"), side_of("Rechts")
        ('left', 'left', 'left', 'right')
        >>> side_of("unbekannt"), side_of("both"), side_of("L/R"), side_of("Dorsal")
        ('', '', '', 'dorsal')
    """
    name = identity_name(value)
    letters = unicodedata.normalize("NFD", name.casefold())
    plain = unicodedata.normalize("NFC", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    words = {word for word in _WORD.findall(plain) if word not in _NOUNS and word not in _JOINING}
    if names_no_animal(name) or name.endswith("?"):
        return ""
    if not words or not words <= _LEFT | _RIGHT | _UNKNOWN:
        return name.casefold()
    if words <= _LEFT:
        return "left"
    return "right" if words <= _RIGHT else ""


def side_readings(values: Iterable[str]) -> list[str]:
    """Return a line that names the values that are read as another word; no line if all are plain.

    Example:
        >>> side_readings(["left", "L", "both", "dorsal", ""])
        ["sides: read as left: 'L'; read as unknown: 'both'"]
    """
    read: dict[str, list[str]] = defaultdict(list)
    for value in sorted(set(values)):
        side = side_of(value)
        if side in ("left", "right", "") and value != side and not is_word(value):
            read[side].append(f"'{value}'")
    parts = [f"read as {side or 'unknown'}: {', '.join(read[side])}" for side in ("left", "right", "") if read[side]]
    return [f"sides: {'; '.join(parts)}"] if parts else []


def other_sides(counts: Mapping[str, int]) -> list[str]:
    """Return a line that names the values that are no word for left, right or unknown; no line if there is none.

    Args:
        counts: Number of images of each value.

    Example:
        >>> other_sides({"left": 3, "dorsal": 2})
        ["sides other than left and right: 'dorsal' (2 images); --match-sides same compares each only with itself"]
    """
    others = sorted(value for value in counts if side_of(value) not in ("left", "right", ""))
    if not others:
        return []
    shown = ", ".join(f"'{each}' ({counts[each]} image{'s' * (counts[each] != 1)})" for each in others[:_SHOWN])
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return [f"sides other than left and right: {shown}{more}; --match-sides same compares each only with itself"]
