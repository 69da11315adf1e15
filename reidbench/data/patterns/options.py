"""Options of the built-in dataset: number of animals, seed, difficulty and size.

The name `patterns` means the default of every option; `patterns:level=hard,seed=3` sets two of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from reidbench.errors import ReidbenchError, did_you_mean

NAME = "patterns"
_EXAMPLE = "patterns:identities=78,seed=0,level=default,size=160"


@dataclass(frozen=True, slots=True)
class Level:
    """How much photographs change the look of an animal; a pair is the range to draw from."""

    rotation: float  # degrees, at most; the standard deviation is 0.6 times the limit
    perspective: float
    bend: float  # share of the picture's side
    scale: tuple[float, float]
    affine: float
    light: float
    cast: float  # standard deviation of the log gain of each channel
    blur: tuple[float, float]  # sigma in pixels at 160 px
    noise: tuple[float, float]  # standard deviation in grey levels
    jpeg: tuple[int, int]  # quality
    cover_share: float  # share of photographs in which something covers the animal
    cover_area: float  # share of the animal that is hidden in these photographs, on average


LEVELS = {
    "easy": Level(15, 0.05, 0.03, (0.90, 1.10), 0.08, 0.25, 0.06, (0.0, 0.8), (2, 6), (70, 95), 0.20, 0.05),
    "medium": Level(30, 0.10, 0.05, (0.78, 1.12), 0.15, 0.45, 0.10, (0.0, 1.3), (3, 10), (45, 92), 0.50, 0.06),
    # Closer to hard than to medium: halfway between them, SIFT scored above 0.9 on two of five splits.
    "default": Level(55, 0.15, 0.075, (0.65, 1.14), 0.21, 0.62, 0.125, (0.33, 1.88), (5, 15), (28, 86), 0.63, 0.085),
    "hard": Level(60, 0.16, 0.08, (0.62, 1.15), 0.22, 0.65, 0.13, (0.4, 2.0), (5, 16), (25, 85), 0.65, 0.09),
    "extreme": Level(90, 0.22, 0.11, (0.50, 1.15), 0.30, 0.80, 0.20, (0.8, 2.8), (8, 24), (15, 75), 0.80, 0.14),
}


@dataclass(frozen=True, slots=True)
class PatternsOptions:
    """Options of the dataset. Equal options give equal images, for any number of processes.

    The level changes only the photographs: one seed gives the same animals at every level.

    Args:
        identities: Number of animals, divided evenly among the species.
        seed: Seed of every animal and photograph, 0 or more.
        level: One of ``easy``, ``medium``, ``default``, ``hard``, ``extreme``.
        size: Side of the square photographs in pixels.

    Raises:
        ReidbenchError: A value is out of range.

    Example:
        >>> PatternsOptions.parse("identities=12,level=hard").name
        'patterns:identities=12,level=hard'
    """

    identities: int = 78
    seed: int = 0
    level: str = "default"
    size: int = 160

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ReidbenchError(
                f"level '{self.level}' is not one of {', '.join(LEVELS)}",
                where=f"{NAME}:level={self.level}",
                remedy=did_you_mean(self.level, LEVELS) or f"for example {NAME}:level=hard",
            )
        for key, low, high in (("identities", 1, 100_000), ("seed", 0, 2**32 - 1), ("size", 32, 1024)):
            value = getattr(self, key)
            if not low <= value <= high:
                raise ReidbenchError(
                    f"{key} is {value}, outside {low} to {high}",
                    where=f"{NAME}:{key}={value}",
                    remedy=f"for example {_EXAMPLE}",
                )

    @classmethod
    def parse(cls, text: str) -> PatternsOptions:
        """Read ``key=value,...``, with or without ``patterns:`` before it; an empty text means the defaults.

        Raises:
            ReidbenchError: A key is unknown or repeated, or a value can't be read.
        """
        head, _, rest = text.strip().partition(":")
        body = rest if head == NAME else text.strip()
        types = {field.name: type(field.default) for field in fields(cls)}
        given: dict[str, int | str] = {}
        for item in filter(None, (part.strip() for part in body.split(","))):
            key, equals, value = (piece.strip() for piece in item.partition("="))
            if not equals or key not in types:
                what = f"'{key}' is not an option of {NAME}" if equals else f"'{item}' is not KEY=VALUE"
                remedy = did_you_mean(key, types) or f"for example {_EXAMPLE}"
                raise ReidbenchError(what, where=f"{NAME}:{body}", remedy=remedy)
            if key in given:
                raise ReidbenchError(f"'{key}' is given twice", where=f"{NAME}:{body}", remedy=f"give {key} once")
            if types[key] is str:
                given[key] = value
                continue
            try:
                given[key] = int(value)
            except ValueError:
                raise ReidbenchError(
                    f"{key} is '{value}', not a whole number",
                    where=f"{NAME}:{body}",
                    remedy=f"for example {_EXAMPLE}",
                ) from None
        return cls(**given)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """The canonical name: ``patterns``, then the options that differ from their defaults, in a fixed order."""
        changed = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) != f.default]
        return ":".join([NAME, ",".join(changed)]) if changed else NAME
