"""Draw the animals themselves: a canonical texture and a body mask for each side of an individual.

Individuals of a species differ mainly in their pattern. Outline and colours vary a little, as in nature, but less than
they vary by light and viewpoint. The two sides of a turtle's head or of a lynx have the same outline and colours, and
two different patterns. A salamander is seen from above and has one pattern. All animals face left here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from reidbench.data.patterns.canvas import (
    SIDE,
    XX,
    YY,
    Floats,
    closed_curve,
    ellipse,
    field,
    fill,
    limb,
    paint,
    pen,
    scatter,
)


@dataclass(frozen=True, slots=True, eq=False)
class Animal:
    """The canonical view of one side of an individual."""

    texture: Floats  # (SIDE, SIDE, 3) RGB in [0, 1]
    mask: Floats  # (SIDE, SIDE) share of the pixel that is animal


def _round_off(texture: Floats, mask: Floats, depth: float, dark: float = 0.55) -> None:
    # A body turns away from the camera at its outline, so it is darker there.
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    shade = dark + (1 - dark) * np.sqrt(np.clip(cv2.GaussianBlur(inside, (0, 0), 2.0) / depth, 0, 1))
    texture *= shade[..., None].astype(np.float32)


def _colour(rng: Generator, red: float, green: float, blue: float, spread: float = 0.05) -> Floats:
    return np.asarray(np.array([red, green, blue]) * np.exp(rng.normal(0, spread, 3)), dtype=np.float32)


def _warp(layer: Floats, rng: Generator, grain: float, reach: float) -> Floats:
    dx, dy = field(rng, grain) * np.float32(reach), field(rng, grain) * np.float32(reach)
    return np.asarray(cv2.remap(layer, XX + dx, YY + dy, cv2.INTER_LINEAR), dtype=np.float32)


def draw_turtle(rng: Generator, own: Generator) -> Animal:
    """Draw the side of a sea turtle's head; its pattern are the polygonal scutes.

    Args:
        rng: Generator for outline and colours, the same for both sides of an individual.
        own: Generator for the pattern of this side.
    """
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
    sites = scatter(own, np.ones((SIDE, SIDE), np.float32), float(rng.uniform(24, 30)))
    # Scutes of the neck are smaller than those of the cheek.
    neck = scatter(own, (XX > 190).astype(np.float32), 15.0, tries=500)
    sites = np.vstack([sites[sites[:, 0] < 196], neck])
    wx, wy = XX + field(own, 14) * np.float32(3.5), YY + field(own, 14) * np.float32(3.5)
    squared = (wx[None] - sites[:, 0, None, None]) ** 2 + (wy[None] - sites[:, 1, None, None]) ** 2
    cell = squared.argmin(axis=0)
    two = np.sqrt(np.partition(squared, 1, axis=0)[:2])
    gap = two[1] - two[0]

    shade = own.normal(1.0, 0.26, len(sites)).clip(0.45, 1.5).astype(np.float32)
    warm = own.normal(0.0, 0.05, len(sites)).astype(np.float32)
    dark = _colour(rng, 0.36, 0.27, 0.16)
    pale = _colour(rng, 0.86, 0.80, 0.62, 0.03)
    texture = dark[None, None] * shade[cell][..., None]
    texture[..., 0] *= 1 + warm[cell]
    texture *= (0.88 + 0.12 * field(rng, 1.6) * 0.6 + 0.10 * np.clip(1 - gap / 26, 0, 1))[..., None]
    seam_width = float(rng.uniform(2.6, 3.6))
    edge = np.clip(gap - seam_width * (1 + 0.25 * field(own, 8)), 0, 6)
    halo = np.exp(-((edge / 3.2) ** 2)).astype(np.float32)
    paint(texture, halo * np.float32(0.90), pale)
    # Throat and beak have no scutes.
    throat = np.clip((YY - 178 + 5 * field(rng, 18)) / 26, 0, 1) * np.float32(0.80)
    paint(texture, throat.astype(np.float32), pale * np.float32(0.94))
    beak = np.clip((54 - XX + 3 * field(rng, 10)) / 14, 0, 1).astype(np.float32)
    horn = _colour(rng, 0.60, 0.50, 0.30)
    paint(texture, beak * np.float32(0.92), horn * (0.95 + 0.10 * field(rng, 2, 9))[..., None])

    _round_off(texture, mask, 46, 0.5)
    mask = np.maximum(mask, shell)
    border = np.clip(shell - cv2.GaussianBlur(shell, (0, 0), 4.0), 0, 1)
    paint(texture, cv2.GaussianBlur(shell, (0, 0), 3.0) * np.float32(0.5), (0.08, 0.06, 0.04))
    paint(texture, shell, dark * (0.62 + 0.10 * field(rng, 3, 8) + 0.9 * border)[..., None])
    texture *= np.clip(1.12 - (YY - 60) / 520, 0.7, 1.2)[..., None]
    mouth = limb([(12, 150), (34, 156), (60, 166), (84, 166), (100, 160)], [0.6, 1.8, 2.2, 1.6, 0.5])
    paint(texture, cv2.GaussianBlur(fill(mouth), (0, 0), 0.8) * np.float32(0.85), (0.10, 0.07, 0.05))
    nostril = fill(ellipse(30, 112, 3.2, 2.0, -40))
    paint(texture, nostril * np.float32(0.8), (0.08, 0.06, 0.05))
    ex, ey = 86 + float(rng.normal(0, 2)), 112 + float(rng.normal(0, 2))
    lid = cv2.GaussianBlur(fill(ellipse(ex, ey, 23, 18, -18)), (0, 0), 1.6)
    folds = 0.8 + 0.2 * np.sin(np.hypot(XX - ex, (YY - ey) * 1.25) * 1.15)
    paint(texture, lid * np.float32(0.9), (dark * np.float32(0.95)) * folds[..., None].astype(np.float32))
    paint(texture, fill(ellipse(ex, ey, 15, 11, -18)), (0.05, 0.04, 0.04))
    paint(texture, fill(ellipse(ex + 1, ey, 9, 8, -18)) * np.float32(0.6), (0.22, 0.16, 0.10))
    paint(texture, fill(ellipse(ex, ey, 5.5, 5.5)), (0.01, 0.01, 0.02))
    paint(texture, fill(ellipse(ex - 4, ey - 4, 2.6, 2.0)) * np.float32(0.9), (0.95, 0.97, 1.0))
    return Animal(texture.clip(0, 1).astype(np.float32), mask)


def draw_salamander(rng: Generator, own: Generator) -> Animal:
    """Draw a fire salamander from above; its pattern are the yellow blotches.

    Args:
        rng: Generator for outline and colours.
        own: Generator for the pattern.
    """
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

    sigma = float(own.uniform(6.5, 9.0))
    noise = own.standard_normal((SIDE, SIDE), dtype=np.float32)
    # Many animals have blotches along the body, so they are stretched a little in x.
    fine = cv2.GaussianBlur(noise, (0, 0), sigma * 1.12, sigmaY=sigma * 0.92)
    coarse = cv2.GaussianBlur(noise, (0, 0), sigma * 1.12 * 1.9, sigmaY=sigma * 0.92 * 1.9)
    blob = fine - coarse
    blob = blob / (blob.std() + 1e-6)
    level = np.quantile(blob[mask > 0.5], float(own.uniform(0.60, 0.74)))
    ragged = blob - level + np.float32(0.06) * field(own, 1.4)
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
    groove = np.exp(-(((YY - 128) / 1.6) ** 2)) * np.clip((XX - 60) / 20, 0, 1) * np.float32(0.25)
    paint(texture, groove.astype(np.float32), (0.03, 0.03, 0.03))
    ribs = (0.5 + 0.5 * np.sin(XX * 0.55 + 0.8 * field(rng, 20))) * (np.abs(YY - 128) > 16) * body
    texture *= (1 - 0.14 * ribs * (XX > 80) * (XX < 150))[..., None]
    _round_off(texture, mask, 26, 0.45)
    sheen = np.exp(-(((YY - 118 - 3 * field(rng, 24)) / 5.0) ** 2)) * np.clip(field(rng, 5, 2) + 0.1, 0, 1) * body
    paint(texture, (sheen * 0.30).astype(np.float32), (0.92, 0.95, 1.0))
    return Animal(texture.clip(0, 1).astype(np.float32), mask)


def _spots(rng: Generator, own: Generator, where: Floats) -> Floats:
    """Return a layer with a lynx's dark spots: solid, broken rings, elongated or paired.

    Args:
        rng: Generator for the kinds and the density of spots, which both flanks share.
        own: Generator for the places of the spots on this flank.
        where: ``(SIDE, SIDE)`` mask of the skin.
    """
    layer = np.zeros((SIDE, SIDE), np.float32)
    shares = rng.dirichlet([2.2, 1.6, 1.6, 1.2])
    gap, grow = float(rng.uniform(13.0, 17.0)), float(rng.uniform(0.9, 1.15))
    for x, y in scatter(own, where, gap, tries=2200):
        kind = own.choice(4, p=shares)
        # Spots are smaller on the legs, and parallel to the body on the back.
        size = float(own.uniform(2.9, 4.9)) * grow * (0.72 if y > 182 else 1.0)
        angle = float(own.normal(8 if y < 170 else 75, 26))
        depth = float(own.uniform(0.75, 1.0))
        if kind == 0:
            fill(ellipse(x, y, size, size * float(own.uniform(0.7, 1.0)), angle), layer, depth)
        elif kind == 1:
            start = float(own.uniform(0, 360))
            sweep = start + float(own.uniform(200, 310))
            pen((x, y), (size * 1.45, size * 1.15), (angle, start, sweep), layer, depth)
        elif kind == 2:
            fill(ellipse(x, y, size * 1.9, size * 0.62, angle), layer, depth)
        else:
            turn = np.deg2rad(angle + 60)
            dx, dy = 4.2 * float(np.cos(turn)), 4.2 * float(np.sin(turn))
            fill(ellipse(x - dx, y - dy, size * 0.75, size * 0.6, angle), layer, depth)
            fill(ellipse(x + dx, y + dy, size * 0.6, size * 0.75, angle), layer, depth)
    return layer


class _Lynx(NamedTuple):
    """Masks of the parts of a lynx, each ``(SIDE, SIDE)`` in [0, 1]."""

    torso: Floats
    near: Floats  # legs on the camera's side
    far: Floats
    tail: Floats
    head: Floats
    ears: Floats
    ruff: Floats


def _lynx_parts(rng: Generator) -> _Lynx:
    def jitter(points: Sequence[tuple[float, float]], spread: float) -> Floats:
        return np.asarray(np.array(points) + rng.normal(0, spread, (len(points), 2)), dtype=np.float32)

    # A lynx has long legs, a short trunk with a high belly behind, and a rump above the shoulder.
    trunk = [(62, 88), (86, 84), (116, 86), (150, 84), (184, 76), (214, 76), (234, 92), (240, 118), (230, 146)]
    trunk += [(196, 152), (160, 157), (122, 168), (86, 168), (64, 150), (52, 120)]
    torso = fill(closed_curve(jitter(trunk, 1.5)))
    swing = rng.normal(0, 5, 4)
    near = fill(limb([(84, 124), (82, 168), (79 + swing[0], 204), (76 + swing[0], 238)], [24, 14.5, 11, 9.5]))
    fill(ellipse(70 + swing[0], 240, 15, 8.5, -4), near)
    hock = 231 + swing[1]
    fill(limb([(212, 112), (206, 154), (219, 176), (hock, 199), (hock - 7, 238)], [31, 24, 14, 10.5, 9]), near)
    fill(ellipse(hock - 13, 241, 16, 8, -3), near)
    far = fill(limb([(106, 136), (110, 172), (112 + swing[2], 204), (108 + swing[2], 230)], [18, 12.5, 10, 9]))
    fill(ellipse(102 + swing[2], 233, 14, 7.5, -4), far)
    hock = 192 + swing[3]
    fill(limb([(186, 130), (176, 160), (184, 178), (hock, 196), (hock - 7, 230)], [24, 18, 12, 10, 8.5]), far)
    fill(ellipse(hock - 13, 233, 14, 7, -3), far)
    tail = fill(limb([(230, 86), (243, 90), (250, 106), (249, 118)], [9, 8.5, 8, 5]))
    skull = [(24, 84), (30, 62), (44, 50), (60, 48), (76, 58), (82, 78), (78, 98), (62, 110), (40, 108)]
    head = fill(closed_curve(jitter(skull, 0.8)))
    fill(ellipse(27, 91, 15, 11.5, 6), head)
    ears = fill(closed_curve(np.array([(36, 60), (35, 40), (40, 26), (49, 38), (55, 54)], np.float32), 6))
    fill(closed_curve(np.array([(58, 52), (64, 36), (73, 25), (77, 42), (76, 62)], np.float32), 6), ears)
    ruff = fill(closed_curve(jitter([(46, 104), (66, 92), (84, 88), (90, 108), (82, 132), (66, 148), (56, 128)], 1.5)))
    return _Lynx(torso, near, far, tail, head, ears, ruff)


def _lynx_face(texture: Floats, parts: _Lynx, coat: Floats, pale: Floats, ink: Floats) -> None:
    """Paint head, ears, ruff and eye on the texture of the body, in place."""
    ruff = cv2.GaussianBlur(parts.ruff, (0, 0), 2.2)
    paint(texture, ruff * np.float32(0.8), pale * np.float32(0.97))
    for shift in (0.0, 10.0):
        bar = limb([(60 + shift, 104 - shift), (70 + shift, 116 - shift), (72 + shift, 134 - shift)], [0.8, 2.4, 0.8])
        paint(texture, cv2.GaussianBlur(fill(bar), (0, 0), 0.9) * np.float32(0.75), ink)
    paint(texture, cv2.GaussianBlur(parts.head, (0, 0), 1.4) * np.float32(0.96), coat * np.float32(1.05))
    paint(texture, parts.ears, coat * np.float32(0.62))
    for x, y, turn in ((43.0, 47.0, -8.0), (69.0, 47.0, 16.0)):
        inner = cv2.GaussianBlur(fill(ellipse(x, y, 4.6, 10.0, turn)), (0, 0), 1.6)
        paint(texture, inner * np.float32(0.8), pale * np.float32(0.92))
    cheek = cv2.GaussianBlur(fill(ellipse(38, 101, 25, 11, 10)), (0, 0), 3.0)
    cheek = np.maximum(cheek, cv2.GaussianBlur(fill(ellipse(43, 65, 8, 5, -20)), (0, 0), 2.5))
    paint(texture, (cheek * parts.head * np.float32(0.85)).astype(np.float32), pale)
    for start, end in (((52, 84), (80, 92)), ((50, 92), (76, 106))):
        stripe = limb([start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 2), end], [0.8, 1.7, 0.8])
        paint(texture, fill(stripe) * np.float32(0.7), ink)
    paint(texture, fill(ellipse(43, 75, 7.6, 5.0, -14)), (0.08, 0.06, 0.05))
    paint(texture, fill(ellipse(42.5, 75, 5.4, 3.9, -14)), (0.80, 0.66, 0.26))
    paint(texture, fill(ellipse(41.5, 75, 2.0, 3.0)), (0.02, 0.02, 0.02))
    paint(texture, fill(ellipse(40.8, 73.8, 1.0, 0.9)), (0.95, 0.96, 1.0))
    paint(texture, fill(ellipse(15.5, 85, 4.6, 3.6, 20)), (0.40, 0.22, 0.20))
    mouth = limb([(15, 90), (22, 97), (33, 98), (41, 95)], [0.6, 1.1, 1.1, 0.5])
    paint(texture, fill(mouth) * np.float32(0.8), (0.12, 0.08, 0.07))


def draw_lynx(rng: Generator, own: Generator) -> Animal:
    """Draw a lynx from the side; its pattern are the spots of the flank.

    Args:
        rng: Generator for outline, colours and kinds of spots, the same for both flanks of an individual.
        own: Generator for the spots of this flank.
    """
    parts = _lynx_parts(rng)
    torso, near, far = parts.torso, parts.near, parts.far
    mask = np.maximum.reduce(parts)
    tufts = fill(np.array([(36, 32), (37, 10), (44, 30)], np.float32))
    fill(np.array([(69, 31), (76, 9), (77, 33)], np.float32), tufts)
    mask = np.maximum(mask, tufts)

    coat = _colour(rng, 0.66, 0.52, 0.36, 0.025)
    pale = _colour(rng, 0.88, 0.83, 0.74, 0.03)
    ink = _colour(rng, 0.13, 0.09, 0.06, 0.08)
    texture = np.broadcast_to(coat, (SIDE, SIDE, 3)).copy()
    belly = np.clip((YY - 138 + 5 * field(rng, 20)) / 34, 0, 1) * (1 - 0.75 * near)
    paint(texture, (belly * 0.75).astype(np.float32), pale)
    paint(texture, (np.clip((104 - YY) / 34, 0, 1) * 0.30).astype(np.float32), coat * np.float32(0.55))
    # The far legs are in the shade of the body.
    behind = np.clip(far - np.maximum(torso, near), 0, 1)
    texture *= (1 - 0.42 * behind)[..., None]
    low = np.clip((YY - 212) / 20, 0, 1)
    paint(texture, (low * near * 0.35).astype(np.float32), pale)
    skin = np.maximum(torso, near) * (1 - np.maximum(parts.head, parts.ruff))
    spots = _warp(_spots(rng, own, (skin * (1 - low)).astype(np.float32)), own, 3.0, 1.0)
    spots = cv2.GaussianBlur(spots, (0, 0), 0.7) * (1 - behind)
    paint(texture, (spots * skin).astype(np.float32), ink)
    # Creases separate thigh and shoulder from the belly, and the toes from each other.
    rim = cv2.GaussianBlur(near, (0, 0), 1.0) - cv2.GaussianBlur(near, (0, 0), 6.0)
    texture *= (1 - 0.6 * np.clip(-rim, 0, 1) * torso * (YY > 112))[..., None]
    toes = (0.5 + 0.5 * np.cos(XX * 1.15)) * np.clip((YY - 240) / 4, 0, 1) * np.maximum(near, far)
    texture *= (1 - 0.35 * toes)[..., None]
    _lynx_face(texture, parts, coat, pale, ink)
    paint(texture, tufts, (0.07, 0.06, 0.05))
    paint(texture, (parts.tail * np.clip((YY - 102) / 4, 0, 1)).astype(np.float32), (0.08, 0.06, 0.05))
    # Hair runs along the body and down the legs.
    texture *= (1 + 0.09 * field(rng, 3.2, 0.8) * (YY < 176) + 0.09 * field(rng, 0.8, 3.2) * (YY >= 176))[..., None]
    texture *= (1 + 0.06 * field(rng, 9, 5))[..., None]
    _round_off(texture, mask, 26, 0.60)
    ragged = _warp(mask, rng, 1.1, 0.8)
    return Animal(texture.clip(0, 1).astype(np.float32), ragged.clip(0, 1))


SPECIES: dict[str, Callable[[Generator, Generator], Animal]] = {
    "turtle": draw_turtle,
    "salamander": draw_salamander,
    "lynx": draw_lynx,
}
"""The drawing function of each species.

The place of a species in this order enters its random streams, so new species must be appended. The functions take two
generators: one for outline and colours, the same for both sides of an individual, and one for the pattern of the side.
"""

TWO_FLANKS = frozenset({"turtle", "lynx"})
"""Species that are photographed from the left or the right, with a different pattern on each side."""
