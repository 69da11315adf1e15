"""The ``reidbench`` command: it runs a command and turns an error into one message and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Annotated

import typer

from reidbench.cli.group import Commands
from reidbench.errors import ReidbenchError
from reidbench.files import disk_error
from reidbench.progress import plain_console, print_error, print_line
from reidbench.untrusted.text import visible
from reidbench.version import __version__

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(show: bool) -> None:
    if show:
        print_line(f"reidbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Compare methods that recognise individual animals in photographs."""


def _drop_output() -> None:
    """Leave out what stdout does not take, so that the interpreter does not try again at its end."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):  # it can be closed, or be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the command line.

    The exit code is 0 for success, 1 for an error that the user can correct, 2 for a wrong call and 130 for Ctrl-C.
    """
    console = plain_console(stderr=True)
    try:
        code = app(prog_name="reidbench", standalone_mode=False)
        sys.stdout.flush()
    except ReidbenchError as error:
        print_error(error, console)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        console.print("\nstopped; finished runs and cached images are kept, and the same command continues from there")
        sys.exit(130)
    except BrokenPipeError:  # the reader of stdout ended, as head does
        _drop_output()
        sys.exit(1)
    except OSError as error:  # such as a path that is too long or may not be read
        _drop_output()  # the disk of stdout can be full
        places = ", ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        refused = ReidbenchError(
            f"the operating system refused: {error.strerror or error}",
            where=places,
            remedy="check the path, its permissions and the space on the disk, then give the command again",
        )
        print_error(disk_error(error) or refused, console)
        sys.exit(1)
    except Exception as error:
        show = getattr(error, "show", None)  # a usage error of click, which typer may include
        if show is None:
            raise
        message = io.StringIO()
        show(file=message)
        sys.stderr.write(visible(message.getvalue()))
        sys.exit(int(getattr(error, "exit_code", 2)))
    sys.exit(code if isinstance(code, int) else 0)
