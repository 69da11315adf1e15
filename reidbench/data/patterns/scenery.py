"""Draw the scenery behind and in front of an animal: ground, water, leaves, grass, weed, bubbles and mud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from reidbench.data.patterns.canvas import SIDE, Floats, closed_curve, ellipse, field, limb, paint
from reidbench.data.patterns.options import Level

_Palette = tuple[tuple[float, float, float], tuple[float, float, float]]

_PALETTES: dict[str, list[_Palette]] = {
    "turtle": [
        ((0.04, 0.22, 0.34), (0.20, 0.52, 0.62)),  # open water
        ((0.10, 0.28, 0.28), (0.36, 0.55, 0.44)),  # sea grass
        ((0.48, 0.46, 0.36), (0.80, 0.76, 0.62)),  # sand
        ((0.16, 0.20, 0.24), (0.50, 0.46, 0.42)),  # reef
    ],
    "salamander": [
        ((0.16, 0.10, 0.06), (0.52, 0.36, 0.20)),  # leaf litter
        ((0.10, 0.16, 0.05), (0.38, 0.46, 0.16)),  # moss
        ((0.24, 0.22, 0.20), (0.58, 0.56, 0.52)),  # stone
        ((0.12, 0.09, 0.07), (0.34, 0.26, 0.20)),  # wet earth
    ],
    "lynx": [
        ((0.62, 0.66, 0.72), (0.94, 0.95, 0.98)),  # snow
        ((0.14, 0.18, 0.08), (0.46, 0.48, 0.24)),  # meadow
        ((0.12, 0.10, 0.08), (0.40, 0.32, 0.22)),  # forest floor
        ((0.30, 0.28, 0.25), (0.66, 0.62, 0.56)),  # rock
    ],
}


# Plants and water in front of an animal have other colours than the ground behind it.
_COVER_TONES: dict[str, list[_Palette]] = {
    "turtle": [
        ((0.10, 0.20, 0.08), (0.36, 0.46, 0.18)),  # sea grass
        ((0.20, 0.13, 0.05), (0.50, 0.38, 0.16)),  # brown weed
        ((0.08, 0.22, 0.20), (0.30, 0.50, 0.44)),  # weed in deep water
    ],
    "salamander": [
        ((0.18, 0.11, 0.06), (0.56, 0.40, 0.22)),  # last year's leaves
        ((0.26, 0.13, 0.04), (0.66, 0.42, 0.12)),  # autumn leaves
        ((0.10, 0.18, 0.05), (0.40, 0.50, 0.18)),  # green leaves
    ],
    "lynx": [
        ((0.14, 0.19, 0.07), (0.44, 0.50, 0.22)),  # grass
        ((0.34, 0.27, 0.13), (0.74, 0.64, 0.40)),  # straw
        ((0.16, 0.12, 0.08), (0.42, 0.34, 0.24)),  # dry stalks
    ],
}


def _tones(rng: Generator, palettes: list[_Palette]) -> tuple[Floats, Floats]:
    """Choose a palette and return its dark end and its pale end."""
    low, high = palettes[int(rng.integers(len(palettes)))]
    return np.array(low, np.float32), np.array(high, np.float32)


class _Leaf(NamedTuple):
    """The midrib and both edges of a leaf, each ``(5, 2)``, from the stalk to the tip."""

    middle: Floats
    upper: Floats
    lower: Floats

    def outline(self) -> Floats:
        """Return the polygon of the whole leaf."""
        return closed_curve(np.vstack([self.upper, self.lower[-2:0:-1]]), 5)

    def shaded(self) -> Floats:
        """Return the polygon of the half in the shade."""
        return closed_curve(np.vstack([self.upper, self.middle[-2:0:-1]]), 5)

    def veins(self, thick: float) -> list[Floats]:
        """Return the polygons of the midrib and of three pairs of side veins; ``thick`` is half their width."""
        taper = (1.4, 1.0, 1.0, 0.8, 0.3)
        veins = [limb(self.middle.tolist(), [thick * width for width in taper])]
        for station in (1, 2, 3):
            for side in (self.upper, self.lower):
                root = self.middle[station]
                tip = root + 0.8 * (side[station] - root) + 0.3 * (self.middle[station + 1] - root)
                veins.append(limb([root.tolist(), ((root + tip) / 2).tolist(), tip.tolist()], [0.6 * thick] * 3))
        return veins


def _leaf(rng: Generator, x: float, y: float, length: float) -> _Leaf:
    turn = float(rng.uniform(0, 2 * np.pi))
    width = length * float(rng.uniform(0.16, 0.30))
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    stations = np.array([-1.0, -0.5, 0.1, 0.6, 1.0])
    half = np.array([0.0, 0.8, 1.0, 0.55, 0.0]) * width
    curl = float(rng.normal(0, 0.18)) * length * stations**2
    middle = np.array([x, y]) + stations[:, None] * along * length / 2 + curl[:, None] * across
    sides = half[:, None] * across
    return _Leaf(*(points.astype(np.float32) for points in (middle, middle + sides, middle - sides)))


def _blade(rng: Generator, x: float, y: float, length: float) -> Floats:
    lean, curve = float(rng.normal(0, 0.5)), float(rng.normal(0, 0.25))
    t = np.linspace(-0.5, 0.5, 5)
    points = [(x + length * (lean * s + curve * s * s), y + length * s) for s in t]
    thick = max(1.0, length * float(rng.uniform(0.025, 0.05)))
    return limb([(float(a), float(b)) for a, b in points], [thick * w for w in (0.2, 0.6, 0.9, 1.0, 1.0)])


def _shape(rng: Generator, species: str, x: float, y: float, length: float) -> Floats:
    if species == "salamander":
        return _leaf(rng, x, y, length).outline()
    if species == "lynx" and rng.random() < 0.25:
        return _leaf(rng, x, y, 0.5 * length).outline()
    return _blade(rng, x, y, length)


def _draw(canvas: Floats, shape: Floats, colour: Floats, alpha: float = 1.0) -> Floats:
    """Fill a polygon on a canvas, in place; return the share of the polygon in each pixel."""
    stencil = np.zeros(canvas.shape[:2], np.float32)
    # For speed, only the box around the shape is changed: a background has dozens of small shapes.
    low = np.maximum(np.floor(shape.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(shape.max(axis=0)).astype(int) + 3, canvas.shape[1::-1])
    if (high <= low).any():
        return stencil
    part = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(part, [np.round((shape - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    box = np.s_[low[1] : high[1], low[0] : high[0]]
    stencil[box] = part.astype(np.float32) * np.float32(alpha / 255)
    canvas[box] += stencil[box][..., None] * (colour - canvas[box])
    return stencil


def draw_background(rng: Generator, species: str) -> Floats:
    """Draw the ground or water behind the animal."""
    low, high = _tones(rng, _PALETTES[species])
    mix = 0.5 + 0.17 * (field(rng, 30) + 0.7 * field(rng, 9) + 0.5 * field(rng, 2.5) + 0.3 * field(rng, 0.8))
    ground = low + (high - low) * np.clip(mix, 0, 1)[..., None].astype(np.float32)
    for _ in range(int(rng.integers(10, 60))):
        x, y = rng.uniform(0, SIDE, 2)
        colour = (low + (high - low) * rng.uniform(0, 1.15, 1)) * np.exp(rng.normal(0, 0.07, 3))
        shape = _shape(rng, species, float(x), float(y), float(rng.uniform(14, 60)))
        _draw(ground, shape + np.float32(1.6), low * np.float32(0.5), 0.5)
        _draw(ground, shape, colour.astype(np.float32))
    if species == "turtle":
        # Caustics: bright lines where smooth noise crosses zero.
        lines = np.exp(-((field(rng, 11) / 0.16) ** 2)) * float(rng.uniform(0, 0.16))
        ground = ground + lines[..., None].astype(np.float32)
    return np.asarray(cv2.GaussianBlur(ground, (0, 0), float(rng.uniform(0.4, 2.2))).clip(0, 1), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Brush:
    """A canvas to paint on, in place, which counts how much of the animal is hidden."""

    image: Floats  # (size, size, 3)
    alpha: Floats  # (size, size) share of the pixel that is animal
    hidden: Floats  # (size, size) share of the pixel that is animal and hidden

    def lay(self, shape: Floats, colour: Floats, alpha: float = 1.0, shadow: float = 0.0) -> None:
        """Fill a shape; ``shadow`` above 0 draws a shadow of that strength first, shifted down and right."""
        if shadow:
            _draw(self.image, shape + np.float32(0.012 * len(self.image)), colour * np.float32(0.25), shadow)
        self.hide(_draw(self.image, shape, colour, alpha))

    def wash(self, stencil: Floats, colour: Floats) -> None:
        """Blend a colour into the picture; ``stencil`` is its share in each pixel."""
        paint(self.image, stencil, colour)
        self.hide(stencil)

    def hide(self, stencil: Floats) -> None:
        """Count the animal's pixels under a stencil as hidden."""
        np.maximum(self.hidden, stencil * self.alpha, out=self.hidden)


_Cover = Callable[[_Brush, Generator, Floats, Floats, float, float], None]
"""Function that paints one thing: brush, generator, dark and pale end of the palette, and its place x, y in pixels."""


def _tone(rng: Generator, low: Floats, high: Floats, least: float = 0.1) -> Floats:
    mixed = (low + (high - low) * np.float32(rng.uniform(least, 1.0))) * np.exp(rng.normal(0, 0.06, 3))
    return np.asarray(mixed, dtype=np.float32)


def _cover_leaf(brush: _Brush, rng: Generator, low: Floats, high: Floats, x: float, y: float) -> None:
    length = len(brush.image) * float(rng.uniform(0.12, 0.26))
    leaf, colour = _leaf(rng, x, y, length), _tone(rng, low, high)
    brush.lay(leaf.outline(), colour, shadow=0.45)
    _draw(brush.image, leaf.shaded(), colour * np.float32(0.78), 0.8)
    for vein in leaf.veins(max(0.35, 0.014 * length)):
        _draw(brush.image, vein, np.minimum(colour * np.float32(1.3), 1.0), 0.7)


def _cover_grass(brush: _Brush, rng: Generator, low: Floats, high: Floats, x: float, y: float) -> None:
    """Paint a tuft of grass: blades that fan out from one point below the place."""
    size = len(brush.image)
    length = size * float(rng.uniform(0.22, 0.5))
    foot = np.array([x + rng.normal(0, 0.05) * size, y + 0.55 * length])
    for _ in range(int(rng.integers(3, 7))):
        lean, droop = float(rng.normal(0, 0.32)), float(rng.normal(0, 0.22))
        reach = length * float(rng.uniform(0.6, 1.1))
        t = np.linspace(0, 1, 5)
        points = [(float(foot[0] + reach * (lean * s + droop * s * s)), float(foot[1] - reach * s)) for s in t]
        thick = max(0.7, size * float(rng.uniform(0.006, 0.013)))
        colour = _tone(rng, low, high, 0.3)
        brush.lay(limb(points, [thick * w for w in (0.8, 1.0, 0.9, 0.6, 0.1)]), colour, shadow=0.3)


def _cover_weed(brush: _Brush, rng: Generator, low: Floats, high: Floats, x: float, y: float) -> None:
    """Paint a frond of weed: a wavy ribbon with a pale midrib."""
    size = len(brush.image)
    length, turn = size * float(rng.uniform(0.25, 0.55)), float(rng.normal(0, 0.5))
    phase, waves = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(3.5, 7.0))
    t = np.linspace(-0.5, 0.5, 9)
    sway = 0.05 * size * np.sin(waves * t + phase)
    points = [
        (
            float(x + length * s * np.sin(turn) + w * np.cos(turn)),
            float(y - length * s * np.cos(turn) + w * np.sin(turn)),
        )
        for s, w in zip(t, sway, strict=True)
    ]
    thick = size * float(rng.uniform(0.012, 0.028))
    ruffle = 1 + 0.28 * np.sin(11 * t + phase)
    taper = [0.5, 0.8, 1.0, 1.0, 1.0, 0.95, 0.8, 0.55, 0.1]
    colour = _tone(rng, low, high, 0.2)
    brush.lay(limb(points, [thick * a * b for a, b in zip(taper, ruffle, strict=True)]), colour, 0.95, shadow=0.3)
    _draw(brush.image, limb(points, [0.12 * thick] * 9), np.minimum(colour * np.float32(1.35), 1.0), 0.7)


def _cover_water(brush: _Brush, rng: Generator, low: Floats, high: Floats, x: float, y: float) -> None:
    """Paint a drifting cloud of sand or a string of bubbles."""
    size = len(brush.image)
    if rng.random() < 0.5:
        wide, tall = (size * float(rng.uniform(0.12, 0.26)) for _ in range(2))
        rows, columns = np.ogrid[0:size, 0:size]
        inside = np.exp(-(((columns - x) / wide) ** 2 + ((rows - y) / tall) ** 2))
        cloud = np.clip(inside * (0.8 + 0.35 * field(rng, 0.05 * size, side=size)), 0, 0.85)
        # The cloud has the mean colour of the picture.
        about = brush.image.mean(axis=(0, 1)) * np.float32(rng.uniform(0.95, 1.35))
        brush.wash(cloud.astype(np.float32), np.minimum(about + np.float32(0.06), 1.0))
        return
    for step in range(int(rng.integers(4, 10))):
        at = (x + float(rng.normal(0, 0.03)) * size, y + (0.06 * step - 0.2) * size)
        radius = size * float(rng.uniform(0.008, 0.026))
        brush.lay(ellipse(*at, radius, radius), np.full(3, 0.86, np.float32), 0.5)
        _draw(brush.image, ellipse(*at, 0.72 * radius, 0.72 * radius), low + np.float32(0.1), 0.35)
        spark = ellipse(at[0] - 0.35 * radius, at[1] - 0.4 * radius, 0.28 * radius, 0.22 * radius)
        _draw(brush.image, spark, np.full(3, 0.98, np.float32), 0.9)


def _cover_mud(brush: _Brush, rng: Generator, low: Floats, high: Floats, x: float, y: float) -> None:
    """Paint a ragged smear of mud on the animal, with splashes around it."""
    size = len(brush.image)
    colour = np.array([0.26, 0.19, 0.12], np.float32) * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    radius, stretch = size * float(rng.uniform(0.03, 0.08)), float(rng.uniform(0.5, 1.0))
    around = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    ragged = radius * np.exp(0.32 * rng.standard_normal(18))
    smear = np.stack([x + ragged * np.cos(around), y + stretch * ragged * np.sin(around)], 1)
    stencil = np.zeros((size, size), np.float32)
    shapes = [closed_curve(smear.astype(np.float32), 4)]
    for _ in range(int(rng.integers(3, 9))):
        away, drop = radius * float(rng.uniform(1.0, 2.4)), max(0.6, radius * float(rng.uniform(0.06, 0.2)))
        angle = float(rng.uniform(0, 2 * np.pi))
        shapes.append(ellipse(x + away * float(np.cos(angle)), y + away * float(np.sin(angle)), drop, drop))
    for shape in shapes:
        np.maximum(stencil, _draw(np.zeros_like(brush.image), shape, colour), out=stencil)
    # Only mud on the animal is visible, not mud on the ground.
    stencil *= brush.alpha * np.float32(0.92)
    grain = 1 + 0.22 * field(rng, 0.012 * size, side=size)
    brush.wash(stencil, colour * grain[..., None])


_COVERS: dict[str, tuple[tuple[_Cover, float], ...]] = {
    "turtle": ((_cover_weed, 0.6), (_cover_water, 0.4)),
    "salamander": ((_cover_leaf, 0.7), (_cover_mud, 0.2), (_cover_grass, 0.1)),
    "lynx": ((_cover_grass, 0.65), (_cover_leaf, 0.15), (_cover_mud, 0.2)),
}


def cover(image: Floats, alpha: Floats, rng: Generator, species: str, level: Level) -> None:
    """Paint leaves, grass, weed, water or mud over the animal until they hide the share that the level sets.

    Args:
        image: ``(size, size, 3)`` RGB in [0, 1], changed in place.
        alpha: ``(size, size)``, share of each pixel that is animal.
        rng: Generator of this photograph.
        species: Species, which decides what can cover the animal.
        level: Difficulty: the share of covered photographs, and the share of the animal that is hidden.
    """
    if rng.random() >= level.cover_share:
        return
    rows, columns = np.nonzero(alpha > 0.5)
    if not len(rows):
        return
    wanted = level.cover_area * float(rng.uniform(0.5, 1.5)) * len(rows)
    low, high = _tones(rng, _COVER_TONES[species])
    kinds, shares = zip(*_COVERS[species], strict=True)
    brush = _Brush(image, alpha, np.zeros_like(alpha))
    for _ in range(60):
        at = int(rng.integers(len(rows)))
        paint_one: _Cover = kinds[int(rng.choice(len(kinds), p=shares))]
        paint_one(brush, rng, low, high, float(columns[at]), float(rows[at]))
        if float(brush.hidden.sum()) >= wanted:
            break
