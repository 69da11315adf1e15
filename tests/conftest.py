"""Fixtures that several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of real photographs and weights, which are not part of the project."""
    given = os.environ.get("REIDBENCH_SHARED")
    folder = Path(given) if given else Path(__file__).parent.parent.parent / "shared"
    if not (folder / "data" / "zebra" / "metadata.csv").exists():
        pytest.skip("no real photographs here; set REIDBENCH_SHARED to the folder that holds data/ and weights/")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests out of the user's cache."""
    os.environ["REIDBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
