"""Runs an audit as ``reidbench audit`` does: reads dataset, split and runs, checks them, and writes the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reidbench.auditing.auditing import audit_images
from reidbench.auditing.background import without_animals
from reidbench.auditing.embeddings import read_embeddings
from reidbench.auditing.findings import Audit, repaired
from reidbench.auditing.rescoring import WithoutLeaks, score_without_leaks
from reidbench.data.encounter_line import minutes_without_effect
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split, read_split, write_split
from reidbench.data.splitting import split_of_kind
from reidbench.errors import ReidbenchError
from reidbench.files import temporary_folder, write_output
from reidbench.progress import Progress
from reidbench.records.finding import FoundRuns, find_run
from reidbench.records.soundness import require_runs
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry, load_registry
from reidbench.reporting.audit_page import audit_tables, write_audit
from reidbench.reporting.numbers import show
from reidbench.reporting.small_tables import SmallTable


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Options of an audit.

    Attributes:
        split_path: CSV of the split; by default a split is made.
        split_kind: Kind of the split that is made.
        split_seed: Seed of the split that is made.
        no_split: Check the images only.
        runs_dir: Folder of runs whose scores are computed again without the leaked queries.
        output: Page to write.
        repair: CSV of the repaired split to write.
        alike: Lowest correlation of a near-duplicate.
        burst_s: Longest time between two photographs of a burst, in seconds.
        embedding: Run whose embeddings find further near-duplicates: its folder, or its id in ``runs_dir``.
        background: Methods to run on the images without their animals.
        unknown: Further words for an unidentified animal.
        encounter_minutes: Longest time between two photographs of one encounter; by default that of the dataset.
        names: Words that are names of animals.
        columns: Column of the table for each role.
        bbox: Form of the boxes; empty if the user names none.
        folders: Layout of the folder; empty if the user names none.
        plugins: Plugin files, whose datasets and methods can be named.
    """

    split_path: Path | None = None
    split_kind: str = "open-set"
    split_seed: int = 0
    no_split: bool = False
    runs_dir: Path | None = None
    output: Path | None = None
    repair: Path | None = None
    alike: float = 0.955
    burst_s: float = 60.0
    embedding: str | None = None
    background: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    encounter_minutes: float | None = None
    names: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    bbox: str = ""
    folders: str = ""
    plugins: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class AuditResult:
    """The findings of an audit, their tables, and a sentence for each file that was written."""

    audit: Audit
    runs: tuple[WithoutLeaks, ...]
    probes: tuple[dict[str, Any], ...]
    tables: tuple[SmallTable, ...]
    written: tuple[str, ...]


def run_audit(dataset: str, root: Path | None, options: AuditOptions, progress: Progress | None = None) -> AuditResult:
    """Audit a dataset as ``reidbench audit`` does.

    Raises:
        ReidbenchError: The dataset or the split can't be read, there is no split to repair or no run to score, or a
            file can't be written.
    """
    progress = progress or Progress()
    registry = load_registry(files=options.plugins)
    images = load_dataset(
        dataset,
        root,
        registry,
        unknown=options.unknown,
        names=options.names,
        columns=options.columns,
        bbox=options.bbox,
        folders=options.folders,
    )
    if options.encounter_minutes is not None:
        images = images.with_encounter_minutes(options.encounter_minutes)
        if unused := minutes_without_effect(images):
            progress.warn(unused)
    split, note = _split(images, options)
    runs_found = require_runs(options.runs_dir, "score again") if options.runs_dir else FoundRuns(())
    embeddings = None
    if options.embedding is not None:
        record = find_run(options.embedding, options.runs_dir or Path("runs"))
        embeddings = read_embeddings(record, images, progress, registry)
    audit = audit_images(
        images, split, alike=options.alike, burst_s=options.burst_s, embeddings=embeddings, progress=progress
    )
    runs = tuple(score_without_leaks(audit, runs_found.records))
    no_run = f"None of the runs in {options.runs_dir} is on these images." if runs_found.records and not runs else ""
    notes = (note, *audit.notes, *map(str, runs_found.unreadable), no_run)
    audit = replace(audit, notes=tuple(filter(None, notes)))
    probes = tuple(_probe(images, split, name, progress, registry) for name in options.background)
    tables = tuple(audit_tables(audit, runs, [_probe_table(probes)] if probes else []))
    written = []
    if options.repair is not None:
        if split is None:
            raise ReidbenchError(
                "there is no split to repair", where=f"--repair {options.repair}", remedy="name one with --split"
            )
        repaired_split = repaired(audit, split)
        write_split(repaired_split, options.repair)
        n_removed = repaired_split.counts["unused"] - split.counts["unused"]
        written.append(f"written to {options.repair}: {n_removed} queries fewer; digest {repaired_split.digest[:16]}")
    if options.output is not None:
        page = write_audit(audit, tables).encode()
        write_output(options.output, page, "page")
        written.append(f"written to {options.output} ({len(page) / 1e6:.1f} MB)")
    return AuditResult(audit, runs, probes, tables, tuple(written))


def _split(images: ImageSet, options: AuditOptions) -> tuple[Split | None, str]:
    if options.no_split:
        return None, ""
    if options.split_path is not None:
        return read_split(options.split_path, images), f"Split: {options.split_path.name}."
    try:
        made = split_of_kind(images, options.split_kind, seed=options.split_seed)
    except ReidbenchError as error:
        if options.split_kind != "open-set":
            raise
        return None, f"No split: {error.message}."
    return made, f"Split: {made.kind}, seed {made.seed}, the same as in reidbench run."


def _probe(
    images: ImageSet, split: Split | None, method: str, progress: Progress, registry: Registry
) -> dict[str, Any]:
    """Run a method twice on one split: on the animals, and on the photographs without them."""
    from reidbench.running.evaluation import evaluate

    if split is None:
        raise ReidbenchError(
            "a method needs a split to be scored on, and there is none",
            where="--background",
            remedy="name one with --split",
        )
    with temporary_folder("background") as folder:
        backgrounds = without_animals(images, folder / "images", progress)
        part = dict(zip(split.image_ids, split.parts, strict=True))
        image_ids = tuple(backgrounds.images.table["image_id"])
        same_split = Split(image_ids, tuple(part[image_id] for image_id in image_ids), split.kind, split.seed)
        metrics = {
            name: evaluate(
                method, of, split=same_split, runs_dir=folder / "runs", progress=Progress(), registry=registry
            ).metrics
            for name, of in (("animal", images.take(backgrounds.kept)), ("background", backgrounds.images))
        }
    names = ("score", "balanced_rank1", "chance_score", "n_queries")
    return {"method": method, "n_images": len(image_ids), "n_masked": backgrounds.n_masked} | {
        side: {name: of_side.get(name) for name in names} for side, of_side in metrics.items()
    }


def _probe_table(probes: tuple[dict[str, Any], ...]) -> SmallTable:
    cells = tuple(
        (
            probe["method"], show(probe["animal"]["score"]), show(probe["background"]["score"]),
            show(probe["background"]["chance_score"]), show(probe["animal"]["balanced_rank1"]),
            show(probe["background"]["balanced_rank1"]), str(probe["n_images"]),
        )
        for probe in probes
    )  # fmt: skip
    headings = ("method", "score", "without the animal", "chance", "bal. Rank-1", "without the animal", "images")
    n_masked, n_images = probes[0]["n_masked"], probes[0]["n_images"]
    note = (
        "Without the animal: the whole photograph, with the animal filled with the mean colour around it "
        f"({n_masked} images by mask, {n_images - n_masked} by box). A score above chance comes from the place, the "
        "day or the camera."
    )
    return SmallTable("Shortcuts: the score of the background alone", headings, cells, (note,))
