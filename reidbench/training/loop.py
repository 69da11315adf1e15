"""The triplet training loop: repeatable bit for bit on a CPU, and resumable after a kill.

After every epoch network, optimiser, sampler and generators are written to the work folder, under a
temporary name that is then renamed. A training that starts again in that folder goes on behind the last
whole epoch and ends with the same numbers as one that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reidbench.errors import ReidbenchError
from reidbench.method import FitContext, FitReport, LabelledImages
from reidbench.training.augment import ResizedImages, augment, to_tensor
from reidbench.training.losses import batch_hard_triplet, cosine_softmax
from reidbench.training.network import EmbeddingNetwork, seeded
from reidbench.training.sampler import IdentitySampler
from reidbench.training.settings import TrainingSettings

# Unit vectors are up to 2 apart. Collapsed trainings stay far below this, healthy ones far above.
_COLLAPSED_DISTANCE = 0.1


class TripletTrainer:
    """Trains a network by batch-hard triplets and leaves it at its best validated epoch.

    Args:
        network: Trained in place; gives unit vectors.
        settings: The options.
        fingerprint: What else shapes the training; a checkpoint of another one is not resumed.
    """

    def __init__(
        self,
        network: EmbeddingNetwork,
        settings: TrainingSettings,
        *,
        fingerprint: str = "",
    ) -> None:
        self._network = network
        self._settings = settings
        # Folded statistics are 0 and 1 by construction: batch statistics would rescale every layer at once.
        auto = settings.freeze_bn == "auto"
        self._freeze_bn = network.folded_batch_norm if auto else bool(settings.freeze_bn)
        self._fingerprint = fingerprint

    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Train, or go on from the checkpoint in ``context.work_dir``.

        Returns:
            One row for each epoch (mean loss and hardest distances over its batches; ``rank1`` and
            ``balanced_rank1`` are None where it was not validated), and what ended the training.

        Raises:
            ReidbenchError: Fewer than two identities, or a loss that is not finite.
        """
        names, labels = np.unique(np.array(train.identities, dtype=str), return_inverse=True)
        if len(names) < 2:
            raise ReidbenchError(
                f"triplet training needs two identities or more, not {len(names)}",
                where="the images to fit on",
                remedy="take another split, or --set epochs=0 for frozen features",
            )
        settings, device = self._settings, context.device
        self._network.to(device)
        groups = [train.images.group(i) for i in range(len(labels))] if settings.one_group_per_batch else None
        sampler = IdentitySampler(
            labels, settings.identities_per_batch, settings.images_per_identity, context.seed, groups
        )
        state = _State(self._network, settings, sampler, len(names), context)
        checkpoint = context.work_dir / "checkpoint.pt"
        key = self._key(train, context)
        resumed = state.load(checkpoint, key)
        if not state.stopped:
            pixels = ResizedImages(train.images, settings.size, settings.cache_mb, settings.loader_workers)
            pixels.fill(context.progress)
            targets = torch.from_numpy(labels.astype(np.int64))
            while not state.stopped:
                self._epoch(state, pixels, targets, context)
                state.save(checkpoint, key)
        self._network.load_state_dict(state.best)
        self._network.eval()
        notes = [f"resumed after epoch {resumed}"] if resumed else []
        if state.collapsed_epoch:
            notes.append(f"triplet collapse at epoch {state.collapsed_epoch}: every image had nearly one embedding")
        facts = {
            "steps": state.step,
            "epochs": len(state.history),
            "stopped_by": state.stopped,
            "train_s": round(state.seconds, 3),
            "best_epoch": state.best_epoch,
            "best_balanced_rank1": None if state.best_rank[0] < 0 else state.best_rank[0],
            "n_identities": len(names),
            "n_images": len(labels),
            "batches_per_epoch": len(sampler),
            "frozen_batch_norm": self._freeze_bn,
        }
        return FitReport(history=tuple(state.history), notes=tuple(notes), facts=facts)

    def _key(self, train: LabelledImages, context: FitContext) -> str:
        shapes = [(name, tuple(value.shape)) for name, value in self._network.state_dict().items()]
        parts = [
            self._fingerprint, self._settings.model_dump_json(), train.identities, context.seed, context.device,
            self._network.mean, self._network.std, self._freeze_bn, shapes, torch.__version__,
        ]  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _epoch(self, state: _State, pixels: ResizedImages, targets: Tensor, context: FitContext) -> None:
        settings = self._settings
        begun, before = time.monotonic(), state.seconds
        epoch = len(state.history) + 1
        self._train_mode()
        sums: list[Tensor] = []
        stopped = ""
        n_step = len(state.sampler)
        if settings.max_steps:
            n_step = min(n_step, settings.max_steps - state.step)
        seed = int(np.random.SeedSequence([context.seed, epoch]).generate_state(1)[0])
        # Dropout and stochastic depth draw from the global generator: seeded anew for each epoch.
        with seeded(seed, context.device), context.progress.stage(f"epoch {epoch}/{settings.epochs}", n_step) as stage:
            for batch in state.sampler.epoch():
                sums.append(self._step(state, pixels.take(batch), targets[batch], context.device))
                state.step += 1
                stage.advance()
                if settings.max_steps and state.step >= settings.max_steps:
                    stopped = "max_steps"
                    break
                if settings.max_seconds and before + time.monotonic() - begun >= settings.max_seconds:
                    stopped = "max_seconds"
                    break
        measured = torch.stack(sums).double()
        if not bool(measured[:, 0].isfinite().all()):
            raise ReidbenchError(
                f"training diverged: the loss of epoch {epoch} is not finite",
                where=f"lr={settings.lr}",
                remedy="a smaller learning rate (--set lr=1e-5), or --set amp=false on a GPU",
            )
        loss, positive, negative = measured.nanmean(0).tolist()
        if epoch >= settings.epochs:
            stopped = stopped or "epochs"
        row: dict[str, Any] = {
            "epoch": epoch,
            "steps": state.step,
            "loss": loss,
            "hardest_positive": positive,
            "hardest_negative": negative,
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
        self._watch_collapse(state, row, context)
        state.seconds = before + time.monotonic() - begun
        state.history.append({**row, "seconds": round(state.seconds, 3)})
        state.stopped = stopped

    def _step(self, state: _State, pixels: np.ndarray, targets: Tensor, device: str) -> Tensor:
        settings = self._settings
        images = augment(to_tensor(pixels, device), settings, state.generator)
        targets = targets.to(device)
        state.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.split(":")[0], dtype=torch.float16, enabled=state.amp):
            embedding = self._network(images)
        triplet = batch_hard_triplet(embedding.float(), targets, settings.margin)
        loss = triplet.loss
        if state.prototypes is not None:
            extra = cosine_softmax(embedding.float(), state.prototypes, targets, settings.softmax_scale)
            loss = loss + settings.softmax_weight * extra
        state.scaler.scale(loss).backward()
        state.scaler.step(state.optimizer)
        state.scaler.update()
        # Stays on the device: reading numbers at each step would make a GPU wait.
        return torch.stack([loss.detach(), triplet.hardest_positive, triplet.hardest_negative])

    def _train_mode(self) -> None:
        self._network.train()
        if self._freeze_bn:
            for module in self._network.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def _watch_collapse(self, state: _State, row: dict[str, Any], context: FitContext) -> None:
        margin = self._settings.margin
        near = row["hardest_positive"] < _COLLAPSED_DISTANCE and row["hardest_negative"] < _COLLAPSED_DISTANCE
        # The softmax term is no part of the triplet loss that sticks at the margin.
        triplet = row["hardest_positive"] - row["hardest_negative"] + margin
        stuck = abs((triplet if state.prototypes is not None else row["loss"]) - margin) <= 0.05 * margin
        if near and stuck and not state.collapsed_epoch:
            state.collapsed_epoch = row["epoch"]
            context.progress.warn(
                f"triplet collapse at epoch {row['epoch']}: loss {row['loss']:.3f} is about the margin and every image "
                "has nearly one embedding; start from pretrained weights or set softmax_weight=1"
            )


class _State:
    """Everything that a resumed training has to find as it was."""

    def __init__(
        self,
        network: EmbeddingNetwork,
        settings: TrainingSettings,
        sampler: IdentitySampler,
        n_identities: int,
        context: FitContext,
    ) -> None:
        self.network = network
        self.sampler = sampler
        self.generator = torch.Generator().manual_seed(context.seed)
        self.prototypes: nn.Parameter | None = None
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if settings.softmax_weight:
            with seeded(context.seed):
                self.prototypes = nn.Parameter(torch.randn(n_identities, network.dim).to(context.device))
            parameters.append(self.prototypes)
        self.optimizer = torch.optim.Adam(parameters, lr=settings.lr)
        self.amp = settings.amp and context.device.startswith("cuda")
        self.scaler = torch.amp.GradScaler(context.device.split(":")[0], enabled=self.amp)
        self.history: list[dict[str, Any]] = []
        self.step = 0
        self.seconds = 0.0
        self.stopped = ""
        self.collapsed_epoch = 0
        self.best_epoch = 0
        self.best_rank = (-1.0, -1.0)
        self.best: dict[str, Tensor] = {}
        self._device = context.device

    def keep_if_best(self, epoch: int, rank: tuple[float | None, float | None]) -> None:
        """Keep the network of this epoch if it beats the ones before; of equals the first stays."""
        balanced, plain = (-1.0 if value is None else float(value) for value in rank)
        if not self.best or (balanced, plain) > self.best_rank:
            self.best_epoch, self.best_rank = epoch, (balanced, plain)
            self.best = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def save(self, path: Path, key: str) -> None:
        numbers = {
            "history": self.history,
            "step": self.step,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "collapsed_epoch": self.collapsed_epoch,
            "best_epoch": self.best_epoch,
            "best_rank": self.best_rank,
            "sampler": self.sampler.state(),
        }
        content = {
            "key": key,
            "numbers": json.dumps(numbers),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": self.generator.get_state(),
            "prototypes": None if self.prototypes is None else self.prototypes.detach(),
            "best": self.best,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def load(self, path: Path, key: str) -> int:
        """Take over a checkpoint of the same training; return its epoch, 0 if there is none."""
        if not path.is_file():
            return 0
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["key"] != key:
            return 0
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.scaler.load_state_dict(content["scaler"])
        self.generator.set_state(content["generator"])
        if self.prototypes is not None:
            with torch.no_grad():
                self.prototypes.copy_(content["prototypes"])
        numbers = json.loads(content["numbers"])
        self.sampler.restore(numbers["sampler"])
        self.history, self.step, self.seconds = numbers["history"], numbers["step"], numbers["seconds"]
        self.stopped, self.collapsed_epoch = numbers["stopped"], numbers["collapsed_epoch"]
        self.best_epoch = numbers["best_epoch"]
        self.best_rank = (numbers["best_rank"][0], numbers["best_rank"][1])
        self.best = content["best"]
        return len(self.history)
