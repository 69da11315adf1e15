"""A setup derives the rows of each part and the identities of a run from images and split."""

import dataclasses

import pytest

import reidbench
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import MethodSpec, Settings
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench.running.building import assemble
from reidbench.running.setup import Setup


class Warnings(Progress):
    def __init__(self):
        self.texts = []

    def warn(self, text):
        self.texts.append(text)


class Named(reidbench.EmbeddingMethod):
    """Predicts identities that it learned, as a classifier does."""

    matching = "identity"

    def embed(self, pixels):
        raise AssertionError


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset("patterns:identities=12,size=32,level=easy")


def setup_of(images, split, progress=None):
    offer = Offer(MethodSpec("named", "", Settings, Named), "test", "1")
    assembled = assemble(offer, Settings(), Registry((offer,), ()))
    return Setup(assembled, images, split, 0, "group", "cpu", progress or Progress())


def test_a_method_learns_from_the_gallery_unless_the_split_has_a_part_fit(images):
    whole = reidbench.make_split(images)
    setup = setup_of(images, whole)
    assert setup.learned_from is setup.rows["gallery"]
    assert setup.learned.tolist() == setup.enrolled.tolist() == sorted(set(images.identity[setup.rows["gallery"]]))
    parts = list(whole.parts)
    parts[parts.index("unused") if "unused" in parts else parts.index("test")] = "fit"
    setup = setup_of(images, dataclasses.replace(whole, parts=tuple(parts)))
    assert setup.learned_from.tolist() == [parts.index("fit")]
    assert setup.learned.tolist() == [images.identity[parts.index("fit")]]


def test_a_setup_cannot_be_changed(images):
    setup = setup_of(images, reidbench.make_split(images))
    for field in dataclasses.fields(Setup):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(setup, field.name, None)


def test_a_classifier_needs_enrolled_identities_among_those_it_learned(images):
    ids = images.image_id.tolist()
    first, second = (images.identity == name for name in sorted(set(images.identity))[:2])
    parts = ["fit" if one else "gallery" if two else "test" for one, two in zip(first, second, strict=True)]
    with pytest.raises(ReidbenchError, match="none of them is enrolled") as caught:
        setup_of(images, Split(tuple(ids), tuple(parts), "disjoint", 0)).check_learned()
    assert "--split-kind open-set" in caught.value.remedy


def test_a_classifier_that_learned_some_enrolled_identities_is_a_warning(images):
    names = sorted(set(images.identity))
    rows = [images.identity.tolist().index(name) for name in names[:2]]
    other = [row for row in range(len(images)) if images.identity[row] == names[0] and row != rows[0]][0]
    parts = ["test"] * len(images)
    parts[rows[0]] = parts[rows[1]] = "gallery"
    parts[other] = "fit"
    warnings = Warnings()
    setup_of(images, Split(tuple(images.image_id.tolist()), tuple(parts), "file", 0), warnings).check_learned()
    (warning,) = warnings.texts
    assert f"did not learn 1 of 2 enrolled identities, such as '{names[1]}'" in warning
