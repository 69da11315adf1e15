"""``fixed=VALUE``: a threshold set by hand, the same for every group; ``fixed=-inf`` accepts every best candidate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Policy, Thresholds


@dataclass(frozen=True, slots=True)
class Fixed(Policy):
    """Policy with a threshold set by hand; it uses no calibration query.

    Attributes:
        value: The threshold; it may be infinite.
    """

    value: float

    @property
    @override
    def text(self) -> str:
        return f"fixed={self.value!r}"

    @classmethod
    def parse(cls, value: str | None, scope: str | None) -> Fixed:
        """Return the policy for ``fixed=VALUE``.

        Args:
            value: The text after ``=``, ``None`` if missing.
            scope: The text after ``:``, ``None`` if missing.

        Raises:
            ReidbenchError: The value is missing or not a number, or a scope is given.
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
                f"a fixed threshold is the same for every group, so it has no scope '{scope}'",
                where=f"--threshold fixed={value}:{scope}",
                remedy=f"--threshold fixed={value}",
            )
        return cls(number)

    @property
    @override
    def needs_gallery(self) -> bool:
        return False

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        groups = sorted({str(name) for name in answers.group})
        return Thresholds(self.text, dict.fromkeys(groups, self.value), pooled=True, value=self.value)
