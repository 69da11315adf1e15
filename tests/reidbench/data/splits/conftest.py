"""A folder of files for tests of splits: the bytes of each file are its name."""

import pytest


@pytest.fixture(autouse=True)
def files(request):
    """Put the folder in ``FILES`` of a test module that has it; all its tests share the folder."""
    if hasattr(request.module, "FILES"):
        factory = request.getfixturevalue("tmp_path_factory")
        if not request.module.FILES:
            request.module.FILES.append(factory.mktemp("files"))
