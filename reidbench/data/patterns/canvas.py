"""Drawing functions: smooth noise, scattered points and soft polygons on a square of ``SIDE`` pixels."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

SIDE = 256
"""Side of the canonical texture in pixels."""

Floats = NDArray[np.float32]
_SHIFT = 4  # OpenCV draws at 1/16 pixel
YY, XX = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


def field(rng: Generator, sigma: float, sigma_y: float | None = None, side: int = SIDE) -> Floats:
    """Return smooth noise with mean 0 and standard deviation 1.

    Args:
        rng: Generator to draw from.
        sigma: Standard deviation of the Gaussian blur in pixels, horizontally.
        sigma_y: The same vertically; by default ``sigma``.
        side: Side of the square in pixels.
    """
    noise = rng.standard_normal((side, side), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma, sigmaY=sigma_y or sigma)
    return np.asarray((smooth - smooth.mean()) / (smooth.std() + 1e-6), dtype=np.float32)


def scatter(rng: Generator, inside: Floats, gap: float, tries: int = 1500, most: int = 10_000) -> Floats:
    """Return random points inside a mask, at least ``gap`` apart.

    Args:
        rng: Generator to draw from.
        inside: ``(SIDE, SIDE)``; points are placed on values of 0.5 and more.
        gap: Smallest distance in pixels.
        tries: Number of candidates.
        most: Most points.

    Returns:
        ``(n, 2)``, x and y.
    """
    points = np.empty((0, 2), dtype=np.float32)
    for candidate in rng.uniform(0, SIDE - 1, (tries, 2)).astype(np.float32):
        if inside[int(candidate[1]), int(candidate[0])] < 0.5:
            continue
        if len(points) and ((points - candidate) ** 2).sum(axis=1).min() < gap * gap:
            continue
        points = np.vstack([points, candidate])
        if len(points) == most:
            break
    return points


@functools.cache
def _catmull_rom(steps: int) -> Floats:
    """Return the weights, ``(steps, 4)``, of the corners -1, 0, 1 and 2 for the stretch from corner 0 to corner 1."""
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    return np.asarray(np.stack(weights, axis=1) / 2, dtype=np.float32)


def closed_curve(points: Floats, steps: int = 10) -> Floats:
    """Return the closed Catmull-Rom spline through the corners of a polygon, with ``steps`` points for each side."""
    n_corner = len(points)
    around = np.arange(-1, n_corner + 2) % n_corner
    corners = np.asarray(points, np.float32)[around]
    stretches = np.stack([corners[k : k + n_corner] for k in range(4)], axis=1)  # (n_corner, 4, 2)
    return np.asarray((_catmull_rom(steps) @ stretches).reshape(-1, 2), dtype=np.float32)


def fill(shape: Floats, canvas: Floats | None = None, value: float = 1.0) -> Floats:
    """Fill a polygon with soft edges, on ``canvas`` or on a new layer; where shapes overlap, the larger value stays."""
    layer = np.zeros((SIDE, SIDE), np.float32) if canvas is None else canvas
    stencil = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(stencil, [np.round(shape * (1 << _SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    np.maximum(layer, stencil.astype(np.float32) * np.float32(value / 255), out=layer)
    return layer


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Floats:
    """Return an ellipse as a polygon; ``angle`` is in degrees."""
    turn = np.deg2rad(angle)
    around = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    a, b = rx * np.cos(around), ry * np.sin(around)
    points = np.stack([x + a * np.cos(turn) - b * np.sin(turn), y + a * np.sin(turn) + b * np.cos(turn)], axis=1)
    return np.asarray(points, dtype=np.float32)


def pen(
    centre: tuple[float, float],
    radii: tuple[float, float],
    angles: tuple[float, float, float],
    canvas: Floats,
    value: float,
) -> None:
    """Draw an arc two pixels wide on ``canvas``; ``angles`` are rotation, start and end in degrees."""
    stencil = np.zeros((SIDE, SIDE), np.uint8)
    at, axes = ((round(float(a) * (1 << _SHIFT)), round(float(b) * (1 << _SHIFT))) for a, b in (centre, radii))
    cv2.ellipse(stencil, at, axes, angles[0], angles[1], angles[2], 255, 2, cv2.LINE_AA, _SHIFT)
    np.maximum(canvas, stencil.astype(np.float32) * np.float32(value / 255), out=canvas)


def limb(points: Sequence[tuple[float, float]], widths: Sequence[float]) -> Floats:
    """Return the outline of a limb along a line of points, with half its width at each point."""
    line = np.asarray(points, np.float32)
    ends = np.vstack([2 * line[0] - line[1], line, 2 * line[-1] - line[-2]])
    along = (ends[2:] - ends[:-2]) / 2
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-6)
    half = np.asarray(widths, np.float32)[:, None]
    return closed_curve(np.vstack([line + across * half, (line - across * half)[::-1]]), 6)


def paint(texture: Floats, alpha: Floats, colour: tuple[float, float, float] | Floats) -> None:
    """Blend a colour into a texture, in place; ``alpha`` is the share of the colour in each pixel."""
    texture += alpha[..., None] * (np.asarray(colour, np.float32) - texture)
