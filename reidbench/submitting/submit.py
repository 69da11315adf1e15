"""Predict the queries of a competition with a saved run and the whole database, and write the submission file.

The run chose its thresholds with part of the database enrolled. Here all of it is enrolled, so the thresholds are
chosen again: the calibration queries are matched with the whole database
(:mod:`reidbench.submitting.larger_gallery`). The test queries are matched in the same way and estimate the score of the
submission; they are not used to choose anything.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reidbench.constants import NEW_IDENTITY
from reidbench.data.competitions import Competition, find_competition, read_competition, read_sample
from reidbench.data.competitions.answers import write_submission
from reidbench.data.images import ImageSet
from reidbench.data.splits import check_groups_are_enrolled
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Features, match_episode
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.matching.pooling import IMAGE
from reidbench.metrics.summary import EpisodeMetrics, predict, summarise
from reidbench.progress import Progress, RichProgress
from reidbench.records.finding import find_run
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry, load_registry
from reidbench.running.matched import match_larger_gallery_with_itself
from reidbench.running.reopening import Reopened, reopen
from reidbench.submitting.larger_gallery import match_larger_gallery
from reidbench.thresholds import Thresholds
from reidbench.thresholds.apply import choose_thresholds


@dataclass(frozen=True, slots=True)
class GroupAnswers:
    """The predictions for one dataset of the competition.

    Attributes:
        n_queries: Number of queries.
        n_new: Number of queries that were predicted as new animals; in a submission of clusters, number of clusters.
        n_gallery: Number of enrolled images.
        run_threshold: Threshold of the run; ``nan`` if it is not a single number.
        threshold: Threshold for the whole database; ``nan`` if it is not a single number.
    """

    n_queries: int
    n_new: int
    n_gallery: int
    run_threshold: float = float("nan")
    threshold: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """A written submission file and estimates of its score.

    In a submission of clusters, all three scores are the mean adjusted Rand index of the test images of the run.

    Attributes:
        path: The file.
        competition: The competition.
        groups: The predictions, by dataset.
        run_score: Score of the test queries in the run, with part of the database enrolled; ``nan`` if undefined.
        score: Score of the test queries with the whole database and the new thresholds; ``nan`` if undefined.
        uncorrected_score: The same with the thresholds of the run.
        seconds: Duration in seconds.
    """

    path: Path
    competition: Competition
    groups: Mapping[str, GroupAnswers]
    run_score: float
    score: float
    uncorrected_score: float
    seconds: float


def submit(
    run: str | Path | RunRecord,
    output: str | Path,
    *,
    root: str | Path | None = None,
    runs_dir: str | Path = "runs",
    device: str = "auto",
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Submission:
    """Write the submission file of a competition.

    Args:
        run: Run on the dataset of a competition: its folder, its id or the first characters of the id, or its record.
        output: CSV to write.
        root: Folder of the competition; by default the place that the run recorded.
        runs_dir: Folder in which the id of a run is looked for.
        device: ``auto``, ``cpu`` or ``cuda``, to extract the features that are not in the cache.
        registry: Methods and threshold policies; by default those of the installed plugins.
        progress: Shows progress bars and warnings; by default on stderr.

    Raises:
        ReidbenchError: The run is not on a competition, its folder is unknown or has changed, or the file cannot be
            written.
    """
    started = time.perf_counter()
    progress = progress or RichProgress()
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    competition = find_competition(record.dataset)
    if competition is None:
        raise ReidbenchError(
            f"the run is on '{record.dataset}', which is not the dataset of a competition",
            where=str(record.path),
            remedy="reidbench run --dataset AnimalCLEF2025 --root DIR --method …, then submit that run",
        )
    if record.data.query != IMAGE and competition.task != "cluster":
        raise ReidbenchError(
            "a submission holds a prediction for each photograph, and the queries of this run are encounters "
            f"({record.data.query})",
            where=str(record.path),
            remedy="submit a run that was made without --query",
        )
    folder = _folder_of(record, root)
    images = read_competition(competition, folder)
    queries = images.given.asked if images.given is not None else None
    if queries is None:
        raise ReidbenchError(
            f"the folder of {competition.name} has no images with '{competition.query}' in the column split",
            where=f"--root {folder}",
            remedy="name the folder with the unpacked archive from Kaggle",
        )
    order = read_sample(competition, folder)
    registry = registry or load_registry()
    reopened = reopen(record, images, registry=registry, device=device, progress=progress)
    images = reopened.images  # in the order of the run, which its rows refer to
    if competition.task == "cluster":
        from reidbench.submitting.clusters import cluster_queries  # imports scikit-learn

        both = _joined(images, queries)
        n_clusters, score = cluster_queries(reopened, queries, both, competition, order, Path(output))
        n_queries = queries.table["group"].value_counts()
        n_gallery = images.table["group"].value_counts()
        groups = {
            name: GroupAnswers(int(n_queries[name]), n, int(n_gallery.get(name, 0))) for name, n in n_clusters.items()
        }
        scores = (score.overall.ari, score.overall.ari, score.overall.ari)
    else:
        groups, scores = _identify_queries(reopened, images, queries, competition, order, Path(output))
    return Submission(Path(output), competition, groups, *scores, time.perf_counter() - started)


def _folder_of(record: RunRecord, root: str | Path | None) -> Path:
    folder = root if root is not None else record.data.dataset.root
    if folder is None or (root is None and not Path(folder).is_dir()):
        problem = f"is no longer at '{folder}'" if folder else "is unknown: the run did not record it"
        raise ReidbenchError(
            f"the folder of {record.dataset} {problem}",
            where=str(record.path),
            remedy="--root DIR   # the folder with metadata.csv and images/",
        )
    return Path(folder)


def _identify_queries(
    reopened: Reopened, images: ImageSet, queries: ImageSet, competition: Competition, order: list[str], output: Path
) -> tuple[dict[str, GroupAnswers], tuple[float, float, float]]:
    """Write the predictions; return them by dataset with the three scores of :class:`Submission`."""
    if reopened.setup.gallery_mode == "group":
        check_groups_are_enrolled(
            queries.group.tolist(),
            images.group.tolist(),
            where=str(reopened.record.path),
            remedy="submit a run whose queries search all groups: reidbench run … --gallery all",
        )
    setup, progress, policy = reopened.setup, reopened.setup.progress, reopened.policy
    calibrated = reopened.extract_again(images, queries)
    database = Features(np.arange(len(images)), reopened.extract_more(images, calibrated.numbering))
    query_representation = reopened.extract_more(queries, calibrated.numbering)
    matched = {
        part: match_larger_gallery(
            reopened.method,
            images,
            calibrated.features[part],
            database,
            setup.rows["gallery"],
            mode=setup.gallery_mode,
            learned=setup.learned,
            progress=progress,
            match_sides=setup.match_sides,
        )
        for part in ("calibration", "test")
    }
    trials: GalleryTrials | None = None
    if policy.needs_gallery:
        trials = match_larger_gallery_with_itself(setup, database)
    thresholds = choose_thresholds(policy, matched["calibration"], trials)
    for note in thresholds.notes:
        progress.warn(note)
    both = _joined(images, queries)
    answers = match_episode(
        reopened.method,
        both,
        Features(np.arange(len(images), len(both)), query_representation),
        database,
        mode=setup.gallery_mode,
        learned=setup.learned,
        progress=progress,
        match_sides=setup.match_sides,
    ).answers
    predictions = dict(zip(queries.table["image_id"], predict(answers, thresholds).tolist(), strict=True))
    write_submission(output, competition, images, order, predictions)
    run_thresholds = reopened.record.thresholds
    corrected, uncorrected = (
        _score(summarise(matched["test"], candidate)) for candidate in (thresholds, run_thresholds)
    )
    run_score = reopened.record.metrics["score"]
    scores = (float("nan") if run_score is None else float(run_score), corrected, uncorrected)
    return _by_group(queries, images, predictions, run_thresholds, thresholds), scores


def _by_group(
    queries: ImageSet,
    images: ImageSet,
    predictions: Mapping[str, str],
    run_thresholds: Thresholds,
    thresholds: Thresholds,
) -> dict[str, GroupAnswers]:
    by_group = {}
    for name, rows in queries.table.groupby("group"):
        predicted = [predictions[image_id] for image_id in rows["image_id"]]
        by_group[str(name)] = GroupAnswers(
            n_queries=len(rows),
            n_new=predicted.count(NEW_IDENTITY),
            n_gallery=int((images.table["group"] == name).sum()),
            run_threshold=_value(run_thresholds, str(name)),
            threshold=_value(thresholds, str(name)),
        )
    return by_group


def _value(thresholds: Thresholds, group: str) -> float:
    """Return the threshold of a group, or the common one; ``nan`` if neither is a single number."""
    value = thresholds.values.get(group, thresholds.value)  # noqa: PD011 - of thresholds
    return float("nan") if value is None else value


def _score(metrics: EpisodeMetrics) -> float:
    return float(metrics.overall.score)


def _joined(images: ImageSet, queries: ImageSet) -> ImageSet:
    table = pd.concat([images.table, queries.table], ignore_index=True)
    return ImageSet(images.name, images.root, table, images.source, checked=True)
