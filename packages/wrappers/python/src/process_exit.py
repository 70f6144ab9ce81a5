"""The end of the process."""

from __future__ import annotations

import os
import sys
import threading
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


EXIT_LIMIT = 3  # seconds for the user's code at the end of the process


def exit_process(status: int) -> NoReturn:
    """Exit, whatever is running, after the exit functions, and after flushing the output."""
    import atexit

    try:
        threading.Thread(target=exit_late, args=(status,), daemon=True).start()
    except RuntimeError:
        pass  # no more threads
    # As the interpreter does: first the pools of concurrent.futures end, whose processes atexit would wait for.
    for end_pool in reversed(getattr(threading, "_threading_atexits", ())):
        end_pool()
    atexit._run_exitfuncs()
    end_process(status)


def exit_late(status: int) -> NoReturn:
    """Exit after EXIT_LIMIT seconds, since something still keeps the process."""
    sleep(EXIT_LIMIT)
    end_process(status)


def end_process(status: int) -> NoReturn:
    """Flush the output and exit."""
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
