"""docs/checking-a-method.md lists all checks with their reasons and remedies."""

from __future__ import annotations

from pathlib import Path

from reidbench.testing import CHECKS

PAGE = Path(__file__).parents[3] / "docs" / "checking-a-method.md"


def tables():
    topics = {}
    for check in CHECKS:
        row = f"| `{check.name}` | {check.reason} | {check.remedy} |"
        topics.setdefault(check.topic, []).append(row)
    for topic, rows in topics.items():
        yield "\n".join([f"### {topic.capitalize()}", "", "| check | reason | remedy |", "| --- | --- | --- |", *rows])


def test_the_page_lists_every_check_in_order():
    expected = "\n\n".join(tables())
    assert expected in PAGE.read_text(encoding="utf-8"), f"put this into {PAGE}:\n\n{expected}"


def test_the_page_has_the_number_of_checks():
    assert f"{len(CHECKS)} checks" in PAGE.read_text(encoding="utf-8")
