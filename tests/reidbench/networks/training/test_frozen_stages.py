"""Stages of a backbone that are not trained."""

from __future__ import annotations

import pytest
import torch

import reidbench
from reidbench.networks.backbones import load_backbone
from reidbench.networks.training.network import freeze_stages
from reidbench.progress import Progress


@pytest.mark.parametrize(
    ("name", "first"), [("tf_efficientnet_lite1", "conv_stem"), ("test_resnet", "conv1"), ("test_vit", "patch_embed")]
)
def test_frozen_stages_keep_the_first_layers_and_train_the_last(name, first):
    network = load_backbone(name, "random", Progress()).network
    freeze_stages(network, 2)
    trained = {key: parameter.requires_grad for key, parameter in network.named_parameters()}
    assert not any(value for key, value in trained.items() if key.startswith(first))
    assert list(trained.values())[-1] and 0 < sum(trained.values()) < len(trained)
    for number in (0, 1):
        stage = [
            value for key, value in trained.items() if key.startswith((f"blocks.{number}.", f"layer{number + 1}."))
        ]
        assert stage and not any(stage)


def test_frozen_stages_that_leave_nothing_to_train_are_an_error():
    with pytest.raises(reidbench.ReidbenchError, match="can't be frozen") as caught:
        freeze_stages(load_backbone("test_resnet", "random", Progress()).network, 9)
    assert caught.value.where == "frozen_stages=9"
    with pytest.raises(reidbench.ReidbenchError, match="can't be frozen"):
        freeze_stages(torch.nn.Linear(2, 2), 1)
