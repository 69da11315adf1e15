"""DISK keypoints: a U-Net that was trained by reinforcement learning to find and describe points that match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from kornia.feature import DISK
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import Batches, LightGlueMethod, Progress, Weights, load_network

if TYPE_CHECKING:
    from reidbench_disk import DiskSettings


class Disk(LightGlueMethod):
    """A method whose similarity is the number of matching DISK keypoints."""

    features = "DISK"
    matcher_file = "disk_lightglue.pth"

    @override
    def load(self, device: str, progress: Progress) -> Weights:
        settings: DiskSettings = self.settings
        with torch.random.fork_rng(devices=[]):  # the random initial weights are all replaced by those of the file
            network = DISK()
        weights = load_network(
            network, "DISK", settings.weights, repository="kornia/disk", file="depth-save.pth", licence="Apache-2.0"
        )
        self._network = network.to(device)
        self._batches = Batches(settings.batch_size, progress)
        return weights

    @override
    def fingerprint(self) -> str:
        """Return a text with the settings of extraction only, so that every matcher uses the same cached features."""
        settings: DiskSettings = self.settings
        return f"disk|{(settings.size, settings.keypoints)}|{self.own_weights.sha256}"

    @override
    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize an image to the network's input; one that has this size stays as it is."""
        size = self.settings.size
        interpolation = cv2.INTER_AREA if size**2 < pixels.shape[0] * pixels.shape[1] else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, (size, size), interpolation=interpolation), dtype=np.uint8)

    @override
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        resized = np.stack([self.shrink(image) for image in pixels])
        batches = self._batches.run(len(resized), lambda chunk: self._forward(resized[chunk.start : chunk.stop]))
        return [features for batch in batches for features in batch]

    def _forward(self, batch: NDArray[np.uint8]) -> list[Mapping[str, NDArray[Any]]]:
        images = torch.from_numpy(batch).to(self.device).permute(0, 3, 1, 2).float() / 255.0
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            return [self._features(output) for output in self._network(images, n=self.settings.keypoints)]

    def _features(self, output: Any) -> Mapping[str, NDArray[Any]]:
        size = self.settings.size
        # Shares of the side instead of pixels, so that a keypoint does not depend on the image size.
        keypoint = (output.keypoints.cpu().numpy() + 0.5) / size
        return {
            "keypoint": keypoint.astype(np.float32),
            "descriptor": output.descriptors.cpu().numpy().astype(np.float16),
            "size": np.full((len(keypoint), 2), size, np.int16),
        }
