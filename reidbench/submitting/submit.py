"""Answer what a competition asks with a saved run, against its whole database.

The run chose its thresholds with part of the database enrolled; the answers are given with all of it. So its
calibration queries search the whole database (:mod:`reidbench.submitting.larger_gallery`), and the run's policy
chooses its threshold on them. The test queries search it too, and show what the answers are worth: they chose nothing.
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
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Features, match_episode
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.summary import EpisodeMetrics, predict, summarise
from reidbench.progress import Progress, RichProgress
from reidbench.records.finding import find_run
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry, load_registry
from reidbench.running.reopening import Reopened, reopen
from reidbench.submitting.larger_gallery import ask_again
from reidbench.thresholds import Thresholds
from reidbench.thresholds.apply import choose_thresholds


@dataclass(frozen=True, slots=True)
class GroupAnswers:
    """What was answered in one dataset.

    Attributes:
        n_queries: Images asked about.
        n_new: Of them, answered as new animals (or, in clusters, animals found).
        n_gallery: Images they were compared with.
        run_threshold: The threshold that the run had chosen; ``nan`` where it has no one value.
        threshold: The one for the whole database; ``nan`` likewise.
    """

    n_queries: int
    n_new: int
    n_gallery: int
    run_threshold: float = float("nan")
    threshold: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """A file that was written, and what is known of it.

    Attributes:
        path: The file.
        competition: Whose it is.
        groups: What was answered, by dataset.
        run_score: Score of the run on its test part, with part of the database enrolled; of clusters the mean adjusted
            Rand index of that part, and so the next two.
        score: Score of the same queries with all of it enrolled and the new thresholds; ``nan`` where undefined.
        uncorrected_score: The same with the run's own thresholds.
        seconds: What it took.
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
    """Write the file that a competition takes.

    Args:
        run: A run on a competition's dataset: its folder, its id or how that begins, or its record.
        output: CSV to write.
        root: The competition's folder; by default where the run found it.
        runs_dir: Where an id is looked for.
        device: Where images are represented that the cache lacks.
        registry: Where the method is found.
        progress: Where bars and warnings go.

    Raises:
        ReidbenchError: The run is of no competition, or the folder is not known, or not the one it was made of.
    """
    started = time.perf_counter()
    progress = progress or RichProgress()
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    competition = find_competition(record.dataset)
    if competition is None:
        raise ReidbenchError(
            f"the run is on '{record.dataset}', which asks nothing",
            where=str(record.path),
            remedy="reidbench run --dataset AnimalCLEF2025 --root DIR --method …, then submit that run",
        )
    folder = _folder_of(record, root)
    images = read_competition(competition, folder)
    asked = images.given.asked if images.given is not None else None
    if asked is None:
        raise ReidbenchError(
            f"the folder of {competition.name} holds no image with split {competition.query}",
            where=f"--root {folder}",
            remedy="name the folder that Kaggle's archive unpacks to",
        )
    order = read_sample(competition, folder)
    registry = registry or load_registry()
    reopened = reopen(record, images, registry=registry, device=device, progress=progress)
    if competition.task == "cluster":
        from reidbench.submitting.clusters import cluster_asked  # scikit-learn loads there

        both = _joined(images, asked)
        found, score = cluster_asked(reopened, asked, both, competition, order, Path(output))
        counts = asked.table["group"].value_counts()
        enrolled = images.table["group"].value_counts()
        groups = {name: GroupAnswers(int(counts[name]), n, int(enrolled.get(name, 0))) for name, n in found.items()}
        scores = (score.overall.ari, score.overall.ari, score.overall.ari)
    else:
        groups, scores = _answer(reopened, images, asked, competition, order, Path(output))
    return Submission(Path(output), competition, groups, *scores, time.perf_counter() - started)


def _folder_of(record: RunRecord, root: str | Path | None) -> Path:
    found = root if root is not None else record.data["dataset"].get("root")
    if found is None or (root is None and not Path(found).is_dir()):
        known = f"is no longer in '{found}'" if found else "has no known place: the record names none"
        raise ReidbenchError(
            f"the folder of {record.dataset} {known}",
            where=str(record.path),
            remedy="--root DIR   # the folder that holds metadata.csv and images/",
        )
    return Path(found)


def _answer(
    reopened: Reopened, images: ImageSet, asked: ImageSet, competition: Competition, order: list[str], output: Path
) -> tuple[dict[str, GroupAnswers], tuple[float, float, float]]:
    stages, progress, policy = reopened.stages, reopened.stages.progress, reopened.policy
    described = reopened.describe_again(images, asked)
    whole = Features(np.arange(len(images)), reopened.describe_more(images))
    queries = reopened.describe_more(asked)
    again = {
        part: ask_again(
            reopened.method,
            images,
            described[part],
            whole,
            stages.rows["gallery"],
            mode=stages.gallery,
            learned=stages.learned,
            progress=progress,
        )
        for part in ("calibration", "test")
    }
    trials: GalleryTrials | None = None
    if policy.needs_gallery:
        trials = stages.try_whole_gallery(whole)
    thresholds = choose_thresholds(policy, again["calibration"], trials)
    for note in thresholds.notes:
        progress.warn(note)
    both = _joined(images, asked)
    rows = np.arange(len(images), len(both))
    found = match_episode(
        reopened.method,
        both,
        Features(rows, queries),
        whole,
        mode=stages.gallery,
        learned=stages.learned,
        progress=progress,
    ).answers
    answers = dict(zip(asked.table["image_id"], predict(found, thresholds).tolist(), strict=True))
    write_submission(output, competition, images, order, answers)
    before = Thresholds.from_json(reopened.record.data["threshold"])
    corrected, uncorrected = (_score(summarise(again["test"], each)) for each in (thresholds, before))
    run_score = reopened.record.metrics["score"]
    scores = (float("nan") if run_score is None else float(run_score), corrected, uncorrected)
    return _by_group(asked, images, answers, before, thresholds), scores


def _by_group(
    asked: ImageSet, images: ImageSet, answers: Mapping[str, str], before: Thresholds, after: Thresholds
) -> dict[str, GroupAnswers]:
    by_group = {}
    for name, rows in asked.table.groupby("group"):
        given = [answers[image_id] for image_id in rows["image_id"]]
        values = [each.values.get(str(name), each.value) for each in (before, after)]  # noqa: PD011 - of thresholds
        by_group[str(name)] = GroupAnswers(
            n_queries=len(rows),
            n_new=given.count(NEW_IDENTITY),
            n_gallery=int((images.table["group"] == name).sum()),
            run_threshold=float("nan") if values[0] is None else values[0],
            threshold=float("nan") if values[1] is None else values[1],
        )
    return by_group


def _score(metrics: EpisodeMetrics) -> float:
    return float(metrics.overall.score)


def _joined(images: ImageSet, asked: ImageSet) -> ImageSet:
    table = pd.concat([images.table, asked.table], ignore_index=True)
    return ImageSet(images.name, images.root, table, images.source, checked=True)
