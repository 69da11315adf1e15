"""From what a user names (a file, a folder, a set of wildlife-datasets, the built-in one) to an image set.

Tables have the columns of wildlife-datasets. Rows whose identity is empty, ``nan`` or ``unknown`` are set
aside and counted: nothing can be learnt or judged from an animal without a name.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from reidbench.constants import BUILT_IN
from reidbench.csv_files import read_csv
from reidbench.data.images import ImageSet
from reidbench.data.sources.files import from_file, from_folder
from reidbench.data.sources.named import from_plugin
from reidbench.data.sources.rows import Rows, image_set
from reidbench.data.sources.wildlife import from_wildlife_datasets, wildlife_names
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.registry.registered import Registry, load_registry


def load_dataset(name: str, root: Path | None = None, registry: Registry | None = None) -> ImageSet:
    """Read a dataset.

    Args:
        name: ``patterns`` or ``patterns:identities=…`` (drawn on this machine), a CSV or Parquet file, a folder
            with one sub-folder for each identity (or a ``metadata.csv``), a class of wildlife-datasets, or a name that
            a plugin offers. A file or folder of that name comes first.
        root: Folder that paths in a table start from (default: the table's own), or where the files of a
            wildlife-datasets class or of a plugin's dataset lie.
        registry: Where plugins' datasets come from; by default the installed plugins, looked up where needed.

    Returns:
        The images, checked. The group of an image is its ``dataset`` where the table has that column, else
        its ``species``, else the name of the set.

    Raises:
        ReidbenchError: No such name, or something in the data that the user can mend.

    Example:
        >>> load_dataset("catalogue/metadata.csv").name  # doctest: +SKIP
        'catalogue'
    """
    images = _load(name, root, registry)
    return dataclasses.replace(images, asked=(name, str(root or "")), checked=True)


def _load(name: str, root: Path | None, registry: Registry | None) -> ImageSet:
    if name == BUILT_IN or name.startswith(f"{BUILT_IN}:"):
        return _built_in(name)
    if root is not None and not root.is_dir():
        raise ReidbenchError(f"there is no folder '{root}'", where=f"--root {root}", remedy="name an existing folder")
    known = wildlife_names()
    # With a root, a class name means the class, even where a folder happens to have the same name.
    if name in known and root is not None:
        return _from_class(name, root)
    path = Path(name).expanduser()
    if path.is_dir():
        return from_folder(path, root)
    if path.is_file():
        return from_file(path, root)
    registry = registry or load_registry()
    if (offered := registry.dataset(name)) is not None:
        return from_plugin(offered.spec, root, offered.distribution, offered.version)
    if name in known:
        raise ReidbenchError(
            f"'{name}' is a set of wildlife-datasets, and its files have to be on this machine",
            where=f"--dataset {name}",
            remedy="--root DIR   # the folder with its files; run --download puts them there",
        )
    guess = did_you_mean(name, [BUILT_IN, *known, *(offer.spec.name for offer in registry.datasets)])
    raise ReidbenchError(
        f"there is no dataset, file or folder '{name}'",
        where=f"--dataset {name}",
        remedy=(f"{guess} " if guess else "") + "reidbench datasets   # lists the names",
    )


def dataset_names(registry: Registry | None = None) -> list[tuple[str, str, str]]:
    """Return ``(name, kind, note)`` of every dataset that can be named: the built-in one, plugins', then the others."""
    known = [(BUILT_IN, "built-in", "drawn animals, made on this machine from a seed; no download")]
    note = "needs --root, the folder with its files"
    for offer in (registry or load_registry()).datasets:
        told = "; ".join(filter(None, (offer.spec.summary, offer.spec.licence, note if offer.spec.needs_root else "")))
        known.append((offer.spec.name, offer.distribution, told))
    return known + [(name, "wildlife-datasets", note) for name in wildlife_names()]


def _from_class(name: str, root: Path) -> ImageSet:
    from reidbench.data.competitions import find_competition, read_competition

    competition = find_competition(name)
    return from_wildlife_datasets(name, root) if competition is None else read_competition(competition, root)


def _built_in(name: str) -> ImageSet:
    from reidbench.data.patterns import PatternsOptions, digest_note, ensure  # draws images; only needed here

    options = PatternsOptions.parse(name.partition(":")[2])
    metadata = ensure(options)
    notes = ["drawn animals, made on this machine; results say nothing of photographs", digest_note(metadata.parent)]
    return image_set(
        options.name,
        Rows.from_csv(read_csv(metadata)),
        root=metadata.parent,
        source="built-in",
        note="; ".join(filter(None, notes)),
    )
