"""The event loop of plain functions."""

from __future__ import annotations

import os
import selectors
from collections import deque
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Callback = Callable[..., Any]


class EventLoop:
    """Subset of asyncio's event loop for the server, with the same names, at a third of the import time."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.callbacks: deque[tuple[Callback, tuple[Any, ...]]] = deque()
        self.timers: list[tuple[float, Callback, tuple[Any, ...]]] = []  # a handful at most
        self.stopped = False
        self.wake_end, self.wake = os.pipe()
        os.set_blocking(self.wake_end, False)
        os.set_blocking(self.wake, False)
        self.add_reader(self.wake_end, self.drain_wake_ups)

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Call back whenever the descriptor has something to read."""
        self.change(fd, 0, callback)

    def remove_reader(self, fd: int) -> None:
        """End what add_reader() began."""
        self.change(fd, 0, None)

    def add_writer(self, fd: int, callback: Callback) -> None:
        """Call back whenever the descriptor can be written."""
        self.change(fd, 1, callback)

    def remove_writer(self, fd: int) -> None:
        """End what add_writer() began."""
        self.change(fd, 1, None)

    def change(self, fd: int, index: int, callback: Callback | None) -> None:
        """Set the callback for reading (index 0) or writing (1) of a descriptor."""
        key = self.selector.get_map().get(fd)
        callbacks = list(key.data) if key else [None, None]
        if callbacks[index] == callback:
            return
        callbacks[index] = callback
        events = (selectors.EVENT_READ if callbacks[0] else 0) | (selectors.EVENT_WRITE if callbacks[1] else 0)
        if not key:
            self.selector.register(fd, events, callbacks)
        elif events:
            self.selector.modify(fd, events, callbacks)
        else:
            self.selector.unregister(fd)

    def call_later(self, seconds: float, callback: Callback, *arguments: Any) -> None:
        """Call back on the loop's thread after a time."""
        self.timers.append((monotonic() + seconds, callback, arguments))

    def call_soon_threadsafe(self, callback: Callback, *arguments: Any) -> None:
        """Call back on the loop's thread; may be called in any thread."""
        self.callbacks.append((callback, arguments))
        try:
            os.write(self.wake, b"\0")
        except BlockingIOError:
            pass  # the pipe is full of wake-ups already

    def drain_wake_ups(self) -> None:
        """Empty the pipe, whose only purpose is to interrupt select()."""
        os.read(self.wake_end, 4096)

    def stop(self) -> None:
        """Make run_forever() return after the callbacks that are due."""
        self.stopped = True

    def run_forever(self, can_run: Callable[[], bool], turn: Callable[[], bool]) -> None:
        """Run until stop() is called, or until `turn` returns False because this thread has lost the loop.

        `turn` runs calls on this thread, whenever `can_run` returns True because some are waiting.
        """
        while not self.stopped:
            timeout: float | None = None
            if self.callbacks or can_run():
                timeout = 0
            elif self.timers:
                timeout = max(0, min(timer[0] for timer in self.timers) - monotonic())
            for key, events in self.selector.select(timeout):
                on_read, on_write = key.data
                if on_read and events & selectors.EVENT_READ:
                    on_read()
                if on_write and events & selectors.EVENT_WRITE and key.data[1]:
                    on_write()
            if self.timers:
                now = monotonic()
                due = [timer for timer in self.timers if timer[0] <= now]
                if due:
                    self.timers = [timer for timer in self.timers if timer[0] > now]
                    self.callbacks.extend((callback, arguments) for _, callback, arguments in due)
            for _ in range(len(self.callbacks)):
                callback, arguments = self.callbacks.popleft()
                callback(*arguments)
            if can_run() and not turn():
                return
