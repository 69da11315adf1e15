"""Plots as plain SVG: one frame with two axes, and marks inside it.

Colours are classes (``s0`` … ``s7``); the style sheet of the page gives them a colour for light and for dark. Every
number is rounded to a tenth of a unit, so equal data gives equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike

N_COLOURS = 8
MARKERS = ("circle", "square", "diamond", "up", "down", "cross", "bar", "ring")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 14.0, 12.0, 42.0
_LONGEST_LABEL = 34


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its range, its label, and whether it is logarithmic.

    Args:
        low: Left or lower end.
        high: Right or upper end, above ``low``.
        label: Quantity with its unit.
        log: Use a logarithmic axis; both ends must be above 0.
        ticks: Values with a number on the axis; by default about five round values.
    """

    low: float
    high: float
    label: str
    log: bool = False
    ticks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"an axis needs two finite ends that rise, not {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic axis begins above 0, not at {self.low}")

    @classmethod
    def around(cls, values: ArrayLike, label: str, *, log: bool = False) -> Axis:
        """Return an axis that holds all finite values with a margin; from 0 to 1 if there is no finite value.

        Example:
            >>> Axis.around([2.0, 4.0], "score").low
            1.92
        """
        given = np.asarray(values, dtype=np.float64).ravel()
        given = given[np.isfinite(given) & ((given > 0) | (not log))]
        if not len(given):
            return cls(0.1, 1.0, label, log) if log else cls(0.0, 1.0, label)
        low, high = float(given.min()), float(given.max())
        if log:
            return cls(low / 1.6, high * 1.6, label, True)
        margin = 0.04 * (high - low) or max(abs(high), 1.0) * 0.5
        return cls(low - margin, high + margin, label)

    def place(self, value: ArrayLike) -> np.ndarray:
        """Return the position of values, 0 at ``low`` and 1 at ``high``; values outside the axis are put on its end."""
        given = np.asarray(value, dtype=np.float64)
        low, high = self.low, self.high
        if self.log:
            given, low, high = np.log10(np.maximum(given, self.low)), math.log10(low), math.log10(high)
        return np.clip((given - low) / (high - low), 0.0, 1.0)

    def tick_values(self) -> list[float]:
        """Return about five round numbers inside the range."""
        if self.ticks:
            return [tick for tick in self.ticks if self.low <= tick <= self.high]
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps: tuple[int, ...] = (1,) if self.high / self.low > 300 else (1, 3)
            return [f * 10.0**d for d in decades for f in steps if self.low <= f * 10.0**d <= self.high]
        raw = (self.high - self.low) / 5
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(unit * f for f in (1, 2, 2.5, 5, 10) if raw <= unit * f * 1.0000001)
        first = math.ceil(self.low / step - 1e-9)
        return [round(k * step, 12) for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Return the text of a number on an axis.

    Example:
        >>> number(0.25), number(30.0), number(1234567.0)
        ('0.25', '30', '1.2e+06')
    """
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2g}"
    return f"{value:.4f}".rstrip("0").rstrip(".")


class Plot:
    """A plot: marks are added to its frame, then it is written once.

    Args:
        x: Horizontal axis.
        y: Vertical axis.
        width: Width in user units; the page scales it.
        height: Height in the same units.
    """

    def __init__(self, x: Axis, y: Axis, *, width: float = 460, height: float = 300) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height
        self._marks: list[Markup] = []

    def px(self, value: ArrayLike) -> np.ndarray:
        """Return the horizontal position of values in user units."""
        return _LEFT + self.x.place(value) * (self.width - _LEFT - _RIGHT)

    def py(self, value: ArrayLike) -> np.ndarray:
        """Return the vertical position of values in user units, from the top."""
        return self.height - _BOTTOM - self.y.place(value) * (self.height - _TOP - _BOTTOM)

    def line(self, x: ArrayLike, y: ArrayLike, css: str, *, title: str = "", row: str = "") -> None:
        """Draw a line through points; a point with ``nan`` breaks it. Points at the same position are drawn once."""
        xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        path, pen, before = [], "M", ""
        for px, py, finite in zip(self.px(xs), self.py(ys), np.isfinite(xs + ys), strict=True):
            if not finite:
                pen = "M"
                continue
            here = f"{px:.1f} {py:.1f}"
            if pen == "L" and here == before:
                continue
            path.append(f"{pen}{here}")
            pen, before = "L", here
        if path:
            self._marks.append(
                Markup('<path class="line {}"{} d="{}">{}</path>').format(css, _row(row), "".join(path), _title(title))
            )

    def area(self, edges: ArrayLike, heights: ArrayLike, css: str, *, title: str = "") -> None:
        """Draw the outline of a histogram, filled down to the axis."""
        xs, ys = self.px(edges), self.py(heights)
        floor = self.py(self.y.low)
        steps = "".join(
            f"L{left:.1f} {y:.1f}L{right:.1f} {y:.1f}" for left, right, y in zip(xs[:-1], xs[1:], ys, strict=True)
        )
        path = f"M{xs[0]:.1f} {floor:.1f}{steps}L{xs[-1]:.1f} {floor:.1f}Z"
        self._marks.append(Markup('<path class="area {}" d="{}">{}</path>').format(css, path, _title(title)))

    def mark(
        self, x: float, y: float, marker: str, css: str, *, title: str = "", row: str = "", size: float = 5
    ) -> None:
        """Draw one point; an undefined point is left out."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        px, py, s = float(self.px(x)), float(self.py(y)), size
        shapes = {
            "square": f"M{px - s:.1f} {py - s:.1f}h{2 * s}v{2 * s}h{-2 * s}Z",
            "diamond": f"M{px:.1f} {py - 1.3 * s:.1f}l{1.3 * s:.1f} {1.3 * s:.1f}l{-1.3 * s:.1f} {1.3 * s:.1f}"
            f"l{-1.3 * s:.1f} {-1.3 * s:.1f}Z",
            "up": f"M{px:.1f} {py - 1.2 * s:.1f}l{1.2 * s:.1f} {2 * s:.1f}h{-2.4 * s:.1f}Z",
            "down": f"M{px:.1f} {py + 1.2 * s:.1f}l{1.2 * s:.1f} {-2 * s:.1f}h{-2.4 * s:.1f}Z",
            "cross": f"M{px - s:.1f} {py - s:.1f}l{2 * s} {2 * s}m0 {-2 * s}l{-2 * s} {2 * s}",
            "bar": f"M{px - s:.1f} {py:.1f}h{2 * s}m{-s} {-s}v{2 * s}",
        }
        if marker in shapes:
            shape = Markup('<path class="mark {} {}"{} d="{}">{}</path>')
            self._marks.append(shape.format(marker, css, _row(row), shapes[marker], _title(title)))
        else:
            circle = Markup('<circle class="mark {} {}"{} cx="{}" cy="{}" r="{}">{}</circle>')
            self._marks.append(circle.format(marker, css, _row(row), f"{px:.1f}", f"{py:.1f}", s, _title(title)))

    def span(self, x: float, low: float, high: float, css: str, *, row: str = "") -> None:
        """Draw a vertical interval; an undefined interval is left out."""
        if all(math.isfinite(value) for value in (x, low, high)):
            px, bottom, top = float(self.px(x)), float(self.py(low)), float(self.py(high))
            line = Markup('<path class="span {}"{} d="M{} {}V{}"/>')
            self._marks.append(line.format(css, _row(row), f"{px:.1f}", f"{bottom:.1f}", f"{top:.1f}"))

    def upright(self, x: float, css: str, label: str = "", *, title: str = "", level: int = 0) -> None:
        """Draw a vertical line over the full height with a label; each ``level`` moves the label down by one line."""
        if not math.isfinite(x):
            return
        px, right = float(self.px(x)), self.width - _RIGHT
        self._marks.append(
            Markup('<path class="upright {}" d="M{} {}V{}">{}</path>').format(
                css, f"{px:.1f}", f"{_TOP:.1f}", f"{self.height - _BOTTOM:.1f}", _title(title)
            )
        )
        if label:
            end = px > _LEFT + 0.6 * (right - _LEFT)
            self.text(px + (-4 if end else 4), _TOP + 10 + 13 * level, label, "end" if end else "start", css)

    def note(self, x: float, y: float, text: str, css: str = "", *, row: str = "") -> None:
        """Write next to a point, on the side with more space."""
        if math.isfinite(x) and math.isfinite(y):
            px, py = float(self.px(x)), float(self.py(y))
            end = px > _LEFT + 0.62 * (self.width - _LEFT - _RIGHT)
            self.text(px + (-9 if end else 9), py + 4, text, "end" if end else "start", css, row=row)

    def text(
        self, px: float, py: float, text: str, anchor: Literal["start", "middle", "end"], css: str, *, row: str = ""
    ) -> None:
        """Write at a position in user units."""
        shown = text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
        self._marks.append(
            Markup('<text class="note {}"{} x="{}" y="{}" text-anchor="{}">{}</text>').format(
                css, _row(row), f"{px:.1f}", f"{py:.1f}", anchor, shown
            )
        )

    def marks(self) -> Markup:
        """Return the marks drawn so far, without the frame."""
        return Markup("").join(self._marks)

    def write(self, title: str, description: str = "") -> Markup:
        """Return the SVG element; a screen reader reads ``title`` and ``description``."""
        label = f"{title}. {description}" if description else title
        return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
            f"{self.width:g}", f"{self.height:g}", label, self._frame(), self.marks()
        )

    def _frame(self) -> Markup:
        left, right, top, bottom = _LEFT, self.width - _RIGHT, _TOP, self.height - _BOTTOM
        parts = []
        for tick in self.x.tick_values():
            x = f"{float(self.px(tick)):.1f}"
            parts.append(Markup('<path class="grid" d="M{} {}V{}"/>').format(x, f"{top:.1f}", f"{bottom:.1f}"))
            text = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>')
            parts.append(text.format(x, f"{bottom + 15:.1f}", number(tick)))
        for tick in self.y.tick_values():
            y = float(self.py(tick))
            parts.append(Markup('<path class="grid" d="M{} {}H{}"/>').format(f"{left:.1f}", f"{y:.1f}", f"{right:.1f}"))
            text = Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>')
            parts.append(text.format(f"{left - 6:.1f}", f"{y + 4:.1f}", number(tick)))
        parts.append(
            Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(
                f"{left:.1f}", f"{top:.1f}", f"{bottom:.1f}", f"{right:.1f}"
            )
        )
        middle = (top + bottom) / 2
        parts.append(
            Markup(
                '<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>'
                '<text class="label" transform="translate(13 {}) rotate(-90)" text-anchor="middle">{}</text>'
            ).format(f"{(left + right) / 2:.1f}", f"{bottom + 33:.1f}", self.x.label, f"{middle:.1f}", self.y.label)
        )
        return Markup("").join(parts)


def series(index: int) -> str:
    """Return the classes of a series: a colour, and a dash pattern if there are more series than colours.

    Example:
        >>> series(1), series(9)
        ('s1', 's1 d1')
    """
    dash = index // N_COLOURS % 3
    return f"s{index % N_COLOURS}" + (f" d{dash}" if dash else "")


def marker(index: int) -> str:
    """Return the shape of the points of a series, so that series differ in more than colour."""
    return MARKERS[index % len(MARKERS)]


def as_step(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the corners of a step function that keeps each ``y`` until the next ``x``."""
    xs = [value for pair in zip(x, x[1:], strict=False) for value in pair] + list(x[-1:])
    ys = [value for value in y[:-1] for _ in range(2)] + list(y[-1:])
    return xs, ys


def _title(text: str) -> Markup:
    return Markup("<title>{}</title>").format(text) if text else Markup("")


def _row(row: str) -> Markup:
    return Markup(' data-row="{}"').format(escape(row)) if row else Markup("")
