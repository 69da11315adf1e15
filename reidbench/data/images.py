"""A set of images of identified animals, checked once, so that no later code has to check it again.

Every row has an identity; the source that reads the images sets rows without one aside and counts them. All columns
but the box are text. A date is a day, with or without a time; :mod:`reidbench.data.encounters` defines *encounters*.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reidbench.data.capture_times import remembered_times
from reidbench.data.digests import DIGEST_RULE, digest_by_rule_1, digest_of_keys, image_key
from reidbench.data.encounters import MINUTES, encounters_of
from reidbench.data.image_checks import ENCOUNTER, Origin, checked_table
from reidbench.data.names import NameRules, describe_words
from reidbench.data.reading import ReadingReport
from reidbench.data.wide_samples import DECODING, is_wide
from reidbench.errors import ReidbenchError
from reidbench.untrusted.reading import check_regular

SHOWN_COLUMNS = ("bbox", "group", "orientation", "date")
"""Columns that a method sees in addition to the pixels."""

_IGNORED_TIMES = "ignored_times"  # place among the kept texts of how many times of files are ignored, and why
_KEYS = "image_keys"  # place of the keys among the texts that a set keeps
_file_hashes: dict[tuple[str, int, int], str] = {}  # (path, mtime, size) -> sha256; read once a process


DEFAULT_GROUP = "all"
"""Group of images whose source has no column for it. It is never the name of the set, which is for display."""
UNNAMED = "unnamed:"
"""Prefix of the identity of an image without a name. Each such image counts as another animal, never enrolled."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Data that a source provides in addition to its images.

    Attributes:
        part: Part of each image in the source's split (column ``split``), ``(n,)`` strings, empty if it has none.
        cluster: Cluster of near-duplicates of each image (column ``cluster_id``), ``(n,)`` strings, empty if it has
            none.
        kind: Kind of split to make by default; empty if the source does not name one.
        asked: Queries of a competition: images without an identity, which the source wants identified. Each has an
            identity that begins with :data:`UNNAMED`.
        mask: Mask of each animal (column ``segmentation``) as the source writes it, ``(n,)``, ``None`` for an image
            without one. :func:`reidbench.data.masks.decode_mask` reads it. ``None`` if no image has one.
    """

    part: NDArray[Any]
    cluster: NDArray[Any]
    kind: str = ""
    asked: ImageSet | None = None
    mask: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.part.shape != self.cluster.shape or self.part.ndim != 1:
            raise ValueError(f"part and cluster have shapes {self.part.shape} and {self.cluster.shape}")
        if self.mask is not None and self.mask.shape != self.part.shape:
            raise ValueError(f"mask has shape {self.mask.shape} for {len(self.part)} images")

    def __len__(self) -> int:
        return len(self.part)

    def take(self, rows: NDArray[np.int64]) -> Given:
        """Return what belongs to some of the images, in that order; ``asked`` and ``kind`` stay."""
        mask = None if self.mask is None else self.mask[rows]
        return Given(self.part[rows], self.cluster[rows], self.kind, self.asked, mask)


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Images, each with the identity of the animal in it.

    Args:
        name: Name of the set in run records.
        root: Folder that relative paths start from.
        table: Columns ``image_id``, ``identity``, ``path``, ``group``, ``date`` (empty, YYYY-MM-DD or
            YYYY-MM-DDTHH:MM:SS) and ``orientation``, all text, and ``bbox`` (``None`` or ``(x, y, width, height)`` in
            pixels). The column ``encounter`` is optional: text, empty for an image without an encounter value.
        source: ``built-in``, ``file``, ``folder``, ``wildlife-datasets``, ``competition``, ``plugin``, or empty for a
            set made in Python.
        set_aside: Number of rows that the source left out because they have no identity.
        note: Remark for readers of the results.
        asked: The name that the user gave for the whole set, and its folder; empty for a set made in Python.
        origin: File and rows that errors name.
        checked: Whether the rows come from a set that has been checked.
        given: Split, masks and queries that the source provides; ``None`` if it provides none.
        set_aside_words: Number of rows set aside for each word in their identity; empty text for an empty cell.
        naming: The rules of the user for names, kept to read the images again in the same way.
        reading: Columns that the source was read from, and what the user said about them.
        digest_rule: Rule of :attr:`digest`: 2, or 1 for the images of a run that an earlier version made.
        encounter_minutes: Longest time in minutes between two images that are one encounter because of their times.
            ``None`` joins by day only, as earlier versions did.
        encounter_column: Name of the source's column that ``encounter`` comes from; empty if there is none.
        unused_columns: Columns of the source that nothing was read from.
        digest_of_run: Digest in the record of a run whose images are all here, although other images of its dataset
            were added or removed since; it replaces :attr:`digest`. Empty for any other set.

    Raises:
        ReidbenchError: An image id is repeated, a file is missing, an identity has two groups, and so on. The error
            names file and row.

    Example:
        >>> images = load_dataset("catalogue/metadata.csv")  # doctest: +SKIP
        >>> len(images), images.digest[:8]  # doctest: +SKIP
        (362, '5f0c1a77')
    """

    name: str
    root: Path
    table: pd.DataFrame
    source: str = ""
    set_aside: int = 0
    note: str = ""
    origin: Origin = field(default_factory=Origin, repr=False)
    asked: tuple[str, str] = ("", "")
    checked: bool = field(default=False, repr=False)
    given: Given | None = field(default=None, repr=False)
    set_aside_words: Mapping[str, int] = field(default_factory=dict)
    naming: NameRules = field(default_factory=NameRules, repr=False)
    reading: ReadingReport = field(default_factory=ReadingReport, repr=False)
    digest_rule: int = field(default=DIGEST_RULE, repr=False)
    encounter_minutes: float | None = MINUTES
    encounter_column: str = ""
    unused_columns: tuple[str, ...] = ()
    digest_of_run: str = ""
    _texts: dict[str, NDArray[np.str_]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.given is not None and len(self.given) != len(self.table):
            raise ValueError(f"{len(self.given)} parts are given for {len(self.table)} images")
        if self.checked:
            return
        object.__setattr__(
            self,
            "table",
            checked_table(
                self.table,
                name=self.name,
                root=self.root,
                origin=self.origin,
                set_aside=self.set_aside,
                set_aside_words=self.set_aside_words,
            ),
        )

    def __len__(self) -> int:
        return len(self.table)

    def take(self, indices: Sequence[int] | NDArray[Any]) -> ImageSet:
        """Return the images at ``indices``, in that order."""
        rows = np.asarray(indices, dtype=np.int64)
        table = self.table.iloc[rows].reset_index(drop=True)
        given = None if self.given is None else self.given.take(rows)
        origin = self.origin.take(rows)
        taken = replace(self, table=table, origin=origin, asked=("", ""), checked=True, given=given, digest_of_run="")
        if _KEYS in self._texts:
            taken._texts[_KEYS] = _read_only(self._texts[_KEYS][rows])
        return taken

    def in_canonical_order(self) -> ImageSet:
        """Return the images sorted by :attr:`image_keys`; images with equal keys are sorted by id.

        Two images with equal keys are interchangeable. So no number that is computed in this order depends on the
        order of rows, on ids or on paths. The images of a run by digest rule 1 keep the order of their table.

        The built-in images are sorted by id instead. The program names them, and a processor may draw a few pixels
        otherwise: sorted by their bytes, the same drawings would be split in another way on another machine.
        """
        if self.digest_rule == 1:
            return self
        order = np.argsort(self.image_id) if self.source == "built-in" else np.lexsort((self.image_id, self.image_keys))
        if np.array_equal(order, np.arange(len(self))):
            return self
        return replace(self.take(order), asked=self.asked, digest_of_run=self.digest_of_run)

    def reading_lines(self) -> list[str]:
        """Return what was read, in one line for the images and one for each remark."""
        words = f" ({describe_words(self.set_aside_words)})" if self.set_aside_words else ""
        aside = f", {self.set_aside} without identity set aside{words}" if self.set_aside else ""
        counts = f"{self.name}: {len(self)} images of {len(np.unique(self.identity))} animals{aside}"
        return [counts, *(f"  {line}" for line in (*self.reading.lines(), self.note) if line)]

    def unused_words(self) -> list[str]:
        """Return a note for each word of ``--unknown`` or ``--name`` that no row of the source has."""
        return self.naming.unused({*self.identity.tolist(), *self.set_aside_words})

    def image_path(self, index: int) -> Path:
        """Return the path of the image at ``index``."""
        return self.root / str(self.table["path"].iloc[index])

    @property
    def image_id(self) -> NDArray[np.str_]:
        """Id of each image, ``(n,)``, read-only."""
        return self._text("image_id")

    @property
    def identity(self) -> NDArray[np.str_]:
        """Identity of the animal in each image, ``(n,)``, read-only."""
        return self._text("identity")

    @property
    def group(self) -> NDArray[np.str_]:
        """Group of each image, ``(n,)``, read-only."""
        return self._text("group")

    @property
    def date(self) -> NDArray[np.str_]:
        """Day of each image as ``YYYY-MM-DD``, empty if unknown, ``(n,)``, read-only."""
        if "date" not in self._texts:
            self._texts["date"] = _read_only(np.array([date[:10] for date in self.table["date"]], dtype=str))
        return self._texts["date"]

    @property
    def time(self) -> NDArray[np.str_]:
        """Time of each image as ``YYYY-MM-DDTHH:MM:SS``, empty if unknown, ``(n,)``, read-only.

        Times come from the column ``date``. If no image has a time there or an encounter value, they come from the
        files (EXIF), which are then read once.
        """
        if "time" not in self._texts:
            times = [date if "T" in date else "" for date in self.table["date"]]
            minutes = self.encounter_minutes
            if minutes is None:
                times = [""] * len(self)
            elif not any(times) and not any(self._column(ENCOUNTER)):
                paths = [self.root / path for path in self.table["path"]]
                read = remembered_times(
                    paths, identity=self.identity, content=self.file_hashes, date=self.date, within_s=60 * minutes
                )
                times = read.seconds()
                self._texts[_IGNORED_TIMES] = np.array([read.ignored])
            self._texts["time"] = _read_only(np.array(times, dtype=str))
        return self._texts["time"]

    @property
    def encounter(self) -> NDArray[np.str_]:
        """Encounter of each image, ``(n,)``, read-only: images of one encounter have the same text.

        :func:`reidbench.data.encounters.encounters_of` defines encounters. They are computed once.
        """
        return self._encounters(ENCOUNTER, whole_days=False)

    @property
    def encounter_days(self) -> NDArray[np.str_]:
        """Encounter of each image if all images of one animal and day are one encounter, ``(n,)``, read-only."""
        return self._encounters("encounter_days", whole_days=True)

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Whether an image has a day, a time, an encounter value or a cluster, which tell its encounter."""
        texts = (self.date.tolist(), self.time.tolist(), self._column(ENCOUNTER), self._clusters())
        return np.array([any(values) for values in zip(*texts, strict=True)], dtype=bool)

    @property
    def encounter_rule(self) -> str:
        """Which photographs of one animal are one encounter, as a phrase: columns, times and days that are in use."""
        by = []
        if any(self._column(ENCOUNTER)):
            by.append(f"with the same value in column '{self.encounter_column or ENCOUNTER}'")
        if any(self._clusters()):
            by.append("with the same value in column 'cluster_id'")
        if self.time.any():
            source = "column 'date'" if any("T" in date for date in self.table["date"]) else "EXIF data"
            by.append(f"taken at most {self.encounter_minutes:g} minutes apart (times from {source})")
        by_day = (self.date != "") & (self.time == "") & ~np.array([value != "" for value in self._column(ENCOUNTER)])
        if by_day.any():
            few = f" ({int(by_day.sum())} photographs have only a day)" if by else ""
            by.append(f"taken on one day{few}")
        ignored = str(self._texts[_IGNORED_TIMES][0]) if _IGNORED_TIMES in self._texts else ""
        unused = f"; EXIF times that are not used: {ignored}" if ignored else ""
        if not by:
            times = "usable times" if ignored else "times"
            why = f"the data have no encounter values, {times} or dates"
            return f"each photograph is one encounter, because {why}{unused}"
        return f"an encounter is all photographs of one animal {', or '.join(by)}{unused}"

    def encounter_value(self, index: int) -> str:
        """Return the encounter value of the image at ``index``, empty if the source has none for it."""
        return str(self._column(ENCOUNTER)[index])

    def _encounters(self, kept: str, *, whole_days: bool) -> NDArray[np.str_]:
        if kept not in self._texts:
            value, cluster, time = self._column(ENCOUNTER), self._clusters(), self.time.tolist()
            if self.encounter_minutes is None:
                value = cluster = [""] * len(self)
            number = encounters_of(
                self.identity.tolist(),
                value=value,
                time=time,
                day=[day or moment[:10] for day, moment in zip(self.date.tolist(), time, strict=True)],
                cluster=cluster,
                file=[] if self.encounter_minutes is None else self.file_hashes(),
                minutes=self.encounter_minutes or 0.0,
                whole_days=whole_days,
            )
            self._texts[kept] = _read_only(number.astype(str))
        return self._texts[kept]

    def _clusters(self) -> list[str]:
        return [""] * len(self) if self.given is None else [str(cluster) for cluster in self.given.cluster]

    def _text(self, column: str) -> NDArray[np.str_]:
        """Convert a column once; later calls return the same array."""
        if column not in self._texts:
            self._texts[column] = _read_only(self.table[column].to_numpy(dtype=str))
        return self._texts[column]

    @property
    def image_keys(self) -> NDArray[np.str_]:
        """Key of each image, ``(n,)``, read-only: SHA-256 over all that can decide a number.

        These are the bytes of the file, box, identity, group, orientation, date, encounter, cluster of
        near-duplicates, and the part that the source gives. Id, path and row play no role. Files are read once; later
        calls return the same array.
        """
        if _KEYS not in self._texts:
            columns = [self._column(name) for name in ("bbox", "identity", "group", "orientation", "date")]
            encounter = [
                f"{value}\x00{cluster}" if cluster else value
                for value, cluster in zip(self._column(ENCOUNTER), self._clusters(), strict=True)
            ]
            part = [""] * len(self) if self.given is None else self.given.part.tolist()
            keys = [image_key(*values) for values in zip(self.file_hashes(), *columns, encounter, part, strict=True)]
            self._texts[_KEYS] = _read_only(np.array(keys, dtype=str))
        return self._texts[_KEYS]

    def _column(self, name: str) -> list[Any]:
        """Return the values of a column, empty text if the table lacks it."""
        return self.table[name].tolist() if name in self.table.columns else [""] * len(self)

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted :attr:`image_keys`.

        The digest does not depend on ids, paths, the order of rows or the name of the set, so a copied or renamed
        folder has the same digest.
        """
        if self.digest_of_run:
            return self.digest_of_run
        if self.digest_rule == 1:
            return digest_by_rule_1(self.file_hashes(), self.table)
        return digest_of_keys(self.image_keys.tolist())

    def with_encounter_minutes(self, minutes: float) -> ImageSet:
        """Return the images with another longest time between two images of one encounter, in minutes.

        Raises:
            ReidbenchError: It is negative or no finite number.
        """
        if not (math.isfinite(minutes) and minutes >= 0):
            raise ReidbenchError(
                f"{minutes:g} minutes is no time between two photographs of an encounter",
                where=f"--encounter-minutes {minutes:g}",
                remedy=f"give 0 or more; {MINUTES:g} is the default",
            )
        if minutes == self.encounter_minutes:
            return self
        return replace(self, checked=True, encounter_minutes=float(minutes))

    def by_rule_1(self, name: str) -> ImageSet:
        """Return the images as versions with digest rule 1 read them: the default group was the name of the set.

        Args:
            name: Name of the set in the record of the run.
        """
        table = self.table.copy()
        table["group"] = table["group"].replace(DEFAULT_GROUP, name)
        return replace(self, table=table, checked=True, digest_rule=1, encounter_minutes=None)

    def contents(self) -> list[str]:
        """Return a digest for each image over all that a method sees of it: bytes, box, group, orientation and date.

        Images with equal digests have the same representation, even if their ids differ.
        """
        columns = [self.date.tolist() if name == "date" else self.table[name] for name in SHOWN_COLUMNS]
        rows = zip(self.file_hashes(), *columns, strict=True)
        # Only wide pictures have a further entry: all others keep the keys that earlier versions stored them under.
        return [
            hashlib.sha256(
                json.dumps((*row, DECODING) if is_wide(self.image_path(index)) else row).encode()
            ).hexdigest()
            for index, row in enumerate(rows)
        ]

    def file_hashes(self) -> list[str]:
        """Return the SHA-256 of each file's bytes, in row order; equal hashes mean the same photograph."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(_file_hash, [str(self.root / path) for path in self.table["path"]]))


def _read_only(array: NDArray[np.str_]) -> NDArray[np.str_]:
    array.flags.writeable = False
    return array


def _file_hash(path: str) -> str:
    check_regular(Path(path))
    status = Path(path).stat()
    key = (path, status.st_mtime_ns, status.st_size)
    if key not in _file_hashes:
        with Path(path).open("rb") as file:
            _file_hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _file_hashes[key]
