"""The training of the starter weights: every step follows from the seed and its own number, so it can stop anywhere.

A checkpoint holds network, head and optimiser; batches and augmentations of step n are drawn from (seed, stage, n)
alone. A training that was killed goes on behind its last checkpoint and ends with the same bytes.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import reidbench
from benchmarks.starter.export import write_weights
from benchmarks.starter.pool import Pool, start_painter
from benchmarks.starter.recipe import Recipe
from reidbench import Progress, TrainingSettings, load_backbone
from reidbench.training.augment import augment, normalise, to_tensor


class StarterNetwork(nn.Module):
    """A backbone, the embedding layer and a softmax head over the classes of the stages so far."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        backbone = load_backbone(recipe.backbone, "random", Progress(), seed=recipe.seed)
        self.mean, self.std = backbone.mean, backbone.std
        self.backbone = backbone.network.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            n_feature = int(self.backbone.eval()(torch.zeros(1, 3, recipe.size, recipe.size)).shape[1])
        torch.manual_seed(recipe.seed)
        self.head = nn.Linear(n_feature, recipe.embedding_dim)
        self.classifier = nn.Linear(recipe.embedding_dim, 0)

    def add_classes(self, n_class: int, seed: int) -> None:
        """Append fresh rows to the softmax head; those that are there stay."""
        torch.manual_seed(seed)
        before, fresh = self.classifier, nn.Linear(self.head.out_features, n_class)
        self.classifier = nn.Linear(self.head.out_features, before.out_features + n_class)
        with torch.no_grad():
            self.classifier.weight.copy_(torch.cat([before.weight, fresh.weight]))
            self.classifier.bias.copy_(torch.cat([before.bias, fresh.bias]))

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(n, 3, size, size)`` in [0, 1]; not of unit length."""
        images = normalise(images, self.mean, self.std).contiguous(memory_format=torch.channels_last)
        return self.head(self.backbone(images))


class StarterTrainer:
    """Trains by a recipe in a work folder, or goes on where the folder's checkpoint stands.

    Attributes:
        network: As it stands.
        history: A row for each evaluation.
    """

    def __init__(self, recipe: Recipe, work_dir: Path) -> None:
        self._recipe, self._work_dir = recipe, work_dir
        self._checkpoint = work_dir / "checkpoint.pt"
        self._settings = TrainingSettings(
            quarter_turns=False,
            crop=recipe.crop,
            brightness=recipe.jitter,
            contrast=recipe.jitter,
            saturation=recipe.jitter,
        )
        self.network = StarterNetwork(recipe)
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._stage, self._step = 0, 0
        self._pixels: list[NDArray[np.uint8]] = []  # of each stage so far
        self._start_stage()
        self._resume()

    def train(self) -> None:
        """Run every stage to its end."""
        painter = start_painter(self._work_dir, self._recipe)
        try:
            while self._stage < len(self._recipe.stages):
                pools = [Pool(self._work_dir, self._recipe, number) for number in range(self._stage + 1)]
                self._pixels = [pool.wait(painter) for pool in pools]
                self._run_stage()
        finally:
            painter.terminate()
            painter.join()

    def _start_stage(self) -> None:
        self.network.add_classes(self._recipe.stages[self._stage].n_class, self._recipe.seed + self._stage)
        self._optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=self._recipe.weight_decay)

    def _run_stage(self) -> None:
        recipe, stage = self._recipe, self._recipe.stages[self._stage]
        begun, before = time.monotonic(), self.seconds
        recent: list[tuple[float, float]] = []
        while self._step < stage.n_step:
            recent.append(self._train_step())
            self._step += 1
            last = self._step == stage.n_step
            if self._step % recipe.checkpoint_every and not last:
                continue
            self.seconds = before + time.monotonic() - begun
            loss, accuracy = np.mean(recent, axis=0)
            recent.clear()
            note = f"{stage.name}: step {self._step}/{stage.n_step}, loss {loss:.3f}, accuracy {accuracy:.3f}"
            if self._step % recipe.evaluate_every == 0 or last:
                row = {"stage": stage.name, "step": self._step, "loss": round(float(loss), 4), **self._evaluate()}
                self.history.append({**row, "seconds": round(self.seconds)})
                note += f", frozen Rank-1 {row['rank1']:.3f}, score {row['score']:.3f}"
            print(f"{note}, {self.seconds:.0f} s", flush=True)
            if last:
                self._stage, self._step = self._stage + 1, 0
                if self._stage < len(recipe.stages):
                    self._start_stage()
            self._save()
            if last:
                return

    def _train_step(self) -> tuple[float, float]:
        recipe, stage = self._recipe, self._recipe.stages[self._stage]
        random = np.random.default_rng([recipe.seed, self._stage, self._step])
        targets, pixels = draw_batch(random, recipe, self._pixels)
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        images = augment(to_tensor(pixels, "cpu"), self._settings, generator)
        if stage.size != recipe.size:
            images = functional.interpolate(images, stage.size, mode="bilinear", antialias=True)

        share = self._step / stage.n_step
        lr = stage.lr_end + (stage.lr - stage.lr_end) * 0.5 * (1 + math.cos(math.pi * share))
        for group in self._optimizer.param_groups:
            group["lr"] = lr * min(1.0, (self._step + 1) / recipe.warmup)
        self.network.train()
        logits = self.network.classifier(self.network(images))
        loss = functional.cross_entropy(logits, targets)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        if not math.isfinite(float(loss.detach())):
            raise RuntimeError(f"the loss of step {self._step} in '{stage.name}' is not finite")
        return float(loss.detach()), float((logits.argmax(1) == targets).float().mean())

    def _evaluate(self) -> dict[str, float]:
        """Judge the pooled features as they stand, frozen, on animals that no stage has seen."""
        path = self._work_dir / "evaluated.safetensors"
        write_weights(self.network, self._recipe, path)
        settings = {"backbone": self._recipe.backbone, "weights": str(path), "epochs": 0, "size": self._recipe.size}
        record = reidbench.evaluate(
            "triplet_effnet",
            self._recipe.evaluate_on,
            preset="quick",
            settings=settings,
            device="cpu",
            runs_dir=self._work_dir / "runs",
            progress=Progress(),
        )
        keys = ("score", "rank1", "balanced_rank1", "auroc", "chance_score")
        return {key: round(float(record.metrics[key]), 4) for key in keys}

    def _save(self) -> None:
        content = {
            "stage": self._stage,
            "step": self._step,
            "seconds": self.seconds,
            "history": self.history,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        temporary = self._checkpoint.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._checkpoint)

    def _resume(self) -> None:
        if not self._checkpoint.is_file():
            return
        content = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        self.seconds, self.history = content["seconds"], content["history"]
        while self._stage < min(content["stage"], len(self._recipe.stages) - 1):
            self._stage += 1
            self._start_stage()  # the softmax head and the optimiser get their shapes
        self._stage, self._step = content["stage"], content["step"]
        self.network.load_state_dict(content["network"])
        self._optimizer.load_state_dict(content["optimizer"])
        print(f"going on at stage {self._stage + 1}, step {self._step}", flush=True)


def draw_batch(
    random: np.random.Generator, recipe: Recipe, pools: list[NDArray[np.uint8]]
) -> tuple[Tensor, NDArray[np.uint8]]:
    """Draw different classes of all pools alike, and different photographs of each.

    Returns:
        Number of each photograph's class, counted through the pools, and its pixels.
    """
    first = np.cumsum([0, *map(len, pools)])
    classes = random.choice(first[-1], recipe.batch_classes, replace=False)
    pixels = []
    for class_ in classes:
        number = int(np.searchsorted(first, class_, side="right")) - 1
        of_class = pools[number][class_ - first[number]]
        pixels.append(of_class[random.choice(len(of_class), recipe.batch_photos, replace=False)])
    return torch.from_numpy(np.repeat(classes, recipe.batch_photos)), np.concatenate(pixels)
