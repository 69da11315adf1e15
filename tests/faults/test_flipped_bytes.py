"""A flipped byte in any file of the cache never changes a result without a word, and is never a traceback.

Run folders have such tests in ``test_damaged_runs.py``.
"""

import random
import shutil

import pytest

from tests.faults.session import COLOUR, TRAINED, identify

KINDS = {
    "array of vectors": ("color_histogram", "shard-*/dense.*.npy"),
    "index of a shard": ("color_histogram", "shard-*/index.json"),
    "note of a fit": ("color_histogram", "note.json"),
    "note of the blindness test": ("color_histogram", "blindness-*.json"),
    "note of the method": ("color_histogram", "about.json"),
    "array of a trained method": ("tiny", "shard-*/dense.*.npy"),
    "note of a training": ("tiny", "note.json"),
    "trained model": ("tiny", "checkpoint.pt"),
    "digests of a trained model": ("tiny", ".digests.json"),
}


@pytest.fixture(scope="module")
def sound(make_workplace, tmp_path_factory):
    """A workplace with both runs and the predictions for new photographs; its folder of the trained run and results."""
    place = make_workplace(tmp_path_factory.mktemp("sound") / "work")
    assert place.run(COLOUR, TRAINED)["status"] == 0
    run = place.run_of("tiny")
    copy = shutil.copytree(place.folder, place.folder.parent / "before")
    assert place.run([*COLOUR, "--again"], [*TRAINED, "--again"], identify(run))["status"] == 0
    return copy, run, place.results()


def check_flip(place, sound, kind, at):
    """Flip a bit in a file of this kind, repeat the commands that read it, and compare every result."""
    before, run, results = sound
    shutil.rmtree(place.folder)
    shutil.copytree(before, place.folder)
    method, pattern = KINDS[kind]
    (store,) = (
        about.parent
        for about in place.folder.glob("cache/representations/*/*/about.json")
        if f'"{method}"' in about.read_text(encoding="utf-8")
    )
    folder = place.folder / "cache" / "fitted" / store.parent.name / store.name if method == "tiny" else store
    path = next(iter([*store.glob(pattern), *folder.glob(pattern)]))
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)
    if method == "color_histogram":
        reply = place.run([*COLOUR, "--again"])
    else:
        reply = place.run([*TRAINED, "--again"], identify(run))
    assert "Traceback" not in reply["output"], reply["output"]
    after = place.results()
    if reply["status"]:  # only a lost model of a training is an error, because another training could differ
        assert method == "tiny" and "its trained model is not in this cache" in reply["output"], reply["output"]
        after["found.csv"] = results["found.csv"]
    if method == "color_histogram":
        after["found.csv"] = results["found.csv"]
    assert [name for name in results if after.get(name) != results[name]] == [], reply["output"]
    if kind != "note of the method":
        assert sum("damaged" in line for line in reply["output"].splitlines()) == 1, reply["output"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_changes_no_result_and_is_reported_once(workplace, sound, kind):
    check_flip(workplace, sound, kind, 0.6)


@pytest.mark.slow
def test_flipped_bytes_at_many_places_change_no_result(workplace, sound):
    rng = random.Random(0)
    for number in range(180):
        check_flip(workplace, sound, list(KINDS)[number % len(KINDS)], rng.random())
