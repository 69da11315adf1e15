"""A method for the tests of faults: a tiny network, trained by triplets in less than a second."""

import reidbench
from reidbench import EmbeddingMethod, EmbeddingNetwork, MethodSpec, TrainingSettings, TripletTrainer, load_backbone


class TinySettings(TrainingSettings):
    """Two epochs at 32 pixels."""

    size: int = 32
    epochs: int = 2
    lr: float = 1e-3
    identities_per_batch: int = 3
    images_per_identity: int = 2
    loader_workers: int = 1


class Tiny(EmbeddingMethod):
    """Embeddings of a tiny residual network."""

    learns = True

    def prepare(self, device, seed, progress):
        backbone = load_backbone("test_resnet", "random", progress, seed=seed)
        self.network = EmbeddingNetwork(backbone, self.settings, 8, seed).to(device).eval()

    def fit(self, train, context):
        return TripletTrainer(self.network, self.settings, fingerprint=self.fingerprint()).fit(train, context)

    def shrink(self, pixels):
        return self.network.resize(pixels)

    def embed(self, pixels):
        return self.network.embed(pixels)


@reidbench.hookimpl
def reidbench_methods():
    """Offer the method."""
    return [MethodSpec("tiny", "A tiny network", TinySettings, Tiny)]
