"""The built-in dataset `patterns`: animals drawn from a seed, so that a first run needs no download.

Three species, each told apart by a pattern (scutes, blotches, spots), photographed over several days
under changing light and viewpoint. Made once and kept in the cache; see :func:`ensure`.
"""

from reidbench.data.patterns.make import (
    PINNED_DIGEST,
    content_digest,
    digest_note,
    draw_animal,
    draw_dataset,
    ensure,
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
]
