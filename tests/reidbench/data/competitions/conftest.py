import pytest

from benchmarks.animalclef.counts import MINIATURE
from benchmarks.animalclef.folder import make_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A miniature of the folder of 2025."""
    return make_folder(tmp_path_factory.mktemp("clef25"), MINIATURE[2025], size=32)
