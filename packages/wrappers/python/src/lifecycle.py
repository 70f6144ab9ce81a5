"""The state that signals change."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Lifecycle:
    """The state of the process. A global, because signals are the process's and every response looks at it."""

    def __init__(self) -> None:
        self.warm = False  # waits for a function
        self.draining = False  # asked to finish: no more connections, and every response closes its own
        self.closes_idle = False  # draining for long enough that clients have closed idle connections
        self.drained = False  # finished; the user's handler of SIGTERM is next
        self.loading = (0.0, 0.0)  # when loading began and ended, seconds since the epoch
        self.user_handler: Any = signal.SIG_DFL  # of SIGTERM


lifecycle = Lifecycle()
