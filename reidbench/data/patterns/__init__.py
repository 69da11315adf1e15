"""The built-in dataset `patterns`: animals drawn from a seed, so that a first run needs no download.

The animals of three species differ in their patterns: scutes, blotches and spots. They are photographed on several
days in changing light and from changing viewpoints. The dataset is drawn once and kept in the cache, by :func:`ensure`.
"""

from reidbench.data.patterns.make import (
    PINNED_DIGEST,
    content_digest,
    digest_note,
    draw_animal,
    draw_dataset,
    ensure,
    is_whole,
)
from reidbench.data.patterns.options import LEVELS, NAME, Level, PatternsOptions
from reidbench.data.patterns.photograph import draw_encounter, take_photograph
from reidbench.data.patterns.scenery import draw_background
from reidbench.data.patterns.species import SPECIES, TWO_FLANKS, Animal

__all__ = [
    "LEVELS",
    "NAME",
    "PINNED_DIGEST",
    "SPECIES",
    "TWO_FLANKS",
    "Animal",
    "Level",
    "PatternsOptions",
    "content_digest",
    "digest_note",
    "draw_animal",
    "draw_dataset",
    "draw_background",
    "draw_encounter",
    "take_photograph",
    "ensure",
    "is_whole",
]
