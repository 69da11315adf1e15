"""Run command lines in forked processes, so that a run that is killed costs no new import of torch.

Started as ``python warm_processes.py``. Each line of stdin is a JSON request; each line of stdout is the reply.

Request: ``commands`` (argument lists, run in this order until one fails), ``cwd``, ``env``, ``kill`` (end the process
by SIGKILL before this change of the disk; 0 never ends it). Several requests in ``together`` run at the same time.
Reply: ``status`` of the process as ``os.waitpid`` gives it, ``changes`` (number of changes of the disk) and ``output``.
"""

import itertools
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

NEVER = 10**9
EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.utime"}
SHARD = 24
"""Images in a shard, so that a small dataset has several shards to merge."""


def warm_up():
    import timm.models.resnet  # noqa: F401
    import torch

    torch.set_num_threads(1)
    import cv2

    cv2.setNumThreads(1)
    import reidbench.identifying.answering
    import reidbench.networks.training.triplet
    import reidbench.running.evaluation  # noqa: F401
    from reidbench.registry.registered import load_registry
    from reidbench.running import extractor

    load_registry()
    extractor.EXTRACTED_AT_ONCE = SHARD


def work(request, reply):
    """Run the commands of a request in this process, which ends afterwards."""
    from reidbench import files
    from reidbench.cli.main import main

    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    files._changes = itertools.count(1)
    files._kill_before = request["kill"] or NEVER
    busy = []

    def watch(event, arguments):
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+")
        if (event in EVENTS or writes) and not busy and str(arguments[0]).startswith(request["cwd"]):
            busy.append(event)
            files.count_change()
            busy.clear()

    sys.addaudithook(watch)
    code = 0
    for command in request["commands"]:
        sys.argv = ["reidbench", *command]
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            traceback.print_exc()
            code = 70
        sys.stdout.flush()
        sys.stderr.flush()
        if code:
            break
    busy.append("done")
    Path(reply).write_text(str(next(files._changes) - 1))
    os._exit(code)


def start(request):
    """Fork a process for a request; return what :func:`finish` needs."""
    folder = Path(tempfile.mkdtemp(prefix="fork-"))
    process = os.fork()
    if not process:
        with (folder / "output").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            sys.stdin.close()
            try:
                work(request, folder / "changes")
            finally:
                os._exit(71)
    return process, folder


def finish(process, folder):
    _, status = os.waitpid(process, 0)
    changes = folder / "changes"
    reply = {
        "status": status,
        "changes": int(changes.read_text()) if changes.exists() else 0,
        "output": (folder / "output").read_text(errors="replace"),
    }
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return reply


def serve():
    warm_up()
    print("ready", flush=True)
    for line in sys.stdin:
        requests = json.loads(line)["together"]
        started = [start(request) for request in requests]
        print(json.dumps([finish(*each) for each in started]), flush=True)


if __name__ == "__main__":
    serve()
