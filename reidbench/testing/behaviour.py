"""Checks of what a method does beside answering: what it reads, writes, keeps and leaves changed."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np

from reidbench.testing import differences
from reidbench.testing.check import NotApplicable, Topic
from reidbench.testing.extracting import batches_of
from reidbench.testing.method_under_test import MethodUnderTest
from reidbench.testing.pixel_watch import PixelWatch, WatchedImages
from reidbench.testing.side_effects import shown

topic = Topic("behaviour")

_BATCH = 2
DEVICE_TOLERANCE = 0.02
"""What another device may change in a score, as a share of their range: half precision and other sums."""


@topic.check(
    reason="a method that reads who is on a query, from a table or a file name, is not judged but copied",
    remedy="use what Images offers: pixels, group, orientation and date",
    needs=("deterministic",),
)
def labels_unseen(tested: MethodUnderTest) -> str | None:
    found = tested.fitted.extract(tested.drawn.renamed)
    difference = differences.of_representations(found.representation, tested.sample.representation)
    return f"the same pixels under other identities and file names: {difference}" if difference else None


@topic.check(
    reason="a training hands decoded images out again and again",
    remedy="work on a copy: pixels = pixels.copy(), or an expression that makes a new array",
    needs=("represents",),
)
def pixels_unchanged(tested: MethodUnderTest) -> str | None:
    for stage, pixel_watch in tested.pixel_watches.items():
        if pixel_watch.changed:
            return f"{stage} changed the pixels that it was given"
    return None


@topic.check(
    reason="one representation is scored block by block: what a first block changes, the next one sees",
    remedy="make new arrays in score: a = a / b, not a /= b",
    needs=("scores_finite",),
)
def representation_unchanged(tested: MethodUnderTest) -> str | None:
    build = tested.calibrated
    search = build.search(tested.queries, tested.gallery)
    compare, target = build.comparison(search)
    query = search.query.representation
    before = copy.deepcopy((query, target))
    compare(query, target)
    for title, now, then in zip(("queries", "gallery"), (query, target), before, strict=True):
        difference = differences.of_representations(now, then, exact=True)
        if difference:
            return f"score changed the {title}: {difference}"
    return None


@topic.check(
    reason="a catalogue of 50,000 photographs does not fit into memory; what is kept of each image ends the run",
    remedy="keep what was computed, not the pixels, and no view of them; empty lists at the end of fit",
    needs=("represents",),
)
def pixels_let_go(tested: MethodUnderTest) -> str | None:
    import gc

    gc.collect()
    for stage, pixel_watch in tested.pixel_watches.items():
        if pixel_watch.alive:
            return f"{pixel_watch.alive} arrays of pixels still live after {stage}"
    return None


@topic.check(
    reason="images are decoded batch by batch: a method that reads all of them first needs the memory of all",
    remedy="call images.pixels when a batch needs it, or subclass EmbeddingMethod, which does",
    needs=("pixels_let_go", "batch_size"),
)
def pixels_in_batches(tested: MethodUnderTest) -> str | None:
    leaves = [leaf for leaf in tested.fitted.leaves if hasattr(leaf, "batch_size")]
    if not leaves:
        raise NotApplicable("it has no batch_size that could be changed")
    most = []
    for leaf in leaves:
        pixel_watch = PixelWatch()
        with batches_of([leaf], _BATCH):
            leaf.represent(WatchedImages(tested.drawn.many, pixel_watch), tested.progress)
        most.append(pixel_watch.most)
    allowed = 2 * _BATCH  # the batch that is extracted, and the next one
    return f"{max(most)} images were decoded at once in batches of {_BATCH}" if max(most) > allowed else None


@topic.check(
    reason="a method that writes where it likes fills disks, and two runs at once read each other's files",
    remedy="write to context.work_dir in fit, or to a tempfile; the core caches what represent returns",
    needs=("represents",),
)
def writes(tested: MethodUnderTest) -> str | None:
    _run_all(tested)
    return f"it wrote {shown(tested.watch.writes)}" if tested.watch.writes else None


@topic.check(
    reason="a global seed that is set or drawn from changes what every other method in the process does",
    remedy="use np.random.default_rng(seed) and torch.Generator; wrap what can't in torch.random.fork_rng()",
    needs=("represents",),
)
def seeds(tested: MethodUnderTest) -> str | None:
    _run_all(tested)
    return f"the global generator was moved: {shown(tested.watch.seeds)}" if tested.watch.seeds else None


@topic.check(
    reason="a mode, a variable or a folder that is left changed belongs to whatever runs next",
    remedy="use torch.inference_mode() and other contexts that put things back",
    needs=("represents",),
)
def process(tested: MethodUnderTest) -> str | None:
    _run_all(tested)
    return f"it left changed: {shown(tested.watch.state)}" if tested.watch.state else None


@topic.check(
    reason="a network decides silently what a number means; field computers have none",
    remedy="load what is needed in prepare; there, ask nobody where HF_HUB_OFFLINE is set",
    needs=("prepares",),
)
def network(tested: MethodUnderTest) -> str | None:
    _run_all(tested)
    return f"it asked for {shown(tested.watch.hosts)}" if tested.watch.hosts else None


@topic.check(
    reason="unpickling a file runs whatever code is in it",
    remedy="load weights by torch.load(…, weights_only=True) or safetensors, arrays by np.load",
    needs=("prepares",),
)
def pickles(tested: MethodUnderTest) -> str | None:
    _run_all(tested)
    return f"it unpickled {shown(tested.watch.pickles)}" if tested.watch.pickles else None


@topic.check(
    reason="a method that needs gigabytes for 16 tiny images ends no run on a catalogue",
    remedy="work in blocks; hold nothing of size n_query × n_gallery × anything",
    needs=("represents",),
)
def memory(tested: MethodUnderTest) -> str | None:
    _run_all(tested)
    taken = tested.watch.memory_mib
    if taken is None:
        raise NotApplicable("the peak of memory can't be read on this system")
    return f"a stage took {taken:.0f} MiB, above {tested.memory_mib:.0f}" if taken > tested.memory_mib else None


@topic.check(
    reason="a threshold chosen on one machine is used on another",
    remedy="move inputs and network to the device that prepare is given; mind half precision and TF32",
    needs=("scores_finite",),
)
def devices_agree(tested: MethodUnderTest) -> str | None:
    if any(leaf.learns for leaf in tested.fitted.leaves):
        raise NotApplicable("it learns, and a training on another device is another training")
    if not has_gpu():
        raise NotApplicable("there is no GPU here")
    build = tested.new_build("gpu", device="cuda")
    build.prepare()
    build.fit(tested.drawn.gallery)
    queries, gallery = build.extract(tested.drawn.queries), build.extract(tested.drawn.gallery)
    build.calibrate(queries, gallery)
    return of_devices(build.scores(queries, gallery), tested.scores)


def of_devices(gpu: np.ndarray, cpu: np.ndarray) -> str | None:
    """Say where the scores of two devices are further apart than their arithmetic explains."""
    compared = np.isfinite(cpu) & np.isfinite(gpu)
    if not np.array_equal(np.isfinite(cpu), np.isfinite(gpu)):
        return "they compare other pairs"
    allowed = DEVICE_TOLERANCE * max(float(np.ptp(cpu[compared])), differences.TOLERANCE)
    apart = np.abs(np.where(compared, gpu, 0.0) - np.where(compared, cpu, 0.0))
    if float(apart.max()) <= allowed:
        return None
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    return f"a score is {gpu[place]:.4g} on the GPU and {cpu[place]:.4g} on the CPU"


def has_gpu() -> bool:
    """Whether torch finds a GPU; torch is imported only where there may be one."""
    may_be = any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
    if not may_be and sys.platform != "win32":
        return False
    import torch

    return bool(torch.cuda.is_available())


def _run_all(tested: MethodUnderTest) -> None:
    """Go through every stage that can be gone through; a stage that fails is another check's matter."""
    for stage in ("sample", "scores"):
        try:
            getattr(tested, stage)
        except Exception:
            return
