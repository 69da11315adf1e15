"""Say what a table or folder may not mean: doubtful names, copies of photographs, and groups in two spellings.

Nothing is changed, because only the user knows what is meant. Each remark names examples and the way to resolve it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from reidbench.data.doubtful_names import (
    looks_unidentified,
    names_no_animal,
    placeholders,
    several_animals,
    spellings,
)
from reidbench.data.images import DEFAULT_GROUP, ImageSet
from reidbench.data.names import identity_name
from reidbench.data.side_words import other_sides, side_of, side_readings

NO_PHOTOGRAPHS = frozenset({
    "annotations", "crops", "cropped", "labels", "mask", "masks", "rejected", "segmentation", "segmentations",
    "thumbnail", "thumbnails", "thumbs", "trash", "deleted", "wrong",
})  # fmt: skip
"""Names of folders whose pictures are probably no photographs of animals, in lower case."""
_SHOWN = 3


def remarks_on(images: ImageSet) -> list[str]:
    """Return a line for each kind of doubt about the images of a table or folder.

    Args:
        images: The images. Their files are hashed only if two files have the same size.
    """
    return [
        *_on_names(images),
        *_on_groups(images),
        *_on_copies(images),
        *_on_inner_folders(images),
        *_on_the_split(images),
    ]


def _on_names(images: ImageSet) -> list[str]:
    counts = Counter(images.identity.tolist())
    names = [name for name in sorted(counts) if name not in images.naming.names]
    doubtful = sorted({name for name in names if looks_unidentified(name)} | set(placeholders(counts)) & set(names))
    several = several_animals(names)
    lines = []
    if doubtful:
        lines.append(
            f"{_number(len(doubtful), 'name')} may name no animal: {_counted(doubtful, counts)}; --unknown WORD sets "
            "such images aside, --name WORD keeps the name without this line"
        )
    if several:
        lines.append(
            f"{_number(len(several), 'name')} may list several animals, and each counts as an animal by itself: "
            f"{_counted(several, counts)}; write a row for each animal"
        )
    same = spellings(names)
    if same:
        pairs = [" and ".join(map(repr, each)) for each in same]
        lines.append(
            f"{_number(len(same), 'animal')} may have two spellings, which count as different animals: "
            f"{_some(pairs)}; correct the names if they are one animal"
        )
    return lines


def _on_groups(images: ImageSet) -> list[str]:
    lines = []
    groups = Counter(images.group.tolist())
    sides = Counter(images.table["orientation"].tolist())
    others = sorted(value for value in sides if side_of(value) not in ("left", "right", ""))
    for column, values in (("groups", list(groups)), ("orientations", others)):
        same = spellings([value for value in values if value])
        if same:
            lines.append(
                f"{column} that may be one: {_some([' and '.join(map(repr, each)) for each in same])}; "
                "correct the spelling if they are one"
            )
    doubtful = sorted(group for group in groups if group != DEFAULT_GROUP and names_no_animal(group))
    if doubtful:
        lines.append(
            f"{_number(len(doubtful), 'group')} may name no species: {_counted(doubtful, groups)}; an animal is "
            "searched only within its group, so fill in the species, or leave the cell empty if it is not known"
        )
    short = [
        f"'{each}' and '{other}'" for each in sorted(groups) for other in sorted(groups) if _abbreviates(each, other)
    ]
    if short:
        lines.append(f"groups that may be one: {_some(short)}; write the species in one way if they are one")
    lines += [*side_readings(sides), *other_sides(sides)]
    if len(groups) > 1 and DEFAULT_GROUP in groups:
        lines.append(
            f"{groups[DEFAULT_GROUP]} images without a species are in the group '{DEFAULT_GROUP}', apart from the "
            "others; fill in the species if it is known"
        )
    return lines


def _on_copies(images: ImageSet) -> list[str]:
    """Count images with the bytes and the box of another image."""
    rows_of: dict[tuple[str, object], list[int]] = defaultdict(list)
    rows = _of_equal_size(images)
    if not rows:
        return []
    for row, content in zip(rows, images.take(rows).file_hashes(), strict=True):
        rows_of[content, images.table["bbox"].iloc[row]].append(row)
    copies = [same for same in rows_of.values() if len(same) > 1]
    identity, paths = images.identity, images.table["path"].tolist()
    torn = [same for same in copies if len(set(identity[same].tolist())) > 1]
    lines = []
    if torn:
        examples = [" and ".join(f"'{paths[row]}' ('{identity[row]}')" for row in same[:2]) for same in torn]
        lines.append(
            f"{_number(len(torn), 'photograph')} with the same box, or without one, under two animals: "
            f"{_some(examples)}; at most one name is right"
        )
    repeated = sum(len(same) - len(set(identity[same].tolist())) for same in copies)
    if repeated:
        first = next((same for same in copies if same not in torn), None)
        example = f", such as '{paths[first[0]]}' and '{paths[first[1]]}'" if first else ""
        lines.append(
            f"{_number(repeated, 'row')} with a photograph and box that the same animal has in another row{example}"
            "; a copy in the gallery makes its query too easy, so keep one row of each"
        )
    return lines


def _on_inner_folders(images: ImageSet) -> list[str]:
    """Count images in folders such as ``masks`` or ``unidentified`` within the folder of an animal."""
    if images.source != "folder":
        return []
    inner = Counter(
        folder
        for path, identity in zip(images.table["path"], images.identity.tolist(), strict=True)
        for folder in PurePosixPath(path).parts[1:-1]
        if folder.casefold() in NO_PHOTOGRAPHS or (identity_name(folder) != identity and names_no_animal(folder))
    )
    return [
        f"{_number(count, 'image')} in folders called '{folder}' count as photographs of the animal; move them "
        "elsewhere if they are none"
        for folder, count in sorted(inner.items())
    ]


def _abbreviates(short: str, species: str) -> bool:
    """Tell whether a species is another one with its genus shortened to a letter: E. quagga and Equus quagga."""
    (genus, _, rest), (full, _, other) = (name.casefold().partition(" ") for name in (short, species))
    letter, full = genus.rstrip("."), full.rstrip(".")
    return bool(rest) and rest == other and len(letter) == 1 < len(full) and full.startswith(letter)


def _of_equal_size(images: ImageSet) -> list[int]:
    sizes = np.array([images.image_path(row).stat().st_size for row in range(len(images))])
    _, place, count = np.unique(sizes, return_inverse=True, return_counts=True)
    return [int(row) for row in np.flatnonzero(count[place] > 1)]


def _on_the_split(images: ImageSet) -> list[str]:
    if images.given is None or not any(images.given.part):
        return []
    words = Counter(str(part) for part in images.given.part if part)
    listed = ", ".join(f"{count} '{word}'" for word, count in sorted(words.items())[:_SHOWN])
    more = ", …" if len(words) > _SHOWN else ""
    return [f"the data bring a split ({listed}{more}); only --split-kind given uses it"]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _counted(names: Sequence[str], counts: Mapping[str, int]) -> str:
    return _some([f"'{name}' ({_number(counts[name], 'image')})" for name in names])


def _some(examples: Sequence[str]) -> str:
    more = f" and {len(examples) - _SHOWN} more" if len(examples) > _SHOWN else ""
    return ", ".join(examples[:_SHOWN]) + more
