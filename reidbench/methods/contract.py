"""The contract of an identification method, and the bases that most methods need.

A method is built from its settings, may be fitted on the labelled gallery, turns images into a
representation, and gives the similarity of two representations; higher is more alike. It never learns
who a query is: :class:`Images` hands out pixels, group, orientation and date, and nothing that names
an animal or a file. Split, matching, threshold and metrics belong to the core.
"""

from __future__ import annotations

import hashlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.calibration import Calibration
from reidbench.methods.representation import Ragged, Representation
from reidbench.methods.similarity import cosine_similarity, euclidean_similarity, pairwise
from reidbench.progress import Progress


class Settings(BaseModel):
    """Base of every method's settings: typed, frozen, no unknown keys.

    ``--set KEY=VALUE``, its checks and its help all come from the subclass's fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Images:
    """What a method sees of a set of images: no identity, no path, no image id, no part of the split.

    An image goes by its number alone. Identities and image ids are not held here at all.
    """

    def __init__(self, images: ImageSet) -> None:
        table = images.table
        self.__files = _Files(tuple(str(images.root / path) for path in table["path"]), tuple(table["bbox"]))
        self.__shown = {name: tuple(map(str, table[name])) for name in ("group", "orientation", "date")}

    def __len__(self) -> int:
        return len(self.__files.boxes)

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return image ``index`` upright and cropped to its box, ``(height, width, 3)`` RGB."""
        return self.__files.read(index)

    def group(self, index: int) -> str:
        return self.__shown["group"][index]

    def orientation(self, index: int) -> str:
        return self.__shown["orientation"][index]

    def date(self, index: int) -> str:
        """Return the day as ``YYYY-MM-DD``, or an empty string."""
        return self.__shown["date"][index]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Files:
    """Where pixels come from; a method asks :class:`Images`, and never this."""

    paths: tuple[str, ...]
    boxes: tuple[Any, ...]

    def read(self, index: int) -> NDArray[np.uint8]:
        return decode(self.paths[index], self.boxes[index])


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """The images a method may learn from: the gallery, or the ``fit`` part of a disjoint split."""

    images: Images
    identities: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.identities):
            raise ValueError(f"{len(self.images)} images have {len(self.identities)} identities")


@dataclass(frozen=True, slots=True)
class Validation:
    """How the method does on the calibration episode as it stands; numbers only, never labels."""

    rank1: float
    balanced_rank1: float
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class FitContext:
    """What the core lends to ``fit``.

    Attributes:
        validate: Score the method as it stands on the calibration episode.
        seed: Seed of everything random in the method.
        device: ``cpu`` or ``cuda``.
        work_dir: Folder that outlives a killed run: checkpoints go here.
        progress: Where bars and warnings go.
        restore: Bring back what an earlier, finished ``fit`` left in ``work_dir``, and raise a
            :class:`~reidbench.errors.ReidbenchError` rather than learn anew: representations of that fit are in use.
    """

    validate: Callable[[], Validation]
    seed: int
    device: str
    work_dir: Path
    progress: Progress
    restore: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a network's weights came from. ``label`` is what tables print."""

    source: str
    pretrained: bool
    sha256: str = ""
    licence: str = ""
    label: str = "none"

    @classmethod
    def join(cls, several: Sequence[Weights]) -> Weights:
        """Return one record of the weights of several parts; pretrained only if every part that has weights is."""
        used = [weights for weights in several if weights.label != "none"]
        if not used:
            return NO_WEIGHTS

        def listed(name: str, separator: str = " + ") -> str:
            return separator.join(dict.fromkeys(text for weights in used if (text := getattr(weights, name))))

        pretrained = all(weights.pretrained for weights in used)
        return cls(listed("source"), pretrained, listed("sha256", " "), listed("licence"), listed("label"))


NO_WEIGHTS = Weights(source="none", pretrained=False)


@dataclass(frozen=True, slots=True, eq=False)
class FitReport:
    """What fitting left behind: one row for each epoch, and anything worth a line in the record."""

    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Method(ABC):
    """An identification method. Subclass :class:`EmbeddingMethod` or :class:`PairMethod` first.

    Args:
        settings: The method's options, already checked.
    """

    matching: Literal["nearest", "centroid", "identity"] = "nearest"
    """What a query is compared with: every gallery image, one centroid for each identity, or identities as such."""
    metric: Literal["cosine", "euclidean", "probability"] = "cosine"
    learns: bool = False
    """Whether ``fit`` shapes the representation; the cache key then holds the fit data and the seed."""
    fingerprint_name: str = ""
    """Fixed name that :meth:`fingerprint` hashes; by default the class's module and name.

    Set it to the old ``module.Class`` when a class moves; otherwise every cached representation is made again.
    """
    transductive: bool = False
    """Whether what it says of a query depends on the other queries. It then gets all images in one call of
    :meth:`represent`, is not tested for blindness, and tables say so."""
    calibration: Calibration | None = None
    """How the core shall turn similarities into probabilities; ``None`` leaves them as they are."""
    parts: Mapping[str, Method] = MappingProxyType({})
    """The methods that this one is made of, by name; empty for one that stands alone."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @property
    def weights(self) -> Weights:
        return NO_WEIGHTS

    def prepare(self, device: str, seed: int, progress: Progress) -> None:  # noqa: B027 - optional by design
        """Load weights before anything else is asked. Called once, first."""

    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Learn from the labelled images. A method without parameters has nothing to do."""
        return FitReport()

    def fingerprint(self) -> str:
        """Return what shaped the representation besides the images: settings and weights."""
        name = self.fingerprint_name or f"{type(self).__module__}.{type(self).__qualname__}"
        text = f"{name}|{self.settings.model_dump_json()}|{self.weights}"
        return hashlib.sha256(text.encode()).hexdigest()

    @abstractmethod
    def represent(self, images: Images, progress: Progress) -> Representation:
        """Turn images into arrays, in their order."""

    @abstractmethod
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        """Return similarities ``(n_query, n_gallery)``; ``-inf`` marks a pair that was not compared."""

    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        """Return the similarity of given pairs, ``(n_pair,)``, as :meth:`score` would give it.

        Args:
            query: Representation of ``n_query`` images.
            gallery: Representation of ``n_gallery`` images.
            pairs: Row of the query and row of the gallery image of each pair, ``(n_pair, 2)``.
        """
        similarity = np.empty(len(pairs), dtype=np.float64)
        for row in np.unique(pairs[:, 0]):
            mine = np.flatnonzero(pairs[:, 0] == row)
            similarity[mine] = self.score(query.take(np.array([row])), gallery.take(pairs[mine, 1]))[0]
        return similarity


class EmbeddingMethod(Method):
    """One vector for each image; subclasses write :meth:`embed` alone."""

    batch_size: int = 64

    @abstractmethod
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        """Return one vector for each image of the batch, ``(len(pixels), dim)``, finite."""

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        batches = []
        with progress.stage("represent", len(images)) as stage:
            for start in range(0, len(images), self.batch_size):
                batch = [images.pixels(i) for i in range(start, min(start + self.batch_size, len(images)))]
                batches.append(_vectors(self.embed(batch), len(batch)))
                stage.advance(len(batch))
        return Representation({"embedding": np.concatenate(batches)})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        compare = cosine_similarity if self.metric == "cosine" else euclidean_similarity
        return compare(query.dense["embedding"], gallery.dense["embedding"])

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        return pairwise(query.dense["embedding"], gallery.dense["embedding"], pairs, self.metric)


def _vectors(made: object, n_image: int) -> NDArray[np.float32]:
    """Return what ``embed`` made as float32.

    Raises:
        ValueError: It is not one vector of numbers for each image.
    """
    values = None if made is None else np.asarray(made)
    if values is None or values.ndim != 2 or len(values) != n_image or values.dtype.kind not in "fiub":
        told = type(made).__name__ if values is None else f"{values.dtype} of shape {values.shape}"
        raise ValueError(f"embed returned {told}, not numbers of shape (n_image, dim) with n_image = {n_image}")
    return values.astype(np.float32)


class PairMethod(Method):
    """Features of each image, and a comparison of two images; subclasses write both.

    A method with keypoints is better off with :class:`LocalFeatureMethod`, which compares many pairs at once.
    """

    @abstractmethod
    def describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """Return the named feature arrays of one image, each with a row for each keypoint; zero rows are fine."""

    @abstractmethod
    def compare(self, query: Mapping[str, NDArray[Any]], gallery: Mapping[str, NDArray[Any]]) -> float:
        """Return the similarity of two images; no keypoints or no matches is 0."""

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        described = []
        with progress.stage("describe", len(images)) as stage:
            for index in range(len(images)):
                described.append(self.describe(images.pixels(index)))
                stage.advance()
        return Representation({}, {name: Ragged.from_rows([rows[name] for rows in described]) for name in described[0]})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        grid = np.indices((len(query), len(gallery))).reshape(2, -1).T
        return self.score_pairs(query, gallery, grid).reshape(len(query), len(gallery))

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        return np.array(
            [
                self.compare(
                    {name: rows[int(i)] for name, rows in query.ragged.items()},
                    {name: rows[int(j)] for name, rows in gallery.ragged.items()},
                )
                for i, j in pairs
            ],
            dtype=np.float64,
        )


@dataclass(frozen=True, slots=True)
class PartSpec:
    """A method that another one is made of, asked for by name.

    Attributes:
        method: Its name, or ``distribution:method``.
        settings: Its settings, as ``--set`` would give them.
        preset: A named set of its settings.
        calibration: How its similarities become probabilities; ``None`` leaves them as they are.
    """

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    calibration: Calibration | None = Calibration()


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """How a plugin offers a method: cheap to make, heavy imports wait for ``build``.

    Attributes:
        name: What ``--method`` takes.
        summary: One line for ``reidbench methods``.
        settings: The settings class.
        build: Called with settings, returns the method; torch is imported here. A method made of parts gets
            the built parts as a second argument.
        parts: The parts that given settings ask for, by name and in order; the core builds, fits and
            calibrates them.
        presets: Settings by preset name; ``report`` is the default when there is one.
        needs: What has to be had for it to run, for the methods table.
        licence: Licence of weights, where that matters.
        source: Paper or repository that the method follows.
        grid: Cells that ``reidbench tune`` tries, each a set of settings by name.
        version: Raise it whenever the same settings would give other numbers.
        requires: Top-level modules that ``build`` imports and a plain install lacks, as an optional extra has them.
        install: Command that installs them.
    """

    name: str
    summary: str
    settings: type[Settings]
    build: Callable[..., Method]
    parts: Callable[[Any], Mapping[str, PartSpec]] | None = None
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs: str = "nothing"
    licence: str = ""
    source: str = ""
    grid: tuple[Mapping[str, Any], ...] = ()
    version: str = "1"
    requires: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self) -> None:
        if any("." in module for module in self.requires):
            raise ValueError(f"requires names top-level modules, not {self.requires}: looking for others imports them")

    @property
    def absent(self) -> tuple[str, ...]:
        """The required modules that are not installed; nothing is imported to find out."""
        return tuple(module for module in self.requires if importlib.util.find_spec(module) is None)

    def check_installed(self) -> None:
        """Refuse to go on without what the method requires.

        Raises:
            ReidbenchError: A required module is not installed.
        """
        if self.absent:
            raise ReidbenchError(
                f"{self.name} can't run here: {' and '.join(self.absent)} is not installed",
                where=f"--method {self.name}",
                remedy=self.install,
            )
