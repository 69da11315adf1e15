"""One tiny faulty method for each check, which fails this check and no other; and a sound method."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import socket
import sys
import uuid
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from pydantic import Field

from reidbench import EmbeddingMethod, FitReport, ImageSet, MethodSpec, Representation, Settings, Weights

SHA = "ab" * 32


class Options(Settings):
    cells: int = Field(4, ge=2, le=16, description="cells along each side of the grid")


class Sound(EmbeddingMethod):
    """The mean colour of each cell of a grid, minus one half."""

    def embed(self, pixels):
        return np.stack([self.grid(image) for image in pixels])

    def grid(self, image):
        cells = self.settings.cells
        small = cv2.resize(image, (cells, cells), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        return (small - 0.5).ravel()


def spec(build=Sound, settings=Options, **changes):
    declared = {"name": "sound", "summary": "mean colours of a grid", "source": "these tests", **changes}
    return MethodSpec(settings=settings, build=build, **declared)


FAULTS = {}


def fault(kind):
    """Add a faulty method; its class has the name of the check that it fails."""
    FAULTS[kind.__name__] = spec(kind)
    return kind


# Declaration


class Undescribed(Options):
    spare: int = 3


class Loose(Options, extra="ignore"):
    pass


class WrongDefault(Options):
    spare: int = Field(0, ge=1, description="unused")


class NotFromText(Options):
    spare: list[int] = Field([1, 2], description="unused")


FAULTS["name"] = spec(name="Sound!")
FAULTS["summary"] = spec(summary="first line\nsecond line")
FAULTS["source"] = spec(source=" ")
FAULTS["settings_described"] = spec(settings=Undescribed)
FAULTS["settings_strict"] = spec(settings=Loose)
FAULTS["settings_defaults"] = spec(settings=WrongDefault)
FAULTS["settings_from_text"] = spec(settings=NotFromText)
FAULTS["presets"] = spec(presets={"report": {}, "fine": {"cells": 99}})


def with_weights(declared):
    class WithWeights(Sound):
        weights = declared

    return WithWeights


LICENSED = Weights("hub", pretrained=True, sha256=SHA, licence="MIT", label="net")
FAULTS["weights"] = spec(with_weights(Weights("hub", pretrained=True, licence="MIT", label="net")), needs="its weights")
FAULTS["licence"] = spec(with_weights(Weights("hub", pretrained=True, sha256=SHA, label="net")), needs="its weights")
FAULTS["needs"] = spec(with_weights(LICENSED))


@fault
class matching(Sound):
    matching = "centroid"

    def represent(self, images, progress):
        return Representation({"colours": super().represent(images, progress).dense["embedding"]})


# Building and fitting

FAULTS["builds"] = spec(lambda settings: "a method")


@fault
class prepares(Sound):
    def prepare(self, device, seed, progress):
        raise OSError("no such file: net.pth")


@fault
class fits(Sound):
    def fit(self, train, context):
        raise ValueError("16 images are too few")


@fault
class fit_report(Sound):
    def fit(self, train, context):
        return FitReport(facts={"mean": np.float32(0.5)})


@fault
class fits_alike(Sound):
    def __init__(self, settings):
        super().__init__(settings)
        self.offset = np.random.default_rng().random(settings.cells**2 * 3, dtype=np.float32)

    def embed(self, pixels):
        return super().embed(pixels) + self.offset


@fault
class learns(Sound):
    mean = 0.0

    def fit(self, train, context):
        self.mean = np.mean([self.grid(train.images.pixels(i)) for i in range(len(train.images))], axis=0)
        return FitReport()

    def embed(self, pixels):
        return super().embed(pixels) - self.mean


@fault
class scores_without_fit(Sound):
    scale = 1.0

    def fit(self, train, context):
        self.scale = 2.0
        return FitReport()

    def score(self, query, gallery):
        return super().score(query, gallery) * self.scale

    def score_pairs(self, query, gallery, pairs):
        return super().score_pairs(query, gallery, pairs) * self.scale


@fault
class fingerprint_stable(Sound):
    def fingerprint(self):
        return uuid.uuid4().hex


@fault
class fingerprint_of_settings(Sound):
    def fingerprint(self):
        return "sound, version 1"


# Extracting


@fault
class finite(Sound):
    def represent(self, images, progress):
        made = super().represent(images, progress)
        return Representation({**made.dense, "sharpness": np.full(len(images), np.inf, np.float32)})


class GivesNan(Sound):
    def embed(self, pixels):
        return super().embed(pixels) * np.nan


@fault
class represents(Sound):
    def represent(self, images, progress):
        return super().represent(images, progress).dense["embedding"]


@fault
class plain_arrays(Sound):
    def represent(self, images, progress):
        made = super().represent(images, progress)
        return Representation({**made.dense, "note": np.array([Fraction(1, 2)] * len(images), dtype=object)})


@fault
class images_differ(Sound):
    def grid(self, image):
        return np.ones(self.settings.cells**2 * 3, np.float32)


@fault
class deterministic(Sound):
    """Differs from call to call by less than the tolerance of batches."""

    def embed(self, pixels):
        made = super().embed(pixels)
        return made + np.random.default_rng().random(made.shape, dtype=np.float32) * np.float32(4e-6)


@fault
class order_kept(Sound):
    def represent(self, images, progress):
        made = super().represent(images, progress).dense["embedding"]
        return Representation({"embedding": made + np.arange(len(images), dtype=np.float32)[:, None] / 100})


@fault
class one_image(Sound):
    def embed(self, pixels):
        return np.squeeze(super().embed(pixels))


@fault
class batch_size(Sound):
    def embed(self, pixels):
        made = super().embed(pixels)
        return made - made.mean(axis=0)


@fault
class image_subset(Sound):
    def represent(self, images, progress):
        made = super().represent(images, progress).dense["embedding"]
        return Representation({"embedding": made - made.mean(axis=0)})


@fault
class blank_image(Sound):
    def grid(self, image):
        with np.errstate(invalid="ignore"):
            return super().grid(image) * (image.std(axis=(0, 1)) / image.std(axis=(0, 1))).min()


@fault
class grey_image(Sound):
    def grid(self, image):
        colour = np.abs(image[..., 0].astype(np.float32) - image[..., 1]).mean()
        with np.errstate(invalid="ignore"):
            return super().grid(image) * (colour / colour)


@fault
class tiny_image(Sound):
    def grid(self, image):
        if min(image.shape[:2]) < 8:
            raise ValueError("the image is smaller than a patch")
        return super().grid(image)


@fault
class long_image(Sound):
    def grid(self, image):
        if max(image.shape[:2]) > 20 * min(image.shape[:2]):
            raise ValueError("the shorter side has no pixels")
        return super().grid(image)


@fault
class broken_image(Sound):
    def represent(self, images, progress):
        class BlackIfBroken:
            def __len__(self):
                return len(images)

            def pixels(self, index):
                try:
                    return images.pixels(index)
                except Exception:
                    return np.zeros((8, 8, 3), np.uint8)

        return super().represent(BlackIfBroken(), progress)


@fault
class cache_keeps_it(Sound):
    def represent(self, images, progress):
        made = super().represent(images, progress).dense
        return Representation({**made, "sharp/east": np.zeros(len(images), np.float32)})


# Scoring


@fault
class scores(Sound):
    def score(self, query, gallery):
        return super().score(query, gallery).T


@fault
class scores_finite(Sound):
    def score(self, query, gallery):
        made = super().score(query, gallery)
        made[0, 0] = np.nan
        return made


@fault
class higher_is_more_alike(Sound):
    def score(self, query, gallery):
        return -super().score(query, gallery)

    def score_pairs(self, query, gallery, pairs):
        return -super().score_pairs(query, gallery, pairs)


@fault
class query_order(Sound):
    def score(self, query, gallery):
        return super().score(query, gallery) - np.arange(len(query))[:, None] / 100


@fault
class query_blocks(Sound):
    def score(self, query, gallery):
        made = super().score(query, gallery)
        return made - made.mean()


@fault
class gallery_order(Sound):
    def score(self, query, gallery):
        return super().score(query, gallery) + np.arange(len(gallery)) * 1e-4


@fault
class pairs_agree(Sound):
    def score_pairs(self, query, gallery, pairs):
        return super().score_pairs(query, gallery, pairs) + 0.1


# Behaviour


@fault
class labels_unseen(Sound):
    """Finds the table of images among the variables of the callers, and reads the identities."""

    def represent(self, images, progress):
        made = super().represent(images, progress).dense["embedding"].copy()
        frame = sys._getframe()
        while frame is not None:
            for value in list(frame.f_locals.values()):
                if isinstance(value, ImageSet) and len(value) == len(images):
                    made[:, 0] = [len(identity) for identity in value.table["identity"]]
                    return Representation({"embedding": made})
            frame = frame.f_back
        return Representation({"embedding": made})


@fault
class pixels_unchanged(Sound):
    def embed(self, pixels):
        made = super().embed(pixels)
        for image in pixels:
            image //= 2
        return made


@fault
class representation_unchanged(Sound):
    def score(self, query, gallery):
        made = super().score(query, gallery)
        query.dense["embedding"][:] /= 2
        return made


@fault
class pixels_let_go(Sound):
    def embed(self, pixels):
        self.seen = [*getattr(self, "seen", []), *(image[:2] for image in pixels)]
        return super().embed(pixels)


@fault
class pixels_in_batches(Sound):
    def represent(self, images, progress):
        pixels = [images.pixels(index) for index in range(len(images))]
        return Representation({"embedding": self.embed(pixels)})


@fault
class writes(Sound):
    def represent(self, images, progress):
        Path("described.txt").write_text(f"{len(images)}")
        return super().represent(images, progress)


@fault
class seeds(Sound):
    def represent(self, images, progress):
        random.seed(0)
        return super().represent(images, progress)


@fault
class process(Sound):
    def represent(self, images, progress):
        os.environ["SOUND_THREADS"] = "1"
        return super().represent(images, progress)


@fault
class network(Sound):
    def represent(self, images, progress):
        with contextlib.suppress(OSError):  # an address kept for documentation
            socket.create_connection(("192.0.2.1", 9), timeout=0.1).close()
        return super().represent(images, progress)


@fault
class pickles(Sound):
    def represent(self, images, progress):
        pickle.loads(pickle.dumps(Fraction(1, 2)))
        return super().represent(images, progress)


@fault
class memory(Sound):
    taken = False

    def represent(self, images, progress):
        if not self.taken:
            np.ones((150, 1024, 1024), np.uint8).sum()
        self.taken = True
        return super().represent(images, progress)


@fault
class devices_agree(Sound):
    def prepare(self, device, seed, progress):
        self.device = device

    def embed(self, pixels):
        made = super().embed(pixels)
        return np.abs(made) if self.device == "cuda" else made


@fault
class whole_run(Sound):
    fitting = False

    def fit(self, train, context):
        self.fitting = True
        context.validate()
        self.fitting = False
        return FitReport()

    def represent(self, images, progress):
        if self.fitting:
            raise RuntimeError("the network is in training mode")
        return super().represent(images, progress)
