"""Animals whose photographs are answered alike, for tests by simulation."""

import numpy as np
import pytest

from reidbench.metrics.uncertainty.rates import IdentityRates


@pytest.fixture(scope="session")
def draw_rates():
    """Draw per-animal rates of some runs; a run's chance at an animal is drawn once, then its photographs.

    With a concentration of 1.5 the photographs of one animal correlate by 1 / 2.5 = .4.
    """

    def draw(rng, n_known, n_unknown, means_known, means_unknown, concentration=1.5, photographs=4):
        table = []
        for count, means in ((n_known, means_known), (n_unknown, means_unknown)):
            asked = 1 + rng.poisson(photographs - 1, count)
            columns = []
            for mean in means:
                chance = rng.beta(mean * concentration, (1 - mean) * concentration, count)
                columns.append(rng.binomial(asked, chance) / asked)
            table.append(np.stack(columns, axis=1))
        n = n_known + n_unknown
        return IdentityRates(
            animal=np.array([f"{i:05d}" for i in range(n)]),
            group=np.array(["g"] * n),
            known=np.arange(n) < n_known,
            rate=np.concatenate(table),
        )

    return draw
