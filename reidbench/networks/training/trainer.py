"""The training loop: epochs, checkpoints and the choice of the best epoch.

An :class:`Objective` defines the loss, the batches and the optimiser. After every epoch, network, optimiser, objective
and history are written to the work folder. A training that starts in this folder later continues after the last
complete epoch. On a CPU it ends with the same numbers as a training without interruption.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from reidbench.errors import ReidbenchError
from reidbench.methods.contract import FitContext, FitReport, LabelledImages
from reidbench.networks.training.augment import ResizedImages
from reidbench.networks.training.checkpoints import read_checkpoint, write_checkpoint
from reidbench.networks.training.network import BackboneNetwork, seeded
from reidbench.networks.training.settings import LoopSettings
from reidbench.progress import Progress, Stage


class Objective(ABC):
    """The goal of a training: batches, augmentation, loss and optimiser.

    Attributes:
        measured: Names of the numbers that each step measures, the loss first; columns of the history.
        optimizer: Optimiser of the network and of further parameters of the objective.
        patience: The training stops after this number of epochs without a better balanced Rank-1; 0 never stops it.
    """

    measured: ClassVar[tuple[str, ...]] = ("loss",)
    optimizer: torch.optim.Optimizer
    patience: int = 0

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of batches in an epoch."""

    @abstractmethod
    def batches(self, epoch: int) -> Iterable[NDArray[np.int64]]:
        """Return the batches of an epoch, counted from 1, as indices of images."""

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0 over the whole training."""

    @abstractmethod
    def augment(self, pixels: NDArray[np.uint8], device: str) -> Tensor:
        """Convert ``(n, size, size, 3)`` bytes to augmented network input, ``(n, 3, size, size)`` in [0, 1]."""

    @abstractmethod
    def measure(self, output: Tensor, targets: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """Return the loss, with its gradient graph, and the other numbers of ``measured``.

        Args:
            output: Output of the network, float32.
            targets: Identity of each row as a number, ``(n,)``.
        """

    def watch(self, row: dict[str, Any], progress: Progress) -> None:  # noqa: B027 - optional by design
        """Check the history row of a finished epoch, and warn about problems."""

    def notes(self) -> list[str]:
        """Return sentences about the training for the run record."""
        return []

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs, as tensors and plain values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:  # noqa: B027 - an objective may have no state
        """Continue from a state that :meth:`state` returned."""


class Trainer(ABC):
    """Trains a network on one objective and keeps the network of the best validated epoch.

    Args:
        network: The network, trained in place.
        settings: The settings of the training.
        fingerprint: Anything else that shapes the training, as text. A checkpoint with another fingerprint is not
            resumed.
    """

    kind: ClassVar[str]
    """Name of the kind of training, in messages."""
    smaller_batch: ClassVar[str] = "--set batch_size=4"
    """Option for a smaller batch, as a remedy if the GPU's memory runs out."""
    one_identity_remedy: ClassVar[str] = "choose another split"
    """Remedy if there are fewer than two identities to learn."""

    def __init__(self, network: BackboneNetwork, settings: LoopSettings, *, fingerprint: str = "") -> None:
        self._network = network
        self._settings = settings
        # Folded statistics do not come from data; statistics of a batch would rescale every layer.
        auto = settings.freeze_bn == "auto"
        self._freeze_bn = network.folded_batch_norm if auto else bool(settings.freeze_bn)
        self._fingerprint = fingerprint

    @abstractmethod
    def _objective(self, train: LabelledImages, labels: NDArray[np.int64], context: FitContext) -> Objective:
        """Return the objective for images with these identity numbers; the network is on its device already."""

    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Train, or continue from the checkpoint in ``context.work_dir``.

        Returns:
            A report with one history row for each epoch and the reason why the training stopped. A row holds the
            means over the batches; ``rank1`` and ``balanced_rank1`` are ``None`` if the epoch was not validated.

        Raises:
            ReidbenchError: There are fewer than two identities, the loss is not finite, the GPU's memory is too
                small for a batch, or a training to restore is not in the folder.
        """
        names, labels = np.unique(np.array(train.identities, dtype=str), return_inverse=True)
        if len(names) < 2:
            raise ReidbenchError(
                f"{self.kind} training needs two identities or more, not {len(names)}",
                where="the images to learn from",
                remedy=self.one_identity_remedy,
            )
        settings = self._settings
        self._network.to(context.device)
        objective = self._objective(train, labels, context)
        state = _State(self._network, settings, objective, context)
        checkpoint = context.work_dir / "checkpoint.pt"
        keys = {"going": self._key(train, context, context.device), "finished": self._key(train, context, "any")}
        resumed = state.load(checkpoint, keys)
        if context.restore and not state.stopped:
            raise ReidbenchError(
                f"the folder holds no finished {self.kind} training of these images and settings",
                where=str(checkpoint),
                remedy="repeat the run, so that it trains with the installed versions of reidbench and torch",
            )
        if not state.stopped:
            pixels = ResizedImages(train.images, settings.size, settings.cache_mb, settings.loader_workers)
            pixels.fill(context.progress)
            targets = torch.from_numpy(labels.astype(np.int64))
            n_step = settings.epochs * len(objective)
            if settings.max_steps:
                n_step = min(n_step, settings.max_steps)
            n_epoch = math.ceil(n_step / len(objective))
            with context.progress.stage("train", n_step) as stage:
                stage.advance(state.step)  # of an interrupted training
                while not state.stopped:
                    stage.describe(f"epoch {len(state.history) + 1} of {n_epoch}")
                    try:
                        self._epoch(state, pixels, targets, context, stage)
                    except torch.OutOfMemoryError as error:
                        # A smaller batch changes the result of the training, so the user has to choose it.
                        raise ReidbenchError(
                            f"the GPU's memory does not hold a training batch of images of {settings.size} pixels",
                            where=f"epoch {len(state.history) + 1} on {context.device}",
                            remedy=f"{self.smaller_batch}, a smaller --set size, or --device cpu",
                        ) from error
                    state.save(checkpoint, keys)
        self._network.load_state_dict(state.best)
        self._network.eval()
        notes = [f"resumed after epoch {resumed}"] if resumed else []
        facts = {
            "steps": state.step,
            "epochs": len(state.history),
            "stopped_by": state.stopped,
            "train_s": round(state.seconds, 3),
            "best_epoch": state.best_epoch,
            "best_balanced_rank1": None if state.best_rank[0] < 0 else state.best_rank[0],
            "n_identities": len(names),
            "n_images": len(labels),
            "batches_per_epoch": len(objective),
            "frozen_batch_norm": self._freeze_bn,
        }
        return FitReport(history=tuple(state.history), notes=(*notes, *objective.notes()), facts=facts)

    def _key(self, train: LabelledImages, context: FitContext, device: str) -> str:
        shapes = [(name, tuple(value.shape)) for name, value in self._network.state_dict().items()]
        parts = [
            self.kind, self._fingerprint, self._settings.model_dump_json(), train.identities, context.seed,
            device, self._network.mean, self._network.std, self._freeze_bn, shapes, torch.__version__,
        ]  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _epoch(self, state: _State, pixels: ResizedImages, targets: Tensor, context: FitContext, stage: Stage) -> None:
        settings, objective = self._settings, state.objective
        started, seconds_before = time.monotonic(), state.seconds
        epoch = len(state.history) + 1
        self._train_mode()
        steps: list[Tensor] = []
        stopped = ""
        seed = int(np.random.SeedSequence([context.seed, epoch]).generate_state(1)[0])
        # Dropout, stochastic depth and torchvision's transforms use the global generator. Each epoch has its own seed.
        with seeded(seed, context.device):
            for batch in objective.batches(epoch):
                steps.append(self._step(state, pixels.take(batch), targets[batch], context.device))
                state.step += 1
                stage.advance()
                if settings.max_steps and state.step >= settings.max_steps:
                    stopped = "max_steps"
                    break
                if settings.max_seconds and seconds_before + time.monotonic() - started >= settings.max_seconds:
                    stopped = "max_seconds"
                    break
        measured = torch.stack(steps).double()
        if not bool(measured[:, 0].isfinite().all()):
            raise ReidbenchError(
                f"training diverged: the loss of epoch {epoch} is not finite",
                where=f"lr={settings.lr}",
                remedy="use a smaller learning rate (--set lr=1e-5), or --set amp=false on a GPU",
            )
        if epoch >= settings.epochs:
            stopped = stopped or "epochs"
        row: dict[str, Any] = {
            "epoch": epoch,
            "steps": state.step,
            **dict(zip(objective.measured, measured.nanmean(0).tolist(), strict=True)),
            "rank1": None,
            "balanced_rank1": None,
        }
        self._network.eval()
        due = settings.validate_every and epoch % settings.validate_every == 0
        if due or stopped:
            validation = context.validate()
            row["rank1"] = None if math.isnan(validation.rank1) else validation.rank1
            row["balanced_rank1"] = None if math.isnan(validation.balanced_rank1) else validation.balanced_rank1
            state.keep_if_best(epoch, (row["balanced_rank1"], row["rank1"]))
            if objective.patience and row["balanced_rank1"] is not None:
                stopped = stopped or ("patience" if epoch - state.best_epoch >= objective.patience else "")
        objective.watch(row, context.progress)
        state.seconds = seconds_before + time.monotonic() - started
        state.history.append({**row, "seconds": round(state.seconds, 3)})
        state.stopped = stopped

    def _step(self, state: _State, pixels: NDArray[np.uint8], targets: Tensor, device: str) -> Tensor:
        objective = state.objective
        images = objective.augment(pixels, device)
        targets = targets.to(device)
        for group in objective.optimizer.param_groups:
            group["lr"] = objective.learning_rate(state.step)
        objective.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.split(":")[0], dtype=torch.float16, enabled=state.amp):
            output = self._network(images)
        loss, other_numbers = objective.measure(output.float(), targets)
        state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call] # torch leaves it without types
        state.scaler.step(objective.optimizer)
        state.scaler.update()
        # The numbers stay on the device, because reading them at each step would make a GPU wait.
        return torch.stack([loss.detach(), *other_numbers])

    def _train_mode(self) -> None:
        self._network.train()
        if self._freeze_bn:
            for module in self._network.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()


class _State:
    """The state of a training: everything that a checkpoint holds."""

    def __init__(
        self, network: BackboneNetwork, settings: LoopSettings, objective: Objective, context: FitContext
    ) -> None:
        self.network = network
        self.objective = objective
        self.amp = settings.amp and context.device.startswith("cuda")
        self.progress = context.progress
        self.scaler = torch.amp.GradScaler(context.device.split(":")[0], enabled=self.amp)
        self.history: list[dict[str, Any]] = []
        self.step = 0
        self.seconds = 0.0
        self.stopped = ""
        self.best_epoch = 0
        self.best_rank = (-1.0, -1.0)
        self.best: dict[str, Tensor] = {}

    def keep_if_best(self, epoch: int, rank: tuple[float | None, float | None]) -> None:
        """Keep the network of this epoch if it is better than all before, by balanced Rank-1, then Rank-1."""
        balanced, plain = (-1.0 if value is None else float(value) for value in rank)
        if not self.best or (balanced, plain) > self.best_rank:
            self.best_epoch, self.best_rank = epoch, (balanced, plain)
            self.best = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def save(self, path: Path, keys: Mapping[str, str]) -> None:
        """Write the checkpoint; an earlier one at ``path`` is replaced only when the new one is complete."""
        numbers = {
            "history": self.history,
            "step": self.step,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "best_epoch": self.best_epoch,
            "best_rank": self.best_rank,
        }
        content = {
            "key": keys["finished" if self.stopped else "going"],
            "numbers": json.dumps(numbers),
            "objective": self.objective.state(),
            "best": self.best,
        }
        if not self.stopped:  # a finished training is kept for new photographs, which need only the best network
            content |= {
                "network": self.network.state_dict(),
                "optimizer": self.objective.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
            }
        write_checkpoint(path, content)

    def load(self, path: Path, keys: Mapping[str, str]) -> int:
        """Load the checkpoint if it is of the same training.

        A finished training can be loaded on any device, because it does not continue.

        Returns:
            Number of finished epochs; 0 if there is no such checkpoint, or if it is damaged.

        Raises:
            ReidbenchError: It can't be read, for a reason that proves no damage.
        """
        if not path.is_file():
            return 0
        content = read_checkpoint(path)
        if content is None:
            self.progress.warn(f"a checkpoint is damaged and is not used; the training starts again: {path}")
            return 0
        numbers = json.loads(content["numbers"])
        if content["key"] != keys["finished" if numbers["stopped"] else "going"]:
            return 0
        if not numbers["stopped"]:
            self.network.load_state_dict(content["network"])
            self.objective.optimizer.load_state_dict(content["optimizer"])
            self.scaler.load_state_dict(content["scaler"])
        self.objective.restore(content["objective"])
        self.history, self.step, self.seconds = numbers["history"], numbers["step"], numbers["seconds"]
        self.stopped, self.best_epoch = numbers["stopped"], numbers["best_epoch"]
        self.best_rank = (numbers["best_rank"][0], numbers["best_rank"][1])
        self.best = content["best"]
        return len(self.history)
