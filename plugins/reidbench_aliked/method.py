"""ALIKED keypoints with WildFusion's defaults: 512 x 512 pixels, 256 keypoints, RGB in [0, 1] without normalisation."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import cv2
import numpy as np
import torch
from kornia.feature import ALIKED
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import Batches, LightGlueMethod, Progress, Weights, load_network
from reidbench_aliked import AlikedSettings

# Published values: every local maximum is a candidate, and two keypoints are more than two pixels apart.
_DETECTION_THRESHOLD = 0.0
_NMS_RADIUS = 2
_DIMENSION = {"aliked-t16": 64}  # length of a descriptor; 128 for the other variants
_MODELS = get_args(AlikedSettings.model_fields["model"].annotation)


class Aliked(LightGlueMethod):
    """A method whose similarity is the number of matching ALIKED keypoints."""

    matcher_file = "aliked_lightglue.pth"
    features = "ALIKED"

    def __init__(self, settings: AlikedSettings) -> None:
        super().__init__(settings)
        self.dimension = _DIMENSION.get(settings.model, 128)
        self._network: ALIKED | None = None
        self._batches = Batches(settings.batch_size, Progress())

    @override
    def load(self, device: str, progress: Progress) -> Weights:
        settings: AlikedSettings = self.settings
        network = self._variant(settings.model)
        weights = load_network(
            network,
            settings.model,
            settings.weights,
            repository="kornia/aliked",
            file=f"{settings.model}.pth",
            licence="BSD-3-Clause",
            built=("dkd.hw_grid",),
            variants={name: functools.partial(self._variant, name) for name in _MODELS},
        )
        self._network = network.to(device)
        self._batches = Batches(settings.batch_size, progress)
        return weights

    @override
    def fingerprint(self) -> str:
        """Return a text with the settings of extraction only, so that every matcher uses the same cached features."""
        settings: AlikedSettings = self.settings
        shape = (settings.model, settings.size, settings.keep_aspect, settings.keypoints)
        return f"aliked|{shape}|{self.own_weights.sha256}"

    @override
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        resized = [self.shrink(image) for image in pixels]
        features: list[Mapping[str, NDArray[Any]]] = [{}] * len(resized)
        for shape in dict.fromkeys(image.shape for image in resized):  # images in a batch have the same size
            indices = [index for index, image in enumerate(resized) if image.shape == shape]

            def run(chunk: range, indices: list[int] = indices) -> list[Mapping[str, NDArray[Any]]]:
                return self._forward(np.stack([resized[indices[i]] for i in chunk]))

            of_shape = [of_image for batch in self._batches.run(len(indices), run) for of_image in batch]
            for index, of_image in zip(indices, of_shape, strict=True):
                features[index] = of_image
        return features

    def _variant(self, name: str) -> ALIKED:
        with torch.random.fork_rng(devices=[]):  # the random initial weights are all replaced by those of the file
            return ALIKED(name, self.settings.keypoints, _DETECTION_THRESHOLD, _NMS_RADIUS)

    def _forward(self, batch: NDArray[np.uint8]) -> list[Mapping[str, NDArray[Any]]]:
        assert self._network is not None
        height, width = batch.shape[1:3]
        images = torch.from_numpy(batch).to(self.device).permute(0, 3, 1, 2).float() / 255.0
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            return [self._features(output, width, height) for output in self._network(images)]

    def _features(self, output: Any, width: int, height: int) -> Mapping[str, NDArray[Any]]:
        # Shares of the side instead of pixels, so that a keypoint does not depend on the image size.
        keypoint = (output.keypoints.cpu().numpy() + 0.5) / np.array([width, height])
        return {
            "keypoint": keypoint.astype(np.float32),
            "descriptor": output.descriptors.cpu().numpy().astype(np.float16),
            "size": np.tile(np.array([width, height], np.int16), (len(keypoint), 1)),
        }

    @override
    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize an image to the network's input; one that has this size stays as it is."""
        size = self.settings.size
        height, width = pixels.shape[:2]
        target = (size, size)
        if self.settings.keep_aspect:
            scale = size / max(height, width)
            target = (max(32, round(width * scale)), max(32, round(height * scale)))
        interpolation = cv2.INTER_AREA if target[0] * target[1] < height * width else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, target, interpolation=interpolation), dtype=np.uint8)
