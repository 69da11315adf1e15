"""What a run ran on: device, versions, machine. Recorded with each run, never part of its id."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

from reidbench.errors import ReidbenchError


def choose_device(asked: str) -> str:
    """Resolve ``auto`` to ``cuda`` where there is one, else ``cpu``.

    Raises:
        ReidbenchError: ``cuda`` was asked for and there is none, or the name is unknown.
    """
    if asked == "cpu":
        return "cpu"
    if asked not in ("auto", "cuda"):
        raise ReidbenchError(f"no device is called '{asked}'", where=f"--device {asked}", remedy="auto, cpu or cuda")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise ReidbenchError("this machine has no CUDA device", where="--device cuda", remedy="--device cpu")
    return "cpu"


def describe_environment(device: str) -> dict[str, Any]:
    """Return versions and machine as plain values."""
    packages = ("torch", "torchvision", "timm", "kornia", "numpy", "opencv-python", "pandas", "wildlife-datasets")
    described: dict[str, Any] = {
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

        described["gpu"] = torch.cuda.get_device_name()
    described["peak_memory_mib"] = _peak_memory_mib()
    return described


def _peak_memory_mib() -> float | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
