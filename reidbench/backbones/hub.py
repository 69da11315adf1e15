"""Where pretrained weights are: the local cache of the hub first, then the hub, asked only where it answers."""

from __future__ import annotations

import functools
import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

PROBE_S = 2.0
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def find_pretrained(repository: str) -> tuple[Path | None, str]:
    """Return the weights file and an empty reason, or None and why there is none."""
    if not repository:
        return None, "timm names no pretrained weights for it"
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    for name in _HUB_FILES:
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Path(cached), ""
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return None, f"{repository} is not in the local cache and HF_HUB_OFFLINE is set"
    if not hub_answers(constants.ENDPOINT):
        return None, f"{repository} is not in the local cache and {constants.ENDPOINT} does not answer"
    reason = "it holds no weights file"
    for name in _HUB_FILES:
        try:
            return Path(hf_hub_download(repository, name)), ""
        except Exception as error:
            # The hub's client raises many kinds (network, access, absent file), all with one meaning here.
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return None, f"{repository}: {reason}"


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
