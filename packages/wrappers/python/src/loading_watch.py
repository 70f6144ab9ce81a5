"""Reports where the user's code is when loading takes long, for an endless loop for instance."""

from __future__ import annotations

import faulthandler
import sys
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

REPORT_SECONDS = 6  # core/endpoints/loading-report.ts has the same, and finds the position in the traceback
QUICK = 1  # seconds; the watch outlives a quick load, because ending it means to wait for its thread


class LoadingWatch:
    """Watches loading from its creation until `end`.

    The thread of faulthandler does not need the interpreter's lock: it costs a start nothing, and works in spite of code that keeps the
    lock, such as a regular expression.
    """

    def __init__(self) -> None:
        self.started = monotonic()
        try:
            faulthandler.dump_traceback_later(REPORT_SECONDS, file=sys.__stderr__)  # type: ignore[arg-type]
        except (AttributeError, OSError, RuntimeError, ValueError):
            pass  # stderr is not a file

    def end(self, call_later: Callable[[float, Callable[[], None]], object] | None) -> None:
        """End the watch, a moment later after a quick load. None: the loop may be blocked by a call, so the watch ends now."""
        if call_later and monotonic() - self.started < QUICK:
            call_later(QUICK, faulthandler.cancel_dump_traceback_later)
        else:
            faulthandler.cancel_dump_traceback_later()
