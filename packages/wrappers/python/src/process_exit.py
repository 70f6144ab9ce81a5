"""The end of the process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def exit_process(status: int) -> NoReturn:
    """Exit immediately, whatever is running, after flushing the output."""
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def exit_as_asked(error: SystemExit, where: str) -> NoReturn:
    """Exit with the status of sys.exit() in the user's code, and log the reason."""
    code = error.code if isinstance(error.code, int) else int(error.code is not None)
    argument = "" if error.code is None else repr(error.code)
    sys.stderr.write(f"The function called sys.exit({argument}) {where}\n")
    exit_process(code & 0xFF)
