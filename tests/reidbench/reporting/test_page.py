"""The page as text: what it holds, what it escapes, and that it is the same every time."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from reidbench.errors import ReidbenchError
from reidbench.leaderboard.confidence import Confidence
from reidbench.leaderboard.ranking import leaderboard
from reidbench.metrics.expected_cost import ErrorCosts
from reidbench.reporting.build import build_report, parse_costs
from reidbench.reporting.page import PageOptions, write_report
from reidbench.reporting.photographs import find_photographs


class Page(HTMLParser):
    """Collects elements and what is written outside of style and script."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._inside = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self._inside = tag

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        if not self._inside:
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(finished):
    rows = leaderboard(finished.records)
    return write_report(rows, PageOptions(), find_photographs(finished.records, [str(finished.hostile_csv)]))


def test_nothing_comes_from_elsewhere(page):
    parsed = Page(page)
    assert len(parsed.all("script")) == 1 and not parsed.all("link") and not parsed.all("iframe")
    for tag, attributes in parsed.elements:
        for name in ("src", "href"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:image/jpeg;base64,")), (tag, address)
    assert "@import" not in page and "url(" not in page


def test_markup_in_identities_groups_ids_and_file_names_stays_text(page):
    parsed = Page(page)
    assert len(parsed.all("script")) == 1  # ours
    assert not [attributes for _, attributes in parsed.elements if any(name.startswith("on") for name in attributes)]
    assert not parsed.all("b")
    assert "<script>window.hacked=1</script>lynx" in "".join(parsed.text)  # shown as it is written


def test_the_page_forbids_any_script_but_its_own(page):
    policy = next(meta["content"] for meta in Page(page).all("meta") if meta.get("http-equiv"))
    assert "default-src 'none'" in policy and re.search(r"script-src 'sha256-[\w+/]{43}='", policy)
    assert "script-src 'unsafe-inline'" not in policy


def test_equal_runs_give_equal_bytes(page, finished):
    again = write_report(
        leaderboard(reversed(finished.records)),
        PageOptions(),
        find_photographs(finished.records, [str(finished.hostile_csv)]),
    )
    assert again == page


def test_every_part_is_there(page):
    parsed = Page(page)
    text = " ".join(parsed.text)
    for heading in (
        "Leaderboard", "Uncertainty", "95 % intervals", "standard deviation of one run's score", "Score against cost",
        "curves, rates and costs below are of the first split and seed of each row",
        "Results at every threshold", "By group", "Expected cost", "Gallery size",
        "Method by method", "Reliability", "False new", "Mis-identified", "False match", "Carried thresholds",
        "Citations and licences", "Lowe 2004",
    ):  # fmt: skip
        assert heading in text, heading
    assert all(image["alt"] for image in parsed.all("img"))
    assert all(svg.get("role") == "img" and svg["aria-label"] for svg in parsed.all("svg") if "aria-hidden" not in svg)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_photographs_of_both_datasets_are_shown_and_the_page_stays_small(page):
    pictures = [image for image in Page(page).all("img") if image["src"].startswith("data:image/jpeg")]
    assert len(pictures) > 20
    assert len(page.encode()) < 5e6


def test_without_photographs_the_reason_is_said_and_errors_are_listed(finished):
    rows = leaderboard(finished.of("metadata") or finished.of("hostile") or finished.records[-2:])
    page = write_report(rows, PageOptions())
    assert "No photographs: left out by --no-images." in page
    assert not Page(page).all("img")
    assert "best candidate, rejected" in page or "answered" in page


def test_a_dataset_that_was_not_named_says_how_to_name_it(finished):
    shown = find_photographs(finished.records, [])
    reasons = [each.reason for each in shown.values() if each.images is None]
    assert len(reasons) == 1 and "--images" in reasons[0]


def test_costs_change_what_is_expected(finished):
    rows = leaderboard(finished.of("patterns"))
    plain = write_report(rows, PageOptions(unknown_rate=0.5))
    dear = write_report(rows, PageOptions(unknown_rate=0.5, costs=ErrorCosts(false_match=10)))
    assert "50 % of the queries" in plain and "false match 10" in dear and plain != dear


def test_costs_are_read_and_refused():
    assert parse_costs(["false_match=5", "false_new=0"]) == ErrorCosts(false_new=0, false_match=5)
    for wrong in ("false_mach=5", "false_match", "false_match=-1", "false_match=x", "false_match=inf"):
        with pytest.raises(ReidbenchError) as caught:
            parse_costs([wrong])
        assert caught.value.where == f"--cost {wrong}" and caught.value.remedy


def test_a_page_is_written_whole_or_not_at_all(finished, tmp_path):
    path = tmp_path / "new" / "page.html"
    size = build_report(path, [], finished.runs_dir, PageOptions(), images=None)
    assert path.stat().st_size == size
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]
    with pytest.raises(ReidbenchError, match="can't be written"):
        build_report(tmp_path, [], finished.runs_dir, PageOptions(), images=None)


def test_chosen_runs_alone_are_shown(finished, tmp_path):
    run = finished.of("patterns")[0]
    build_report(tmp_path / "one.html", [run.id, str(run.path)], finished.runs_dir, PageOptions(), images=None)
    assert "1 run on 1 dataset." in (tmp_path / "one.html").read_text(encoding="utf-8")


def test_lines_through_scores_are_their_intervals(finished):
    rows = leaderboard(finished.of("patterns"))
    assert "Vertical lines: 95 % intervals over animals" in write_report(rows, PageOptions())
    lone = [replace(row, confidence=Confidence()) for row in rows]
    assert "Vertical lines: standard deviation over splits." in write_report(lone, PageOptions())
    neither = [replace(row, confidence=Confidence(), split_sd={}) for row in rows]
    assert "extraction and matching.</figcaption>" in write_report(neither, PageOptions())


def test_other_splits_of_a_row_are_thin_lines(finished, monkeypatch):
    rows = leaderboard(finished.of("patterns"))  # two methods, two splits each
    page = write_report(rows)
    # One line for each row's other run in each of two plots.
    assert page.count('class="line s0 other"') == page.count('class="line s1 other"') == 2
    assert "draw up to 9 other runs of the row as thin lines" in page
    monkeypatch.setattr("reidbench.reporting.page.MOST_OTHERS", 0)
    assert ' other"' not in write_report(rows)
    alone = write_report(leaderboard([run for run in finished.of("patterns") if run.split_seed == 0]))
    assert ' other"' not in alone and "thin lines" not in alone


def test_thresholds_of_single_queries_are_not_drawn_but_named(page, finished):
    moving = [
        adjustment.second != 0 or adjustment.log_size != 0
        for run in finished.records
        if run.split_seed == 0  # the runs that represent their rows
        and (adjustment := run.data.threshold.adjustment) is not None
    ]
    assert any(moving) == ("each query has its own threshold" in page)


def test_datasets_are_summed_up_below_them(finished):
    page = write_report(leaderboard(finished.records), PageOptions())
    assert "Over all datasets" in page and "rank on patterns" in page
    assert "Over all datasets" not in write_report(leaderboard(finished.of("patterns")), PageOptions())
