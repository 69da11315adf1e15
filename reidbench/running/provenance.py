"""Which code made a run: version, licence and git state of reidbench and of each plugin's distribution.

A version says what was released; the commit, and whether anything differs from it, say what really ran.
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

_GIT_S = 10  # a repository on a slow disk; a run never waits longer


@dataclass(frozen=True, slots=True)
class GitState:
    """Where source code stands in its repository.

    Attributes:
        commit: Hash of the commit that is checked out.
        dirty: Whether the code differs from that commit, files that git does not know included.
    """

    commit: str
    dirty: bool


def describe_code(offers: Iterable[Offer]) -> dict[str, dict[str, Any]]:
    """Return version, licence and git state of reidbench and of every distribution that offers a method.

    ``commit`` and ``dirty`` are ``None`` for code that stands in no git repository, such as an installed wheel.

    Args:
        offers: The methods of the run, parts included.
    """
    folders: dict[str, set[Path]] = {"reidbench": {Path(__file__).parent}}
    versions = {"reidbench": __version__}
    for offer in offers:
        versions.setdefault(offer.distribution, offer.version)
        found = folders.setdefault(offer.distribution, set())
        if (source := _source_of(offer)) is not None:
            found.add(source)
    return {name: _described(name, versions[name], folders[name]) for name in sorted(folders)}


def git_state(place: Path) -> GitState | None:
    """Return the git state of a file or folder; ``None`` where git does not follow it, or there is no git.

    A package that was installed into a repository's ignored folder, as a virtual environment is, is none of its code.
    """
    folder = place if place.is_dir() else place.parent
    if _git(folder, "check-ignore", "--quiet", str(place)) is not None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--", str(place))
    if commit is None or changed is None:
        return None
    return GitState(commit.strip(), bool(changed.strip()))


def _described(name: str, version: str, places: Iterable[Path]) -> dict[str, Any]:
    states = [state for place in sorted(places) if (state := git_state(place)) is not None]
    git: dict[str, Any] = {"commit": None, "dirty": None}
    if states:
        git = asdict(GitState(states[0].commit, any(state.dirty for state in states)))
    return {"version": version, "licence": _licence(name), **git}


def _licence(distribution: str) -> str:
    try:
        told = importlib.metadata.metadata(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
    for key in ("License-Expression", "License"):
        if key in told:
            return str(told[key]).splitlines()[0]  # some write the whole text here
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
    """Return what git prints, or ``None`` where it fails or is not there."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
