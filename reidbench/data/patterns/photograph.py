"""Photograph a drawn animal in an encounter, and encode the photograph as JPEG.

Photographs of one encounter have almost the same place, light, pose and viewpoint, like the frames of a burst. For that
reason every method scores too high on a split that ignores encounters.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from reidbench.data.patterns.canvas import SIDE, Floats
from reidbench.data.patterns.options import Level
from reidbench.data.patterns.scenery import cover, draw_background
from reidbench.data.patterns.species import Animal

_WITHIN = 0.22
"""How much the pose varies within an encounter, as a share of how much it varies between encounters."""


@dataclass(frozen=True, slots=True, eq=False)
class Encounter:
    """Draws that the photographs of one identity on one day share."""

    background: Floats  # (SIDE, SIDE, 3) RGB in [0, 1], larger than a photograph
    pose: Floats  # (12,) standard normal, one for each degree of freedom of the pose
    warp: Floats  # (4, 4, 2) standard normal
    cast: Floats  # (3,) log gain
    light: Floats  # direction in radians, strength and gamma as standard normal, unit interval, standard normal


def _cast(rng: Generator, spread: float) -> Floats:
    """Draw the log gain of red, green and blue; light varies more between warm and cool than green and magenta."""
    warm, green, level = rng.normal(0, spread, 3)
    hue = np.array([1.2 * warm - 0.3 * green, 0.6 * green, -1.2 * warm - 0.3 * green])
    return np.asarray(hue + 0.4 * level, dtype=np.float32)


def draw_encounter(rng: Generator, species: str, level: Level, background: Floats | None = None) -> Encounter:
    """Draw what the photographs of one day share; the background is drawn too, unless it is given."""
    pose = rng.standard_normal(12).astype(np.float32)
    warp = rng.standard_normal((4, 4, 2)).astype(np.float32)
    cast = _cast(rng, level.cast)
    light = np.array([rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1), rng.standard_normal()], np.float32)
    return Encounter(draw_background(rng, species) if background is None else background, pose, warp, cast, light)


def _within(limit: float, shared: float, own: float) -> float:
    """Combine the standard normal draws of an encounter and of a photograph to a value within ±limit (sd 0.6)."""
    joined = (shared + _WITHIN * own) / np.sqrt(1 + _WITHIN**2)
    return float(np.clip(joined * 0.6, -1, 1) * limit)


def _inverse_map(encounter: Encounter, rng: Generator, level: Level, size: int, mirror: bool) -> tuple[Floats, float]:
    """Return the place on the canonical texture for each pixel of the photograph, and the scale."""
    own, shared = rng.standard_normal(12), encounter.pose
    rotation, bend, sine = (_within(b, float(shared[i]), float(own[i])) for i, b in enumerate((level.rotation, 1, 1)))
    stretch, shear = (_within(level.affine, float(shared[i]), float(own[i])) for i in (3, 4))
    tilt_x, tilt_y = (_within(level.perspective, float(shared[i]), float(own[i])) for i in (5, 6))
    shift = [_within(0.16, float(shared[i]), float(own[i])) for i in (7, 8)]
    share = 0.5 + 0.5 * _within(1.0, float(shared[9]), float(own[9]))
    scale = float(np.exp(np.log(level.scale[0]) + share * np.log(level.scale[1] / level.scale[0])))
    angle = np.deg2rad(rotation)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = np.array([[np.exp(stretch / 2), shear], [0.0, np.exp(-stretch / 2)]])
    forward = np.eye(3)
    forward[:2, :2] = 0.98 * scale * turn @ shape
    forward[:2, 2] = shift
    forward[2, :2] = tilt_x, tilt_y
    inverse = np.linalg.inv(forward)

    axis = (np.arange(size, dtype=np.float64) + 0.5) / size * 2 - 1
    u, v = np.meshgrid(axis, axis)
    w = inverse[2, 0] * u + inverse[2, 1] * v + inverse[2, 2]
    x = (inverse[0, 0] * u + inverse[0, 1] * v + inverse[0, 2]) / w
    y = (inverse[1, 0] * u + inverse[1, 1] * v + inverse[1, 2]) / w
    reach = 2 * level.bend  # the picture's side is 2 here
    y = y + reach * (bend * 2.0 * (np.clip(x, -1.5, 1.5) ** 2 - 0.33) + sine * np.sin(2.6 * x + float(shared[10])))
    knots = (encounter.warp + _WITHIN * rng.standard_normal((4, 4, 2))) * (0.28 * reach)
    smooth = cv2.resize(knots.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    x, y = x + smooth[..., 0], y + smooth[..., 1]
    if mirror:
        x = -x
    place = (np.stack([x, y], axis=-1) + 1) / 2 * SIDE - 0.5
    return np.asarray(place, dtype=np.float32), scale


def take_photograph(
    animal: Animal, encounter: Encounter, rng: Generator, species: str, level: Level, size: int, *, mirror: bool
) -> bytes:
    """Photograph an animal.

    Args:
        animal: The canonical view, facing left.
        encounter: Draws that the photographs of the day share.
        rng: Generator of this photograph.
        species: Species, which decides what can cover the animal.
        level: Difficulty of the photograph.
        size: Side of the square photograph in pixels.
        mirror: Whether the animal faces right.

    Returns:
        The bytes of a JPEG.
    """
    place, scale = _inverse_map(encounter, rng, level, size, mirror)
    # Pixels of the photograph are coarser than those of the texture: without smoothing, spots would alias.
    coarse = SIDE / (size * scale)
    texture, mask = animal.texture, animal.mask
    if coarse > 1:
        sigma = 0.42 * float(np.sqrt(coarse**2 - 1))
        texture, mask = (
            np.asarray(cv2.GaussianBlur(layer, (0, 0), max(sigma, 0.1)), dtype=np.float32) for layer in (texture, mask)
        )
    columns, rows = place[..., 0], place[..., 1]
    body = cv2.remap(texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.asarray(cv2.remap(mask, columns, rows, cv2.INTER_LINEAR), dtype=np.float32)

    margin = SIDE - int(SIDE * 0.88)
    left, top = (int(offset) for offset in rng.integers(0, margin, 2))
    crop = encounter.background[top : top + SIDE - margin, left : left + SIDE - margin]
    image = np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), dtype=np.float32)
    below = 0.03 * size
    contact = cv2.warpAffine(alpha, np.array([[1, 0, 0.4 * below], [0, 1, below]], np.float32), (size, size))
    shadow = 0.45 * np.asarray(cv2.GaussianBlur(contact, (0, 0), 0.025 * size), dtype=np.float32)
    image = np.asarray(image * (1 - shadow[..., None]), dtype=np.float32)
    image = np.asarray(image + alpha[..., None] * (body - image), dtype=np.float32)
    cover(image, alpha, rng, species, level)

    direction, strength, gamma = (float(value) for value in encounter.light)
    direction += float(rng.normal(0, 0.15))
    strength = level.light * strength * float(rng.uniform(0.85, 1.0))
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    slope = np.float32(np.cos(direction)) * axis[None, :] + np.float32(np.sin(direction)) * axis[:, None]
    gain = np.exp(np.float32(0.6 * strength) * slope)
    cast = np.exp(encounter.cast + _cast(rng, 0.2 * level.cast))
    image = np.clip(image * gain[..., None] * cast, 0, 1) ** np.float32(np.exp(0.32 * level.light * gamma))
    blur = float(rng.uniform(*level.blur)) * size / 160
    if blur > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    grain = rng.standard_normal((size, size, 3), dtype=np.float32) * np.float32(rng.uniform(*level.noise))
    pixels = np.clip(np.round(image * 255 + grain), 0, 255).astype(np.uint8)
    quality = int(rng.integers(level.jpeg[0], level.jpeg[1] + 1))
    done, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV could not encode a JPEG")
    return bytes(encoded)
