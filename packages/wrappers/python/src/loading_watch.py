"""Reports where the user's code is when loading takes long, for an endless loop for instance."""

from __future__ import annotations

import _thread
import faulthandler
import os
import sys

from .source_folder import FILE, FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

REPORT_SECONDS = 6  # core/endpoints/loading-report.ts has the same, and the same text


class LoadingWatch:
    """Waits beside the main thread, from its creation until `end`."""

    def __init__(self) -> None:
        self.main = _thread.get_ident()
        self.ended = _thread.allocate_lock()
        self.ended.acquire()
        _thread.start_new_thread(self.watch, ())
        try:
            # Code that keeps the interpreter's lock, such as a regular expression, also stops the thread above.
            faulthandler.dump_traceback_later(REPORT_SECONDS + 2, file=sys.__stderr__)
        except (AttributeError, OSError, RuntimeError, ValueError):
            pass  # stderr is not a file

    def watch(self) -> None:
        """Report the position once, unless loading ends before."""
        if self.ended.acquire(timeout=REPORT_SECONDS):
            return
        faulthandler.cancel_dump_traceback_later()
        location = location_of_frame(sys._current_frames().get(self.main))
        if location:
            sys.stderr.write(f"Still loading after {REPORT_SECONDS} s, at {location}\n")

    def end(self) -> None:
        """Stop waiting: loading has ended."""
        self.ended.release()
        faulthandler.cancel_dump_traceback_later()


def location_of_frame(frame: FrameType | None) -> str | None:
    """Find the innermost code of the user in a stack, or else of a library."""
    library = None
    while frame:
        code = frame.f_code
        path = os.path.relpath(code.co_filename, FOLDER)
        if code.co_filename != FILE and not code.co_filename.startswith("<"):
            location = f"{path}:{frame.f_lineno} ({code.co_name})"
            if not path.startswith((".." + os.sep, ".packages")):
                return location
            library = library or location
        frame = frame.f_back
    return library
