"""The table of metrics in docs/protocol.md holds what the metrics declare."""

from pathlib import Path

from reidbench.metrics.builtin import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
HEAD = ["| key | heading | meaning | needs |", "| --- | --- | --- | --- |"]


def test_the_protocol_lists_every_metric_as_it_is_declared():
    declared = [
        f"| `{metric.name}` | {metric.title} | {metric.summary} | "
        f"{', '.join(dict.fromkeys(need.name for need in metric.needs)) or '–'} |"
        for metric in METRICS
    ]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(HEAD[0])
    end = next(place for place in range(start, len(lines)) if not lines[place].startswith("|"))
    expected = [*HEAD, *declared]
    assert lines[start:end] == expected, "write this table into docs/protocol.md:\n" + "\n".join(expected)
