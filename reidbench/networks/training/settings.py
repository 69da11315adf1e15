"""Options of trainings, free of torch so that a plugin can offer them without loading it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reidbench.methods.contract import Settings
from reidbench.networks.backbones.settings import Channels


class LoopSettings(Settings):
    """What every training has, whatever it minimises; recipes give their own values."""

    size: int = Field(224, ge=16, description="Side in pixels that images are resized to, aspect not kept")
    lr: float = Field(1e-4, gt=0, description="Learning rate of Adam, constant")
    epochs: int = Field(50, ge=0, description="Epochs at most")
    max_steps: int = Field(0, ge=0, description="Stop after this many batches; 0 is no limit")
    max_seconds: float = Field(
        0.0, ge=0, description="Stop after this time; 0 is no limit. A run it stops can't be repeated exactly"
    )
    validate_every: int = Field(1, ge=0, description="Epochs between two validations; 0 validates at the end only")
    mean: Channels = Field("auto", description="Mean of each channel, R,G,B in [0, 1]; auto is what the weights expect")
    std: Channels = Field("auto", description="Deviation of each channel, R,G,B; auto is what the weights expect")
    freeze_bn: Literal["auto"] | bool = Field(
        "auto", description="Keep the statistics of batch norm; auto does so where they are folded into the weights"
    )
    amp: bool = Field(True, description="Train in mixed precision on a GPU; inference is float32 always")
    channels_last: bool = Field(True, description="Keep images channels-last in memory, which is faster")
    loader_workers: int = Field(2, ge=1, description="Threads that decode images")
    cache_mb: int = Field(2048, ge=0, description="Memory for decoded, resized images; the rest is decoded each time")


class TrainingSettings(LoopSettings):
    """Batch-hard triplet training as AnimalCLEF reports describe it; the defaults are the report's."""

    margin: float = Field(0.3, gt=0, description="Margin of the triplet loss, in Euclidean distance of unit vectors")
    epochs: int = Field(50, ge=0, description="Epochs at most; 0 trains nothing and uses frozen pooled features")
    identities_per_batch: int = Field(8, ge=2, description="M, identities in each batch")
    images_per_identity: int = Field(4, ge=2, description="K, images of each identity in a batch")
    one_group_per_batch: bool = Field(False, description="Fill each batch from one group (species)")
    softmax_weight: float = Field(0.0, ge=0, description="Weight of a cosine softmax loss beside the triplet loss")
    softmax_scale: float = Field(16.0, gt=0, description="Scale of the cosines in that softmax")
    quarter_turns: bool = Field(True, description="Rotate by 0, 90, 180 or 270 degrees; may mix left and right flanks")
    mirror: bool = Field(False, description="Mirror half of the images; mixes left and right flanks")
    brightness: float = Field(0.2, ge=0, lt=1, description="Jitter of brightness, as a factor of 1 ± this")
    contrast: float = Field(0.2, ge=0, lt=1, description="Jitter of contrast, as a factor of 1 ± this")
    saturation: float = Field(0.2, ge=0, lt=1, description="Jitter of saturation, as a factor of 1 ± this")
    crop: float = Field(
        0.8, gt=0, le=1, description="Smallest share of the side that a random crop keeps; 1 is no crop"
    )


class ClassifierTrainingSettings(LoopSettings):
    """Softmax training of a whole network over all identities; the defaults are those of a published recipe.

    Source: the ConvNeXt classifier of the AnimalCLEF 2025 solution visan-ionut/Animal_Clef_2025.
    """

    size: int = Field(384, ge=16, description="Side in pixels that images are resized to, aspect not kept")
    epochs: int = Field(30, ge=1, description="Epochs at most; the learning rate falls to 0 over them")
    batch_size: int = Field(8, ge=2, description="Images in each batch; one left over joins the batch before it")
    lr: float = Field(8e-5, gt=0, description="Highest learning rate of AdamW, right after the warm-up")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of AdamW, on every parameter")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of all batches over which the learning rate rises")
    patience: int = Field(
        8, ge=0, description="Epochs without a better balanced Rank-1 on calibration after which it stops; 0 never does"
    )
    min_area: float = Field(0.8, gt=0, le=1, description="Smallest share of the area that a random crop keeps")
    mirror: bool = Field(True, description="Mirror half of the images; mixes left and right flanks")
    rotation: float = Field(10.0, ge=0, le=180, description="Rotate by up to this many degrees either way")
    brightness: float = Field(0.4, ge=0, lt=1, description="Jitter of brightness, as a factor of 1 ± this")
    contrast: float = Field(0.4, ge=0, lt=1, description="Jitter of contrast, as a factor of 1 ± this")
    saturation: float = Field(0.4, ge=0, lt=1, description="Jitter of saturation, as a factor of 1 ± this")
    hue: float = Field(0.1, ge=0, le=0.5, description="Jitter of hue, as a share of the colour circle either way")
    auto_augment: bool = Field(True, description="Apply one of AutoAugment's ImageNet policies to each image")
    erase: float = Field(
        0.25, ge=0, le=1, description="Share of images in which a rectangle (2 to 33 % of it) is blanked"
    )
