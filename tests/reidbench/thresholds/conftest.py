"""How the tests of policies write an episode down."""

import numpy as np
import pytest

from reidbench.metrics.answers import Answers


def _episode(rows, second=None):
    true, known, group, candidate, score = zip(*rows, strict=True)
    candidates, scores = np.array(candidate, dtype=object)[:, None], np.array(score, dtype=float)[:, None]
    if second is not None:
        candidates = np.column_stack([candidates, np.full(len(rows), "second", dtype=object)])
        scores = np.column_stack([scores, np.array(second, dtype=float)])
    return Answers(
        true=np.array(true),
        known=np.array(known, dtype=bool),
        group=np.array(group),
        candidates=candidates,
        scores=scores,
        average_precision=np.full(len(true), np.nan),
        gallery_identities=dict.fromkeys(group, 9),
    )


@pytest.fixture(scope="session")
def episode():
    """Build answers from (true, known, group, candidate, score) rows, and second scores where they are given."""
    return _episode


@pytest.fixture(scope="session")
def simulated():
    """Draw an episode: known animals score about 2, unknown ones about 0, photographs of one animal alike."""

    def draw(rng, n_known=40, n_unknown=18, group="L", images=4, gap=2.0, width=3):
        rows, second = [], []
        for animal in range(n_known + n_unknown):
            known = animal < n_known
            mood = rng.normal()
            for _ in range(1 + rng.poisson(images - 1)):
                score = (gap if known else 0.0) + 0.7 * mood + 0.7 * rng.normal()
                name = f"{group}{animal}" if known else f"{group}u{animal}"
                right = known and rng.random() < 0.9
                rows.append((name, known, group, name if right else f"{group}other", score))
                second.append(score - abs(rng.normal()) * (1.5 if right else 0.4))
        return _episode(rows, second)

    return draw
