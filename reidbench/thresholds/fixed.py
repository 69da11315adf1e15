"""A threshold set by hand: ``fixed=0.6``, the same for every group; ``fixed=-inf`` accepts every candidate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Thresholds


@dataclass(frozen=True, slots=True)
class Fixed:
    """One given threshold; the calibration episode is not looked at."""

    value: float

    @property
    def text(self) -> str:
        return f"fixed={self.value!r}"

    @classmethod
    def parse(cls, value: str | None, scope: str | None) -> Fixed:
        """Read ``fixed=VALUE``.

        Raises:
            ReidbenchError: The value is missing or no number, or a scope is given.
        """
        try:
            number = float(value or "")
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise ReidbenchError(
                f"a fixed threshold needs a number, not '{value or ''}'",
                where=f"--threshold fixed={value or ''}",
                remedy="--threshold fixed=0.6",
            )
        if scope:
            raise ReidbenchError(
                f"a fixed threshold is the same for every group; '{scope}' can't be asked of it",
                where=f"--threshold fixed={value}:{scope}",
                remedy=f"--threshold fixed={value}",
            )
        return cls(number)

    @property
    def needs_gallery(self) -> bool:
        return False

    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        groups = sorted({str(name) for name in answers.group})
        return Thresholds(self.text, dict.fromkeys(groups, self.value), pooled=True, value=self.value)
