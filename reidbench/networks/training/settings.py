"""Settings of trainings. The module does not import torch, so plugins load it fast."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reidbench.methods.contract import Settings
from reidbench.networks.backbones.settings import Channels


def _is_zero(value: float) -> bool:
    """Return whether a setting has the value 0; added settings are stored only if they change something.

    Ids of runs and cache keys contain the stored settings, so those of earlier versions stay.
    """
    return value == 0


class LoopSettings(Settings):
    """Settings of every training; subclasses change the defaults."""

    size: int = Field(224, ge=16, description="Side in pixels that images are resized to, aspect not kept")
    lr: float = Field(1e-4, gt=0, description="Learning rate of Adam, constant")
    epochs: int = Field(50, ge=0, description="Largest number of epochs")
    max_steps: int = Field(0, ge=0, description="Stop after this number of batches; 0 is no limit")
    max_seconds: float = Field(
        0.0, ge=0, description="Stop after this time; 0 is no limit. A run that it stops can't be repeated exactly"
    )
    validate_every: int = Field(1, ge=0, description="Epochs between two validations; 0 validates only at the end")
    mean: Channels = Field("auto", description="Mean of each channel, R,G,B in [0, 1]; auto is that of the weights")
    std: Channels = Field("auto", description="Standard deviation of each channel, R,G,B; auto is that of the weights")
    freeze_bn: Literal["auto"] | bool = Field(
        "auto", description="Keep the statistics of batch norm; auto keeps them if they are folded into the weights"
    )
    frozen_stages: int = Field(
        0,
        ge=0,
        exclude_if=_is_zero,
        description="First stages of the backbone that are not trained, the stem included; 0 trains everything",
    )
    amp: bool = Field(True, description="Train in mixed precision on a GPU; embeddings are always float32")
    channels_last: bool = Field(True, description="Store images channels-last in memory, which is faster")
    loader_workers: int = Field(2, ge=1, description="Number of threads that decode images")
    cache_mb: int = Field(
        2048, ge=0, description="Memory for decoded, resized images in MiB; other images are decoded at each use"
    )


class TrainingSettings(LoopSettings):
    """Settings of batch-hard triplet training; the defaults are those of an AnimalCLEF report."""

    margin: float = Field(0.3, gt=0, description="Margin of the triplet loss, in Euclidean distance of unit vectors")
    epochs: int = Field(50, ge=0, description="Largest number of epochs; 0 uses frozen features without training")
    identities_per_batch: int = Field(8, ge=2, description="M, number of identities in each batch")
    images_per_identity: int = Field(4, ge=2, description="K, number of images of each identity in a batch")
    one_group_per_batch: bool = Field(False, description="Fill each batch with images of one group (species)")
    softmax_weight: float = Field(0.0, ge=0, description="Weight of a cosine softmax loss, added to the triplet loss")
    softmax_scale: float = Field(16.0, gt=0, description="Factor of the cosines in this softmax loss")
    quarter_turns: bool = Field(True, description="Rotate by 0, 90, 180 or 270 degrees; may mix left and right flanks")
    mirror: bool = Field(False, description="Mirror half of the images; mixes left and right flanks")
    brightness: float = Field(0.2, ge=0, lt=1, description="Random change of brightness, as a factor of 1 ± this")
    contrast: float = Field(0.2, ge=0, lt=1, description="Random change of contrast, as a factor of 1 ± this")
    saturation: float = Field(0.2, ge=0, lt=1, description="Random change of saturation, as a factor of 1 ± this")
    crop: float = Field(
        0.8, gt=0, le=1, description="Smallest share of the side that a random crop keeps; 1 is no crop"
    )


class ClassifierTrainingSettings(LoopSettings):
    """Settings of softmax training of a whole network over all identities; the defaults are published values.

    Source: the ConvNeXt classifier of the AnimalCLEF 2025 solution visan-ionut/Animal_Clef_2025.
    """

    size: int = Field(384, ge=16, description="Side in pixels that images are resized to, aspect not kept")
    epochs: int = Field(30, ge=1, description="Largest number of epochs, over which the learning rate falls to 0")
    batch_size: int = Field(8, ge=2, description="Images in each batch; a single remaining image joins the last batch")
    lr: float = Field(8e-5, gt=0, description="Highest learning rate of AdamW, directly after the warm-up")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of AdamW, on all parameters")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of all batches in which the learning rate rises")
    patience: int = Field(
        8,
        ge=0,
        description="Stop after this number of epochs without a better balanced Rank-1 on calibration; 0: never",
    )
    min_area: float = Field(0.8, gt=0, le=1, description="Smallest share of the area that a random crop keeps")
    mirror: bool = Field(True, description="Mirror half of the images; mixes left and right flanks")
    rotation: float = Field(10.0, ge=0, le=180, description="Rotate by a random angle of at most this many degrees")
    brightness: float = Field(0.4, ge=0, lt=1, description="Random change of brightness, as a factor of 1 ± this")
    contrast: float = Field(0.4, ge=0, lt=1, description="Random change of contrast, as a factor of 1 ± this")
    saturation: float = Field(0.4, ge=0, lt=1, description="Random change of saturation, as a factor of 1 ± this")
    hue: float = Field(0.1, ge=0, le=0.5, description="Random change of hue, as a share of the colour circle")
    auto_augment: bool = Field(True, description="Apply one of AutoAugment's ImageNet policies to each image")
    erase: float = Field(
        0.25, ge=0, le=1, description="Share of images in which a rectangle (2 to 33 % of the area) is blanked"
    )
