"""A plugin's section of the page: text, tables and pictures, never markup, and a failure that stays its own."""

import pytest
from markupsafe import Markup

from reidbench import SectionPicture, SectionSpec, SectionTable
from reidbench.leaderboard.ranking import leaderboard
from reidbench.registry.registered import Offered, Registry
from reidbench.registry.sections import section_view
from reidbench.reporting.page import write_report

HOSTILE = "<script>window.hacked=3</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>window.hacked=4</script></svg>'
PLUGIN = """
import reidbench

def make(runs):
    yield f"{len(runs)} runs of a stranger"
    yield reidbench.SectionTable(["method", "score"], [[run.method, f"{run.metrics['score']:.2f}"] for run in runs])

@reidbench.hookimpl
def reidbench_report_sections():
    return [reidbench.SectionSpec("Of a stranger", make)]
"""


def page(finished, *specs):
    rows = leaderboard(finished.of("patterns"))
    return write_report(rows, registry=Registry((), (), sections=tuple(Offered(s, "stranger", "1") for s in specs)))


def test_an_installed_section_is_on_the_page(finished, stranger):
    stranger(PLUGIN)
    text = write_report(leaderboard(finished.of("patterns")))
    assert "Of a stranger</h2>" in text and "4 runs of a stranger" in text
    assert text.count('<th scope="row">sift</th>') >= 2


@pytest.mark.parametrize("disguise", [str, Markup])
def test_whatever_it_says_stays_text(finished, disguise):
    said = disguise(HOSTILE)
    spec = SectionSpec(
        said,
        lambda runs: [
            said,
            SectionTable([said], [[said]], caption=said),
            SectionPicture(SVG, "svg+xml", description=said, caption=said),
        ],
    )
    text = page(finished, spec)
    assert "hacked=3" in text and HOSTILE not in text
    assert "hacked=4" not in text and "data:image/svg+xml;base64," in text


def test_one_that_fails_costs_only_its_section(finished):
    def broken(runs):
        yield "half of it"
        raise KeyError(HOSTILE)

    text = page(finished, SectionSpec("Broken", broken), SectionSpec("Fine", lambda runs: ["all of it"]))
    assert "This section of stranger could not be made: KeyError" in text and HOSTILE not in text
    assert "half of it" not in text and "all of it" in text and "Leaderboard" in text


def test_an_empty_one_is_left_out_and_without_any_the_page_is_as_before(finished):
    assert page(finished, SectionSpec("Empty", lambda runs: [])) == page(finished)


@pytest.mark.parametrize(
    ("block", "said"),
    [(7, "not int"), (b"<b>", "not bytes")],
)
def test_what_is_no_block_is_told(block, said):
    view = section_view(SectionSpec("Odd", lambda runs: [block]), "stranger", ())
    assert view.blocks == () and said in view.failure


def test_tables_and_pictures_check_themselves():
    with pytest.raises(ValueError, match="2 cells for 1 headings"):
        SectionTable(["a"], [["1", "2"]])
    with pytest.raises(ValueError, match="not 'gif'"):
        SectionPicture(b"x", "gif", "")
    with pytest.raises(ValueError, match="bytes"):
        SectionPicture("x", "png", "")
