"""The code of a run: version, licence and git state of reidbench and of the distribution of each plugin.

A version names a release. The commit, and whether any file differs from it, identify the code that ran.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reidbench.registry.registered import Offer
from reidbench.version import __version__

_GIT_S = 10  # a repository may be on a slow disk; a run waits no longer


@dataclass(frozen=True, slots=True)
class GitState:
    """State of source code in its git repository.

    Attributes:
        commit: Hash of the commit that is checked out.
        dirty: Whether the code differs from that commit; untracked files count.
    """

    commit: str
    dirty: bool


def describe_code(offers: Iterable[Offer]) -> dict[str, dict[str, Any]]:
    """Return version, licence and git state of reidbench and of every distribution that offers a method.

    ``commit`` and ``dirty`` are ``None`` for code that is in no git repository, such as an installed wheel.

    Args:
        offers: The methods of the run, parts included.
    """
    folders: dict[str, set[Path]] = {"reidbench": {Path(__file__).parent}}
    versions = {"reidbench": __version__}
    for offer in offers:
        versions.setdefault(offer.distribution, offer.version)
        sources = folders.setdefault(offer.distribution, set())
        if (source := _source_of(offer)) is not None:
            sources.add(source)
    return {name: _describe(name, versions[name], folders[name]) for name in sorted(folders)}


def git_state(place: Path) -> GitState | None:
    """Return the git state of a file or folder; ``None`` if it is in no repository, is ignored, or git is missing.

    A package in an ignored folder of a repository, such as a virtual environment, is not code of that repository.
    """
    folder = place if place.is_dir() else place.parent
    if _git(folder, "check-ignore", "--quiet", str(place)) is not None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--", str(place))
    if commit is None or changed is None:
        return None
    return GitState(commit.strip(), bool(changed.strip()))


def _describe(name: str, version: str, places: Iterable[Path]) -> dict[str, Any]:
    states = [state for place in sorted(places) if (state := git_state(place)) is not None]
    git: dict[str, Any] = {"commit": None, "dirty": None}
    if states:
        git = asdict(GitState(states[0].commit, any(state.dirty for state in states)))
    return {"version": version, "licence": _licence(name), **git}


def _licence(distribution: str) -> str:
    try:
        metadata = importlib.metadata.metadata(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
    for key in ("License-Expression", "License"):
        if key in metadata:
            return str(metadata[key]).splitlines()[0]  # some packages put the whole text here
    return ""


def _source_of(offer: Offer) -> Path | None:
    """Return the package or the module file that a method comes from."""
    built = inspect.unwrap(offer.spec.build)
    module = inspect.getmodule(built) or inspect.getmodule(offer.spec.settings)
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    path = Path(file).resolve()
    return path.parent if (path.parent / "__init__.py").exists() else path


def _git(folder: Path, *arguments: str) -> str | None:
    """Return the output of a git command, ``None`` if it fails or git is missing."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
