"""Recognise how a folder of photographs is laid out, so that only what can be an animal becomes one.

Folders named ``train`` and ``test``, years, camera stations and ``masks`` are no animals. A layout that leaves a choice
is refused with what was seen, because a wrong choice would give a score for animals that do not exist.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.data.splits.given import WORDS
from reidbench.errors import ReidbenchError

MARKET = re.compile(r"(-?\d+)_c\d+(?:s\d+)?_f?\d+(?:_\d+)?")
"""Name of a file in the form of Market-1501: identity, camera and sequence, frame, box."""
MARKET_PARTS = {
    "bounding_box_train": "train", "bounding_box_test": "gallery", "query": "query", "gt_bbox": "", "gt_query": "",
}  # fmt: skip
"""Folders of Market-1501 with the word of each for its part; photographs of the last two are not read."""

_AUXILIARY = frozenset({
    "annotation", "annotations", "crops", "cropped", "image", "images", "img", "imgs", "jpegimages", "labels", "mask",
    "masks", "metadata", "photographs", "photos", "pictures", "segmentation", "segmentations", "thumbnail",
    "thumbnails", "thumbs",
})  # fmt: skip
_YEAR = re.compile(r"(19|20)\d\d([-_](\d\d|(19|20)\d\d))?")
_STATION = re.compile(
    r"(cam|camera|camera ?trap|camera ?station|station|stn|site|trap)[ _-]*(\d+[a-z]?|[a-z])", re.IGNORECASE
)
_NEUTRAL = re.compile(  # dates and sides, which are common inside the folders of animals
    r"(19|20)\d\d([-_.: ]?\d\d){0,2}|left|right|front|back|top|bottom|l|r|dorsal|ventral|lateral|head|tail",
    re.IGNORECASE,
)
_CAMERA = re.compile(r"dcim|DCIM|[1-9]\d\d[A-Z_][A-Z0-9_]{4}")  # folders that a camera makes, such as 100CANON
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class SubFolder:
    """A sub-folder of a dataset's folder.

    Attributes:
        name: Its name.
        n_image: Number of photographs directly in it.
        inner: Names of the folders in it.
    """

    name: str
    n_image: int
    inner: tuple[str, ...]

    @property
    def holds_folders(self) -> bool:
        """Whether all photographs lie in folders of the sub-folder."""
        return bool(self.inner) and not self.n_image


def find_layout(folder: Path, loose: Sequence[str], subs: Sequence[SubFolder]) -> str:
    """Return the layout of a folder.

    Args:
        folder: The folder, for errors.
        loose: Names of the photographs directly in it.
        subs: Its sub-folders.

    Returns:
        ``identity``, ``split/identity``, ``year/identity``, ``station/identity`` or ``market``.

    Raises:
        ReidbenchError: The layout is none of these, or leaves a choice.

    Example:
        >>> years = [SubFolder("2019", 0, ("ana", "bo")), SubFolder("2020", 0, ("ana",))]
        >>> find_layout(Path("herd"), [], years)
        'year/identity'
    """
    if not subs:
        n_market = sum(MARKET.match(name) is not None for name in loose)
        if n_market and n_market == len(loose):
            return "market"
        seen = f" and {len(loose)} photographs, such as {_names(loose)}" if loose else ""
        raise ReidbenchError(
            f"the folder has no metadata.csv and no sub-folder{seen}",
            where=str(folder),
            remedy="make one sub-folder for each animal, named after it, with its images inside"
            + "; --folders market reads names such as 0002_c1s1_000451_03.jpg and leaves out other files"
            * bool(n_market),
        )
    if "bounding_box_test" in {sub.name for sub in subs} <= set(MARKET_PARTS):
        return "market"
    auxiliary = [sub.name for sub in subs if sub.name.casefold() in _AUXILIARY or _CAMERA.fullmatch(sub.name)]
    if auxiliary:
        raise _refused(
            folder, subs, f"folders with such names hold no single animal: {_names(auxiliary)}",
            "add a metadata.csv, or name the folder with one sub-folder for each animal",
        )  # fmt: skip
    for what, layout, matches in (
        ("parts of a split", "split/identity", lambda name: name.casefold() in WORDS),
        ("years", "year/identity", lambda name: _YEAR.fullmatch(name) is not None),
        ("camera stations", "station/identity", lambda name: _STATION.fullmatch(name) is not None),
    ):
        fitting = _fitting(subs, matches)
        if len(fitting) == len(subs) and all(sub.holds_folders for sub in subs):
            return layout
        if len(fitting) == len(subs):
            direct = [sub.name for sub in subs if not sub.holds_folders]
            raise _refused(
                folder, subs, f"the folders are named like {what}, but not all their photographs are in a folder "
                f"for each animal: {_names(direct)}", f"put them into folders for each animal, for {layout}",
            )  # fmt: skip
        if layout == "split/identity" and (len(fitting) > 1 or any(sub.holds_folders for sub in fitting)):
            raise _refused(
                folder, subs, f"{_names([sub.name for sub in fitting])} are named like {what}, the others are not",
                f"move the other folders elsewhere, for {layout}",
            )  # fmt: skip
    shared = _shared(subs)
    if shared:
        raise _refused(
            folder, subs, f"different folders contain folders of the same name ({_names(shared)}), so the outer or "
            "the inner folders may be the animals", "see the choices",
        )  # fmt: skip
    inner = [name for sub in subs for name in sub.inner if not _NEUTRAL.fullmatch(name)]
    named = [name for name in inner if name.casefold() not in _AUXILIARY | set(WORDS)]
    if all(sub.holds_folders for sub in subs) and 2 * len(named) >= sum(len(sub.inner) for sub in subs):
        raise _refused(
            folder, subs, f"all photographs are in folders within these folders, such as {_names(sorted(named))}, so "
            "the outer or the inner folders may be the animals", "see the choices",
        )  # fmt: skip
    return "identity"


def _fitting(subs: Sequence[SubFolder], matches: Callable[[str], bool]) -> list[SubFolder]:
    return [sub for sub in subs if matches(sub.name)]


def _shared(subs: Sequence[SubFolder]) -> list[str]:
    """Return the names of inner folders under several sub-folders, if these are at least half of all names.

    Dates and sides are common names inside the folders of animals and do not count.
    """
    under: Counter[str] = Counter()
    for sub in subs:
        under.update({name for name in sub.inner if not _NEUTRAL.fullmatch(name)} if sub.holds_folders else ())
    shared = sorted(
        name for name, count in under.items() if count > 1 and name.casefold() not in _AUXILIARY | set(WORDS)
    )
    return shared if 2 * len(shared) >= len(under) else []


def _refused(folder: Path, subs: Sequence[SubFolder], why: str, remedy: str) -> ReidbenchError:
    """Return the error for a layout that leaves a choice, with what lies there."""
    seen = [f"'{sub.name}' ({sub.n_image} photographs, {len(sub.inner)} folders)" for sub in subs[:_SHOWN]]
    more = f" and {len(subs) - _SHOWN} more" if len(subs) > _SHOWN else ""
    return ReidbenchError(
        f"the layout of the folder is not clear: {why}; seen: {', '.join(seen)}{more}",
        where=str(folder),
        remedy=f"{remedy}; or say how it is laid out: --folders identity (each of these folders is an animal), "
        "split/identity, year/identity, station/identity (the folders in them are animals), group/identity (so, and "
        "each of these folders is a group, such as a species) or market",
    )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more
