"""The animals before any camera: one canonical texture and body mask for each individual.

Only the pattern tells two individuals of a species apart; outline and colours vary a little, as they do
in nature, but less than light and viewpoint make them vary. Every animal faces left here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

SIDE = 256
"""Side of the canonical texture in pixels."""

Floats = NDArray[np.float32]
_SHIFT = 4  # OpenCV draws at 1/16 pixel
_YY, _XX = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Animal:
    """A canonical view."""

    texture: Floats  # (SIDE, SIDE, 3) RGB in [0, 1]
    mask: Floats  # (SIDE, SIDE) share of the pixel that is animal


def field(rng: Generator, sigma: float, sigma_y: float | None = None, side: int = SIDE) -> Floats:
    """Return smooth noise of mean 0 and standard deviation 1; ``sigma`` is its grain in pixels."""
    noise = rng.standard_normal((side, side), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma, sigmaY=sigma_y or sigma)
    return np.asarray((smooth - smooth.mean()) / (smooth.std() + 1e-6), dtype=np.float32)


def scatter(rng: Generator, inside: Floats, gap: float, tries: int = 1500, most: int = 10_000) -> Floats:
    """Return points of a Poisson disc: inside the mask, at least ``gap`` apart, as (n, 2) x, y."""
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


def closed_curve(points: Floats, steps: int = 10) -> Floats:
    """Round a polygon off by a closed Catmull-Rom spline through its corners."""
    p0, p1, p2, p3 = (np.roll(points, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3)
    return np.asarray(curve.reshape(-1, 2), dtype=np.float32)


def fill(shape: Floats, canvas: Floats | None = None, value: float = 1.0) -> Floats:
    """Fill a polygon with soft edges, on a new layer unless one is given."""
    layer = np.zeros((SIDE, SIDE), np.float32) if canvas is None else canvas
    stencil = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(stencil, [np.round(shape * (1 << _SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    np.maximum(layer, stencil.astype(np.float32) * np.float32(value / 255), out=layer)
    return layer


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Floats:
    """Return the corners of an ellipse, to be filled."""
    turn = np.deg2rad(angle)
    around = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    a, b = rx * np.cos(around), ry * np.sin(around)
    points = np.stack([x + a * np.cos(turn) - b * np.sin(turn), y + a * np.sin(turn) + b * np.cos(turn)], axis=1)
    return np.asarray(points, dtype=np.float32)


def limb(points: Sequence[tuple[float, float]], widths: Sequence[float]) -> Floats:
    """Return the outline of a limb: a line of points with a half width at each."""
    line = np.asarray(points, np.float32)
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-6)
    half = np.asarray(widths, np.float32)[:, None]
    return closed_curve(np.vstack([line + across * half, (line - across * half)[::-1]]), 6)


def paint(texture: Floats, alpha: Floats, colour: tuple[float, float, float] | Floats) -> None:
    """Lay a colour over the texture, in place."""
    texture += alpha[..., None] * (np.asarray(colour, np.float32) - texture)


def _round_off(texture: Floats, mask: Floats, depth: float, dark: float = 0.55) -> None:
    # A body turns away from the camera at its outline: darker there, lighter on top.
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    shade = dark + (1 - dark) * np.sqrt(np.clip(cv2.GaussianBlur(inside, (0, 0), 2.0) / depth, 0, 1))
    texture *= shade[..., None].astype(np.float32)


def _colour(rng: Generator, red: float, green: float, blue: float, spread: float = 0.05) -> Floats:
    return np.asarray(np.array([red, green, blue]) * np.exp(rng.normal(0, spread, 3)), dtype=np.float32)


def _warp(layer: Floats, rng: Generator, grain: float, reach: float) -> Floats:
    dx, dy = field(rng, grain) * np.float32(reach), field(rng, grain) * np.float32(reach)
    return np.asarray(cv2.remap(layer, _XX + dx, _YY + dy, cv2.INTER_LINEAR), dtype=np.float32)


def draw_turtle(rng: Generator) -> Animal:
    """Draw the side of a sea turtle's head; the polygonal scutes are its pattern."""
    outline = np.array(
        [(10, 142), (20, 106), (48, 74), (92, 48), (140, 40), (186, 54), (224, 72), (254, 78), (254, 206)]
        + [(222, 208), (180, 214), (138, 212), (96, 202), (62, 190), (34, 178), (18, 164)],
        dtype=np.float32,
    )
    outline = outline + rng.normal(0, 2.5, outline.shape).astype(np.float32)
    outline[7:9, 0] = 256
    mask = fill(closed_curve(outline))
    rim = np.array([(242, 56), (262, 50), (262, 232), (244, 226), (234, 186), (238, 134), (233, 86)], np.float32)
    shell = fill(closed_curve(rim))
    sites = scatter(rng, np.ones((SIDE, SIDE), np.float32), float(rng.uniform(24, 30)))
    # Scutes of the neck are smaller than those of the cheek.
    neck = scatter(rng, (_XX > 190).astype(np.float32), 15.0, tries=500)
    sites = np.vstack([sites[sites[:, 0] < 196], neck])
    wx, wy = _XX + field(rng, 14) * np.float32(3.5), _YY + field(rng, 14) * np.float32(3.5)
    squared = (wx[None] - sites[:, 0, None, None]) ** 2 + (wy[None] - sites[:, 1, None, None]) ** 2
    cell = squared.argmin(axis=0)
    two = np.sqrt(np.partition(squared, 1, axis=0)[:2])
    gap = two[1] - two[0]

    shade = rng.normal(1.0, 0.26, len(sites)).clip(0.45, 1.5).astype(np.float32)
    warm = rng.normal(0.0, 0.05, len(sites)).astype(np.float32)
    dark = _colour(rng, 0.36, 0.27, 0.16)
    pale = _colour(rng, 0.86, 0.80, 0.62, 0.03)
    texture = dark[None, None] * shade[cell][..., None]
    texture[..., 0] *= 1 + warm[cell]
    texture *= (0.88 + 0.12 * field(rng, 1.6) * 0.6 + 0.10 * np.clip(1 - gap / 26, 0, 1))[..., None]
    seam_width = float(rng.uniform(2.6, 3.6))
    edge = np.clip(gap - seam_width * (1 + 0.25 * field(rng, 8)), 0, 6)
    halo = np.exp(-((edge / 3.2) ** 2)).astype(np.float32)
    paint(texture, halo * np.float32(0.90), pale)
    # The throat pales and the beak is horn: both carry no scutes.
    throat = np.clip((_YY - 178 + 5 * field(rng, 18)) / 26, 0, 1) * np.float32(0.80)
    paint(texture, throat.astype(np.float32), pale * np.float32(0.94))
    beak = np.clip((54 - _XX + 3 * field(rng, 10)) / 14, 0, 1).astype(np.float32)
    horn = _colour(rng, 0.60, 0.50, 0.30)
    paint(texture, beak * np.float32(0.92), horn * (0.95 + 0.10 * field(rng, 2, 9))[..., None])

    _round_off(texture, mask, 46, 0.5)
    mask = np.maximum(mask, shell)
    border = np.clip(shell - cv2.GaussianBlur(shell, (0, 0), 4.0), 0, 1)
    paint(texture, cv2.GaussianBlur(shell, (0, 0), 3.0) * np.float32(0.5), (0.08, 0.06, 0.04))
    paint(texture, shell, dark * (0.62 + 0.10 * field(rng, 3, 8) + 0.9 * border)[..., None])
    texture *= np.clip(1.12 - (_YY - 60) / 520, 0.7, 1.2)[..., None]
    mouth = limb([(12, 150), (34, 156), (60, 166), (84, 166), (100, 160)], [0.6, 1.8, 2.2, 1.6, 0.5])
    paint(texture, cv2.GaussianBlur(fill(mouth), (0, 0), 0.8) * np.float32(0.85), (0.10, 0.07, 0.05))
    nostril = fill(ellipse(30, 112, 3.2, 2.0, -40))
    paint(texture, nostril * np.float32(0.8), (0.08, 0.06, 0.05))
    ex, ey = 86 + float(rng.normal(0, 2)), 112 + float(rng.normal(0, 2))
    lid = cv2.GaussianBlur(fill(ellipse(ex, ey, 23, 18, -18)), (0, 0), 1.6)
    folds = 0.8 + 0.2 * np.sin(np.hypot(_XX - ex, (_YY - ey) * 1.25) * 1.15)
    paint(texture, lid * np.float32(0.9), (dark * np.float32(0.95)) * folds[..., None].astype(np.float32))
    paint(texture, fill(ellipse(ex, ey, 15, 11, -18)), (0.05, 0.04, 0.04))
    paint(texture, fill(ellipse(ex + 1, ey, 9, 8, -18)) * np.float32(0.6), (0.22, 0.16, 0.10))
    paint(texture, fill(ellipse(ex, ey, 5.5, 5.5)), (0.01, 0.01, 0.02))
    paint(texture, fill(ellipse(ex - 4, ey - 4, 2.6, 2.0)) * np.float32(0.9), (0.95, 0.97, 1.0))
    return Animal(texture.clip(0, 1).astype(np.float32), mask)


def draw_salamander(rng: Generator) -> Animal:
    """Draw a fire salamander from above; the yellow blotches on black are its pattern."""
    stations = np.array([4, 10, 22, 38, 54, 66, 84, 106, 128, 146, 160, 178, 200, 224, 244, 253], np.float32)
    widths = np.array([3, 14, 25, 30, 25, 22, 30, 36, 35, 29, 22, 18, 14, 10, 6, 2], np.float32)
    widths = widths * rng.normal(1.0, 0.035, len(widths)).astype(np.float32)
    middle = np.full_like(stations, 128.0)
    top, bottom = np.stack([stations, middle - widths], 1), np.stack([stations, middle + widths], 1)
    body = fill(closed_curve(np.vstack([top, bottom[::-1]]).astype(np.float32)))
    legs = np.zeros_like(body)
    for x, sweep, side in ((72, -1, -1), (72, -1, 1), (150, 1, -1), (150, 1, 1)):
        knee = (x + sweep * float(rng.uniform(6, 16)), 128 + side * float(rng.uniform(48, 56)))
        foot = (knee[0] + sweep * float(rng.uniform(2, 16)), 128 + side * float(rng.uniform(72, 80)))
        fill(limb([(x, 128 + side * 18), knee, foot], [10, 8, 5.5]), legs)
        for spread in (-34, -11, 11, 34):
            turn = np.deg2rad(90 * side + spread - 12 * sweep * side)
            tip = (foot[0] + 13 * float(np.cos(turn)), foot[1] + 13 * float(np.sin(turn)))
            fill(limb([foot, ((foot[0] + tip[0]) / 2, (foot[1] + tip[1]) / 2), tip], [3.2, 2.4, 1.6]), legs)
    mask = np.maximum(body, legs)

    sigma = float(rng.uniform(6.5, 9.0))
    noise = rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    # Blotches of many animals run along the body: a little stretched in x.
    fine = cv2.GaussianBlur(noise, (0, 0), sigma * 1.12, sigmaY=sigma * 0.92)
    coarse = cv2.GaussianBlur(noise, (0, 0), sigma * 1.12 * 1.9, sigmaY=sigma * 0.92 * 1.9)
    blob = fine - coarse
    blob = blob / (blob.std() + 1e-6)
    level = np.quantile(blob[mask > 0.5], float(rng.uniform(0.60, 0.74)))
    ragged = blob - level + np.float32(0.06) * field(rng, 1.4)
    blotch = np.clip(ragged / 0.16 + 0.5, 0, 1).astype(np.float32)

    black = _colour(rng, 0.085, 0.08, 0.085, 0.10)
    yellow = _colour(rng, 0.93, 0.72, 0.08, 0.05)
    texture = np.broadcast_to(black, (SIDE, SIDE, 3)).copy()
    texture *= (1 + 0.22 * field(rng, 1.8))[..., None]
    skin = yellow * (0.95 + 0.06 * field(rng, 1.5) + 0.05 * field(rng, 10))[..., None]
    paint(texture, blotch, skin.astype(np.float32))
    for side in (-1, 1):
        paint(texture, fill(ellipse(28, 128 + side * 21, 8, 5.5, 12 * side)), (0.02, 0.02, 0.02))
        paint(texture, fill(ellipse(26, 128 + side * 22, 2.0, 1.5)) * np.float32(0.7), (0.8, 0.85, 0.9))
    groove = np.exp(-(((_YY - 128) / 1.6) ** 2)) * np.clip((_XX - 60) / 20, 0, 1) * np.float32(0.25)
    paint(texture, groove.astype(np.float32), (0.03, 0.03, 0.03))
    ribs = (0.5 + 0.5 * np.sin(_XX * 0.55 + 0.8 * field(rng, 20))) * (np.abs(_YY - 128) > 16) * body
    texture *= (1 - 0.14 * ribs * (_XX > 80) * (_XX < 150))[..., None]
    _round_off(texture, mask, 26, 0.45)
    sheen = np.exp(-(((_YY - 118 - 3 * field(rng, 24)) / 5.0) ** 2)) * np.clip(field(rng, 5, 2) + 0.1, 0, 1) * body
    paint(texture, (sheen * 0.30).astype(np.float32), (0.92, 0.95, 1.0))
    return Animal(texture.clip(0, 1).astype(np.float32), mask)


def _spots(rng: Generator, where: Floats) -> Floats:
    """Return the layer of a lynx's dark spots: solid, broken ring, elongated or paired."""
    layer = np.zeros((SIDE, SIDE), np.float32)
    shares = rng.dirichlet([2.2, 1.6, 1.6, 1.2])
    for x, y in scatter(rng, where, float(rng.uniform(13.5, 17.5)), tries=2200):
        kind = rng.choice(4, p=shares)
        size, angle = float(rng.uniform(2.9, 4.9)), float(rng.normal(12, 28))
        depth = float(rng.uniform(0.75, 1.0))
        if kind == 0:
            fill(ellipse(x, y, size, size * float(rng.uniform(0.7, 1.0)), angle), layer, depth)
        elif kind == 1:
            start = float(rng.uniform(0, 360))
            ring = np.zeros((SIDE, SIDE), np.uint8)
            centre = (round(float(x) * 16), round(float(y) * 16))
            axes = (round(size * 1.45 * 16), round(size * 1.15 * 16))
            sweep = start + float(rng.uniform(200, 310))
            cv2.ellipse(ring, centre, axes, angle, start, sweep, 255, 2, cv2.LINE_AA, _SHIFT)
            np.maximum(layer, ring.astype(np.float32) * np.float32(depth / 255), out=layer)
        elif kind == 2:
            fill(ellipse(x, y, size * 1.9, size * 0.62, angle), layer, depth)
        else:
            turn = np.deg2rad(angle + 60)
            dx, dy = 4.2 * float(np.cos(turn)), 4.2 * float(np.sin(turn))
            fill(ellipse(x - dx, y - dy, size * 0.75, size * 0.6, angle), layer, depth)
            fill(ellipse(x + dx, y + dy, size * 0.6, size * 0.75, angle), layer, depth)
    return layer


def draw_lynx(rng: Generator) -> Animal:
    """Draw a lynx from the side, with head, legs and stub tail; the spots of its flank are its pattern."""

    def jitter(points: Sequence[tuple[float, float]], spread: float = 1.6) -> Floats:
        return np.asarray(np.array(points) + rng.normal(0, spread, (len(points), 2)), dtype=np.float32)

    trunk = [(58, 84), (84, 74), (118, 76), (154, 74), (190, 66), (222, 74), (238, 98), (240, 128), (226, 152)]
    trunk += [(192, 160), (150, 166), (112, 170), (78, 168), (56, 146), (46, 112)]
    torso = fill(closed_curve(jitter(trunk)))
    swing = rng.normal(0, 5, 4)
    near = fill(limb([(76, 132), (74, 172), (72 + swing[0], 206), (66 + swing[0], 240)], [24, 14, 10, 10]))
    fill(ellipse(62 + swing[0], 242, 14, 8), near)
    fill(limb([(210, 116), (216, 158), (228 + swing[1], 192), (216 + swing[1], 240)], [33, 24, 11, 9]), near)
    fill(ellipse(211 + swing[1], 243, 14, 7), near)
    far = fill(limb([(98, 140), (104, 178), (106 + swing[2], 206), (100 + swing[2], 234)], [18, 12, 9, 9]))
    fill(limb([(182, 134), (180, 168), (190 + swing[3], 196), (180 + swing[3], 234)], [22, 17, 10, 9]), far)
    fill(ellipse(96 + swing[2], 236, 12, 6), far)
    fill(ellipse(176 + swing[3], 236, 12, 6), far)
    tail = fill(limb([(232, 88), (245, 96), (250, 112)], [8, 7, 5]))
    head = fill(
        closed_curve(jitter([(14, 80), (22, 58), (42, 44), (64, 46), (80, 62), (82, 92), (66, 112), (38, 110)], 1))
    )
    fill(ellipse(20, 88, 13, 11), head)
    ears = fill(np.array([(33, 52), (38, 16), (56, 48)], np.float32))
    fill(np.array([(56, 50), (70, 18), (77, 60)], np.float32), ears)
    ruff = fill(closed_curve(jitter([(40, 98), (70, 84), (84, 100), (72, 128), (58, 138), (46, 122)], 2)))
    mask = np.maximum.reduce([torso, near, far, tail, head, ears, ruff])

    coat = _colour(rng, 0.66, 0.52, 0.36, 0.025)
    pale = _colour(rng, 0.88, 0.83, 0.74, 0.03)
    texture = np.broadcast_to(coat, (SIDE, SIDE, 3)).copy()
    belly = np.clip((_YY - 140 + 5 * field(rng, 20)) / 40, 0, 1) * np.clip(1.4 - np.maximum(near, 0) * 0.8, 0, 1)
    paint(texture, (belly * 0.75).astype(np.float32), pale)
    paint(texture, (np.clip((92 - _YY) / 30, 0, 1) * 0.25).astype(np.float32), coat * np.float32(0.6))
    # Far legs lie in the shade of the body.
    behind = np.clip(far - np.maximum(torso, near), 0, 1)
    texture *= (1 - 0.42 * behind)[..., None]
    legs_low = np.clip((_YY - 205) / 24, 0, 1)
    flank = np.maximum(torso, near) * (1 - np.maximum(head, ruff))
    spots = _spots(rng, (flank * (1 - legs_low)).astype(np.float32))
    spots = _warp(spots, rng, 3.0, 1.0)
    spots = cv2.GaussianBlur(spots, (0, 0), 0.7) * np.clip(1.05 - 0.55 * legs_low, 0, 1) * (1 - behind)
    ink = _colour(rng, 0.13, 0.09, 0.06, 0.08)
    paint(texture, (spots * np.maximum(flank, near) * (1 - np.maximum(head, ruff))).astype(np.float32), ink)
    # A crease parts the thigh and the shoulder from the belly.
    rim = cv2.GaussianBlur(near, (0, 0), 1.0) - cv2.GaussianBlur(near, (0, 0), 5.0)
    texture *= (1 - 0.55 * np.clip(-rim, 0, 1) * torso * (_YY > 110))[..., None]
    paint(texture, cv2.GaussianBlur(ruff, (0, 0), 2.0) * np.float32(0.75), pale * np.float32(0.96))
    paint(texture, cv2.GaussianBlur(head, (0, 0), 1.2) * np.float32(0.95), coat * np.float32(1.06))
    paint(texture, ears, coat * np.float32(0.72))
    fill(np.array([(35, 30), (37, 2), (43, 30)], np.float32), mask)
    fill(np.array([(65, 32), (72, 4), (74, 34)], np.float32), mask)
    tufts = fill(np.array([(34, 34), (37, 2), (44, 34)], np.float32))
    fill(np.array([(64, 34), (72, 4), (74, 36)], np.float32), tufts)
    paint(texture, tufts, (0.07, 0.06, 0.05))
    cheek = cv2.GaussianBlur(fill(ellipse(30, 97, 22, 13, 8)), (0, 0), 3.0)
    paint(texture, cheek * np.float32(0.85), pale)
    for start, end in (((40, 90), (72, 104)), ((44, 84), (78, 90))):
        stripe = limb([start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 2), end], [0.8, 1.6, 0.8])
        paint(texture, fill(stripe) * np.float32(0.7), ink)
    paint(texture, fill(ellipse(37, 71, 7.0, 4.6, -12)), (0.08, 0.06, 0.05))
    paint(texture, fill(ellipse(37, 71, 4.8, 3.4, -12)), (0.78, 0.62, 0.22))
    paint(texture, fill(ellipse(36, 71, 1.9, 2.8)), (0.02, 0.02, 0.02))
    paint(texture, fill(ellipse(10, 81, 4.5, 3.6)), (0.35, 0.20, 0.18))
    paint(texture, fill(limb([(10, 88), (18, 94), (30, 94)], [0.7, 1.1, 0.5])) * np.float32(0.8), (0.12, 0.08, 0.07))
    paint(texture, tail * np.clip((_YY - 98) / 5, 0, 1).astype(np.float32), (0.08, 0.06, 0.05))
    fur = 0.10 * field(rng, 3.0, 0.8) + 0.06 * field(rng, 9, 5)
    texture *= (1 + fur)[..., None]
    _round_off(texture, mask, 30, 0.62)
    ragged = _warp(mask, rng, 1.3, 1.1)
    return Animal(texture.clip(0, 1).astype(np.float32), ragged.clip(0, 1))


SPECIES: dict[str, Callable[[Generator], Animal]] = {
    "turtle": draw_turtle,
    "salamander": draw_salamander,
    "lynx": draw_lynx,
}
"""Species in the order their number enters the random streams: append, never reorder."""
