"""The end of the process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def exit_process(status: int) -> NoReturn:
    """End the process at once, whatever is running, after writing out what was printed so far."""
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def exit_as_asked(error: SystemExit, where: str) -> NoReturn:
    """End the process as sys.exit() in the user's code asks, and say so in the log."""
    code = error.code if isinstance(error.code, int) else int(error.code is not None)
    sys.stderr.write(f"The function called sys.exit({'' if error.code is None else repr(error.code)}) {where}\n")
    exit_process(code & 0xFF)
