"""The queue of plain functions' calls."""

from __future__ import annotations

import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..function.call import Call


class CallQueue:
    """The calls that wait, and how many run; shared by the runners of plain functions. All fields change under the lock.

    Its users work on the fields: a method for each step would cost every call more than the step itself.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: deque[Call] = deque()
        self.running = 0  # calls that a thread has
        self.late = 0  # those beyond their deadline
