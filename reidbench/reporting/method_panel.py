"""One method's panel: its curves by group, reliability, training history, facts and errors."""

from __future__ import annotations

import math

from reidbench.leaderboard.ranking import LeaderboardRow, describe_split
from reidbench.records.run_record import RunRecord
from reidbench.reporting import charts
from reidbench.reporting.charts import Series
from reidbench.reporting.error_gallery import Gallery
from reidbench.reporting.small_tables import show
from reidbench.reporting.views import GroupView, MethodView


def method_view(each: Series, row: LeaderboardRow, run: RunRecord, gallery: Gallery) -> MethodView:
    curves = each.curves
    errors, note = gallery.of_run(run, curves.saved.test)
    return MethodView(
        key=each.key,
        label=each.label,
        swatch=charts.swatch(each.index),
        shown_run=f"run {run.id}: split {run.split_digest[:12]} ({describe_split(run)}), seed {run.seed}"
        + (f"; the first of {len(row.runs)} runs of this row" if len(row.runs) > 1 else ""),
        facts=_facts(run),
        groups=[
            GroupView(
                group.name,
                charts.threshold_curves(group, each.label),
                charts.score_histogram(group, each.label),
                f"score {show(defined(group.score))}, oracle {show(defined(group.oracle_score))}"
                + ("" if math.isfinite(group.chosen) else "; the threshold moves with each query, so none is drawn"),
            )
            for group in curves.groups
        ],
        reliability=charts.reliability_diagram(curves.reliability, each.label) if curves.reliability else None,
        reliability_note=curves.reliability_note,
        ece=show(defined(curves.reliability.ece)) if curves.reliability else show(None),
        history=charts.training_history(run.data["fit"]["history"], each.label),
        errors=errors,
        errors_note=note,
    )


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    data = run.data
    plugin, weights = data["plugin"], data["weights"]
    settings = ", ".join(f"{key}={value}" for key, value in data["settings"]["effective"].items())
    chosen = data["threshold"]
    values = sorted({f"{float(value):.4g}" for value in chosen["values"].values()})
    environment = data.get("environment", {})
    return [
        ("plugin", f"{plugin['name']} {plugin['version']}, method version {plugin['method_version']}"),
        ("settings", settings or "none"),
        ("preset", str(data.get("preset") or "none")),
        (
            "weights",
            f"{weights['label']}" + (f" ({weights['source']})" if weights["source"] != weights["label"] else ""),
        ),
        ("matching", f"{data['matching']['rule']}, {data['matching']['metric']}; gallery: {data['gallery']}"),
        ("threshold", f"{chosen['policy']}: {', '.join(values)}"),
        ("device", str(environment.get("device", "unknown"))),
        *(("note", note) for note in [*chosen["notes"], *data["fit"]["notes"]]),
    ]


def defined(value: float) -> float | None:
    """Return a number, ``None`` for one that is not finite."""
    return float(value) if math.isfinite(value) else None
