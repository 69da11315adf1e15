"""Datasets of plugins: how a plugin offers them, and how they are loaded."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reidbench.data.images import ImageSet
from reidbench.data.names import NameRules, describe_words
from reidbench.data.reading import ReadingOptions
from reidbench.data.sources.rows import NO_OPTIONS, NO_RULES, Rows, image_set
from reidbench.errors import ReidbenchError


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A dataset that a plugin offers.

    Attributes:
        name: Name for ``--dataset`` and in records.
        summary: One line for ``reidbench datasets``.
        load: Function of the folder given with ``--root``, or ``None``. It returns an :class:`ImageSet`, or a table
            with the columns ``identity`` and ``path`` and optionally ``image_id``, ``date``, ``orientation``,
            ``species``, ``dataset`` and ``bbox``. Relative paths start from the root.
        needs_root: Whether loading needs ``--root``.
        licence: Licence of the photographs.
        source: Publication to cite.
    """

    name: str
    summary: str
    load: Callable[[Path | None], ImageSet | pd.DataFrame]
    needs_root: bool = False
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise ValueError(f"a dataset can't be called {self.name!r}: letters, digits, '.', '_' and '-'")


def from_plugin(
    spec: DatasetSpec,
    root: Path | None,
    distribution: str,
    version: str,
    naming: NameRules = NO_RULES,
    options: ReadingOptions = NO_OPTIONS,
) -> ImageSet:
    """Load a plugin's dataset, and add the name of the plugin to its note.

    Raises:
        ReidbenchError: The dataset needs a folder, its loader raises or returns something else, or the table can't be
            used.
    """
    if spec.needs_root and root is None:
        raise ReidbenchError(
            f"'{spec.name}' of {distribution} needs the folder with its files",
            where=f"dataset {spec.name}",
            remedy="--root DIR",
        )
    try:
        loaded: Any = spec.load(root)
    except ReidbenchError:
        raise
    except Exception as error:  # the code of a plugin can raise any error
        raise ReidbenchError(
            f"the dataset '{spec.name}' of {distribution} {version} can't be read: {type(error).__name__}: {error}",
            where=f"dataset {spec.name}" + (f" --root {root}" if root else ""),
            remedy=f"check its files, or report this to the authors of {distribution}",
        ) from error
    if isinstance(loaded, pd.DataFrame):
        rows, reading = Rows.from_frame(loaded, f"the table of {distribution}").by_role(options)
        loaded = image_set(spec.name, rows, root=root or Path(), source="plugin", naming=naming, reading=reading)
    elif isinstance(loaded, ImageSet):
        options.refuse_table(f"dataset {spec.name}", "the plugin reads the columns of this dataset")
        loaded = _without_unidentified(loaded, naming, distribution)
    if not isinstance(loaded, ImageSet):
        raise ReidbenchError(
            f"the dataset '{spec.name}' of {distribution} is a {type(loaded).__name__}, not a table or an ImageSet",
            where=f"dataset {spec.name}",
            remedy=f"report this to the authors of {distribution}",
        )
    licence = f"licence: {spec.licence}" if spec.licence else ""
    note = "; ".join(filter(None, (loaded.note, spec.source, licence, f"read by {distribution}")))
    return dataclasses.replace(loaded, name=spec.name, source="plugin", note=note, checked=True)


def _without_unidentified(images: ImageSet, naming: NameRules, distribution: str) -> ImageSet:
    """Set images of unidentified animals aside, as in a table."""
    names = images.identity.tolist()
    words = Counter(name for name in names if naming.is_unidentified(name) and name not in images.naming.names)
    if len(words) and words.total() == len(images):
        raise ReidbenchError(
            f"no image has an identity: {describe_words(words)}",
            where=f"the image set of {distribution}",
            remedy="--name WORD tells that a word is the name of an animal",
        )
    note = "; ".join(filter(None, (images.note, *naming.unused(set(names)))))
    kept = images.take([row for row, name in enumerate(names) if name not in words]) if words else images
    return dataclasses.replace(
        kept,
        note=note,
        set_aside=images.set_aside + words.total(),
        set_aside_words=dict(Counter(images.set_aside_words) + words),
        naming=NameRules(
            (*images.naming.unknown, *naming.unknown),
            (*images.naming.names, *naming.names),
        ),
        checked=True,
    )
