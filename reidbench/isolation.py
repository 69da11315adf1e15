"""``PYTHON -m reidbench.isolation FOLDER``: the worker's name in release 0.1, kept for other interpreters until 0.3."""

import sys
from pathlib import Path

from reidbench.experiments.worker import work

if __name__ == "__main__":
    work(Path(sys.argv[1]))
