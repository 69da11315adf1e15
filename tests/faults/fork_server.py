"""Run commands of reidbench in forked children of one warmed-up process, because starting Python takes seconds.

Reads one request a line from stdin, such as ``{"args": […], "folder": …, "env": {…}, "limit": …, "output": …}``, and
writes the exit code to stdout. The child's output goes to the file ``output``, and its stdout to ``stdout`` if given.
``limit`` is the largest size of a file in bytes. An error with a traceback gives the code 70. The server has loaded
neither torch nor threads.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import traceback
from typing import Any

WARM = (
    "cv2",
    "numpy",
    "pandas",
    "scipy.fft",
    "scipy.cluster.hierarchy",
    "sklearn.linear_model",
    "sklearn.isotonic",
    "reidbench.cli.main",
    "reidbench.experiments.jobs",
    "reidbench.experiments.rethresholding",
    "reidbench.identifying.answering",
    "reidbench.reporting.audit_build",
    "reidbench.reporting.build",
    "reidbench.reporting.review",
)
TRACEBACK = 70


def run(request: dict[str, Any]) -> None:
    """Run one command in this process, a child, and end it."""
    sink = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(sink, 2)
    stdout = request.get("stdout")
    os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if stdout else sink, 1)
    os.chdir(request["folder"])
    os.environ.update(request["env"])
    if request.get("limit") is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], request["limit"]))
    sys.argv = ["reidbench", *request["args"]]
    code = 0
    try:
        from reidbench.cli.main import main

        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        code = TRACEBACK
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    """Answer requests until stdin ends."""
    for module in WARM:
        importlib.import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
