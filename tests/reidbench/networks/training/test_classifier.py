"""Training a classifier: hand-worked schedule, whole batches, equal after a kill, stopped when it no longer rises."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import FitContext, LabelledImages, Validation
from reidbench.networks.backbones import load_backbone
from reidbench.networks.training.classifier import (
    ClassifierObjective,
    ClassifierTrainer,
    linear_schedule,
    shuffled_batches,
)
from reidbench.networks.training.network import ClassifierNetwork
from reidbench.networks.training.settings import ClassifierTrainingSettings
from reidbench.progress import Progress

# Every augmentation is on, so that what repeats repeats with all of them.
SETTINGS = ClassifierTrainingSettings(size=32, epochs=3, batch_size=4, lr=1e-3)
PLAIN = {"auto_augment": False, "erase": 0.0, "mirror": False, "hue": 0.0, "contrast": 0.0, "saturation": 0.0}


class _Stripes:
    """Twelve images of four animals: stripes of a width and colour of their own, noise on top."""

    def __len__(self):
        return 12

    def pixels(self, index):
        identity, random = index // 3, np.random.default_rng(index)
        pixels = np.zeros((36, 36, 3), dtype=np.uint8)
        pixels[:, (np.arange(36) // (identity + 2)) % 2 == 0, identity % 3] = 200
        return (pixels + random.integers(0, 40, pixels.shape)).astype(np.uint8)

    def group(self, index):
        return "zebra"


# Sorted, the names stand in another order than the images: class 0 is the third animal.
NAMES = ("m", "z", "a", "q")
TRAIN = LabelledImages(_Stripes(), tuple(NAMES[i // 3] for i in range(12)))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    n_thread = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_thread)


def _network(settings=SETTINGS, backbone="test_resnet", n_class=4):
    return ClassifierNetwork(load_backbone(backbone, "random", Progress()), settings, n_class, 0)


def _context(work_dir, ranks=(), stop_at=0):
    calls = []

    def validate():
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        rank = ranks[len(calls) - 1] if ranks else len(calls) / 100
        return Validation(rank, rank, 0.0)

    return FitContext(validate, 7, "cpu", work_dir, Progress())


def _fit(work_dir, settings=SETTINGS, train=TRAIN, **context):
    network = _network(settings, n_class=len(set(train.identities)))
    report = ClassifierTrainer(network, settings).fit(train, _context(work_dir, **context))
    return network, report


def _equal(one, other):
    first, second = one.state_dict(), other.state_dict()
    return all(torch.equal(first[key], second[key]) for key in first)


def _rows(report):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in report.history]


def test_the_rate_rises_over_a_tenth_of_the_steps_and_falls_over_the_rest():
    # 20 steps, 2 of them rise: 1/2, 1, then 18/18, 17/18 … 1/18.
    shares = [linear_schedule(step, 20, 0.1) for step in range(20)]
    assert shares == pytest.approx([1 / 2, 1, *(left / 18 for left in range(18, 0, -1))])
    assert [linear_schedule(step, 4, 0.0) for step in range(4)] == [1, 3 / 4, 1 / 2, 1 / 4]
    assert linear_schedule(0, 1, 0.1) == 1  # a single step rises nowhere


def test_the_schedule_spans_every_batch_of_every_epoch_or_the_step_limit():
    settings = SETTINGS.model_copy(update={"epochs": 10, "lr": 0.9})
    objective = ClassifierObjective(_network(), settings, 12, 0)  # 3 batches an epoch, 30 steps, 3 of them rise
    rates = [objective.learning_rate(step) for step in (0, 1, 2, 3, 16, 29)]
    assert rates == pytest.approx([0.3, 0.6, 0.9, 0.9, 0.9 * 14 / 27, 0.9 / 27])
    limited = ClassifierObjective(_network(), settings.model_copy(update={"max_steps": 10}), 12, 0)
    assert [limited.learning_rate(step) for step in (0, 1, 9)] == pytest.approx([0.9, 0.9, 0.1])  # 1 rises, 9 fall


def test_the_optimiser_steps_at_the_scheduled_rate(tmp_path):
    network = _network(settings := SETTINGS.model_copy(update={"epochs": 1, "lr": 0.4, "max_steps": 4}))
    trainer, seen = ClassifierTrainer(network, settings), []
    make = trainer._objective

    def watched(*arguments):
        objective = make(*arguments)
        assert objective.optimizer.defaults["weight_decay"] == 0.01
        step = objective.optimizer.step
        objective.optimizer.step = lambda *a, **k: (seen.append(objective.optimizer.param_groups[0]["lr"]), step())[1]
        return objective

    trainer._objective = watched
    trainer.fit(TRAIN, _context(tmp_path))
    assert seen == pytest.approx([0.4, 0.4 * 2 / 3, 0.4 / 3])  # three batches, none rises


def test_an_epoch_holds_every_image_once_and_no_batch_is_of_one():
    for n_image, sizes in ((17, [8, 9]), (16, [8, 8]), (18, [8, 8, 2]), (3, [3]), (9, [9])):
        batches = shuffled_batches(n_image, 8, (0, 1))
        assert [len(batch) for batch in batches] == sizes
        assert sorted(np.concatenate(batches)) == list(range(n_image))
    first, again, second = (np.concatenate(shuffled_batches(17, 8, (0, epoch))) for epoch in (1, 1, 2))
    assert (first == again).all() and (first != second).any()


def test_loss_and_accuracy_by_hand():
    objective = ClassifierObjective(_network(), SETTINGS, 12, 0)
    output = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])  # probabilities 3/4, 1/4; 1/2, 1/2
    loss, (accuracy,) = objective.measure(output, torch.tensor([0, 1]))
    assert float(loss) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert float(accuracy) == 0.5  # of equal outputs the first class is taken


def test_repeats_bit_for_bit_and_leaves_the_global_generator(tmp_path):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, report = _fit(tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second, again = _fit(tmp_path / "b")
    assert _equal(first, second) and _rows(report) == _rows(again)
    assert not _equal(first, _network())


def test_goes_on_after_a_kill_with_equal_results(tmp_path):
    whole, report = _fit(tmp_path / "whole", ranks=(0.1, 0.2, 0.3))
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path / "killed", ranks=(0.1, 0.2, 0.3), stop_at=2)
    resumed, again = _fit(tmp_path / "killed", ranks=(0.2, 0.3))
    assert _equal(whole, resumed) and _rows(report) == _rows(again)
    assert again.notes[0] == "resumed after epoch 1"


def test_stops_when_balanced_rank1_no_longer_rises(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 9, "patience": 2})
    best, report = _fit(tmp_path / "a", settings, ranks=(0.1, 0.3, 0.3, 0.2, 0.9))
    assert (report.facts["stopped_by"], len(report.history), report.facts["best_epoch"]) == ("patience", 4, 2)
    # The network is that of epoch 2: a training of the same schedule, killed behind it, holds the same.
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path / "b", settings, ranks=(0.1, 0.3, 0.3), stop_at=3)
    kept = torch.load(tmp_path / "b" / "checkpoint.pt", weights_only=True)["network"]
    assert all(torch.equal(kept[key], value) for key, value in best.state_dict().items())


def test_an_undefined_rank_stops_nothing(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 3, "patience": 1})
    _, report = _fit(tmp_path, settings, ranks=(float("nan"),) * 3)
    assert (report.facts["stopped_by"], len(report.history)) == ("epochs", 3)


def test_it_learns_the_classes_in_the_order_of_their_sorted_names(tmp_path):
    settings = SETTINGS.model_copy(update={**PLAIN, "epochs": 25, "lr": 3e-3})
    network, report = _fit(tmp_path, settings)
    assert report.history[-1]["loss"] < 0.5 * report.history[0]["loss"]
    assert report.history[-1]["accuracy"] > 0.8 > report.history[0]["accuracy"]
    probability = network.classify([_Stripes().pixels(i) for i in range(12)])
    assert probability.shape == (12, 4) and probability.dtype == np.float32
    np.testing.assert_allclose(probability.sum(1), 1, atol=1e-6)
    named = np.array(sorted(NAMES))[probability.argmax(1)]
    assert (named == TRAIN.identities).mean() > 0.8


def test_animals_with_one_image_and_a_batch_norm_network_train(tmp_path):
    # Five images in batches of two, the last of which would hold one.
    class Five(_Stripes):
        def __len__(self):
            return 5

    train = LabelledImages(Five(), ("a", "b", "c", "d", "d"))
    network, report = _fit(tmp_path, SETTINGS.model_copy(update={"batch_size": 2}), train)
    assert [row["steps"] for row in report.history] == [2, 4, 6]
    assert network.classify([Five().pixels(0)]).shape == (1, 4)


def test_one_identity_is_an_error_and_another_number_of_classes_a_broken_contract(tmp_path):
    with pytest.raises(ReidbenchError, match="classifier training needs two identities"):
        ClassifierTrainer(_network(), SETTINGS).fit(LabelledImages(_Stripes(), ("z",) * 12), _context(tmp_path))
    with pytest.raises(ValueError, match="the network has 5 classes, the images have 4"):
        ClassifierTrainer(_network(n_class=5), SETTINGS).fit(TRAIN, _context(tmp_path))


def test_a_batch_that_a_gpu_does_not_hold_is_one_error_that_says_how_to_shrink_it(tmp_path):
    network = _network()

    def full(images):
        raise torch.OutOfMemoryError("no memory left")

    network.forward = full
    with pytest.raises(ReidbenchError, match="does not hold a training batch") as caught:
        ClassifierTrainer(network, SETTINGS).fit(TRAIN, _context(tmp_path))
    assert "batch_size" in caught.value.remedy


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path):
    _fit(tmp_path)
    _, report = _fit(tmp_path, SETTINGS.model_copy(update={"weight_decay": 0.02}))
    assert not any("resumed" in note for note in report.notes)
