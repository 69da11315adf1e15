"""``reidbench run --from RUN``: print the result of repeating a run."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from reidbench.errors import ReidbenchError

_SHOWN = 10


def repeat(
    run: Path, *, dataset: str | None, root: Path | None, device: str, runs: Path, plugins: list[Path], as_json: bool
) -> None:
    """Repeat a run and print whether its numbers are the same.

    Raises:
        ReidbenchError: The run can't be repeated, or numbers differ.
    """
    from reidbench.experiments.repetition import repeat_run
    from reidbench.progress import RichProgress
    from reidbench.records.finding import find_run

    if run.is_file() and run.name != "run.json":
        raise ReidbenchError(
            "this is no run's record", where=f"--from {run}", remedy="name a run's folder, its run.json or its id"
        )
    record = find_run(run.parent if run.name == "run.json" else run, runs)
    found = repeat_run(
        record, dataset=dataset, root=root, device=device, runs_dir=runs, plugins=plugins, progress=RichProgress()
    )
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        all_of = f"{found.n_compared} numbers and all scores are the same"
        differ = f"{len(found.differ)} of {found.n_compared} numbers and arrays of scores are not the same"
        told = {"exactly": f"{all_of}, exactly", "within 1e-5": f"{all_of} within 1e-5", "no": differ}[found.same]
        typer.echo(f"{record.method} on {record.dataset}: {told}")
        for change in found.differ[:_SHOWN]:
            typer.echo(f"  {change.name}: {change.before} → {change.after}")
        if len(found.differ) > _SHOWN:
            typer.echo(f"  … and {len(found.differ) - _SHOWN} more")
        for names, where in ((found.only_before, "the run"), (found.only_after, "the repetition")):
            if names:
                typer.echo(f"  not compared, only in {where}: {', '.join(names)}")
        typer.echo("environment: as it was" if not found.environment else "environment:")
        for change in found.environment:
            typer.echo(f"  {change.name}: {change.before} → {change.after}")
        typer.echo(f"  record: {found.record.path}")
    if found.same == "no":
        raise ReidbenchError(
            f"{len(found.differ)} of {found.n_compared} numbers of run {record.id} are not the same",
            where=str(record.path),
            remedy="the changes of the environment above are where to look first"
            if found.environment
            else "its environment is as it was: the record was edited, or the method is not deterministic",
        )
