"""Triplet training from random weights learns few easy animals: the loss falls, Rank-1 rises."""

import numpy as np

import reidbench
from reidbench.progress import Progress


def test_a_tiny_network_learns_few_easy_animals_from_random_weights(tmp_path):
    record = reidbench.evaluate(
        "triplet_effnet",
        "patterns:identities=24,size=64,level=easy",
        preset="quick",
        device="cpu",
        runs_dir=tmp_path,
        progress=Progress(),
        settings={
            "backbone": "test_resnet",
            "weights": "random",
            "size": 64,
            "lr": 2e-3,
            "epochs": 500,
            "max_steps": 500,
            "validate_every": 5,
            "quarter_turns": False,
        },
    )
    history, margin = record.data["fit"]["history"], 0.3
    assert np.mean([row["loss"] for row in history[:2]]) > margin
    assert np.mean([row["loss"] for row in history[-20:]]) < margin / 2
    # Sixteen animals are enrolled, five or six in the query's own group: chance is below .2.
    assert record.metrics["rank1"] > 0.35
    assert record.data["weights"]["label"] == "random" and not record.data["weights"]["pretrained"]
