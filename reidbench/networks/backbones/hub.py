"""Find files of the hub: in its local cache first, then on the hub if it can be reached."""

from __future__ import annotations

import functools
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

PROBE_S = 2.0
"""Longest time to wait for a connection to the hub, in seconds."""
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Lookup:
    """The path of a file, or the reason why it is not available."""

    path: Path | None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.path is None) == (not self.reason):
            raise ValueError("a look-up has either a path or a reason")


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
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    for name in names:
        cached = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(cached, str):
            return Lookup(Path(cached))
    files = f"{' or '.join(names)} of {repository}{f'@{revision}' if revision else ''}"
    absent = f"{files} is not in the local cache {constants.HF_HUB_CACHE}"
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
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


def ways_out(repository: str, *others: str) -> str:
    """Return a remedy for a missing file of the hub.

    Args:
        repository: Arguments for ``hf download``; empty if the file is not on the hub.
        others: Other remedies, added at the end.
    """
    ways = []
    if repository:
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
