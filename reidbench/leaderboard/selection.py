"""Select the runs of a leaderboard, and refuse runs that can't be ranked together."""

from __future__ import annotations

from collections.abc import Sequence

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.records.run_record import RunRecord

IN_TIME = ("time-proportion", "time-cutoff", "random")
"""Kinds of split that are a separate protocol: their results are not averaged or ranked with those of others."""


def select_runs(
    runs: Sequence[RunRecord], *, dataset: str | None = None, split: str | None = None, gallery: str | None = None
) -> list[RunRecord]:
    """Keep the runs on one dataset, one split and with one gallery.

    Args:
        runs: The runs.
        dataset: Name of the dataset.
        split: Digest of the split, or its beginning.
        gallery: ``group`` or ``all``.

    Raises:
        ReidbenchError: No run is left, or the beginning of a digest fits several splits.
    """
    kept = list(runs)
    if dataset is not None:
        names = sorted({run.dataset for run in kept})
        kept = [run for run in kept if run.dataset == dataset]
        if not kept:
            hint = did_you_mean(dataset, names)
            raise ReidbenchError(
                f"no run is on dataset '{dataset}'" + (f"; {hint}" if hint else ""),
                where=f"--dataset {dataset}",
                remedy=f"choose one of: {', '.join(names)}",
            )
    if split is not None:
        digests = sorted({run.split_digest for run in kept})
        fitting = [digest for digest in digests if digest.startswith(split)]
        if len(fitting) != 1:
            raise ReidbenchError(
                f"no run is on split '{split}'" if not fitting else f"'{split}' begins the digest of several splits",
                where=f"--split-digest {split}",
                remedy=f"choose one of: {', '.join(short(digest) for digest in fitting or digests)}",
            )
        kept = [run for run in kept if run.split_digest == fitting[0]]
    if gallery is not None:
        modes = sorted({run.data.gallery for run in kept})
        kept = [run for run in kept if run.data.gallery == gallery]
        if not kept:
            raise ReidbenchError(
                f"no run has the gallery '{gallery}'",
                where=f"--gallery {gallery}",
                remedy=f"choose one of: {', '.join(modes)}",
            )
    return kept


def refuse_mixed_galleries(dataset: str, runs: Sequence[RunRecord]) -> None:
    """Check that all runs have the same gallery, ``group`` or ``all``.

    Args:
        dataset: Name of the dataset, for the error.
        runs: The runs.

    Raises:
        ReidbenchError: Galleries differ.
    """
    modes: dict[str, set[str]] = {}
    for run in runs:
        modes.setdefault(run.data.gallery, set()).add(run.method)
    if len(modes) > 1:
        listed = "; ".join(f"'{mode}': {', '.join(sorted(methods))}" for mode, methods in sorted(modes.items()))
        raise ReidbenchError(
            f"runs with different galleries can't be ranked together: {listed}",
            where=f"dataset {dataset}",
            remedy="choose one: --gallery group or --gallery all",
        )


def refuse_mixed_splits(dataset: str, setups: Sequence[Sequence[RunRecord]], variants: Sequence[str]) -> None:
    """Check that all rows have the same splits.

    Args:
        dataset: Name of the dataset, for the error.
        setups: The runs of each row.
        variants: The variant of each row, for the error.

    Raises:
        ReidbenchError: Splits differ; the remedy names a split that all rows have.
    """
    splits_of = [frozenset(run.split_digest for run in runs_of) for runs_of in setups]
    if len(set(splits_of)) <= 1:
        return
    described = {run.split_digest: f"{short(run.split_digest)} ({describe_split(run)})" for f in setups for run in f}
    lines = [
        f"  {' '.join(filter(None, (runs_of[0].method, variant)))}: {', '.join(described[s] for s in sorted(splits))}"
        for runs_of, variant, splits in zip(setups, variants, splits_of, strict=True)
    ]
    common = sorted(frozenset.intersection(*splits_of))
    if common:
        remedy = f"rank on a split that all have: --split-digest {short(common[0])}; or rank all runs: --mixed-splits"
    else:
        remedy = "no split is common to all: choose one with --split-digest DIGEST, run what is missing, or rank all " \
            "runs: --mixed-splits"  # fmt: skip
    raise ReidbenchError(
        "methods with different splits can't be ranked together:\n" + "\n".join(sorted(lines)),
        where=f"dataset {dataset}",
        remedy=remedy,
    )


def protocol_of(kind: str) -> str:
    """Return the name of a split's kind if it is a separate protocol, otherwise empty.

    Example:
        >>> protocol_of("time-cutoff=2020"), protocol_of("open-set")
        ('time-cutoff', '')
    """
    name = kind.partition("=")[0]
    return name if name in IN_TIME else ""


def describe_split(run: RunRecord) -> str:
    """Return ``open-set, seed 0``, or ``open-set, from a file`` for a split that was not made from a seed."""
    kind = run.data.split.kind or "split"
    return f"{kind}, from a file" if run.split_seed is None else f"{kind}, seed {run.split_seed}"


def describe_query(query: str) -> str:
    """Return words for the unit of queries, empty if each photograph is one query.

    Example:
        >>> describe_query("encounter:best"), describe_query("image")
        ('queries: encounters, best score', '')
    """
    unit, _, rule = query.partition(":")
    return f"queries: {unit}s, {rule} score" if rule else ""


def short(digest: str) -> str:
    """Return the first 12 digits of a digest, as tables show it."""
    return digest[:12]
