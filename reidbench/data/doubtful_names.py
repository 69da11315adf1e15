"""Find names that may name no animal, two spellings of one animal, or several animals in one cell.

Such names stay in a dataset, because only the user knows what they mean. A reader says which they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping

from reidbench.data.names import is_word, tokens

_DOUBTFUL = frozenset({
    "unknown", "unknow", "unkown", "uknown", "unk", "unkn", "ukn", "unid", "unident", "undet", "unassigned", "unnamed",
    "undetermined", "indet", "indeterminate", "undefined", "unspecified", "unrecognised", "unrecognized", "noid",
    "noname", "tbd", "tba", "tbc", "todo", "unsure", "uncertain", "unclear", "doubtful", "unmatched", "unsorted",
    "unlabeled", "unlabelled", "unusable", "blurry", "blurred",
    # the same in other languages, without accents
    "inconnu", "inconnue", "inconnus", "indetermine", "indeterminee", "incertain", "incertaine",
    "unbekannt", "unbekannte", "unbekannter", "unbestimmt", "unklar", "unsicher", "unbenannt",
    "desconocido", "desconocida", "indeterminado", "indeterminada", "incierto", "desconhecido", "desconhecida",
    "sconosciuto", "sconosciuta", "ignoto", "ignota", "indeterminato", "indeterminata", "incerto",
    "onbekend", "onbekende", "onduidelijk", "ukjent", "ukendt", "okand", "okant", "tuntematon", "tunnistamaton",
    "neznamy", "neznama", "neznamo", "nezname", "neznany", "neurcen", "neurcena", "neurceno", "neurceny", "nejasne",
    "nieznany", "nieznana", "nieznane", "nieoznaczony", "nierozpoznany", "nepoznat", "necunoscut", "ismeretlen",
    "bilinmeyen", "bilinmiyor", "belirsiz", "teadmata", "nezinams", "nezinomas", "haijulikani",
    "неизвестно", "неизвестен", "неизвестныи", "неизвестная", "неопознан", "неопознанныи", "невідомо", "αγνωστο",
    "不明", "不詳", "不详", "未知", "未识别", "未識別", "未確認", "未确认", "不确定", "미상", "미확인", "مجهول",
})  # fmt: skip
_DOUBTFUL_ALONE = frozenset({
    "new", "juvenile", "juv", "adult", "subadult", "male", "female", "calf", "cub", "pup", "foal", "chick", "young",
    "other", "misc", "various", "several", "multiple", "many", "mixed", "group", "id", "x", "xx", "xxx", "test",
    "stranger", "true", "false", "yes", "ref", "value", "total", "check", "nd", "nn", "nouveau", "neu", "nuevo", "novy",
})  # fmt: skip
_YOUNG = frozenset({"calf", "cub", "pup", "foal", "chick", "juvenile", "offspring", "young", "mother", "baby"})
_UNCERTAIN = frozenset({"cf", "aff", "prob", "probably", "maybe", "possibly", "possible", "probable"})
_PAIRS = frozenset({
    ("no", "id"), ("no", "name"), ("no", "match"), ("no", "idea"), ("not", "known"), ("not", "sure"),
    ("not", "clear"), ("not", "certain"), ("not", "recognised"), ("not", "recognized"), ("not", "assigned"),
    ("not", "determined"), ("not", "visible"), ("none", "found"), ("dont", "know"),
    ("non", "determine"), ("non", "connu"), ("sans", "nom"), ("nicht", "bekannt"), ("nicht", "bestimmt"),
    ("nicht", "sicher"), ("ohne", "namen"), ("no", "conocido"), ("no", "se"), ("sin", "nombre"), ("nao", "sei"),
    ("sem", "nome"), ("non", "noto"), ("non", "conosciuto"), ("senza", "nome"), ("niet", "bekend"), ("ikke", "kjent"),
    ("bez", "jmena"), ("не", "определено"), ("не", "известно"), ("غير", "معروف"), ("to", "check"), ("to", "sort"),
    ("n", "d"), ("n", "n"),
})  # fmt: skip
_IDENTIFIED = re.compile(r"ident[iy]f")  # in "not identified", "nicht identifiziert", "non identificato" and others
_WORD = re.compile(r"[^\W\d_]+|\d+")
_NEGATIVE = re.compile(r"-\d+")
_SPREADSHEET_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+\d+")  # a spreadsheet writes 12E45 and long numbers in this form
_PLACEHOLDER = re.compile(r"0+|9{2,}")
_SEPARATOR = re.compile(r"\s*[;&+/|,]\s*|\s+(?:and|und|et|y|a)\s+")


def looks_unidentified(name: str) -> bool:
    """Tell whether a name looks like a word for an unidentified animal, or like an uncertain identification.

    Example:
        >>> looks_unidentified("unknown 3"), looks_unidentified("inconnue"), looks_unidentified("calf of Ana")
        (True, True, True)
        >>> looks_unidentified("cf. Ana"), looks_unidentified("-1"), looks_unidentified("Newton")
        (True, True, False)
    """
    words = _words(name)
    if names_no_animal(name) or name.endswith("?") or not words:
        return True
    if _NEGATIVE.fullmatch(name) or _SPREADSHEET_NUMBER.fullmatch(name):
        return True
    numbered = [word for word in words if not word.isdecimal()]
    return (
        (len(numbered) == 1 and numbered[0] in _DOUBTFUL_ALONE and (len(words) == 1 or numbered[0] == "new"))
        or (len(words) > 2 and words[0] in _YOUNG and words[1] == "of")
        or (len(words) > 1 and words[0] in _UNCERTAIN)
    )


def names_no_animal(name: str) -> bool:
    """Tell whether a name contains a word for "unidentified", in one of many languages.

    Unlike :func:`looks_unidentified`, it does not doubt words such as ``juvenile`` or ``new``.

    Example:
        >>> names_no_animal("nicht identifiziert"), names_no_animal("Unkn."), names_no_animal("juvenile")
        (True, True, False)
    """
    words = _words(name)
    return (
        is_word(name)
        or not _DOUBTFUL.isdisjoint(words)
        or words[:2] in _PAIRS
        or any(_IDENTIFIED.search(word) for word in words)
    )


def placeholders(counts: Mapping[str, int]) -> list[str]:
    """Return numbers such as ``0`` or ``999`` with more than twice the images of any other name.

    Args:
        counts: Number of images of each name.

    Example:
        >>> placeholders({"0": 30, "1": 6, "2": 5}), placeholders({"0": 6, "1": 6})
        (['0'], [])
    """
    return [
        name
        for name, count in sorted(counts.items())
        if _PLACEHOLDER.fullmatch(name)
        and len(counts) > 1
        and count > 2 * max(other for each, other in counts.items() if each != name)
    ]


def spellings(names: Collection[str]) -> list[list[str]]:
    """Return sets of names that differ only in case, zeros, blanks, punctuation or look-alike letters.

    Example:
        >>> spellings(["S09_161", "s09_161", "S09_16", "Ana"])
        [['S09_161', 's09_161']]
    """
    by_tokens: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for name in names:
        by_tokens[tokens(name)].add(name)
    return sorted(sorted(same) for words, same in by_tokens.items() if words and len(same) > 1)


def several_animals(names: Collection[str]) -> list[str]:
    """Return the names that list two or more other names.

    Example:
        >>> several_animals(["Ana; Bo", "Ana", "Bo", "Ana + Cy"])
        ['Ana; Bo']
    """
    known = set(names)
    parts = {name: [part for part in _SEPARATOR.split(name) if part] for name in known}
    return sorted(name for name, found in parts.items() if len(found) > 1 and known.issuperset(found))


def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_without_accents(name.casefold())))


def _without_accents(name: str) -> str:
    letters = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFC", "".join(letter for letter in letters if not unicodedata.combining(letter)))
