"""Training by triplets: repeats bit for bit, goes on after a kill, keeps the best epoch, says when it collapses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import FitContext, LabelledImages, Validation
from reidbench.networks.backbones import load_backbone
from reidbench.networks.training.checkpoints import read_checkpoint
from reidbench.networks.training.network import EmbeddingNetwork
from reidbench.networks.training.settings import TrainingSettings
from reidbench.networks.training.triplet import TripletTrainer
from reidbench.progress import Progress

SETTINGS = TrainingSettings(
    size=32, epochs=3, identities_per_batch=2, images_per_identity=2, lr=1e-3, softmax_weight=0.5, crop=0.7
)


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


TRAIN = LabelledImages(_Stripes(), tuple(f"z{i // 3}" for i in range(12)))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    n_thread = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_thread)


class _Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


def _network(settings=SETTINGS, seed=0):
    return EmbeddingNetwork(load_backbone("test_resnet", "random", Progress(), seed=seed), settings, 8, seed)


def _context(work_dir, ranks=(), progress=None, stop_at=0):
    calls = []

    def validate():
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        rank = ranks[len(calls) - 1] if ranks else len(calls) / 10
        return Validation(rank, rank, 0.0)

    return FitContext(validate, 7, "cpu", work_dir, progress or Progress())


def _fit(work_dir, settings=SETTINGS, **context):
    network = _network(settings)
    report = TripletTrainer(network, settings).fit(TRAIN, _context(work_dir, **context))
    return network, report


def _equal(one, other):
    first, second = one.state_dict(), other.state_dict()
    return all(torch.equal(first[key], second[key]) for key in first)


def _rows(report):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in report.history]


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
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["checkpoint.pt"]
    resumed, again = _fit(tmp_path / "killed", ranks=(0.2, 0.3))
    assert _equal(whole, resumed) and _rows(report) == _rows(again)
    assert again.notes[0] == "resumed after epoch 1"


def _stopped_after_an_epoch(folder):
    with pytest.raises(KeyboardInterrupt):
        _fit(folder, ranks=(0.1, 0.2, 0.3), stop_at=2)
    return folder / "checkpoint.pt"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: bytes(len(content)),
        lambda content: content.replace(b"best_epoch", b"best_epoc\x00", 1),
        lambda content: b"\x80\x02]q\x00." + content[:10],
    ],
)
def test_a_damaged_checkpoint_counts_as_missing_and_is_reported(tmp_path, damage):
    whole, report = _fit(tmp_path / "whole", ranks=(0.1, 0.2, 0.3))
    path = _stopped_after_an_epoch(tmp_path / "killed")
    path.write_bytes(damage(path.read_bytes()))
    progress = _Warnings()
    again, repeated = _fit(tmp_path / "killed", ranks=(0.1, 0.2, 0.3), progress=progress)
    assert _equal(whole, again) and _rows(report) == _rows(repeated)
    assert [text for text in progress.texts if "checkpoint is damaged" in text] == [
        f"a checkpoint is damaged and is not used; the training starts again: {path}"
    ]


def test_no_flipped_bit_of_a_checkpoint_changes_a_value(tmp_path):
    path = _stopped_after_an_epoch(tmp_path)
    content, before = path.read_bytes(), read_checkpoint(path)
    rng = np.random.default_rng(0)
    for at in (*range(64), *rng.integers(0, len(content), 60), *range(len(content) - 64, len(content))):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        after = read_checkpoint(path)
        assert after is None or after["numbers"] == before["numbers"]
        assert after is None or all(torch.equal(after["best"][name], value) for name, value in before["best"].items())


def test_a_checkpoint_that_does_not_fit_in_memory_is_one_message_and_stays(tmp_path, monkeypatch):
    path = _stopped_after_an_epoch(tmp_path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(ReidbenchError, match="the checkpoint can't be read: DefaultCPUAllocator"):
        _fit(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [10, 100_000])  # torch reports the two differently
def test_a_full_disk_is_one_message_and_the_earlier_checkpoint_stays(tmp_path, full_disk, size):
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, ranks=(0.1, 0.2, 0.3), stop_at=2)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with full_disk(size), pytest.raises(ReidbenchError, match="checkpoint can't be written: File too large") as caught:
        _fit(tmp_path)
    assert caught.value.where == str(tmp_path / "checkpoint.pt")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_a_finished_training_is_taken_as_it_stands(tmp_path):
    first, report = _fit(tmp_path)
    second, again = _fit(tmp_path, stop_at=1)  # would be interrupted if it trained
    assert _equal(first, second) and report.history == again.history


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path):
    _fit(tmp_path)
    _, report = _fit(tmp_path, SETTINGS.model_copy(update={"lr": 2e-3}))
    assert not any("resumed" in note for note in report.notes)


def test_the_best_epoch_is_kept_and_the_first_of_equals(tmp_path):
    best, report = _fit(tmp_path / "a", ranks=(0.1, 0.4, 0.4))
    assert report.facts["best_epoch"] == 2 and report.facts["best_balanced_rank1"] == 0.4
    two_epochs, _ = _fit(tmp_path / "b", SETTINGS.model_copy(update={"epochs": 2}))
    assert _equal(best, two_epochs)


def test_an_undefined_validation_keeps_an_epoch_all_the_same(tmp_path):
    _, report = _fit(tmp_path, ranks=(float("nan"),) * 3)
    assert report.facts["best_balanced_rank1"] is None and report.history[0]["balanced_rank1"] is None


def test_history_has_one_row_for_each_epoch(tmp_path):
    _, report = _fit(tmp_path, SETTINGS.model_copy(update={"validate_every": 2}))
    assert [row["epoch"] for row in report.history] == [1, 2, 3]
    assert [row["steps"] for row in report.history] == [3, 6, 9]  # 12 images / (2 * 2)
    assert [row["rank1"] is None for row in report.history] == [True, False, False]
    assert all(0 < row["hardest_positive"] < 2 for row in report.history)


def test_limits_on_steps_and_time_end_it(tmp_path):
    _, report = _fit(tmp_path / "a", SETTINGS.model_copy(update={"max_steps": 4}))
    assert (report.facts["steps"], report.facts["stopped_by"], len(report.history)) == (4, "max_steps", 2)
    _, report = _fit(tmp_path / "b", SETTINGS.model_copy(update={"max_seconds": 1e-6}))
    assert (report.facts["steps"], report.facts["stopped_by"]) == (1, "max_seconds")


def test_it_learns_what_can_be_learnt(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 15, "identities_per_batch": 4, "softmax_weight": 0.0})
    _, report = _fit(tmp_path, settings)
    assert report.history[-1]["loss"] < 0.6 * report.history[0]["loss"]


def test_collapse_is_said_once(tmp_path):
    progress = _Warnings()
    settings = SETTINGS.model_copy(update={"softmax_weight": 0.0, "lr": 1e-12, "size": 32})
    network = _network(settings)
    with torch.no_grad():  # one embedding for all: the head gives its bias alone
        network.head.weight.mul_(1e-4)
    report = TripletTrainer(network, settings).fit(TRAIN, _context(tmp_path, progress=progress))
    assert len(progress.texts) == 1 and "collapse" in progress.texts[0]
    assert any("collapse at epoch 1" in note for note in report.notes)


def test_frozen_batch_norm_keeps_its_statistics(tmp_path):
    network = _network(settings := SETTINGS.model_copy(update={"freeze_bn": True}))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    TripletTrainer(network, settings).fit(TRAIN, _context(tmp_path))
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before if "running" in key)
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_one_identity_is_an_error(tmp_path):
    train = LabelledImages(_Stripes(), ("z",) * 12)
    with pytest.raises(ReidbenchError, match="two identities"):
        TripletTrainer(_network(), SETTINGS).fit(train, _context(tmp_path))


class _Steps(Progress):
    """Records the stages of a training: total, steps that were counted, and descriptions."""

    def __init__(self):
        self.stages = []

    @contextmanager
    def stage(self, description, total):
        record = {"name": description, "total": total, "done": [], "texts": []}
        self.stages.append(record)

        class _Stage:
            def advance(self, steps=1):
                record["done"].append(steps)

            def describe(self, text):
                record["texts"].append(text)

        yield _Stage()


def _training_stage(progress):
    (stage,) = [stage for stage in progress.stages if stage["name"] == "train"]
    return stage


def test_progress_counts_the_steps_of_the_whole_training(tmp_path):
    progress = _Steps()
    _, report = _fit(tmp_path, progress=progress)
    stage = _training_stage(progress)
    per_epoch = report.facts["batches_per_epoch"]
    assert stage["total"] == 3 * per_epoch == report.facts["steps"] == sum(stage["done"])
    assert stage["texts"] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]


def test_progress_of_a_training_with_a_limit_of_steps_ends_at_that_limit(tmp_path):
    progress = _Steps()
    settings = SETTINGS.model_copy(update={"epochs": 125, "max_steps": 4})
    _, report = _fit(tmp_path, settings, progress=progress)
    stage = _training_stage(progress)
    per_epoch = report.facts["batches_per_epoch"]
    assert stage["total"] == 4 == sum(stage["done"])
    assert stage["texts"][0] == f"epoch 1 of {-(-4 // per_epoch)}"
