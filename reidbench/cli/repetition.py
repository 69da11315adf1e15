"""``reidbench run --from RUN``: print the result of repeating a run."""

from __future__ import annotations

from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.progress import print_json, print_line

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
            "this is not the record of a run",
            where=f"--from {run}",
            remedy="name the folder of a run, its run.json or its id",
        )
    record = find_run(run.parent if run.name == "run.json" else run, runs)
    repetition = repeat_run(
        record, dataset=dataset, root=root, device=device, runs_dir=runs, plugins=plugins, progress=RichProgress()
    )
    if as_json:
        print_json(repetition.to_json())
    else:
        same = f"{repetition.n_compared} numbers and all scores are the same"
        differ = f"{len(repetition.differ)} of {repetition.n_compared} numbers and arrays of scores are not the same"
        result = {"exactly": f"{same}, exactly", "within 1e-5": f"{same} within 1e-5", "no": differ}[repetition.same]
        print_line(f"{record.method} on {record.dataset}: {result}")
        for change in repetition.differ[:_SHOWN]:
            print_line(f"  {change.name}: {change.before} → {change.after}")
        if len(repetition.differ) > _SHOWN:
            print_line(f"  … and {len(repetition.differ) - _SHOWN} more")
        for names, side in ((repetition.only_before, "the run"), (repetition.only_after, "the repetition")):
            if names:
                print_line(f"  not compared, only in {side}: {', '.join(names)}")
        if repetition.redefined:
            print_line(f"  not compared, defined in another way by one of the two: {', '.join(repetition.redefined)}")
        print_line("environment: unchanged" if not repetition.environment else "environment:")
        for change in repetition.environment:
            print_line(f"  {change.name}: {change.before} → {change.after}")
        print_line(f"  record: {repetition.record.path}")
    if repetition.same == "no":
        raise ReidbenchError(
            f"{len(repetition.differ)} of {repetition.n_compared} numbers of run {record.id} are not the same",
            where=str(record.path),
            remedy="look at the changes of the environment above first"
            if repetition.environment
            else "the environment is the same: the record was edited, or the method is not deterministic",
        )
