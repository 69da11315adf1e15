"""LightGlue on the local features of a network, for many pairs of images at once.

LightGlue has no mask for padding, and padded pairs would match differently. Only pairs with equal numbers of keypoints
are therefore in one batch. Almost all images have the full number; the others are in smaller batches.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from kornia.feature import LightGlue
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.methods.batches import Batches
from reidbench.methods.contract import Weights
from reidbench.methods.lightglue_settings import LightGlueSettings
from reidbench.methods.local_features import LocalFeatureMethod
from reidbench.methods.local_matching import Matches, match_mutual
from reidbench.methods.representation import Representation
from reidbench.networks.backbones.network import load_network
from reidbench.progress import Progress

_FILTER_THRESHOLD = 0.1  # published value; the setting ``confidence`` is usually higher


class LightGlueMethod(LocalFeatureMethod):
    """A local method whose keypoints LightGlue can match; subclasses implement :meth:`load` and ``describe_batch``.

    The features of an image are ``keypoint``, ``descriptor`` and ``size`` ``(n_keypoint, 2)``: width and height in
    pixels of the network's input, the same for all keypoints of the image.
    """

    features: str
    """Name of the features that LightGlue was trained for, such as ``ALIKED``."""
    matcher_file: str
    """Name of the file of LightGlue's weights in the repository ``kornia/lightglue``."""
    dimension: int = 128
    """Length of a descriptor."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.geometry = settings.geometry
        self.batch_size = settings.batch_size
        self.calibration = settings.how_calibrated()
        self.device = "cpu"
        self._own_weights: Weights | None = None
        self._matcher: LightGlueMatcher | None = None
        if settings.matcher == "lightglue":
            self.slow_matcher = "LightGlue"
        elif self.refine:
            raise ReidbenchError(
                f"refine={self.refine} has no effect with matcher=mnn: the fast matcher compares all pairs",
                where=f"--set refine={self.refine}",
                remedy="--set matcher=lightglue, which compares the best pairs of each query, or leave refine out",
            )

    @abstractmethod
    def load(self, device: str, progress: Progress) -> Weights:
        """Load the network that finds keypoints, move it to the device, and return its weights."""

    @property
    def own_weights(self) -> Weights:
        """The weights of the network that finds keypoints."""
        if self._own_weights is None:
            raise ValueError("call prepare() first")
        return self._own_weights

    @property
    @override
    def weights(self) -> Weights:
        return Weights.join([self.own_weights, *([self._matcher.weights] if self._matcher else [])])

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        settings: LightGlueSettings = self.settings
        self.device = device
        self._own_weights = self.load(device, progress)
        if settings.matcher == "lightglue":
            self._matcher = LightGlueMatcher(
                settings, self.features, self.matcher_file, self.dimension, device, progress
            )

    @override
    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        if self._matcher is not None:
            return self._matcher.match(query, gallery, pairs)
        return self.match_fast(query, gallery, pairs)

    @override
    def match_fast(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        descriptors = query.ragged["descriptor"], gallery.ragged["descriptor"]
        return match_mutual(*descriptors, pairs, ratio=self.settings.ratio, device=self.device)


class LightGlueMatcher:
    """Matches pairs of images by LightGlue, without early exit and without pruning.

    Args:
        settings: Settings with weights, confidence and batch size.
        features: Name of the features that the weights were trained for.
        file: Name of the file of weights.
        dimension: Length of a descriptor.
        device: ``cpu`` or ``cuda``.
        progress: Receives a warning if memory runs out.
    """

    def __init__(
        self, settings: LightGlueSettings, features: str, file: str, dimension: int, device: str, progress: Progress
    ) -> None:
        self._confidence = settings.confidence
        self._device = device
        with torch.random.fork_rng(devices=[]):  # the random initial weights are all replaced by those of the file
            network = LightGlue(
                None,  # no features by name, so that LightGlue downloads no weights
                input_dim=dimension,
                depth_confidence=-1,
                width_confidence=-1,
                filter_threshold=_FILTER_THRESHOLD,
            )
        self.weights = load_network(
            network,
            f"LightGlue for {features}",
            settings.matcher_weights,
            repository="kornia/lightglue",
            file=file,
            licence="Apache-2.0",
            setting="matcher_weights",
            instead=("--set matcher=mnn, which needs no weights",),
            built=("confidence_thresholds",),
            rename=_current_keys,
        )
        self._network = network.to(device)
        self._batches = Batches(settings.pair_batch, progress, unit="pairs")

    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        """Return the matches above the confidence; none if an image has no keypoints."""
        left, right = query.ragged["descriptor"].counts, gallery.ragged["descriptor"].counts
        counts = np.stack([left[pairs[:, 0]], right[pairs[:, 1]]], axis=1)
        blocks = []
        for shape in np.unique(counts[(counts > 0).all(axis=1)], axis=0):
            numbers = np.flatnonzero((counts == shape).all(axis=1))

            def run(chunk: range, numbers: NDArray[Any] = numbers) -> Matches:
                of_chunk = numbers[chunk.start : chunk.stop]
                return self._forward(query, gallery, pairs[of_chunk], of_chunk)

            blocks += list(self._batches.run(len(numbers), run))
        return Matches.join(blocks)

    def _forward(
        self, query: Representation, gallery: Representation, pairs: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> Matches:
        data = {"image0": self._side(query, pairs[:, 0]), "image1": self._side(gallery, pairs[:, 1])}
        with torch.inference_mode():
            output = self._network(data)
        matches, scores = output["matches0"], output["matching_scores0"]
        matched = torch.nonzero((matches > -1) & (scores > self._confidence), as_tuple=True)
        columns = (*matched, matches[matched], scores[matched])
        row, query_keypoint, gallery_keypoint, confidence = (column.cpu().numpy() for column in columns)
        return Matches(numbers[row], query_keypoint, gallery_keypoint, confidence.astype(np.float32))

    def _side(self, images: Representation, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        size = np.stack([images.ragged["size"][int(row)][0] for row in rows]).astype(np.float32)
        # Convert shares of the side back to pixel centres.
        point = images.ragged["keypoint"].padded(rows) * size[:, None, :] - 0.5
        return {
            "keypoints": torch.from_numpy(point).to(self._device),
            "descriptors": torch.from_numpy(images.ragged["descriptor"].padded(rows)).to(self._device),
            "image_size": torch.from_numpy(size).to(self._device),
        }


def _current_keys(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rename the keys of the published file, which stores the two blocks of a layer separately."""
    renamed = {}
    for key, value in state.items():
        block, *rest = key.removeprefix("matcher.").split(".")
        if block in ("self_attn", "cross_attn"):
            layer, *inner = rest
            key = ".".join(["transformers", layer, block, *inner])
        renamed[key.removeprefix("matcher.")] = value
    return renamed
