"""The contract of an identification method, and base classes for the common kinds.

A method is built from its settings and may be fitted on the labelled gallery. It turns images into a
representation and computes the similarity of two representations; higher is more alike. A method never
receives the identity of a query: :class:`Images` gives it pixels, group, orientation and date, but no
identity, file name or image id. Split, matching, threshold and metrics belong to the core.
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
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from reidbench.data.decoding import decode
from reidbench.data.image_checks import Origin
from reidbench.data.image_masks import mask_cells, read_mask
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.calibration import Calibration
from reidbench.methods.decoded_batches import decoded_batches
from reidbench.methods.presets import current_preset
from reidbench.methods.representation import Ragged, Representation
from reidbench.methods.similarity import cosine_similarity, euclidean_similarity, pairwise
from reidbench.progress import Progress


class Settings(BaseModel):
    """Base of every method's settings: typed, frozen, unknown keys refused.

    The fields of the subclass define the keys of ``--set KEY=VALUE``, the checks and the help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class MaskSettings(Settings):
    """Settings of a method that can ignore keypoints outside the animal; :class:`LocalFeatureMethod` obeys them.

    The default is left out of the recorded settings, so that runs and cached features of earlier versions keep their
    ids and keys.
    """

    mask: Literal["auto", "none"] = Field(
        "auto",
        exclude_if=lambda value: value == "auto",
        description="auto drops keypoints outside the mask of an image that has one; none keeps all",
    )


class CropSettings(Settings):
    """Settings of a method that can crop images to the animal; :class:`EmbeddingMethod` obeys them.

    The default is left out of the recorded settings, as in :class:`MaskSettings`.
    """

    crop: Literal["box", "mask"] = Field(
        "box",
        exclude_if=lambda value: value == "box",
        description="box uses the box of an image, if it has one; mask uses the box around its mask, if it has one",
    )


class Images:
    """The view of a set of images that a method receives.

    It gives pixels, group, orientation, date and mask of image ``index``, from 0 to ``len(images) - 1``. Identity,
    path, image id and part of the split are not accessible.

    Args:
        images: The images.
        masks: Whether the method may read masks; see :attr:`Method.uses_masks`.
    """

    def __init__(self, images: ImageSet, *, masks: bool = False) -> None:
        table = images.table
        self.__files = _Files(
            tuple(str(images.root / path) for path in table["path"]),
            tuple(table["bbox"]),
            images.root,
            tuple(mask_cells(images)) if masks else None,
            images.origin,
        )
        self.__columns = {name: tuple(map(str, table[name])) for name in ("group", "orientation")}
        self.__columns["date"] = tuple(images.date.tolist())

    def __len__(self) -> int:
        return len(self.__files.boxes)

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return image ``index``, rotated upright and cropped to its box, as RGB ``(height, width, 3)``."""
        return self.__files.read(index)

    def mask(self, index: int) -> NDArray[np.bool_] | None:
        """Return which pixels of :meth:`pixels` show the animal, ``(height, width)``.

        It is ``None`` if the dataset has no mask of the image (column ``segmentation``), or if the mask shows nothing
        inside the box.

        Raises:
            ValueError: The method does not declare :attr:`Method.uses_masks`, so masks are not part of its cache keys.
        """
        return self.__files.mask(index)

    def group(self, index: int) -> str:
        """Return the group of image ``index``: its dataset or species."""
        return self.__columns["group"][index]

    def orientation(self, index: int) -> str:
        """Return the side of the animal that image ``index`` shows, such as ``left``; empty if unknown."""
        return self.__columns["orientation"][index]

    def date(self, index: int) -> str:
        """Return the day of image ``index`` as ``YYYY-MM-DD``; empty if unknown."""
        return self.__columns["date"][index]


class CroppedToMasks:
    """Images that are cropped to the box around their mask; an image without a mask stays as it is."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return the pixels of one image inside the box around its mask."""
        pixels, mask = self._images.pixels(index), self._images.mask(index)
        if mask is None:
            return pixels
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Files:
    """Paths and boxes of the images; private, because a path can reveal the identity."""

    paths: tuple[str, ...]
    boxes: tuple[Any, ...]
    root: Path
    masks: tuple[Any, ...] | None
    origin: Origin

    def mask(self, index: int) -> NDArray[np.bool_] | None:
        if self.masks is None:
            raise ValueError("a method that reads masks must set uses_masks = True, so that they are in its cache keys")
        box, where = self.boxes[index], self.origin.at(index)
        return read_mask(self.masks[index], self.root, Path(self.paths[index]), box, where)

    def read(self, index: int) -> NDArray[np.uint8]:
        return decode(self.paths[index], self.boxes[index])


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images that a method may learn from, with their identities.

    These are the gallery, or the ``fit`` part of a disjoint split.
    """

    images: Images
    identities: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.identities):
            raise ValueError(f"{len(self.images)} images have {len(self.identities)} identities")


@dataclass(frozen=True, slots=True)
class Validation:
    """Results on the calibration queries in the current state of the method, which never receives their identities.

    Attributes:
        rank1: Share of known queries whose best candidate is correct.
        balanced_rank1: The same, averaged within each identity first.
        score: Mean over groups of ``sqrt(BAKS * BAUS)``.
    """

    rank1: float
    balanced_rank1: float
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class FitContext:
    """Tools and options that the core passes to ``fit``.

    Attributes:
        validate: Evaluates the method in its current state on the calibration queries.
        seed: Seed of all random choices of the method.
        device: ``cpu`` or ``cuda``.
        work_dir: Folder for checkpoints; it is kept if the run is killed.
        progress: Shows progress bars and warnings.
        restore: Load the result of an earlier, finished ``fit`` from ``work_dir`` instead of learning. If that is
            impossible, raise a :class:`~reidbench.errors.ReidbenchError`: cached representations of the earlier fit
            are in use, and a second training would not match them.
    """

    validate: Callable[[], Validation]
    seed: int
    device: str
    work_dir: Path
    progress: Progress
    restore: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights that a network started from.

    Attributes:
        source: File, hub repository or ``random``.
        pretrained: Whether they come from an earlier training.
        sha256: Digest of the file; empty if there is no file.
        licence: Licence of the weights; empty if unknown.
        label: Short name for tables.
    """

    source: str
    pretrained: bool
    sha256: str = ""
    licence: str = ""
    label: str = "none"

    @classmethod
    def join(cls, several: Sequence[Weights]) -> Weights:
        """Return one record for the weights of several parts; pretrained only if all parts with weights are."""
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
    """Report of a fit for the run record.

    Attributes:
        history: One row for each epoch: column name to value.
        notes: Sentences that users should read.
        facts: Other values, by name.
    """

    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings without the value ``auto`` where the choice depends on the machine.

    Attributes:
        settings: The settings; they are recorded and decide the id of the run.
        warning: What the user should know about the choice; empty for nothing.
    """

    settings: Any
    warning: str = ""


class Method(ABC):
    """An identification method; prefer the subclasses :class:`EmbeddingMethod` and :class:`PairMethod` if one fits.

    Args:
        settings: The method's settings, already checked.
    """

    matching: Literal["nearest", "centroid", "identity"] = "nearest"
    """Gallery entries that a query is compared with: the images, a centroid of each identity, or the identities."""
    metric: Literal["cosine", "euclidean", "probability"] = "cosine"
    """Kind of similarity that ``score`` returns."""
    learns: bool = False
    """Whether ``fit`` changes the representation; the cache key then includes the fit data and the seed."""
    fingerprint_name: str = ""
    """Fixed name that :meth:`fingerprint` hashes; by default the class's module and name.

    Set it to the old ``module.Class`` when a class moves. Otherwise every cached representation is computed again.
    """
    matching_settings: tuple[str, ...] = ()
    """Settings that change only the comparison of features; :meth:`fingerprint` leaves them out."""
    transductive: bool = False
    """Whether the prediction for a query depends on the other queries.

    Such a method receives all images in one call of :meth:`represent`. It is not tested for blindness, and tables
    mark it.
    """
    uses_masks: bool = False
    """Whether the method, with its settings, reads :meth:`Images.mask`.

    The masks of images that have one are then part of the keys of cached features and of the id of a run.
    """
    calibration: Calibration | None = None
    """How the core maps similarities to probabilities; ``None`` uses the similarities unchanged."""
    may_substitute: bool = False
    """Whether ``weights=auto`` may use starter or random weights. The core sets it before :meth:`prepare`.

    It is true for the drawn animals of the package, for which no photographs help, and for a saved run that started
    from such weights. For photographs a method with ``weights=auto`` uses pretrained weights or stops.
    """
    parts: Mapping[str, Method] = MappingProxyType({})
    """The methods inside a fusion, by name; empty for any other method."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @property
    def weights(self) -> Weights:
        """The weights that the method started from."""
        return NO_WEIGHTS

    def prepare(self, device: str, seed: int, progress: Progress) -> None:  # noqa: B027 - optional by design
        """Load weights. Called once, before any other method.

        Args:
            device: ``cpu`` or ``cuda``.
            seed: Seed of all random choices, such as random weights.
            progress: Shows progress bars and warnings.
        """

    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Learn from the labelled images; the default learns nothing."""
        return FitReport()

    def fingerprint(self) -> str:
        """Return a digest of everything that shapes the representation except the images: settings and weights."""
        name = self.fingerprint_name or f"{type(self).__module__}.{type(self).__qualname__}"
        settings = self.settings.model_dump_json(exclude=set(self.matching_settings))
        text = f"{name}|{settings}|{self.weights}"
        return hashlib.sha256(text.encode()).hexdigest()

    @abstractmethod
    def represent(self, images: Images, progress: Progress) -> Representation:
        """Return the features of the images, in their order."""

    @abstractmethod
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        """Return similarities ``(n_query, n_gallery)``; ``-inf`` for a pair that was not compared."""

    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        """Return the similarity of each pair, ``(n_pair,)``, equal to that of :meth:`score`.

        Args:
            query: Representation of ``n_query`` images.
            gallery: Representation of ``n_gallery`` images.
            pairs: Row of the query and row of the gallery image of each pair, ``(n_pair, 2)``.
        """
        similarity = np.empty(len(pairs), dtype=np.float64)
        for row in np.unique(pairs[:, 0]):
            of_query = np.flatnonzero(pairs[:, 0] == row)
            similarity[of_query] = self.score(query.take(np.array([row])), gallery.take(pairs[of_query, 1]))[0]
        return similarity

    def score_shortlist(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        """Return the similarity of each pair of a shortlist, ``(n_pair,)``.

        The gallery of each query is only the images of its pairs. That makes a difference only for a method whose
        similarity of a pair depends on the other images of the gallery. For the arguments see :meth:`score_pairs`.
        """
        return self.score_pairs(query, gallery, pairs)


class EmbeddingMethod(Method):
    """A method that computes one vector for each image; subclasses implement :meth:`embed`.

    The similarity is the cosine, or minus the Euclidean distance if ``metric`` is ``"euclidean"``.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        if isinstance(settings, CropSettings) and settings.crop == "mask":
            self.uses_masks = True

    batch_size: int = 64
    """Most images in one call of :meth:`embed`; fewer if photographs are large and :meth:`shrink` keeps them."""

    @abstractmethod
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        """Return one vector of finite numbers for each image of the batch, ``(len(pixels), dim)``."""

    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what :meth:`embed` needs of one image, such as the image at the size of the network's input.

        The default returns the image itself. A method with a network should resize it here: then every batch has
        ``batch_size`` images, whatever their size and the memory.
        """
        return pixels

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        with progress.stage("extract", len(images)) as stage:
            batches = list(
                decoded_batches(
                    CroppedToMasks(images) if isinstance(self.settings, CropSettings) and self.uses_masks else images,
                    self.batch_size,
                    lambda batch: _vectors(self.embed(batch), len(batch)),
                    shrink=self.shrink,
                    advance=stage.advance,
                )
            )
        return Representation({"embedding": np.concatenate(batches)})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        compare = cosine_similarity if self.metric == "cosine" else euclidean_similarity
        return compare(query.dense["embedding"], gallery.dense["embedding"])

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        return pairwise(query.dense["embedding"], gallery.dense["embedding"], pairs, self.metric)


def _vectors(embedding: object, n_image: int) -> NDArray[np.float32]:
    """Return the result of ``embed`` as float32.

    Raises:
        ValueError: The result is not one vector of numbers for each image.
    """
    values = None if embedding is None else np.asarray(embedding)
    if values is None or values.ndim != 2 or len(values) != n_image or values.dtype.kind not in "fiub":
        actual = type(embedding).__name__ if values is None else f"{values.dtype} of shape {values.shape}"
        raise ValueError(f"embed returned {actual}, not numbers of shape (n_image, dim) with n_image = {n_image}")
    return values.astype(np.float32)


class PairMethod(Method):
    """A method that compares two images by their features; subclasses implement :meth:`describe` and :meth:`compare`.

    For keypoints use :class:`LocalFeatureMethod`, which compares many pairs at once.
    """

    @abstractmethod
    def describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """Return the named feature arrays of one image, one row for each keypoint; zero rows are allowed."""

    @abstractmethod
    def compare(self, query: Mapping[str, NDArray[Any]], gallery: Mapping[str, NDArray[Any]]) -> float:
        """Return the similarity of two images; 0 without keypoints or without matches."""

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        features = []
        with progress.stage("extract", len(images)) as stage:
            for index in range(len(images)):
                features.append(self.describe(images.pixels(index)))
                stage.advance()
        return Representation({}, {name: Ragged.from_rows([rows[name] for rows in features]) for name in features[0]})

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
    """A method that a fusion wants as one of its parts.

    Attributes:
        method: Name of the method, or ``distribution:method``.
        settings: Settings of the method, as in ``--set``.
        preset: Name of one of the method's presets.
        calibration: How the core maps its similarities to probabilities; ``None`` uses them unchanged.
        offered: Settings that are used only if the method has them, and if ``settings`` does not give them.
    """

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    calibration: Calibration | None = Calibration()
    offered: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """A method that a plugin offers. Creating it must be fast; ``build`` does the heavy imports.

    Attributes:
        name: Name for ``--method``.
        summary: One line for ``reidbench methods``.
        settings: The settings class.
        build: Returns the method for given settings, and imports torch if needed. A fusion receives its built
            parts as the second argument.
        parts: Returns the parts that a fusion with given settings needs, by name and in order. The core builds,
            fits and calibrates them.
        presets: Settings by preset name. ``paper`` is the default if it exists; its old name ``report`` means the same.
        needs: Requirements of the method, for the table of methods.
        licence: Licence of the weights, if it restricts their use.
        source: Paper or repository that the method follows.
        grid: Settings that ``reidbench tune`` tries, each a mapping from name to value.
        version: Change it whenever the same settings give other numbers.
        requires: Top-level modules that ``build`` imports and that only an optional extra installs.
        install: Command that installs these modules.
        drawn_presets: Presets by name for the drawn animals of the package, where other values than those of
            ``presets`` are better. They are complete presets.
        quick_by_default: Whether ``quick`` is the default preset on the drawn animals of the package.
        resolve: Replaces values that depend on the machine, such as ``backbone=auto``, by those in effect. It gets
            the settings, and a function that returns whether the pretrained weights of a network can be had here.
        networks: Returns the names of the pretrained networks that the method with given settings loads with
            ``weights=auto``. ``reidbench weights`` shows where their weights would come from. A name is that of a
            network in ``reidbench weights``, or ``hf-hub:OWNER/NAME``. A fusion names none: its parts do.
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
    networks: Callable[[Any], Sequence[str]] | None = None
    drawn_presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    quick_by_default: bool = True
    resolve: Callable[[Any, Callable[[str], bool]], Resolved] | None = None

    def __post_init__(self) -> None:
        if any("." in module for module in self.requires):
            raise ValueError(
                f"requires must list top-level modules, not {self.requires}: finding a submodule imports its package"
            )
        presets = {current_preset(name): values for name, values in self.presets.items()}
        if len(presets) < len(self.presets):
            raise ValueError("the presets 'paper' and 'report' are the same: 'report' is the old name of 'paper'")
        object.__setattr__(self, "presets", presets)
        unknown = sorted(set(self.drawn_presets) - set(presets))
        if unknown:
            raise ValueError(f"drawn_presets has '{unknown[0]}', which is not one of the presets")

    def find_preset(self, name: str) -> str:
        """Return today's name of one of the presets.

        Raises:
            ReidbenchError: The method has no such preset.
        """
        if current_preset(name) not in self.presets:
            raise ReidbenchError(
                f"{self.name} has no preset '{name}'",
                where=f"--preset {name}",
                remedy=f"choose one of: {', '.join(self.presets)}" if self.presets else "leave --preset out",
            )
        return current_preset(name)

    def preset_values(self, name: str, *, drawn: bool = False) -> Mapping[str, Any]:
        """Return the settings of a preset.

        Args:
            name: Name of the preset.
            drawn: Whether the images are the drawn animals of the package.

        Raises:
            ReidbenchError: The method has no such preset.
        """
        current = self.find_preset(name)
        return self.drawn_presets[current] if drawn and current in self.drawn_presets else self.presets[current]

    @property
    def absent(self) -> tuple[str, ...]:
        """The required modules that are not installed; the check imports nothing."""
        return tuple(module for module in self.requires if importlib.util.find_spec(module) is None)

    def check_installed(self) -> None:
        """Check that the modules in ``requires`` are installed.

        Raises:
            ReidbenchError: A required module is not installed.
        """
        if self.absent:
            raise ReidbenchError(
                f"{self.name} can't run here: {' and '.join(self.absent)} is not installed",
                where=f"--method {self.name}",
                remedy=self.install,
            )
