"""The stages of one run, each handing its result to the next; nothing here reads options or writes records."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench import cache
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.matching import BEST_IDENTITIES, IdentityScores, centroids, match
from reidbench.method import FitContext, FitReport, Images, LabelledImages, Method, Validation
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict, summarise
from reidbench.progress import Progress
from reidbench.registry import Offer
from reidbench.representations import Representation
from reidbench.runs import PREDICTION_COLUMNS, RunFiles
from reidbench.thresholds import Fixed, Thresholds, parse_policy

GalleryMode = Literal["group", "all"]


def _choose(policy: Any, answers: Answers) -> Thresholds:
    """Choose thresholds; in a closed set there is nothing to reject, so every best candidate is accepted."""
    if answers.known.all():
        accept_all: Thresholds = Fixed(-math.inf).choose(answers)
        note = "the calibration episode has no new animals: every best candidate is accepted"
        return dataclasses.replace(accept_all, notes=(*accept_all.notes, note))
    chosen: Thresholds = policy.choose(answers)
    return chosen


@dataclass(slots=True, eq=False)
class Episode:
    """Queries of one part against the gallery, and what was concluded of them."""

    rows: NDArray[np.int64]
    answers: Answers
    metrics: Any = None


@dataclass(slots=True, eq=False)
class Stages:
    """The stages of one run and what each hands to the next."""

    method: Method
    offer: Offer
    images: ImageSet
    split: Split
    seed: int
    gallery: GalleryMode
    device: str
    work_dir: Path
    progress: Progress
    timing: dict[str, float] = field(default_factory=dict)
    report: FitReport = field(default_factory=FitReport)
    episodes: dict[str, Episode] = field(default_factory=dict)
    thresholds: Thresholds = field(init=False)
    identities: NDArray = field(init=False)

    def run(self, policy: Any) -> None:
        rows = {part: self.split.indices(part, self.images) for part in ("gallery", "fit", "calibration", "test")}
        identity = self.images.table["identity"].to_numpy(dtype=str)
        self.identities = np.unique(identity[rows["gallery"]])
        learned_from = rows["fit"] if len(rows["fit"]) else rows["gallery"]

        used = np.concatenate([rows["gallery"], rows["calibration"], rows["test"]])
        key = self._cache_key(used, learned_from, rows["calibration"])
        stored, fitted = cache.read_representation(key), cache.read_note(key)
        if stored is not None and fitted is not None:
            self.report = FitReport(tuple(fitted["history"]), tuple(fitted["notes"]), fitted["facts"])
            self.timing |= fitted["timing"]  # what it cost when it was made, not what reading it back costs
        else:
            started = time.perf_counter()
            self.report = self._fit(learned_from, rows)
            self.timing["fit_s"] = round(time.perf_counter() - started, 3)
            started = time.perf_counter()
            stored = self._represent(used)
            self.timing["represent_s"] = round(time.perf_counter() - started, 3)
            cache.write_representation(key, stored)
            cache.write_note(key, {**dataclasses.asdict(self.report), "timing": dict(self.timing)})
        where = {
            part: start
            for part, start in zip(
                ("gallery", "calibration", "test"),
                np.cumsum([0, len(rows["gallery"]), len(rows["calibration"])]),
                strict=True,
            )
        }

        def part_of(part: str) -> Representation:
            return stored.take(np.arange(where[part], where[part] + len(rows[part])))

        started = time.perf_counter()
        enrolled = part_of("gallery")
        for part in ("calibration", "test"):
            self.episodes[part] = Episode(
                rows[part], self._answer(rows["gallery"], rows[part], enrolled, part_of(part))
            )
        self.timing["match_s"] = round(time.perf_counter() - started, 3)

        self.thresholds = _choose(policy, self.episodes["calibration"].answers)
        for note in self.thresholds.notes:
            self.progress.warn(note)
        for episode in self.episodes.values():
            episode.metrics = summarise(episode.answers, self.thresholds)

    def files(self) -> RunFiles:
        """Return what the run folder holds besides ``run.json``."""
        table = self.images.table
        image_id = table["image_id"].to_numpy(dtype=str)
        rows: list[dict[str, Any]] = []
        arrays: dict[str, NDArray] = {"identities": self.identities}
        for part, episode in self.episodes.items():
            answers = episode.answers
            columns = zip(
                image_id[episode.rows],
                predict(answers, self.thresholds),
                answers.best_score.tolist(),
                self.thresholds.of(answers.group).tolist(),
                answers.best_candidate,
                answers.group,
                strict=True,
            )
            rows += [dict(zip(PREDICTION_COLUMNS, (*values, part), strict=True)) for values in columns]
            arrays |= {
                f"{part}.image_id": image_id[episode.rows],
                f"{part}.true": answers.true.astype(str),
                f"{part}.group": answers.group.astype(str),
                f"{part}.candidates": answers.candidates.astype(str),
                f"{part}.scores": answers.scores,
                f"{part}.average_precision": answers.average_precision,
            }
            arrays |= {f"{part}.{name}": values for name, values in self.extremes_of[part].items()}
        split_rows = list(zip(self.split.image_ids, self.split.parts, strict=True))
        return RunFiles(split_rows, rows, arrays)

    extremes_of: dict[str, dict[str, NDArray]] = field(default_factory=lambda: {"calibration": {}, "test": {}})

    def _cache_key(self, used: NDArray, learned_from: NDArray, judged_on: NDArray) -> str:
        learning = ""
        if self.method.learns:  # the calibration part chooses the best epoch, so it shapes the network too
            learning = f"{self.images.take(learned_from).digest}|{self.images.take(judged_on).digest}|{self.seed}"
        images = self.images.take(used).digest
        return cache.key_of(
            self.offer.distribution,
            self.offer.version,
            self.offer.spec.version,
            self.method.fingerprint(),
            images,
            learning,
            self.device,
        )

    def _fit(self, learned_from: NDArray, rows: Mapping[str, NDArray]) -> FitReport:
        labelled = LabelledImages(
            Images(self.images.take(learned_from)),
            tuple(self.images.table["identity"].iloc[learned_from]),
        )

        # Made once: a method may keep decoded pixels by these objects from one validation to the next.
        gallery, calibration = (Images(self.images.take(rows[part])) for part in ("gallery", "calibration"))

        def validate() -> Validation:
            quiet = Progress()
            enrolled = self.method.represent(gallery, quiet)
            queries = self.method.represent(calibration, quiet)
            answers = self._answer(rows["gallery"], rows["calibration"], enrolled, queries)
            best = _choose(parse_policy("max-score"), answers)
            overall = summarise(answers, best).overall
            return Validation(overall.rank1, overall.balanced_rank1, overall.score)

        if self.method.learns:
            self.work_dir.mkdir(parents=True, exist_ok=True)
        context = FitContext(validate, self.seed, self.device, self.work_dir, self.progress)
        return self.method.fit(labelled, context)

    def _represent(self, used: NDArray) -> Representation:
        representation = self.method.represent(Images(self.images.take(used)), self.progress)
        if len(representation) != len(used):
            raise ValueError(f"{self.offer.spec.name} described {len(representation)} of {len(used)} images")
        return representation

    def _answer(
        self, gallery_rows: NDArray, query_rows: NDArray, enrolled: Representation, queries: Representation
    ) -> Answers:
        """Match each group's queries with the gallery they may search, and collect one table."""
        table = self.images.table
        identity, group = table["identity"].to_numpy(dtype=str), table["group"].to_numpy(dtype=str)
        encounter = np.array(
            [f"{who}\x00{day}" if day else "" for who, day in zip(identity, table["date"], strict=True)]
        )
        known = np.isin(identity[query_rows], identity[gallery_rows])
        n_query = len(query_rows)
        candidates = np.full((n_query, BEST_IDENTITIES), "", dtype=object)
        scores = np.full((n_query, BEST_IDENTITIES), -np.inf)
        precision = np.full(n_query, np.nan)
        extremes = {"own_best": np.full(n_query, -np.inf), "other_best": np.full(n_query, -np.inf)}
        searched: dict[str, int] = {}
        by_centroid = self.method.matching == "centroid"
        with self.progress.stage("match", n_query) as stage:
            for name in sorted(set(group[query_rows])):
                mine = np.flatnonzero(group[query_rows] == name)
                inside = (
                    np.flatnonzero(group[gallery_rows] == name)
                    if self.gallery == "group"
                    else np.arange(len(gallery_rows))
                )
                if not len(inside):
                    searched[name] = 0
                    continue
                names, codes = np.unique(identity[gallery_rows[inside]], return_inverse=True)
                searched[name] = len(names)
                own = np.searchsorted(names, identity[query_rows[mine]])
                own = np.where(np.isin(identity[query_rows[mine]], names), own, -1)
                target = enrolled.take(inside)
                if by_centroid:
                    renormalise = getattr(self.method.settings, "renormalise_centroid", True)
                    target = centroids(target, codes, renormalise=renormalise)
                found: IdentityScores = match(
                    queries.take(mine),
                    target,
                    np.arange(len(names)) if by_centroid else codes,
                    own,
                    self.method.score,
                    encounter=None if by_centroid else (encounter[query_rows[mine]], encounter[gallery_rows[inside]]),
                    image_level=not by_centroid,
                    advance=stage.advance,
                )
                width = found.identity.shape[1]
                named = np.where(found.identity >= 0, names[np.maximum(found.identity, 0)], "")
                candidates[mine[:, None], np.arange(width)] = named
                scores[mine[:, None], np.arange(width)] = found.score
                precision[mine] = found.average_precision
                extremes["own_best"][mine], extremes["other_best"][mine] = found.own_best, found.other_best
        for part, wanted in (
            ("calibration", self.split.indices("calibration", self.images)),
            ("test", self.split.indices("test", self.images)),
        ):
            if np.array_equal(wanted, query_rows):
                self.extremes_of[part] = extremes
        return Answers(
            true=identity[query_rows],
            known=known,
            group=group[query_rows],
            candidates=candidates,
            scores=scores,
            average_precision=precision,
            gallery_identities=searched,
        )
