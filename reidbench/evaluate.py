"""One run, stage by stage: split → fit → represent → match → threshold → metrics → record.

:func:`evaluate` is what ``reidbench run`` calls and what a notebook calls. The core owns split, matching,
threshold and metrics; a method only fits, represents and compares.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from reidbench import __version__, cache
from reidbench.data.images import ImageSet
from reidbench.data.sources import load_dataset
from reidbench.data.splits import Split, make_split, read_split
from reidbench.environment import choose_device, describe_environment
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.matching import BEST_IDENTITIES, IdentityScores, centroids, match
from reidbench.method import FitContext, FitReport, Images, LabelledImages, Method, MethodSpec, Validation
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict, summarise
from reidbench.progress import Progress, RichProgress
from reidbench.registry import Offer, Registry, load_registry
from reidbench.representations import Representation
from reidbench.runs import (
    PREDICTION_COLUMNS,
    SCHEMA,
    RunFiles,
    RunRecord,
    check_writable,
    discard_work,
    read_run,
    run_dir,
    write_run,
)
from reidbench.thresholds import Fixed, Thresholds, parse_policy

GalleryMode = Literal["group", "all"]
DEFAULT_DATASET = "patterns"


def evaluate(
    method: str,
    dataset: str | ImageSet = DEFAULT_DATASET,
    *,
    root: str | Path | None = None,
    split: str | Path | Split | None = None,
    split_kind: str = "open-set",
    split_seed: int = 0,
    new_share: float = 0.3,
    seed: int = 0,
    gallery: GalleryMode = "group",
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    threshold: str = "max-score",
    device: str = "auto",
    runs_dir: str | Path = "runs",
    again: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> RunRecord:
    """Run one method on one dataset and return the record that was written.

    Args:
        method: Name of a method, or ``distribution:method``.
        dataset: Name, CSV or Parquet file, folder, or an :class:`ImageSet`.
        root: Folder of the images, where the dataset needs one.
        split: A split or its CSV; by default one is made.
        split_kind: ``open-set``, ``closed-set`` or ``disjoint``.
        split_seed: Seed of the split that is made.
        new_share: Share of calibration and of test queries that show new animals, in (0, 1).
        seed: Seed of the method.
        gallery: Search the query's own ``group``, or ``all``.
        preset: A named set of settings; by default ``quick`` on the built-in dataset, else ``report``.
        settings: Settings that override the preset, by name.
        threshold: Policy that chooses the threshold on the calibration episode.
        device: ``auto``, ``cpu`` or ``cuda``.
        runs_dir: Where run folders are kept.
        again: Repeat a run that stands already.
        progress: Where bars and warnings go; by default to stderr.
        registry: Methods to choose from; by default those of the installed plugins.

    Raises:
        ReidbenchError: Something a user can mend.

    Example:
        >>> record = evaluate("color_histogram", "patterns:identities=12,size=64")  # doctest: +SKIP
        >>> record.metrics["score"]  # doctest: +SKIP
    """
    progress = progress or RichProgress()
    offer = (registry or load_registry()).find(method)
    images = dataset if isinstance(dataset, ImageSet) else load_dataset(dataset, Path(root) if root else None)
    preset = _preset_name(offer.spec, preset, images)
    effective = effective_settings(offer.spec, preset, settings or {})
    policy = parse_policy(threshold)
    if isinstance(split, Split):
        chosen = split
    elif split is not None:
        chosen = read_split(Path(split), images)
    else:
        chosen = make_split(images, kind=split_kind, seed=split_seed, new_share=new_share)
    for warning in chosen.warnings:
        progress.warn(warning)
    runs_dir = Path(runs_dir)
    check_writable(runs_dir)
    built = offer.spec.build(effective)
    device = choose_device(device)
    built.prepare(device, seed, progress)
    question = {
        "method": offer.spec.name,
        "plugin": {"name": offer.distribution, "version": offer.version, "method_version": offer.spec.version},
        "settings": effective.model_dump(mode="json"),
        "weights": asdict(built.weights),
        "dataset": images.digest,
        "split": chosen.digest,
        "seed": seed,
        "gallery": gallery,
        "threshold": threshold,
    }
    run_id = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]
    path = run_dir(runs_dir, images.name, offer.spec.name, run_id)
    standing = None if again else read_run(path)
    if standing is not None:
        return standing

    stages = _Stages(built, offer, images, chosen, seed, gallery, device, path / "work", progress)
    stages.run(policy)
    data = {
        "schema": SCHEMA,
        "id": run_id,
        "method": offer.spec.name,
        "plugin": question["plugin"],
        "dataset": {
            "name": images.name,
            "digest": images.digest,
            "note": images.note,
            "n_images": len(images),
            "n_identities": int(images.table["identity"].nunique()),
            "set_aside": images.set_aside,
        },
        "split": {
            "digest": chosen.digest,
            "counts": dict(chosen.counts),
            "kind": chosen.kind,
            "seed": chosen.seed,
            "warnings": list(chosen.warnings),
            "new_share": new_share if split is None else None,
        },
        "seed": seed,
        "preset": preset,
        "settings": {"given": dict(settings or {}), "effective": question["settings"]},
        "weights": question["weights"],
        "gallery": gallery,
        "matching": {"rule": built.matching, "metric": built.metric},
        "threshold": stages.thresholds.to_json(),
        "metrics": {part: episode.metrics.to_json() for part, episode in stages.episodes.items()},
        "fit": {
            "history": [dict(row) for row in stages.report.history],
            "notes": list(stages.report.notes),
            "facts": dict(stages.report.facts),
        },
        "timing": {**stages.timing, "total_s": round(sum(stages.timing.values()), 3)},
        "environment": describe_environment(device),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "reidbench": __version__,
    }
    record = write_run(path, data, stages.files())
    discard_work(path / "work")
    return record


def effective_settings(spec: MethodSpec, preset: str | None, given: Mapping[str, Any]) -> Any:
    """Combine defaults, preset and what the user gave, and check them.

    Raises:
        ReidbenchError: A setting does not exist or has the wrong type.
    """
    known = spec.settings.model_fields
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ReidbenchError(
                f"{spec.name} has no setting '{key}'" + (f"; {hint}" if hint else ""),
                where=f"--set {key}={given[key]}",
                remedy=f"reidbench methods {spec.name}   # lists them",
            )
    try:
        return spec.settings(**{**(spec.presets[preset] if preset else {}), **given})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ReidbenchError(
            f"the setting '{key}' of {spec.name} can't be {first['input']!r}: {first['msg'].lower()}",
            where=f"--set {key}={first['input']}",
            remedy=f"reidbench methods {spec.name}   # shows each setting's type",
        ) from error


def _preset_name(spec: MethodSpec, asked: str | None, images: ImageSet) -> str | None:
    """Choose the preset; a method without presets ignores the question, so that one ``--preset`` serves several."""
    if not spec.presets:
        return None
    if asked is None:
        return "quick" if images.source == "built-in" and "quick" in spec.presets else "report"
    if asked not in spec.presets:
        raise ReidbenchError(
            f"{spec.name} has no preset '{asked}'",
            where=f"--preset {asked}",
            remedy="choose one of: " + ", ".join(spec.presets),
        )
    return asked


def _choose(policy: Any, answers: Answers) -> Thresholds:
    """Choose thresholds; in a closed set there is nothing to reject, so every best candidate is accepted."""
    if answers.known.all():
        accept_all: Thresholds = Fixed(-math.inf).choose(answers)
        note = "the calibration episode has no new animals: every best candidate is accepted"
        return dataclasses.replace(accept_all, notes=(*accept_all.notes, note))
    chosen: Thresholds = policy.choose(answers)
    return chosen


@dataclass(slots=True, eq=False)
class _Episode:
    """Queries of one part against the gallery, and what was concluded of them."""

    rows: NDArray[np.int64]
    answers: Answers
    metrics: Any = None


@dataclass(slots=True, eq=False)
class _Stages:
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
    episodes: dict[str, _Episode] = field(default_factory=dict)
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
            self.episodes[part] = _Episode(
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
            arrays |= {f"{part}.{name}": values for name, values in self._extremes[part].items()}
        split_rows = list(zip(self.split.image_ids, self.split.parts, strict=True))
        return RunFiles(split_rows, rows, arrays)

    _extremes: dict[str, dict[str, NDArray]] = field(default_factory=lambda: {"calibration": {}, "test": {}})

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
                self._extremes[part] = extremes
        return Answers(
            true=identity[query_rows],
            known=known,
            group=group[query_rows],
            candidates=candidates,
            scores=scores,
            average_precision=precision,
            gallery_identities=searched,
        )
