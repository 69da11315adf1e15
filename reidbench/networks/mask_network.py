"""Make masks of animals by a network of the kind of U²-Net, which OpenCV runs from an ONNX file.

The network sees the picture inside the box of the animal, resized to 320 x 320 pixels. Its first output is a map of
values between 0 and 1; the mask is where the map, stretched to the whole range from 0 to 1, is above a half.

Source: input and output as in the authors' ``u2net_test.py`` (Qin et al. 2020, U²-Net).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reidbench.csv_files import write_csv
from reidbench.data.decoding import box_edges, decode
from reidbench.data.images import DEFAULT_GROUP, ImageSet
from reidbench.data.picture_size import upright_size
from reidbench.errors import ReidbenchError
from reidbench.files import explain_os_errors, write_bytes
from reidbench.progress import Progress
from reidbench.untrusted.reading import read_regular

_SIDE = 320
_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@dataclass(frozen=True, slots=True)
class MadeMasks:
    """The result of :func:`make_masks`.

    Attributes:
        table: The CSV with the column ``segmentation``.
        n_new: Number of masks that were made now; the others were in the folder.
        n_empty: Number of masks without any pixel of an animal.
    """

    table: Path
    n_new: int
    n_empty: int


class MaskNetwork:
    """A network that finds the main object of a picture.

    Args:
        path: ONNX file of the network.

    Raises:
        ReidbenchError: The file can't be read, or OpenCV can't use it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with explain_os_errors(
            "the model can't be read",
            where=f"--model {path}",
            remedy="name an ONNX file of U²-Net, such as u2netp.onnx",
        ):
            content = read_regular(path)
        self.digest = hashlib.sha256(content).hexdigest()
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        except cv2.error as error:
            raise self._refuse("OpenCV can't read it") from error

    def mask(self, pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which pixels show the main object, ``(height, width)``.

        Args:
            pixels: RGB, ``(height, width, 3)``.

        Raises:
            ReidbenchError: The network doesn't take such an input, or doesn't give a map.
        """
        small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
        normal = (small / max(small.max(), 1.0) - _MEAN) / _STD
        try:
            self._network.setInput(normal.transpose(2, 0, 1)[None].astype(np.float32))
            output = np.asarray(self._network.forward(self._network.getUnconnectedOutLayersNames()[0]))
        except cv2.error as error:
            raise self._refuse(f"it does not take a picture of {_SIDE} x {_SIDE} pixels") from error
        if output.ndim != 4 or output.shape[:2] != (1, 1) or not np.isfinite(output).all():
            raise self._refuse(f"its first output has shape {output.shape}, and a map has shape (1, 1, height, width)")
        values = output[0, 0]
        span = float(values.max() - values.min())
        if span < 1e-6:
            return np.zeros(pixels.shape[:2], dtype=bool)
        stretched = (values - values.min()) / span
        height, width = pixels.shape[:2]
        return np.asarray(cv2.resize(stretched, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5, dtype=bool)

    def _refuse(self, reason: str) -> ReidbenchError:
        return ReidbenchError(
            f"the model can't be used: {reason}",
            where=f"--model {self._path}",
            remedy="name an ONNX file of U²-Net, such as u2netp.onnx",
        )


def make_masks(images: ImageSet, folder: Path, network: MaskNetwork, progress: Progress | None = None) -> MadeMasks:
    """Make a mask of each image, and write a table of the images with the column ``segmentation``.

    A mask that is in the folder already is kept, so a command that was stopped continues. Its file is named after the
    photograph, the box and the model.

    Args:
        images: The dataset.
        folder: Where ``metadata.csv`` and the folder ``masks`` are written.
        network: The network.
        progress: Shows a progress bar.

    Raises:
        ReidbenchError: A photograph can't be read, or the folder can't be written. Finished masks are kept.
    """
    names, n_new, n_empty = [], 0, 0
    with (
        (progress or Progress()).stage("make masks", len(images)) as stage,
        explain_os_errors(
            "the masks can't be written", where=f"--output {folder}", remedy="name a folder that can be written"
        ),
    ):
        for row, (file_hash, box) in enumerate(zip(images.file_hashes(), images.table["bbox"], strict=True)):
            key = hashlib.sha256(f"{file_hash}|{box}|{network.digest}".encode()).hexdigest()[:16]
            names.append(f"masks/{key}.png")
            path = folder / names[-1]
            if not path.is_file():
                write_bytes(path, _png(_whole_mask(images, row, network)))
                n_new += 1
            with Image.open(path) as written:
                n_empty += written.getextrema() == (0, 0)
            stage.advance()
        table = folder / "metadata.csv"
        write_csv(table, *_rows(images, names))
    return MadeMasks(table, n_new, n_empty)


def _whole_mask(images: ImageSet, row: int, network: MaskNetwork) -> NDArray[np.bool_]:
    """Return the mask of an image in the size of the whole upright photograph, empty outside its box."""
    path, box = images.image_path(row), images.table["bbox"].iloc[row]
    pixels = decode(path, box)
    size = upright_size(path) or (pixels.shape[1], pixels.shape[0])
    left, top, right, bottom = box_edges(size, box, path)
    whole = np.zeros((size[1], size[0]), dtype=bool)
    whole[top:bottom, left:right] = network.mask(pixels)
    return whole


def _png(mask: NDArray[np.bool_]) -> bytes:
    return bytes(cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())


def _rows(images: ImageSet, masks: list[str]) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return the columns that have a value, and the rows; the table is read as the same dataset, with masks."""
    table = images.table
    columns: dict[str, list[object]] = {
        "image_id": table["image_id"].tolist(),
        "identity": table["identity"].tolist(),
        "path": [str(images.image_path(row).resolve()) for row in range(len(images))],
        "dataset": ["" if group == DEFAULT_GROUP else group for group in table["group"]],
        "date": table["date"].tolist(),
        "encounter": [images.encounter_value(row) for row in range(len(images))],
        "orientation": table["orientation"].tolist(),
        "bbox": ["" if box is None else str([float(value) for value in box]) for box in table["bbox"]],
        "split": [] if images.given is None else images.given.part.tolist(),
        "cluster_id": [] if images.given is None else images.given.cluster.tolist(),
        "segmentation": list(masks),
    }
    kept = {name: values for name, values in columns.items() if any(values)}
    return list(kept), list(zip(*kept.values(), strict=True))
