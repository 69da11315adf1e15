"""Device, package versions and machine of a run. A record holds them; the id of a run does not depend on them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

from reidbench.errors import ReidbenchError


def choose_device(name: str) -> str:
    """Resolve ``auto`` to ``cuda`` if the machine has a CUDA device, else to ``cpu``.

    Raises:
        ReidbenchError: The name is unknown, or is ``cuda`` on a machine without a CUDA device.
    """
    if name == "cpu":
        return "cpu"
    if name not in ("auto", "cuda"):
        raise ReidbenchError(f"no device is called '{name}'", where=f"--device {name}", remedy="auto, cpu or cuda")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise ReidbenchError("this machine has no CUDA device", where="--device cuda", remedy="--device cpu")
    return "cpu"


def describe_environment(device: str) -> dict[str, Any]:
    """Return versions and machine as plain values."""
    packages = ("torch", "torchvision", "timm", "kornia", "numpy", "opencv-python", "pandas", "wildlife-datasets")
    environment: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "device": device,
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "gpu": None,
    }
    if device == "cuda":
        import torch

        environment["gpu"] = torch.cuda.get_device_name()
    environment["peak_memory_mib"] = _peak_memory_mib()
    return environment


def _peak_memory_mib() -> float | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
