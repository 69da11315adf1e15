"""Download a dataset of wildlife-datasets with the library's ``get_data``, and show its size and licence first."""

from __future__ import annotations

import contextlib
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reidbench.data.sources.wildlife import wildlife_names
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.files import remove_file


@dataclass(frozen=True, slots=True)
class DownloadOffer:
    """What wildlife-datasets states about a download; empty or ``None`` if it states nothing.

    Attributes:
        name: Name of the class in wildlife-datasets.
        size_mb: Size in megabytes.
        n_images: Number of images that the authors report.
        licence: Name of the licence.
        licence_url: Address of the licence.
        url: Address of the description.
    """

    name: str
    size_mb: float | None = None
    n_images: int | None = None
    licence: str = ""
    licence_url: str = ""
    url: str = ""

    def lines(self) -> list[str]:
        """Return the lines that a user should read before the download."""
        size = "size not stated" if self.size_mb is None else f"{_written(self.size_mb)} to download"
        images = "" if self.n_images is None else f", {self.n_images} images reported"
        licence = self.licence or "not stated: ask the authors before you use the data"
        return [
            f"{self.name}: {size}{images}",
            f"licence: {licence}" + (f" ({self.licence_url})" if self.licence_url else ""),
            *([f"described at {self.url}"] if self.url else []),
        ]


def offer_download(name: str) -> DownloadOffer:
    """Return what wildlife-datasets states about the download of the dataset ``name``.

    Raises:
        ReidbenchError: wildlife-datasets has no such dataset.
    """
    summary: dict[str, Any] = getattr(_class(name), "summary", None) or {}
    size, images = summary.get("size"), summary.get("reported_n_total")
    return DownloadOffer(
        name,
        float(size) if isinstance(size, int | float) else None,
        int(images) if isinstance(images, int | float) else None,
        *(str(summary.get(key) or "") for key in ("licenses", "licenses_url", "url")),
    )


def is_downloaded(name: str, root: Path) -> bool:
    """Tell whether a folder has the file by which the library marks a finished download."""
    return (root / str(_class(name).download_mark_name)).exists()


def download(name: str, root: Path) -> None:
    """Download and unpack a dataset into ``root``.

    Raises:
        ReidbenchError: The download fails; the message has the error of the library.
    """
    loaded = _class(name)
    mark = root / loaded.download_mark_name
    try:
        root.mkdir(parents=True, exist_ok=True)
        with contextlib.redirect_stdout(sys.stderr), _archives_stay_inside():  # the library prints its progress
            loaded.get_data(str(root))
    except ReidbenchError:
        raise
    except Exception as error:  # a download can raise any error
        # The library sets the mark between download and unpacking. If it stayed, the next attempt would skip both.
        remove_file(mark, ignore_errors=True)
        said = " ".join(str(error).split()) or "no reason given"
        raise ReidbenchError(
            f"{name} could not be downloaded: {type(error).__name__}: {said}",
            where=f"--root {root}",
            remedy="check the network and, for a dataset on Kaggle, that the command 'kaggle' is installed and logged "
            "in; or unpack the files there by hand and leave out --download",
        ) from error


@contextlib.contextmanager
def _archives_stay_inside() -> Iterator[None]:
    """Refuse archives whose files would be written outside the folder, while the library unpacks them.

    The library calls :func:`shutil.unpack_archive`. For zip files that leaves out absolute paths and paths with ``..``.
    For tar files it checks nothing before Python 3.14, unless a filter is set: the filter ``data`` refuses such paths,
    links to the outside and devices.
    """
    data_filter = getattr(tarfile, "data_filter", None)
    if data_filter is None:  # Python 3.11.0 to 3.11.3
        raise ReidbenchError(
            "this version of Python unpacks tar files without checking their paths",
            where=sys.version.split()[0],
            remedy="use Python 3.11.4 or newer",
        )
    before = tarfile.TarFile.__dict__.get("extraction_filter")
    tarfile.TarFile.extraction_filter = staticmethod(data_filter)
    try:
        yield
    finally:
        if before is None:
            del tarfile.TarFile.extraction_filter
        else:
            tarfile.TarFile.extraction_filter = before


def _class(name: str) -> Any:
    known = wildlife_names()
    if name not in known:
        guess = did_you_mean(name, known)
        raise ReidbenchError(
            f"'{name}' is not a dataset of wildlife-datasets, so it can't be downloaded",
            where=f"--dataset {name}",
            remedy=(f"{guess} " if guess else "") + "reidbench datasets   # lists the names",
        )
    from wildlife_datasets import datasets  # takes seconds

    return getattr(datasets, name)


def _written(size_mb: float) -> str:
    return f"{size_mb / 1000:.1f} GB" if size_mb >= 1000 else f"{size_mb:g} MB"
