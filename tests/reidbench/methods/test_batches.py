"""A batch that does not fit is halved; nothing is left out, done twice or said twice."""

import pytest
import torch

from reidbench import Batches, Progress, ReidbenchError


class _Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


class _Device:
    """Holds ``room`` items at most."""

    def __init__(self, room):
        self.room = room
        self.asked = []

    def __call__(self, batch):
        self.asked.append(len(batch))
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(batch)


def test_what_fits_is_left_alone():
    progress, device = _Warnings(), _Device(room=4)
    assert list(Batches(4, progress).run(10, device)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert device.asked == [4, 4, 2] and progress.texts == []


def test_a_batch_that_does_not_fit_is_halved_and_the_size_kept():
    progress, device = _Warnings(), _Device(room=3)
    batches = Batches(16, progress)
    assert [item for batch in batches.run(7, device) for item in batch] == list(range(7))
    assert device.asked == [7, 3, 3, 1]
    assert list(batches.run(4, device)) == [[0, 1, 2], [3]]
    assert batches.size == 3


def test_it_is_said_once_however_often_it_is_halved():
    progress = _Warnings()
    batches = Batches(64, progress, unit="pairs")
    list(batches.run(64, _Device(room=5)))
    list(batches.run(8, _Device(room=1)))
    assert len(progress.texts) == 1
    assert "64 pairs" in progress.texts[0] and "with 32" in progress.texts[0]


def test_one_item_that_does_not_fit_is_an_error_with_a_remedy():
    with pytest.raises(ReidbenchError, match="does not hold one of the images") as caught:
        list(Batches(4, _Warnings()).run(4, _Device(room=0)))
    assert "--device cpu" in caught.value.remedy


def test_other_failures_are_not_swallowed():
    def fail(batch):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(Batches(4, Progress()).run(4, fail))


def test_nothing_to_do_and_sizes_that_make_no_sense():
    assert list(Batches(4, Progress()).run(0, list)) == []
    with pytest.raises(ValueError, match="at least 1"):
        Batches(0, Progress())
