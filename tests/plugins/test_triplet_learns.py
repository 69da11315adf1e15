"""Triplet training from random weights learns few easy animals: the loss falls, Rank-1 rises."""

import numpy as np

import reidbench
from reidbench.progress import Progress


def test_a_tiny_network_learns_few_easy_animals_from_random_weights(tmp_path):
    record = reidbench.evaluate(
        "triplet_effnet",
        "patterns:identities=60,size=64,level=easy",
        preset="quick",
        device="cpu",
        runs_dir=tmp_path,
        progress=Progress(),
        settings={
            "backbone": "test_resnet",
            "weights": "random",
            "head": "linear",
            "freeze_bn": False,
            "size": 64,
            "lr": 2e-3,
            "epochs": 500,
            "max_steps": 500,
            "validate_every": 5,
            "quarter_turns": False,
            "softmax_weight": 1.0,
            "one_group_per_batch": True,
        },
    )
    history = record.data.fit.history

    def gap(rows):  # how much nearer the hardest negative is than the hardest positive
        return np.mean([row["hardest_positive"] - row["hardest_negative"] for row in rows])

    assert gap(history[:2]) > 0 > gap(history[-10:])
    # Some thirteen animals are enrolled in the query's own group: chance is .08.
    assert record.metrics["rank1"] > 0.15
    assert record.data.weights.label == "random" and not record.data.weights.pretrained
