"""Plots as SVG: places worked by hand, text escaped, undefined values not drawn."""

import math

import pytest

from reidbench.reporting.svg import Axis, Plot, as_step, marker, number, series


def plot():
    # The frame is 394 by 246: 52 to 446 across, 12 to 258 down.
    return Plot(Axis(0, 1, "x"), Axis(0, 1, "y"))


def test_points_stand_where_they_should():
    drawn = plot()
    drawn.line([0, 0.5, 1], [0, 1, 0.5], "s0")
    assert 'd="M52.0 258.0L249.0 12.0L446.0 135.0"' in drawn.marks()


def test_undefined_points_break_a_line_and_equal_ones_are_drawn_once():
    drawn = plot()
    drawn.line([0, 0, 0.5, 1], [0, 0, math.nan, 1], "s0")
    assert 'd="M52.0 258.0M446.0 12.0"' in drawn.marks()
    drawn = plot()
    drawn.mark(math.nan, 0.5, "circle", "s0")
    drawn.line([math.nan], [0], "s0")
    drawn.upright(math.inf, "chosen")
    assert drawn.marks() == ""


def test_text_is_escaped_everywhere():
    bad = '<script>"&'
    drawn = Plot(Axis(0, 1, bad), Axis(0, 1, bad))
    drawn.line([0, 1], [0, 1], "s0", title=bad, row=bad)
    drawn.mark(0.5, 0.5, "square", "s0", title=bad)
    drawn.note(0.5, 0.5, bad)
    written = drawn.write(bad, bad)
    assert "<script>" not in written and written.count("&lt;script&gt;") == 8


def test_a_logarithmic_axis_has_equal_decades():
    axis = Axis(1, 100, "s", log=True)
    assert axis.place([1, 10, 100]).tolist() == [0, 0.5, 1]
    assert axis.tick_values() == [1, 3, 10, 30, 100]


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 1, ""), [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Axis(-3, 7, ""), [-2, 0, 2, 4, 6]),
        (Axis(0.91, 0.96, ""), [0.91, 0.92, 0.93, 0.94, 0.95, 0.96]),
        (Axis(0, 1, "", ticks=(0.5, 3)), [0.5]),
    ],
)
def test_ticks_are_round(axis, ticks):
    assert axis.tick_values() == pytest.approx(ticks)


def test_an_axis_finds_its_range():
    assert Axis.around([], "x").high == 1.0
    assert Axis.around([3.0, math.inf, math.nan], "x").low == pytest.approx(1.5)
    assert Axis.around([5.0, 0.0], "x", log=True).low == pytest.approx(5 / 1.6)
    with pytest.raises(ValueError, match="rise"):
        Axis(1, 1, "x")
    with pytest.raises(ValueError, match="above 0"):
        Axis(0, 1, "x", log=True)


def test_a_staircase_holds_each_value_until_the_next():
    assert as_step([0, 1, 2], [5, 6, 7]) == ([0, 1, 1, 2, 2], [5, 5, 6, 6, 7])


def test_series_differ_by_more_than_colour():
    assert len({(series(index), marker(index)) for index in range(24)}) == 24
    assert len({marker(index) for index in range(8)}) == 8


def test_numbers_are_short():
    assert [number(value) for value in (0, 0.5, 1.0, 25, 0.0001, 123456)] == [
        "0",
        "0.5",
        "1",
        "25",
        "0.0001",
        "1.2e+05",
    ]
