"""Blocks of a page: each type has its macro, texts are escaped, and a plugin's type can't pass for one of ours."""

import pytest
from markupsafe import Markup

from reidbench.registry.sections import SectionTable
from reidbench.reporting.blocks import (
    Card,
    Cards,
    Figure,
    Grid,
    Heading,
    PageBlock,
    Photograph,
    Remark,
    RowName,
    RowTable,
    table_blocks,
)
from reidbench.reporting.photographs import Thumbnail
from reidbench.reporting.small_tables import SmallTable
from reidbench.reporting.templating import draw, environment

HOSTILE = "<script>window.hacked=5</script>"


def test_every_type_has_a_macro_of_its_name():
    macros = environment().get_template("blocks.html.j2").module
    names = [each.__name__ for each in (str, SectionTable, *PageBlock.__subclasses__())]
    assert len(names) > 10 and [name for name in names if not hasattr(macros, name)] == []


@pytest.mark.parametrize(
    "block",
    [
        HOSTILE,
        Heading(HOSTILE, remark=HOSTILE),
        Remark(HOSTILE),
        Figure([], HOSTILE, name=HOSTILE),
        Grid([HOSTILE]),
        RowTable(HOSTILE, [HOSTILE], [(RowName(HOSTILE, Markup("<svg/>"), HOSTILE), [HOSTILE])], HOSTILE),
        Cards([Card([Photograph(None, HOSTILE, [HOSTILE], 0)], HOSTILE)]),
    ],
)
def test_texts_are_escaped(block):
    drawn = draw(block, HOSTILE)
    assert "<script>" not in drawn and "&lt;script&gt;" in drawn


def test_a_type_of_a_plugin_is_drawn_as_what_it_extends():
    fake = type("Figure", (SectionTable,), {"plots": [Markup(HOSTILE)], "wide": False, "name": ""})
    drawn = draw(fake(["a"], [["1"]]), "numbers")
    assert "<figure" not in drawn and '<th scope="row">1</th>' in drawn and "<script>" not in drawn


def test_a_table_without_a_caption_is_named_by_its_heading():
    table = SmallTable("Costs", ("method", "s"), (("sift", "2"),), notes=("Mean.",))
    below, notes = table_blocks(table, captioned=False)
    captioned, _ = table_blocks(table, captioned=True)
    assert 'aria-label="Costs"' in draw(below, "Costs") and 'class="caption"' not in draw(below, "Costs")
    assert '<p class="caption" aria-hidden="true">Costs</p>' in draw(captioned, "Other")
    assert "<li>Mean.</li>" in draw(notes)


def test_a_row_has_a_cell_for_each_heading():
    with pytest.raises(ValueError, match="sift has 1 cells for 2 headings"):
        RowTable("", ["a", "b"], [(RowName("b0r0", Markup(""), "sift"), ["1"])])


def test_space_is_kept_for_a_picture_only_next_to_pictures():
    missing = Photograph(None, "", ["query"], 0)
    there = Photograph(Thumbnail("data:image/jpeg;base64,AAAA", 2, 1), "ana", ["ana"], 0)
    assert "No picture" not in draw(Cards([Card([missing], "")]))
    assert draw(Cards([Card([missing, there], "")])).count("No picture") == 1
