"""The training of the starter weights. It can be stopped at any time and ends with the same bytes.

A checkpoint has the network, its embedding layer and the optimizer. The photographs of step n depend on n and the seed
only, so a stopped training continues after its last checkpoint.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import reidbench
from benchmarks.starter.batches import batches
from benchmarks.starter.export import write_weights
from benchmarks.starter.recipe import Recipe
from reidbench import Progress, load_backbone
from reidbench.files import whole_file
from reidbench.networks.training.augment import normalise, to_tensor


class StarterNetwork(nn.Module):
    """A backbone and a linear layer that computes the embedding from the pooled features."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        backbone = load_backbone(recipe.backbone, "random", Progress(), seed=recipe.seed)
        self.mean, self.std = backbone.mean, backbone.std
        self.backbone = backbone.network.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            n_feature = int(self.backbone.eval()(torch.zeros(1, 3, recipe.size, recipe.size)).shape[1])
        torch.manual_seed(recipe.seed)
        self.head = nn.Linear(n_feature, recipe.embedding_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings of length 1, ``(n, embedding_dim)``, of images ``(n, 3, size, size)`` in [0, 1]."""
        images = normalise(images, self.mean, self.std).contiguous(memory_format=torch.channels_last)
        return functional.normalize(self.head(self.backbone(images)), dim=1)


def contrastive_loss(embedding: Tensor, n_photo: int, temperature: float) -> tuple[Tensor, Tensor]:
    """Return the supervised contrastive loss within each species, and the share of correct nearest neighbours.

    Args:
        embedding: Embeddings of length 1, ``(n_species, n, dim)``; the ``n_photo`` rows of an animal follow each other.
        n_photo: Number of photographs of each animal, 2 or more.
        temperature: Temperature of the softmax; cosines are divided by it.

    Returns:
        The cross-entropy averaged over all pairs of one animal, and the share of photographs whose nearest other
        photograph shows the same animal; guessing gives ``(n_photo - 1) / (n - 1)``.

    Source:
        Khosla et al., "Supervised Contrastive Learning", 2020, equation 2.
    """
    n = embedding.shape[1]
    animal = torch.arange(n) // n_photo
    itself = torch.eye(n, dtype=torch.bool)
    same = (animal[:, None] == animal[None, :]) & ~itself
    similarity = (embedding @ embedding.mT / temperature).masked_fill(itself, -torch.inf)
    nearest_is_same = same[torch.arange(n), similarity.argmax(2)].float().mean()
    return -functional.log_softmax(similarity, dim=2)[:, same].mean(), nearest_is_same


class StarterTrainer:
    """Trains a network by a recipe; continues from the checkpoint in the work folder if there is one.

    Attributes:
        network: The network in its current state.
        history: The result of each evaluation.
        seconds: Duration of the training in seconds, over all starts.
    """

    def __init__(self, recipe: Recipe, work_dir: Path) -> None:
        self._recipe, self._work_dir = recipe, work_dir
        self._checkpoint = work_dir / "checkpoint.pt"
        self.network = StarterNetwork(recipe)
        self._optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=recipe.weight_decay)
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._step = 0
        self._resume()

    def train(self) -> None:
        """Run the remaining steps; the animals must have been drawn before."""
        recipe, started, before = self._recipe, time.monotonic(), self.seconds
        recent: list[tuple[float, float]] = []
        for pixels in batches(self._work_dir, recipe, self._step):
            recent.append(self._train_step(pixels))
            self._step += 1
            last = self._step == recipe.n_step
            if self._step % recipe.checkpoint_every and not last:
                continue
            self.seconds = before + time.monotonic() - started
            loss, found = (float(value) for value in np.mean(recent, axis=0))  # found: nearest is the same animal
            recent.clear()
            hardness = recipe.hardness(self._step)
            note = f"step {self._step}/{recipe.n_step}, hardness {hardness:.2f}, loss {loss:.3f}, found {found:.3f}"
            if self._step % recipe.evaluate_every == 0 or last:
                row = {"step": self._step, "hardness": round(hardness, 3), "loss": round(loss, 4)}
                row |= {"found": round(found, 4), **self._evaluate()}
                self.history.append({**row, "seconds": round(self.seconds)})
                note += f", frozen Rank-1 {row['rank1']:.3f}, score {row['score']:.3f}"
            print(f"{note}, {self.seconds:.0f} s", flush=True)
            self._save()

    def _train_step(self, pixels: Tensor) -> tuple[float, float]:
        recipe = self._recipe
        half_cosine = 0.5 * (1 + math.cos(math.pi * self._step / recipe.n_step))
        lr = recipe.lr_end + (recipe.lr - recipe.lr_end) * half_cosine
        for group in self._optimizer.param_groups:
            group["lr"] = lr * min(1.0, (self._step + 1) / recipe.warmup)
        self.network.train()
        embedding = self.network(to_tensor(pixels.flatten(0, 1).numpy(), "cpu"))
        of_species = embedding.unflatten(0, pixels.shape[:2])
        loss, found = contrastive_loss(of_species, recipe.batch_photos, recipe.temperature)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        if not math.isfinite(float(loss.detach())):
            raise RuntimeError(f"the loss of step {self._step} is not finite")
        return float(loss.detach()), float(found)

    def _evaluate(self) -> dict[str, float]:
        """Evaluate the pooled features without fine-tuning, on animals that were not used in training."""
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
            "step": self._step,
            "seconds": self.seconds,
            "history": self.history,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        with whole_file(self._checkpoint) as temporary, temporary.open("wb") as file:
            torch.save(content, file)

    def _resume(self) -> None:
        if not self._checkpoint.is_file():
            return
        content = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        self._step, self.seconds, self.history = content["step"], content["seconds"], content["history"]
        self.network.load_state_dict(content["network"])
        self._optimizer.load_state_dict(content["optimizer"])
        print(f"continuing at step {self._step}", flush=True)
