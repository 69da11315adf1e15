"""The content of ``run.json``: its fields, their types and their meaning.

:class:`RunData` is the schema that this version writes, and records of earlier schemas are migrated to it. A record
that does not fit is refused, and the error names the first wrong field. The table in docs/run-records.md is made from
the docstrings below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError
from typing_extensions import deprecated, override

from reidbench.errors import ReidbenchError
from reidbench.records.blindness_stamp import Blindness
from reidbench.records.json_object import JsonObject
from reidbench.records.migrations import migrate


class CurvePlugin(JsonObject):
    """The plugin that offers a calibration curve."""

    name: str
    """Distribution that offers the curve."""
    version: str
    """Version of the distribution."""
    curve_version: str
    """Version of the curve."""


class MethodPlugin(JsonObject):
    """The distribution that offers a method."""

    name: str
    """Distribution, or the name of the file that `--plugin` named."""
    version: str
    """Version of the distribution; for a file the SHA-256 of its bytes."""
    method_version: str
    """Version of the method."""


class PluginData(MethodPlugin):
    """The distribution that offers the method of a run."""

    calibrated_by: CurvePlugin | None
    """Plugin whose curve calibrates the scores of the whole method; null for a curve of reidbench or none."""


class ReadingData(JsonObject):
    """What the source of the images was read from."""

    columns: Mapping[str, str] = Field(default_factory=dict)
    """Column of the table that each role was read from; empty if the source is no table of the user."""
    columns_not_used: tuple[str, ...] = ()
    """Columns of the table that nothing was read from."""
    columns_option: Mapping[str, str] = Field(default_factory=dict)
    """Columns of `--columns`, by role."""
    bbox_option: str = ""
    """Form of the boxes by `--bbox`; empty if the user names none."""
    layout: str = ""
    """Layout of the folder, such as `year/identity`; empty if the source is no folder."""
    folders_option: str = ""
    """Layout by `--folders`; empty if the user names none."""
    n_boxes: int = 0
    """Number of boxes."""
    n_boxes_cut: int = 0
    """Number of boxes that leave their picture and are cut at its edge."""
    n_boxes_small: int = 0
    """Number of boxes with a side under 32 pixels within the picture."""


class DatasetData(JsonObject):
    """The images of the run."""

    name: str
    """Name of the dataset."""
    asked: str | None
    """`--dataset` as given; null for images that were made in Python."""
    root: str | None
    """`--root` as given."""
    digest: str
    """SHA-256 of the bytes of every image and of the table."""
    digest_rule: int
    """Rule of the digests of dataset and split: 2 since ids, paths and the name do not count; 1 before."""
    note: str
    """Remark on the dataset, printed under tables; may be empty."""
    n_images: int
    """Number of images."""
    n_identities: int
    """Number of identities."""
    set_aside: int
    """Rows without an identity, which are not used."""
    set_aside_words: Mapping[str, int]
    """Number of these rows for each word in their identity, such as `NA`; empty text for an empty cell."""
    unknown_words: tuple[str, ...]
    """Words of `--unknown`."""
    name_words: tuple[str, ...]
    """Words of `--name`."""
    encounter_minutes: float | None
    """Longest time in minutes between two photographs of one encounter; null where a day was an encounter."""
    encounter_column: str
    """Column that encounters were read from; empty if there is none."""
    n_encounters: int | None
    """Number of encounters; null in records of earlier versions."""
    reading: ReadingData
    """What the source was read from."""

    def reading_arguments(self) -> dict[str, Any]:
        """Return how the run read the dataset, as arguments of :func:`reidbench.load_dataset`."""
        return {
            "unknown": self.unknown_words,
            "names": self.name_words,
            "columns": dict(self.reading.columns_option),
            "bbox": self.reading.bbox_option,
            "folders": self.reading.folders_option,
        }


class SharedEncounters(JsonObject):
    """Queries with a photograph of their encounter in the gallery."""

    count: int
    """Number of these queries."""
    share: float
    """Their share of the queries of the part."""


class SplitData(JsonObject):
    """The split of the images into parts."""

    digest: str
    """SHA-256 of the part of each image."""
    counts: Mapping[str, int]
    """Number of images of each part."""
    kind: str
    """Kind of the split; `file` for a split that was read."""
    seed: int | None
    """Seed of the split; null for a split that was read."""
    warnings: tuple[str, ...]
    """Warnings of the split."""
    new_share: float | None
    """Share of queries that show new animals, if the kind has one."""
    encounters_shared: Mapping[str, SharedEncounters] | None
    """Queries with a photograph of their encounter in the gallery, by part: they flatter a score."""


class SettingsData(JsonObject):
    """The settings of the method."""

    given: Mapping[str, Any]
    """Settings that the user gave."""
    effective: Mapping[str, Any]
    """All settings in effect: defaults, preset, and those given."""


class WeightsData(JsonObject):
    """The weights that a network started from."""

    source: str
    """File, hub repository, `random`, or `none` for a method without a network."""
    pretrained: bool
    """Whether the weights come from an earlier training."""
    sha256: str
    """SHA-256 of the file; empty if there is no file."""
    licence: str
    """Licence of the weights; empty if unknown."""
    label: str
    """Short name that tables print."""


class PartData(JsonObject):
    """One method inside a fusion."""

    method: str
    """Name of the part's method."""
    plugin: MethodPlugin
    """Distribution that offers it, as in `plugin`."""
    settings: Mapping[str, Any]
    """Settings in effect."""
    calibration: Mapping[str, Any] | None
    """How its scores are calibrated; null if they are not."""
    calibrated_by: CurvePlugin | None
    """Plugin whose curve calibrates its scores, as in `plugin`; null for a curve of reidbench or none."""


class CodeData(JsonObject):
    """The code of one distribution."""

    version: str | None
    """Version of the distribution; null if unknown."""
    licence: str
    """Licence; empty if unknown."""
    commit: str | None
    """Git commit; null if the code is not in a git repository."""
    dirty: bool | None
    """Whether the code differed from that commit."""


class MatchingData(JsonObject):
    """How a query is compared with the gallery."""

    rule: str
    """`nearest` image, `centroid` of an identity, or `identity` for a classifier."""
    metric: str
    """`cosine`, `euclidean` or `probability`."""
    keypoints: bool
    """Whether the method or a part of it matches keypoints."""


class CalibrationData(JsonObject):
    """The score calibration of one part."""

    part: str
    """Path of the part; empty for the whole method."""
    kind: str
    """Kind of the curve."""
    source: str
    """Pairs that it was fitted on: `episode` (a query and a gallery image) or `gallery` (two gallery images)."""
    n_pairs: int
    """Number of pairs."""
    n_same: int
    """Number of pairs that show one animal."""
    folds: int
    """Number of folds; the curve of a fold is fitted without the animals that it is applied to."""
    scope: Mapping[str, str]
    """For each group, whether it has its own curve or that of all groups, and why."""
    notes: tuple[str, ...]
    """Remarks on the fit."""
    curves: Mapping[str, Mapping[str, Any]]
    """The curve of each group."""
    pooled: Mapping[str, Any] | None
    """The curve of all groups together; null if an earlier version did not record it."""
    ece: float | None
    """Expected calibration error."""
    reliability: Mapping[str, Any] | None
    """Predicted and observed rates by bin."""


class ConstantsData(JsonObject):
    """The constants of one combination, chosen on the calibration part."""

    choice: Any
    """The chosen constants."""
    calibration_score: float | None
    """Score of the chosen constants on the calibration part."""
    first: Any
    """The method's default constants."""
    first_calibration_score: float | None
    """Score of the default constants on the calibration part."""
    candidates: int
    """Number of sets of constants that were tried."""


class AdjustmentData(JsonObject):
    """Term that is added to the threshold of each query: `second * second_score + log_size * log(n_identities)`."""

    second: float
    """Weight of the score of the second candidate."""
    log_size: float
    """Weight of the natural logarithm of the number of identities searched."""
    no_second: float
    """Value that replaces the second score for a query with one candidate."""


Limit = float | Literal["inf", "-inf", "nan"]
"""A threshold; JSON has no infinity."""


class ThresholdData(JsonObject):
    """The thresholds and how they were chosen; an infinite value is the text `inf` or `-inf`."""

    asked: str
    """The policy as given."""
    policy: str
    """The policy as used."""
    pooled: bool
    """Whether one threshold serves all groups."""
    value: Limit | None
    """The threshold of all groups together; null if there is none."""
    values: Mapping[str, Limit]
    """The threshold of each group."""
    adjustment: AdjustmentData | None
    """Term that is added to the threshold of each query; null if there is none."""
    notes: tuple[str, ...]
    """Remarks of the policy."""


def _check_metrics(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check that metrics are numbers or null, and that reasons are objects.

    Raises:
        ValueError: A value is neither.
    """
    for name, value in metrics.items():
        if name in ("reasons", "left_out"):
            if not isinstance(value, Mapping):
                raise ValueError(f"'{name}' has to be an object")
        elif value is not None and not isinstance(value, int | float | Mapping):
            raise ValueError(f"'{name}' has to be a number or null")
    return metrics


Metrics = Annotated[Mapping[str, Any], AfterValidator(_check_metrics)]
"""Metrics by name."""


class EpisodeData(JsonObject):
    """Metrics of one part of the split; an undefined metric is null."""

    overall: Metrics
    """Metrics over all queries, with `reasons` for undefined ones; `left_out` names groups not in the score."""
    groups: Mapping[str, Metrics]
    """The same for each group."""


class MetricsData(JsonObject):
    """Metrics of the parts with queries."""

    calibration: EpisodeData
    """Metrics on the calibration part."""
    test: EpisodeData
    """Metrics on the test part, in the same form."""


class FitData(JsonObject):
    """What the method reported when it was fitted."""

    history: tuple[Mapping[str, Any], ...]
    """One entry for each epoch."""
    notes: tuple[str, ...]
    """Remarks."""
    facts: Mapping[str, Any]
    """Other values that the method reports, by name."""


class EnvironmentData(JsonObject):
    """The machine and the software of the run."""

    python: str
    """Version of Python."""
    platform: str
    """Operating system."""
    machine: str
    """Processor architecture."""
    cpus: int | None
    """Number of processor cores."""
    device: str
    """`cpu` or `cuda`."""
    packages: Mapping[str, str]
    """Versions of torch, torchvision, timm, kornia, numpy, opencv-python, pandas and wildlife-datasets."""
    gpu: str | None
    """Name of the GPU; null on a CPU."""
    peak_memory_mib: float | None
    """Largest memory of the process in MiB; null if the system does not report it."""


class RunData(JsonObject):
    """The record of a run."""

    schema_version: int = Field(alias="schema")
    """Version of this layout ([compatibility.md](compatibility.md))."""
    id: str
    """Id of the run."""
    decided_again_from: str | None
    """Id of the run whose scores this run uses with another threshold policy; null for a complete run."""
    method: str
    """Name of the method."""
    plugin: PluginData
    """Distribution that offers the method."""
    dataset: DatasetData
    """The images."""
    split: SplitData
    """The split."""
    seed: int
    """Seed of the method."""
    preset: str | None
    """Preset of the settings; null if the method has none. The preset `paper` is stored as `report`."""
    settings: SettingsData
    """Settings of the method."""
    weights: WeightsData
    """Weights that the network started from."""
    parts: Mapping[str, PartData]
    """The parts of a fusion, by path."""
    part_weights: Mapping[str, WeightsData]
    """The weights of each part, by path, as in `weights`."""
    code: Mapping[str, CodeData]
    """The code that ran: reidbench and the distribution of each plugin, by name."""
    gallery: Literal["group", "all"]
    """Whether a query searches the gallery of its own `group`, or `all` of it."""
    query: Literal["image", "encounter:best", "encounter:mean"] = "image"
    """What one query is: an encounter with the `best` or `mean` of its images' scores; absent if an `image`."""
    match_sides: Literal["any", "same"] = "any"
    """`same` if only images of the same side are compared, and those of unknown side with all; absent if `any`."""
    masks: str = ""
    """SHA-256 of the masks of the dataset, if the method used masks; absent if it used none."""
    matching: MatchingData
    """How a query is compared with the gallery."""
    calibration: tuple[CalibrationData, ...]
    """[Score calibration](glossary.md#score-calibration) of each calibrated part."""
    constants: Mapping[str, ConstantsData]
    """Constants chosen on the calibration part (`weights=fitted`, `constants=fitted`), by path; `.` is the whole."""
    threshold: ThresholdData
    """The [threshold](glossary.md#threshold)."""
    metrics: MetricsData
    """The results."""
    fit: FitData
    """What the method reported when it was fitted."""
    blindness: Blindness
    """Result of the blindness tests ([blindness-and-isolation.md](blindness-and-isolation.md))."""
    timing: Mapping[str, float]
    """Seconds of each stage: `fit_s`, `represent_s`, `calibrate_s`, `match_s`, sometimes `gallery_s`; and `total_s`."""
    environment: EnvironmentData
    """Machine and software."""
    files: Mapping[str, str] = Field(default_factory=dict)
    """SHA-256 of each file of the run, by name: for `run.json` of its keys but `files`; empty for earlier versions."""
    created: str
    """Time of writing, in UTC."""
    reidbench: str
    """Version of reidbench that wrote the record."""

    @override
    def to_json(self) -> dict[str, Any]:
        values = super().to_json()
        if values["query"] == "image":
            del values["query"]  # as earlier versions wrote it
        if values["match_sides"] == "any":
            del values["match_sides"]
        if not values["masks"]:
            del values["masks"]
        return values

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = "") -> RunData:
        """Migrate the content of a ``run.json`` of any schema to this version, and check it.

        Args:
            data: The content; it is not changed.
            where: The file, for errors.

        Raises:
            ReidbenchError: A newer version wrote the record, or a field is missing or has another type.
        """
        try:
            return cls.model_validate(migrate(data, where=where))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            problem = "is missing" if first["type"] == "missing" else f"is wrong: {_sentence(first['msg'])}"
            more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
            raise ReidbenchError(
                f"the field '{field}' of a run record {problem}{more}",
                where=where,
                remedy="put the run's own record back, or delete the folder and run it again",
            ) from error

    @deprecated("run.data[KEY] is deprecated: read the attribute, such as run.data.timing")
    def __getitem__(self, key: str) -> Any:
        """Return a field as plain JSON values.

        Raises:
            KeyError: The record has no such field.
        """
        return self.to_json()[key]

    @deprecated("run.data.get(KEY) is deprecated: read the attribute, such as run.data.timing")
    def get(self, key: str, default: Any = None) -> Any:
        """Return a field as plain JSON values, or a default."""
        return self.to_json().get(key, default)


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
