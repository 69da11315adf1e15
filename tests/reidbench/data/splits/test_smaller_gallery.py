import pytest

import reidbench
from reidbench.data.splits.smaller_gallery import gallery_counts, keep_gallery_images
from reidbench.errors import ReidbenchError


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset("patterns:identities=24,size=64,level=easy")


@pytest.fixture(scope="module")
def split(images):
    return reidbench.make_split(images)


def parts(split):
    return dict(zip(split.image_ids, split.parts, strict=True))


def test_only_gallery_images_leave_and_every_animal_stays(images, split):
    before, reduced = gallery_counts(split, images), keep_gallery_images(split, images, 2)
    after = gallery_counts(reduced, images)
    assert max(before.values()) > 2
    assert after == {name: min(count, 2) for name, count in before.items()}
    moved = {
        (old, parts(reduced)[image_id]) for image_id, old in parts(split).items() if old != parts(reduced)[image_id]
    }
    assert moved == {("gallery", "unused")}
    assert reduced.kind == split.kind and "at most 2 gallery images" in reduced.warnings[-1]


def test_what_stays_with_fewer_stays_with_more(images, split):
    kept = [
        {
            image_id
            for image_id, part in parts(keep_gallery_images(split, images, most, seed=3)).items()
            if part == "gallery"
        }
        for most in (1, 2, 3, 99)
    ]
    assert kept[0] < kept[1] < kept[2] <= kept[3]
    assert kept[3] == {image_id for image_id, part in parts(split).items() if part == "gallery"}


def test_a_seed_draws_other_images_and_repeats(images, split):
    digests = [keep_gallery_images(split, images, 1, seed=seed).digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_no_image_at_all_is_refused(images, split):
    with pytest.raises(ReidbenchError, match="nothing to search") as caught:
        keep_gallery_images(split, images, 0)
    assert caught.value.where == "--keep 0"
