"""Find files of weights: in local caches, in installed packages, then on the hub if it can be reached."""

from __future__ import annotations

import functools
import os
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from reidbench.networks.backbones.packages import PackagedFile, installed_path, packaged_weights

PROBE_S = 2.0
"""Longest time to wait for a connection to the hub, in seconds."""
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Lookup:
    """The path of a file, or the reason why it is not available.

    Attributes:
        path: The file; ``None`` if it is not available.
        reason: Why it is not available; empty if it is.
        packaged: The file of a package that ``path`` is; ``None`` for a file of the hub.
    """

    path: Path | None
    reason: str = ""
    packaged: PackagedFile | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (not self.reason):
            raise ValueError("a look-up has either a path or a reason")


def find_weights(
    repository: str, names: Sequence[str] = (), revision: str = "", *, downloads: bool = False, online: bool = True
) -> Lookup:
    """Look for the weights of a repository: in the caches of this machine, in installed packages, then on the hub.

    Args:
        repository: ``OWNER/NAME``; nothing is found if it is empty.
        names: File names, the preferred one first; empty for those of timm's models.
        revision: Branch, tag or commit; empty is the main branch.
        downloads: Whether the downloads of torch are searched too, by file name.
        online: Whether the hub may be contacted.

    Returns:
        The path on this machine, or a reason that names the file, the places searched and the problem.

    Raises:
        ReidbenchError: An installed package should hold the file, but lacks it or holds another one.
    """
    files = tuple(names) or WEIGHT_FILES
    downloaded = [torch_downloads() / name for name in files] if downloads else []
    here = next((path for path in downloaded if path.is_file()), None) or find_cached(repository, files, revision)
    if here is not None:
        return Lookup(here)
    packaged = packaged_weights(repository, files)
    path = installed_path(packaged) if packaged is not None and not revision else None
    if path is not None:
        return Lookup(path, packaged=packaged)
    if not online:
        return Lookup(None, f"{' or '.join(files)} of {repository} is not on this machine")
    found = find_file(repository, files, revision)
    if found.path is not None:
        return found
    elsewhere = [f"{path} does not exist" for path in downloaded]
    elsewhere += [f"the package {packaged.distribution} is not installed"] if packaged is not None else []
    return Lookup(None, ", and ".join([found.reason, *elsewhere]))


def find_cached(repository: str, names: Sequence[str], revision: str = "") -> Path | None:
    """Return the first of several files of a repository that is in the hub's local cache."""
    if not repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        cached = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(cached, str):
            return Path(cached)
    return None


def torch_downloads() -> Path:
    """Return the folder of torch's downloads, which kornia uses, without importing torch."""
    loaded = sys.modules.get("torch.hub")
    if loaded is not None:  # a program may have set another folder
        return Path(loaded.get_dir()) / "checkpoints"
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(caches) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def find_file(repository: str, names: Sequence[str], revision: str = "") -> Lookup:
    """Look for the first of several files of a repository: in the local cache, then on the hub.

    Args:
        repository: ``OWNER/NAME``; nothing is found if it is empty.
        names: File names, the preferred one first.
        revision: Branch, tag or commit; empty is the main branch.

    Returns:
        The path on this machine, or a reason that names the file, the places searched and the problem.
    """
    if not repository:
        return Lookup(None, "timm has no pretrained weights for it")
    cached = find_cached(repository, names, revision)
    if cached is not None:
        return Lookup(cached)
    from huggingface_hub import constants, hf_hub_download

    files = f"{' or '.join(names)} of {repository}{f'@{revision}' if revision else ''}"
    absent = f"{files} is not in the local cache {constants.HF_HUB_CACHE}"
    if _offline():
        return Lookup(None, f"{absent} and HF_HUB_OFFLINE is set")
    if not hub_answers(constants.ENDPOINT):
        return Lookup(None, f"{absent} and {constants.ENDPOINT} does not answer")
    reason = "the repository has no such file"
    for name in names:
        try:
            return Lookup(Path(hf_hub_download(repository, name, revision=revision or None)))
        except Exception as error:
            # The hub's client raises many kinds of exception (network, access, missing file). All mean the same here.
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return Lookup(None, f"{absent} and can't be downloaded from {constants.ENDPOINT}: {reason}")


def hub_is_reachable() -> bool:
    """Return whether the hub may be contacted and answers; nothing is downloaded."""
    from huggingface_hub import constants

    return not _offline() and hub_answers(constants.ENDPOINT)


def _offline() -> bool:
    from huggingface_hub import constants

    set_now = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    return bool(constants.HF_HUB_OFFLINE) or set_now


def ways_out(repository: str, *others: str, file: str = "") -> str:
    """Return a remedy for missing weights.

    Args:
        repository: ``OWNER/NAME``; empty if the weights are not on the hub.
        others: Other remedies, added at the end.
        file: Name of the file in the repository; empty for a model of timm.
    """
    ways = []
    packaged = packaged_weights(repository, (file,))
    if packaged is not None:
        ways.append(packaged.install)
    if repository:
        repository = f"{repository} {file}".strip()
        ways.append(f"with a network connection and without HF_HUB_OFFLINE: hf download {repository}")
        ways.append("copy the folder HF_HOME from a machine that has the file: HF_HOME=DIR reidbench …")
    return "; or ".join([*ways, *others])


@functools.cache
def hub_answers(endpoint: str) -> bool:
    """Return whether the hub, or its proxy, accepts a connection within ``PROBE_S``; tested once per process."""
    url = urlsplit(endpoint)
    proxy = getproxies().get(url.scheme or "https", "")
    target = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else url
    port = target.port or (443 if target.scheme == "https" else 80)
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((target.hostname or "", port), timeout=PROBE_S).close()
        except OSError:
            return
        answered.set()

    # The timeout of a socket does not cover the DNS look-up, which can hang much longer. Hence the thread.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PROBE_S)
    return answered.is_set()
