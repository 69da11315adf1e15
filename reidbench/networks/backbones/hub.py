"""Where pretrained weights are: the local cache of the hub first, then the hub, asked only where it answers."""

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
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Lookup:
    """A file that was found, or why there is none."""

    path: Path | None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.path is None) == (not self.reason):
            raise ValueError("a look-up ends with a path or with a reason")


def find_file(repository: str, names: Sequence[str], revision: str = "") -> Lookup:
    """Look for the first of several files of a repository: in the local cache, then on the hub.

    Args:
        repository: ``OWNER/NAME``; empty finds nothing.
        names: File names, the preferred one first.
        revision: Branch, tag or commit; empty is the main branch.

    Returns:
        The path on this machine, or what was looked for, where, and why it can't be had.
    """
    if not repository:
        return Lookup(None, "timm names no pretrained weights for it")
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    for name in names:
        cached = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(cached, str):
            return Lookup(Path(cached))
    wanted = f"{' or '.join(names)} of {repository}{f'@{revision}' if revision else ''}"
    absent = f"{wanted} is not in the local cache {constants.HF_HUB_CACHE}"
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return Lookup(None, f"{absent} and HF_HUB_OFFLINE is set")
    if not hub_answers(constants.ENDPOINT):
        return Lookup(None, f"{absent} and {constants.ENDPOINT} does not answer")
    reason = "it holds no such file"
    for name in names:
        try:
            return Lookup(Path(hf_hub_download(repository, name, revision=revision or None)))
        except Exception as error:
            # The hub's client raises many kinds (network, access, absent file), all with one meaning here.
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return Lookup(None, f"{absent} and {constants.ENDPOINT} does not give it: {reason}")


def ways_out(repository: str, *others: str) -> str:
    """Return what a user can do about a file of the hub that can't be had."""
    ways = []
    if repository:
        ways.append(f"with network (HF_HUB_OFFLINE not set): hf download {repository}")
        ways.append("or copy the HF_HOME folder of a machine that has it, and name it: HF_HOME=DIR reidbench …")
    return "; ".join([*ways, *(f"or {way}" if ways or i else way for i, way in enumerate(others))])


@functools.cache
def hub_answers(endpoint: str) -> bool:
    """Open one connection to the hub, or to the proxy in front of it, within ``PROBE_S``; once for each process."""
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

    # A socket's timeout does not cover the name look-up, which may hang for much longer: wait from outside.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PROBE_S)
    return answered.is_set()


def find_pretrained(repository: str) -> tuple[Path | None, str]:
    found = find_file(repository, WEIGHT_FILES)
    return found.path, found.reason
