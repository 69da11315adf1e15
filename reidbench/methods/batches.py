"""Work through many items batch by batch; where a GPU's memory runs out, halve the batch and go on.

The size that fits is found once and kept, so a run that had to shrink does not try the large batch again.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

from reidbench.errors import ReidbenchError
from reidbench.progress import Progress

Result = TypeVar("Result")


class Batches:
    """A batch size that shrinks to what the device holds.

    Args:
        size: Items in a batch to begin with, at least 1.
        progress: Where it is said, once, that memory ran out.
        unit: What an item is called in messages.

    Example:
        >>> batches = Batches(2, Progress())
        >>> [list(batch) for batch in batches.run(5, list)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, size: int, progress: Progress, unit: str = "images") -> None:
        if size < 1:
            raise ValueError(f"a batch holds at least 1 item, not {size}")
        self.size = size
        self._progress = progress
        self._unit = unit
        self._warned = False

    def run(self, n: int, work: Callable[[range], Result]) -> Iterator[Result]:
        """Call ``work`` with one range of items after another until all ``n`` are done.

        A range is asked for again, halved, after ``torch.OutOfMemoryError``, so ``work`` must have no effect
        before it returns.

        Args:
            n: Number of items.
            work: Handles the items of a range and returns what came of them.

        Yields:
            What ``work`` returned, in order.

        Raises:
            ReidbenchError: A single item does not fit in the device's memory.
        """
        start = 0
        while start < n:
            batch = range(start, min(start + self.size, n))
            done, result = self._attempt(batch, work)
            if done:
                start = batch.stop
                yield result  # type: ignore[misc]
            else:
                self._halve(len(batch))

    def _attempt(self, batch: range, work: Callable[[range], Result]) -> tuple[bool, Result | None]:
        import torch

        try:
            return True, work(batch)
        except torch.OutOfMemoryError:
            # The traceback holds the tensors of the batch: it has to be gone before memory is given back.
            return False, None

    def _halve(self, tried: int) -> None:
        import torch

        if tried == 1:
            raise ReidbenchError(
                f"the GPU's memory does not hold one of the {self._unit}",
                where="--device cuda",
                remedy="free the GPU of other work, set a smaller input or model, or take --device cpu",
            )
        self.size = tried // 2
        gc.collect()
        torch.cuda.empty_cache()
        if not self._warned:
            self._warned = True
            self._progress.warn(
                f"the GPU's memory ran out with {tried} {self._unit} in a batch: going on with {self.size}, "
                "and with fewer where that is needed"
            )
