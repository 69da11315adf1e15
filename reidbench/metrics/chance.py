"""The score of guessing, which a method has to exceed."""

from __future__ import annotations

import math

from reidbench.metrics.open_set import mean_of_defined
from reidbench.metrics.spec import COUNTED_GROUP, GALLERY_COUNTS, MetricSpec


def chance_score(n_identities: int) -> float:
    """Return the expected score of the best guess in a gallery of ``n_identities``.

    The guess is "new" with probability p, and otherwise each identity with the same probability. BAKS is then
    (1 - p) / n and BAUS is p. Their geometric mean is largest at p = 1/2, with the value 1 / (2 sqrt(n)).

    Args:
        n_identities: Number of identities in the gallery.

    Returns:
        Score in (0, 0.5]; ``nan`` if there is no identity.

    Example:
        >>> chance_score(25)
        0.1
    """
    return 1.0 / (2.0 * math.sqrt(n_identities)) if n_identities >= 1 else math.nan


CHANCE_SCORE = MetricSpec(
    "chance_score",
    "chance",
    'the expected score of guessing: "new" with probability 1/2, else a random identity of the group; for n identities '
    "`1 / (2 · sqrt(n))`",
    needs=(COUNTED_GROUP, GALLERY_COUNTS),
    compute=lambda queries: chance_score(queries.gallery_identities[queries.group_names[0]]),
    over_groups=lambda groups: mean_of_defined([each["chance_score"] for each in groups]),
)
