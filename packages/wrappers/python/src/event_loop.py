"""The event loop of plain functions."""

from __future__ import annotations

import math
import os
import select
from collections import deque
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Callback = Callable[..., Any]


READ, WRITE = 1, 4  # POLLIN and POLLOUT, which epoll has too; errors and hang-ups are for both callbacks


class EventLoop:
    """Subset of asyncio's event loop for the server, with the same names, at a third of the import time.

    It calls epoll itself: the selectors module would cost each call as much as parsing its request.
    """

    def __init__(self) -> None:
        self.watched: dict[int, tuple[Callback | None, Callback | None]] = {}  # by descriptor: for reading, for writing
        self.poller: Any = select.epoll() if hasattr(select, "epoll") else MillisecondPoll()
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
        on_read, on_write = known = self.watched.get(fd, (None, None))
        changed = (callback, on_write) if index == 0 else (on_read, callback)
        if changed == known:
            return
        events = (READ if changed[0] else 0) | (WRITE if changed[1] else 0)
        if events:
            self.watched[fd] = changed
            (self.poller.register if known == (None, None) else self.poller.modify)(fd, events)
        else:
            del self.watched[fd]
            self.poller.unregister(fd)

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
        poll, watched = self.poller.poll, self.watched
        while not self.stopped:
            timeout: float | None = None
            if self.callbacks or can_run():
                timeout = 0
            elif self.timers:
                timeout = max(0, min(timer[0] for timer in self.timers) - monotonic())
            for fd, events in poll(timeout, len(watched)):
                if events & ~WRITE and fd in watched:
                    on_read = watched[fd][0]
                    if on_read:
                        on_read()
                if events & ~READ and fd in watched:
                    on_write = watched[fd][1]
                    if on_write:
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


class MillisecondPoll:
    """The poll object of systems without epoll, with the arguments of epoll."""

    def __init__(self) -> None:
        poller = select.poll()
        self.register, self.modify, self.unregister = poller.register, poller.modify, poller.unregister
        self.wait = poller.poll

    def poll(self, timeout: float | None, count: int) -> list[tuple[int, int]]:
        """Wait for events, at most some seconds."""
        return self.wait(None if timeout is None else math.ceil(timeout * 1000))
