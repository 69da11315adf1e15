"""LightGlue on ALIKED features, for many pairs of images at once.

LightGlue has no mask for padding, and padded pairs would match differently. Only pairs with equal numbers of keypoints
are therefore in one batch. Almost all images have the full number; the others are in smaller batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from kornia.feature import LightGlue
from numpy.typing import NDArray

from reidbench import Batches, Matches, Progress, Representation, load_network

if TYPE_CHECKING:
    from reidbench_aliked import AlikedSettings

_FILTER_THRESHOLD = 0.1  # published value; the setting ``confidence`` is usually higher
_DIMENSION = {"aliked-t16": 64}  # length of a descriptor; 128 for the other variants


class LightGlueMatcher:
    """Matches pairs of images by LightGlue, without early exit and without pruning.

    Args:
        settings: Settings with weights, confidence and batch size.
        device: ``cpu`` or ``cuda``.
        progress: Receives a warning if memory runs out.
    """

    def __init__(self, settings: AlikedSettings, device: str, progress: Progress) -> None:
        self._confidence = settings.confidence
        self._device = device
        with torch.random.fork_rng(devices=[]):  # the random initial weights are all replaced by those of the file
            network = LightGlue(
                None,  # no features by name, so that LightGlue downloads no weights
                input_dim=_DIMENSION.get(settings.model, 128),
                depth_confidence=-1,
                width_confidence=-1,
                filter_threshold=_FILTER_THRESHOLD,
            )
        self.weights = load_network(
            network,
            "LightGlue for ALIKED",
            settings.matcher_weights,
            repository="kornia/lightglue",
            file="aliked_lightglue.pth",
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
