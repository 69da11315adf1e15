"""Read datasets of wildlife-datasets by the name of their class.

The import of the library takes seconds, so it happens only when a dataset is read.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
from pathlib import Path
from typing import Any

from reidbench.data.images import ImageSet
from reidbench.data.names import NameRules
from reidbench.data.sources.rows import NO_RULES, Rows, image_set
from reidbench.data.splits.given import WORDS
from reidbench.errors import ReidbenchError

_SHOWN = 5
_BASES = frozenset({"DatasetFactory", "WildlifeDataset"})


def wildlife_names() -> list[str]:
    """Return the names of the library's datasets, read from its source code without an import."""
    spec = importlib.util.find_spec("wildlife_datasets")
    if spec is None or not spec.submodule_search_locations:
        return []
    listing = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "__init__.py"
    try:
        tree = ast.parse(listing.read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return []
    names = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return sorted(name for name in names - _BASES if name[0].isupper() and not name.startswith("Download"))


def from_wildlife_datasets(name: str, root: Path, naming: NameRules = NO_RULES) -> ImageSet:
    """Read a dataset from the folder with its files.

    Raises:
        ReidbenchError: The library can't read it, files are missing, or the table can't be used.
    """
    from wildlife_datasets import datasets

    printed = io.StringIO()  # the library prints a line for each missing file
    try:
        with contextlib.redirect_stdout(printed):
            loaded = getattr(datasets, name)(root=str(root))
    except Exception as error:  # the library can raise any error
        raise _explain(name, root, printed.getvalue(), error) from error
    frame = loaded.df.rename(columns={loaded.col_label: "identity", loaded.col_path: "path"})
    asks, note = _own_split(frame, str(loaded.unknown_name))
    return image_set(
        name,
        Rows.from_frame(frame, f"{name} in {root}"),
        root=root,
        source="wildlife-datasets",
        note=note,
        naming=naming,
        unknown=str(loaded.unknown_name),
        split_kind="given" if asks else "",
    )


def _own_split(frame: Any, unknown: str) -> tuple[bool, str]:
    """Tell whether the dataset provides an open-set split, which is then the default; return a note otherwise."""
    if "split" not in frame.columns:
        return False, ""
    named = frame[frame["identity"].notna() & (frame["identity"] != unknown)]
    part = named["split"].astype(str).str.lower().map(WORDS)
    enrolled, asked = (set(named["identity"][part == name]) for name in ("gallery", "test"))
    if not enrolled & asked:
        return False, ""
    if asked <= enrolled:
        return False, "the dataset's split has queries of enrolled animals only; use it with --split-kind given"
    return True, ""


def _explain(name: str, root: Path, printed: str, error: Exception) -> ReidbenchError:
    lines = printed.splitlines()
    heading = next((index for index, line in enumerate(lines) if "non-existing images" in line), None)
    if heading is None:
        return ReidbenchError(
            f"wildlife-datasets can't read {name}: {type(error).__name__}: {error}",
            where=f"--root {root}",
            remedy=f"check that {root} is the folder of {name} as wildlife-datasets unpacks it",
        )
    missing = [line for line in lines[heading + 1 :] if line.strip()]
    more = ", …" if len(missing) > _SHOWN else ""
    return ReidbenchError(
        f"{len(missing)} image files of {name} are missing: {', '.join(missing[:_SHOWN])}{more}",
        where=f"--root {root}",
        remedy="unpack the dataset again, or name the folder with its files",
    )
