"""The cache of features: a store on disk for each method, so that an image is extracted only once.

The key of a store depends on the method's name, version, settings and weights and, for a method that learns, on the
images that it learned from and the seed. Inside a store, the key of an image is a digest of its file and of everything
else that a method sees of it. A new split of the same images therefore extracts nothing.

Features are numpy arrays in folders called shards (:mod:`reidbench.running.shards`). A shard is written under a
temporary name and renamed, so a killed run leaves complete shards, and the next run continues after them. All readers
in one process share one memory map of each array. A block of an array is checked against its digest before it is first
used. A damaged shard is removed and reported, and its images count as missing. Shards are merged and removed under a
lock of the operating system; they are added and read without one.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.files import cache_dir, explain_os_errors, remove_file, remove_folder, touch, whole_folder, write_text
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.registry.registered import Offer
from reidbench.running.block_digests import DamagedError, with_digest, without_digest
from reidbench.running.locks import held
from reidbench.running.shards import GoneError, Shard, write_merged, write_shard

FORMAT = "2"
ABOUT = "about"
"""Name of the note that says which method a store belongs to. The time of its file is that of the last use."""


def key_of(*parts: str) -> str:
    """Return a digest of several texts."""
    return hashlib.sha256("\x00".join((FORMAT, *parts)).encode()).hexdigest()


def features_key(offer: Offer, method: Method, learning: str = "") -> str:
    """Return the key of a method's features: a digest of everything that shapes them, except the image.

    Args:
        offer: Plugin and specification that the method comes from.
        method: Extracts the features, prepared.
        learning: Digest of the images that it learned from or extracted together; empty for a method that needs no
            fitting and extracts each image alone.
    """
    return key_of(offer.spec.name, offer.distribution, offer.spec.version, method.fingerprint(), learning)


class RepresentationStore:
    """The features that one method has extracted so far.

    Args:
        key: Key of the method's features, from :func:`features_key`.
        root: Folder of the store; by default the cache.
        progress: Where warnings about damage go; by default nowhere.
    """

    def __init__(self, key: str, root: Path | None = None, progress: Progress | None = None) -> None:
        self._dir = (root or cache_dir()) / "representations" / key[:2] / key
        self._progress = progress or Progress()
        self._merging = FileLock(self._dir / "merge.lock")  # one object, because it can be taken again by its owner

    @property
    def folder(self) -> Path:
        """Folder of this store."""
        return self._dir

    def use(self, offer: Offer) -> None:
        """Note the method that the store belongs to, and the time, for ``reidbench cache ls``."""
        about = {"method": offer.spec.name, "plugin": offer.distribution, "version": offer.spec.version}
        with suppress(OSError, ReidbenchError):  # a cache that can't be written can still be read
            if self.read_note(ABOUT) != about:
                self.write_note(about, ABOUT)
            touch(self._dir / f"{ABOUT}.json")

    def missing(self, images: Sequence[str]) -> NDArray[np.int64]:
        """Return the places in ``images`` of those that the store lacks; of equal images only the first place.

        The blocks that hold these images are checked. An image in a damaged shard counts as missing.
        """
        known = {image for shard in self._sound(images) for image in shard.images}
        places = {image: place for place, image in reversed(list(enumerate(images))) if image not in known}
        return np.array(sorted(places.values()), dtype=np.int64)

    def add(self, images: Sequence[str], representation: Representation, seconds: float) -> None:
        """Save the features of some images.

        Args:
            images: Key of each image.
            representation: Their features.
            seconds: How long their extraction took.

        Raises:
            ReidbenchError: The cache can't be written.
        """
        costs = [seconds / max(len(images), 1)] * len(images)
        self._write(lambda folder: write_shard(folder, images, costs, representation))

    def read(self, images: Sequence[str]) -> Representation:
        """Return the features of images that are all in the store, in this order, mapped from disk.

        Raises:
            ReidbenchError: The store lacks an image, because a shard was removed or damaged after it was extracted.
        """
        while len(shards := self._sound(images)) > 1:
            self._merge()
        place_of = {image: place for shard in shards for place, image in enumerate(shard.images)}
        lost = sum(image not in place_of for image in dict.fromkeys(images))
        if lost:
            raise ReidbenchError(
                f"the features of {lost} images are no longer in the cache: another process removed them, or their "
                "files were damaged while the command ran",
                where=str(self._dir),
                remedy="repeat the command; it extracts these images again",
            )
        places = np.array([place_of[image] for image in images], dtype=np.int64)
        return shards[0].representation().take(places)

    def clear(self) -> None:
        """Remove all features; notes stay."""
        if self._dir.is_dir():
            with self._locked():
                for folder in self._dir.glob("shard-*"):
                    remove_folder(folder, ignore_errors=True)

    def seconds(self, images: Sequence[str]) -> float:
        """Return how long the extraction of these images took when it was done."""
        cost = {image: cost for shard in self._open() for image, cost in zip(shard.images, shard.costs, strict=True)}
        return float(sum(cost.get(image, 0.0) for image in dict.fromkeys(images)))

    def read_note(self, name: str = "note") -> dict[str, Any] | None:
        """Return the note of this name, ``None`` if there is none. A damaged note is reported and removed.

        Raises:
            ReidbenchError: The note can't be read, for a reason that proves no damage.
        """
        path = self._dir / f"{name}.json"
        with self._explain_reading():
            try:
                return without_digest(json.loads(path.read_bytes()))
            except (FileNotFoundError, NotADirectoryError):
                return None
            except ValueError as error:  # no JSON, or damaged
                remove_file(path, ignore_errors=True)
                self._progress.warn(f"a file of the cache is damaged and is made again: {path} ({error})")
                return None

    def write_note(self, note: Mapping[str, Any], name: str = "note") -> None:
        """Save JSON values next to the features, such as the report of a fit and how long it took.

        Raises:
            ReidbenchError: The cache can't be written.
        """
        with explain_writing(self._dir):
            write_text(self._dir / f"{name}.json", json.dumps(with_digest(note)))

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold the store while a method is fitted for it; wait while another process does so."""

        def waiting() -> None:
            self._progress.warn("another process trains the same model; this one waits for it")

        with held(self._dir / "training.lock", waiting):
            yield

    def _sound(self, images: Sequence[str]) -> list[Shard]:
        """Return the shards, with the blocks of these images checked; a damaged shard is removed and left out."""
        wanted = set(images)
        shards = self._open()
        if not wanted <= {image for shard in shards for image in shard.images} and self._dir.is_dir():
            with self._locked():  # a listing of the folder during a merge can miss both the old shards and the new one
                shards = self._open()
        sound = []
        for shard in shards:
            places = [place for place, image in enumerate(shard.images) if image in wanted]
            with self._explain_reading():
                try:
                    shard.check(np.array(places, dtype=np.int64))
                except DamagedError as error:
                    self._discard(shard.folder, error)
                except GoneError:
                    return self._sound(images)
                else:
                    sound.append(shard)
        return sound

    def _open(self) -> list[Shard]:
        """Open every shard; a damaged one is removed."""
        shards = []
        for folder in sorted(self._dir.glob("shard-*")):
            with self._explain_reading():
                try:
                    shard = Shard.open(folder)
                    if shard.digests is None:
                        shard = self._with_digests(shard)
                except DamagedError as error:
                    self._discard(folder, error)
                except GoneError:  # another process has merged it into a shard that may not be in the listing
                    return self._open()
                else:
                    shards.append(shard)
        return shards

    def _with_digests(self, shard: Shard) -> Shard:
        """Add digests to a shard of an earlier version, and report it; if they can't be written, it stays as it is."""
        with self._locked():
            again = Shard.open(shard.folder)
            if again.digests is not None:
                return again
            try:
                shard.add_digests()
            except OSError:  # a cache that can't be written can still be read
                return shard
        self._progress.warn(
            f"added checksums to cached features of an earlier version, so that damage can be found: {shard.folder}"
        )
        return Shard.open(shard.folder)

    def _discard(self, folder: Path, error: DamagedError) -> None:
        """Remove a damaged shard, unless another process has removed it, and say so."""
        with self._locked():
            if not folder.is_dir():
                return
            remove_folder(folder, ignore_errors=True)
        self._progress.warn(f"cached features are damaged and are computed again: {folder} ({error})")

    def _merge(self) -> None:
        """Merge all shards that are not damaged into one."""
        with self._locked(), self._explain_reading():
            shards = []
            for shard in self._open():
                try:
                    shard.check()
                except DamagedError as error:
                    self._discard(shard.folder, error)
                else:
                    shards.append(shard)
            if len(shards) > 1:
                self._write(lambda folder: write_merged(folder, shards))
                for shard in shards:
                    remove_folder(shard.folder, ignore_errors=True)

    def _write(self, fill: Callable[[Path], None]) -> Path:
        shard = self._dir / f"shard-{uuid.uuid4().hex[:12]}"
        with explain_writing(self._dir), whole_folder(shard) as temporary:
            fill(temporary)
        return shard

    def _locked(self) -> AbstractContextManager[None]:
        """Keep other processes from merging and removing shards."""
        return held(self._merging)

    def _explain_reading(self) -> AbstractContextManager[None]:
        return explain_os_errors(
            "the cache can't be read",
            where=str(self._dir),
            remedy="repeat the command when memory, open files or the rights of the folder allow it; nothing was "
            "removed",
        )


def explain_writing(folder: Path) -> AbstractContextManager[None]:
    """Turn an ``OSError`` in the block into the error that the cache can't be written."""
    return explain_os_errors(
        "the cache can't be written",
        where=str(folder),
        remedy="make room, or name another folder: REIDBENCH_CACHE=DIR reidbench …",
    )
