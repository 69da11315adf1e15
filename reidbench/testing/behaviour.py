"""Checks of the side effects of a method: what it reads, writes, keeps in memory and leaves changed."""

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
from reidbench.testing.side_effects import first_few

topic = Topic("behaviour")

_BATCH = 2
DEVICE_TOLERANCE = 0.02
"""Allowed difference of a score on another device, as a share of the range of the scores.

Half precision and another order of summation cause such differences.
"""


@topic.check(
    reason="a method that reads the identity of a query, from a table or a file name, does not recognise the animal",
    remedy="use only what Images offers: pixels, group, orientation and date",
    needs=("deterministic",),
)
def labels_unseen(tested: MethodUnderTest) -> str | None:
    """Extract the same pixels with other identities and file names."""
    renamed = tested.fitted.extract(tested.drawn.renamed)
    difference = differences.of_representations(renamed.representation, tested.sample.representation)
    return f"the same pixels with other identities and file names: {difference}" if difference else None


@topic.check(
    reason="a training uses the decoded images several times",
    remedy="work on a copy: pixels = pixels.copy(), or an expression that makes a new array",
    needs=("represents",),
)
def pixels_unchanged(tested: MethodUnderTest) -> str | None:
    """Compare the pixels that the method received with their checksums."""
    for stage, pixel_watch in tested.pixel_watches.items():
        if pixel_watch.changed:
            return f"{stage} changed the pixels of an image"
    return None


@topic.check(
    reason="a representation is compared block by block: a change in one block changes the scores of the next",
    remedy="make new arrays in score: a = a / b, not a /= b",
    needs=("scores_finite",),
)
def representation_unchanged(tested: MethodUnderTest) -> str | None:
    """Compare the representations before and after a call of score."""
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
    reason="the pixels of 50,000 photographs do not fit into memory",
    remedy="keep results, not pixels or views of them; clear lists at the end of fit",
    needs=("represents",),
)
def pixels_let_go(tested: MethodUnderTest) -> str | None:
    """Count the arrays of pixels that are still in memory after fit and represent."""
    import gc

    gc.collect()
    for stage, pixel_watch in tested.pixel_watches.items():
        if pixel_watch.alive:
            return f"{pixel_watch.alive} arrays of pixels are still in memory after {stage}"
    return None


@topic.check(
    reason="a method that decodes all images before the first batch runs out of memory",
    remedy="call images.pixels when a batch needs it, or subclass EmbeddingMethod, which does this",
    needs=("pixels_let_go", "batch_size"),
)
def pixels_in_batches(tested: MethodUnderTest) -> str | None:
    """Count the arrays of pixels that are in memory at once with small batches."""
    parts = [part for part in tested.fitted.parts if hasattr(part, "batch_size")]
    if not parts:
        raise NotApplicable("it has no batch_size that could be changed")
    most = []
    for part in parts:
        pixel_watch = PixelWatch()
        with batches_of([part], _BATCH):
            part.represent(WatchedImages(tested.drawn.many, pixel_watch, masks=part.uses_masks), tested.progress)
        most.append(pixel_watch.most)
    allowed = 2 * _BATCH  # the current batch and the next one
    return f"{max(most)} images were decoded at once in batches of {_BATCH}" if max(most) > allowed else None


@topic.check(
    reason="files in other places fill disks, and two runs at the same time would read each other's files",
    remedy="write to context.work_dir in fit, or to a tempfile; the core caches the result of represent",
    needs=("represents",),
)
def writes(tested: MethodUnderTest) -> str | None:
    """Look for files that the method wrote outside the allowed folders."""
    _run_all(tested)
    return f"it wrote {first_few(tested.watch.writes)}" if tested.watch.writes else None


@topic.check(
    reason="all methods of a process share the global random generators, so using one changes the results of others",
    remedy="use np.random.default_rng(seed) and torch.Generator; wrap other code in torch.random.fork_rng()",
    needs=("represents",),
)
def seeds(tested: MethodUnderTest) -> str | None:
    """Compare the states of the global random generators before and after each stage."""
    _run_all(tested)
    return f"it changed the global random generator: {first_few(tested.watch.seeds)}" if tested.watch.seeds else None


@topic.check(
    reason="a changed mode, variable or folder affects everything that runs later in the process",
    remedy="use torch.inference_mode() and other contexts that restore the state",
    needs=("represents",),
)
def process(tested: MethodUnderTest) -> str | None:
    """Compare the global state of the process before and after each stage."""
    _run_all(tested)
    return f"it did not restore: {first_few(tested.watch.state)}" if tested.watch.state else None


@topic.check(
    reason="results must not depend on a network connection, and many field computers have none",
    remedy="load files in prepare, and use no network there if HF_HUB_OFFLINE is set",
    needs=("prepares",),
)
def network(tested: MethodUnderTest) -> str | None:
    """Look for hosts that the method tried to reach."""
    _run_all(tested)
    return f"it tried to reach {first_few(tested.watch.hosts)}" if tested.watch.hosts else None


@topic.check(
    reason="unpickling a file runs any code that is in it",
    remedy="load weights by torch.load(…, weights_only=True) or safetensors, and arrays by np.load",
    needs=("prepares",),
)
def pickles(tested: MethodUnderTest) -> str | None:
    """Look for classes that were unpickled."""
    _run_all(tested)
    return f"it unpickled {first_few(tested.watch.pickles)}" if tested.watch.pickles else None


@topic.check(
    reason="a method that needs gigabytes for 16 tiny images cannot run on a real dataset",
    remedy="work in blocks; never hold an array of size n_query × n_gallery × anything",
    needs=("represents",),
)
def memory(tested: MethodUnderTest) -> str | None:
    """Compare the peak memory of each stage with the limit."""
    _run_all(tested)
    used = tested.watch.memory_mib
    if used is None:
        raise NotApplicable("this system does not report peak memory")
    limit = tested.memory_mib
    return f"a stage needed {used:.0f} MiB; the limit is {limit:.0f} MiB" if used > limit else None


@topic.check(
    reason="a threshold that was chosen on one machine is used on others",
    remedy="move inputs and network to the device that prepare receives; check half precision and TF32",
    needs=("scores_finite",),
)
def devices_agree(tested: MethodUnderTest) -> str | None:
    """Compare the scores on a GPU with those on the CPU."""
    if any(part.learns for part in tested.fitted.parts):
        raise NotApplicable("training on another device gives another network")
    if not has_gpu():
        raise NotApplicable("this machine has no GPU")
    build = tested.new_build("gpu", device="cuda")
    build.prepare()
    build.fit(tested.drawn.gallery)
    queries, gallery = build.extract(tested.drawn.queries), build.extract(tested.drawn.gallery)
    build.calibrate(queries, gallery)
    return of_devices(build.scores(queries, gallery), tested.scores)


def of_devices(gpu: np.ndarray, cpu: np.ndarray) -> str | None:
    """Return how the scores of two devices differ, or ``None`` if they agree within :data:`DEVICE_TOLERANCE`."""
    compared = np.isfinite(cpu) & np.isfinite(gpu)
    if not np.array_equal(np.isfinite(cpu), np.isfinite(gpu)):
        return "the devices compare different pairs"
    allowed = DEVICE_TOLERANCE * max(float(np.ptp(cpu[compared])), differences.TOLERANCE)
    difference = np.abs(np.where(compared, gpu, 0.0) - np.where(compared, cpu, 0.0))
    if float(difference.max()) <= allowed:
        return None
    pair = np.unravel_index(int(difference.argmax()), difference.shape)
    return f"a score is {gpu[pair]:.4g} on the GPU and {cpu[pair]:.4g} on the CPU"


def has_gpu() -> bool:
    """Whether torch finds a GPU. torch is imported only if the system has the device files of one."""
    may_have_gpu = any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
    if not may_have_gpu and sys.platform != "win32":
        return False
    import torch

    return bool(torch.cuda.is_available())


def _run_all(tested: MethodUnderTest) -> None:
    """Run all stages up to the first error. The error is reported by the check of that stage."""
    for stage in ("sample", "scores"):
        try:
            getattr(tested, stage)
        except Exception:
            return
