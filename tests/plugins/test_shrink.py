"""The networks of the included methods: shrinking each image when it is decoded changes no bit of the result."""

import numpy as np
import pytest

from reidbench.methods.contract import FitContext, LabelledImages, Validation
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry

SETTINGS = {
    "embedding_cosine": {"model": "test_resnet", "weights": "random", "size": 32},
    "triplet_effnet": {"backbone": "test_resnet", "weights": "random", "size": 32, "epochs": 0},
    "convnext_classifier": {"backbone": "test_convnext", "weights": "random", "size": 32, "epochs": 1, "batch_size": 4},
}


class Noise:
    def __len__(self):
        return 8

    def pixels(self, index):
        return np.random.default_rng(index).integers(0, 255, (50 + index, 70, 3)).astype(np.uint8)

    def group(self, index):
        return "noise"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_shrunk_image_gives_the_same_bits_as_the_whole_image(name, tmp_path):
    spec = load_registry().find(name).spec
    method = spec.build(spec.settings(**SETTINGS[name]))
    method.prepare("cpu", 0, Progress())
    if name == "convnext_classifier":
        context = FitContext(lambda: Validation(0.5, 0.5, 0.0), 0, "cpu", tmp_path, Progress())
        method.fit(LabelledImages(Noise(), tuple("aabbccdd")), context)
    compute = method.classify if name == "convnext_classifier" else method.embed
    whole = [Noise().pixels(index) for index in range(3)]
    shrunk = [method.shrink(pixels) for pixels in whole]
    assert all(image.size == 32 * 32 * 3 for image in shrunk)
    np.testing.assert_array_equal(compute(shrunk), compute(whole))


def test_aliked_leaves_an_image_of_its_size_as_it_is():
    spec = load_registry().find("aliked").spec
    for keep_aspect in (False, True):
        method = spec.build(spec.settings(size=96, keep_aspect=keep_aspect))
        shrunk = method.shrink(Noise().pixels(3))
        assert max(shrunk.shape) == 96
        np.testing.assert_array_equal(method.shrink(shrunk), shrunk)
