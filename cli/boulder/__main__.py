"""`python -m boulder`, and the entry point of the installed command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _open_standard()
    try:
        from boulder.app import cli
    except KeyboardInterrupt:
        # most of what a short command takes is its imports, so that is where a Ctrl-C comes
        sys.exit(130)

    cli.main(prog_name="boulder")


def _open_standard() -> None:
    """Put /dev/null where a standard stream was closed, or the next file or socket would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()
