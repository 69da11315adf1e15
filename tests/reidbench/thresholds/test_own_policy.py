"""The policy of a plugin that docs/threshold.md shows, word for word."""

import re
from pathlib import Path

import numpy as np

import reidbench
from reidbench.registry.registered import load_registry


def test_the_policy_in_the_docs_works_in_every_scope(simulated):
    text = (Path(__file__).parents[3] / "docs" / "threshold.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.S)[1]
    plugin = type(reidbench)("quantile_plugin")
    exec(code, plugin.__dict__)

    class EntryPoint:
        name, value, dist = "quantile", "quantile", None

        def load(self):
            return plugin

    registry = load_registry([EntryPoint()])
    assert not registry.broken
    answers = simulated(np.random.default_rng(0))
    unknown = answers.best_score[~answers.known]
    for scope in ("", ":group", ":shrunk"):
        chosen = registry.policy("quantile" + scope).choose(answers)
        assert np.isclose(chosen.values["L"], np.quantile(unknown, 0.9))
