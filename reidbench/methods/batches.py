"""Process many items in batches; if the GPU's memory runs out, halve the batch and continue.

The smaller size is kept, so the run does not try the larger batch a second time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

from reidbench.errors import ReidbenchError
from reidbench.progress import Progress

Result = TypeVar("Result")


class Batches:
    """Process items in batches of a size that fits the device's memory.

    Args:
        size: Number of items in the first batch, at least 1.
        progress: Receives one warning if memory runs out.
        unit: Name of the items in messages, such as ``images``.

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
        """Call ``work`` with consecutive ranges of items until all ``n`` are done.

        After ``torch.OutOfMemoryError`` the range is halved and ``work`` is called again. ``work`` must therefore
        have no side effect before it returns.

        Args:
            n: Number of items.
            work: Processes the items of one range.

        Yields:
            The results of ``work``, in order.

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
            # The traceback refers to the tensors of the batch. Return first, so that their memory can be released.
            return False, None

    def _halve(self, tried: int) -> None:
        import torch

        if tried == 1:
            raise ReidbenchError(
                f"the GPU's memory does not hold one of the {self._unit}",
                where="--device cuda",
                remedy="stop other work on the GPU, choose a smaller input size or model, or use --device cpu",
            )
        self.size = tried // 2
        gc.collect()
        torch.cuda.empty_cache()
        if not self._warned:
            self._warned = True
            self._progress.warn(
                f"the GPU's memory ran out with {tried} {self._unit} in a batch; the run continues with {self.size}, "
                "or fewer if necessary"
            )
