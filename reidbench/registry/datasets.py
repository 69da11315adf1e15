"""Read a dataset by its name: the built-in dataset, a file, a folder, a class of wildlife-datasets or a plugin's.

Tables have the columns of wildlife-datasets. Rows with an empty identity or a word such as ``unknown`` or ``NA`` are
left out and counted by word, because a method can't learn from them and a prediction for them can't be checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from reidbench.constants import BUILT_IN
from reidbench.csv_files import read_csv
from reidbench.data.images import ImageSet
from reidbench.data.names import NameRules
from reidbench.data.reading import ReadingOptions
from reidbench.data.sources.files import from_file, from_folder
from reidbench.data.sources.named import from_plugin
from reidbench.data.sources.rows import Rows, image_set
from reidbench.data.sources.wildlife import from_wildlife_datasets, wildlife_names
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.registry.registered import Registry, load_registry


def load_dataset(
    name: str,
    root: Path | None = None,
    registry: Registry | None = None,
    *,
    unknown: Sequence[str] = (),
    names: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    bbox: str = "",
    folders: str = "",
) -> ImageSet:
    """Read a dataset.

    Args:
        name: One of these. If a file or folder has the name of a dataset, the file or folder is read.

            - ``patterns`` or ``patterns:identities=…``: animals drawn on this machine.
            - A CSV or Parquet file.
            - A folder with one sub-folder for each identity, or with a ``metadata.csv``.
            - A class of wildlife-datasets; it needs ``root``.
            - A dataset of a plugin.
        root: Folder that paths in a table start from; by default the folder of the table. For a class of
            wildlife-datasets or a plugin's dataset, the folder with its files.
        registry: Registry with datasets of plugins; by default the installed plugins.
        unknown: Further words for an unidentified animal, in any case. Rows with such a word are set aside.
        names: Words that are names of animals although they look like a word for an unidentified animal, such as
            ``None``.
        columns: Column of the table for each role, such as ``{"identity": "Animal"}``; empty text for no column. By
            default, columns are found by name (docs/data.md).
        bbox: Form of the boxes: ``xywh``, ``xyxy`` (corners), ``relative`` or ``percent`` (``xywh`` as shares
            or percent of the picture). By default they are ``xywh``, and boxes that seem to have another form are an
            error.
        folders: Layout of a folder without a table: ``identity``, ``split/identity``, ``year/identity``,
            ``station/identity``, ``group/identity`` or ``market`` (file names as in Market-1501). By default
            it is recognised.

    Returns:
        The checked images. The group of an image is the value of the column ``dataset``, if the table has it,
        otherwise of the column ``species``, otherwise the name of the dataset.

    Raises:
        ReidbenchError: There is no such dataset, or its data have an error that the user can fix.

    Example:
        >>> load_dataset("catalogue/metadata.csv").name  # doctest: +SKIP
        'catalogue'
    """
    naming, options = NameRules(tuple(unknown), tuple(names)), ReadingOptions(dict(columns or {}), bbox, folders)
    images = _load(name, root, registry, naming, options)
    return dataclasses.replace(images, asked=(name, str(root or "")), checked=True)


def _load(
    name: str, root: Path | None, registry: Registry | None, naming: NameRules, options: ReadingOptions
) -> ImageSet:
    where, fixed = f"dataset {name}", "the columns of this dataset are known"
    if name == BUILT_IN or name.startswith(f"{BUILT_IN}:"):
        options.refuse_table(where, fixed)
        options.refuse_folders(where, "the layout of this dataset is known")
        if root is not None:
            raise ReidbenchError(
                f"{BUILT_IN} is drawn on this machine and has no folder", where=f"--root {root}", remedy="remove --root"
            )
        return _built_in(name, naming)
    if root is not None and not root.is_dir():
        raise ReidbenchError(f"there is no folder '{root}'", where=f"--root {root}", remedy="name an existing folder")
    classes = wildlife_names()
    # With a root, the name of a class means the class, even if a folder has the same name.
    if name in classes and root is not None:
        options.refuse_table(where, fixed)
        options.refuse_folders(where, "the layout of this dataset is known")
        return _from_class(name, root, naming)
    path = _expanded(name)
    if path.is_dir():
        return from_folder(path, root, naming, options)
    if path.is_file():
        return from_file(path, root, naming, options)
    registry = registry or load_registry()
    if (offered := registry.dataset(name)) is not None:
        options.refuse_folders(where, "the plugin reads the files of this dataset")
        return from_plugin(offered.spec, root, offered.distribution, offered.version, naming, options)
    if name in classes:
        raise ReidbenchError(
            f"'{name}' is a class of wildlife-datasets; reidbench needs the folder with its files",
            where=f"dataset {name}",
            remedy="--root DIR   # the folder with its files; run --download puts them there",
        )
    guess = did_you_mean(name, [BUILT_IN, *classes, *(offer.spec.name for offer in registry.datasets)])
    raise ReidbenchError(
        f"there is no dataset, file or folder '{name}'",
        where=f"dataset {name}",
        remedy=(f"{guess} " if guess else "") + "reidbench datasets   # lists the names",
    )


def _expanded(name: str) -> Path:
    """Return a name as a path, with the home folder for ``~``.

    Raises:
        ReidbenchError: No user has the name after ``~``.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ReidbenchError(
            f"there is no user '{Path(name).parts[0][1:]}', so '~' has no folder here",
            where=f"dataset {name}",
            remedy="write the path without ~",
        ) from error


def dataset_names(registry: Registry | None = None) -> list[tuple[str, str, str]]:
    """Return ``(name, kind, note)`` of every dataset with a name: built-in, then plugins', then wildlife-datasets'."""
    rows = [(BUILT_IN, "built-in", "drawn animals, made on this machine from a seed; no download")]
    needs_root = "needs --root, the folder with its files"
    for offer in (registry or load_registry()).datasets:
        spec = offer.spec
        note = "; ".join(filter(None, (spec.summary, spec.licence, needs_root if spec.needs_root else "")))
        rows.append((spec.name, offer.distribution, note))
    return rows + [(name, "wildlife-datasets", needs_root) for name in wildlife_names()]


def _from_class(name: str, root: Path, naming: NameRules) -> ImageSet:
    from reidbench.data.competitions import find_competition, read_competition

    competition = find_competition(name)
    if competition is None:
        return from_wildlife_datasets(name, root, naming)
    return read_competition(competition, root, naming)


def _built_in(name: str, naming: NameRules) -> ImageSet:
    from reidbench.data.patterns import PatternsOptions, digest_note, ensure  # slow to import

    options = PatternsOptions.parse(name.partition(":")[2])
    metadata = ensure(options)
    notes = [
        "drawn animals, made on this machine; scores on drawings do not predict scores on photographs",
        digest_note(metadata.parent),
    ]
    return image_set(
        options.name,
        Rows.from_csv(read_csv(metadata)),
        root=metadata.parent,
        source="built-in",
        note="; ".join(filter(None, notes)),
        naming=naming,
    )
