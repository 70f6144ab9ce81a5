"""The runner of plain functions."""

from __future__ import annotations

from time import monotonic

from ..options import settings
from ..problem import no_capacity
from .call_queue import CallQueue
from .inline_runner import InlineRunner
from .thread_runner import ThreadRunner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..event_loop import EventLoop
    from ..function.call import Call
    from .invoker import CallInvoker


class SyncRunner:
    """Chooses for each call of a plain function where it runs: on the loop's thread under a CPU limit, otherwise on worker threads.

    If calls run one at a time anyway, they run on the main thread, as in a script: sqlite3 connections, signals and asyncio depend on it.
    """

    def __init__(
        self,
        invoker: CallInvoker,
        loop: EventLoop,
        run_loop: Callable[[], None],
        on_exhausted: Callable[[], None],
    ) -> None:
        self.queue = CallQueue()
        self.threads = ThreadRunner(self.queue, invoker, loop)
        self.pinned = settings.concurrency == 1
        self.inline = InlineRunner(self.queue, invoker, self.threads, loop, run_loop, self.pinned)
        self.pacer = self.inline.pacer
        self.on_exhausted = on_exhausted  # called when late calls hold every thread

    def submit(self, call: Call) -> None:
        """Queue a call.

        @throws NO_CAPACITY
        """
        queue = self.queue
        if len(queue.waiting) + queue.running >= settings.queue_limit + settings.concurrency:
            raise no_capacity()
        if self.pinned:
            queue.waiting.append(call)
            return
        now = monotonic()
        if self.pacer.is_limited(now) and self.inline.is_available(now):
            queue.waiting.append(call)
        else:
            self.threads.submit(call)

    def watch(self) -> None:
        """Watch the loop from a thread that has lost it. Does not return."""
        self.inline.watchdog.watch()

    def cancel(self, call: Call) -> None:
        """Count a running call as late: a thread cannot be ended from outside, so it is occupied until the function returns."""
        with self.queue.lock:
            if not call.running:
                return
            call.late = True
            self.queue.late += 1
            if self.queue.late < settings.threads:
                return
        self.on_exhausted()

    def refuse_waiting(self) -> list[Call]:
        """Claim the calls that have not begun, and take them out of the queue."""
        with self.queue.lock:
            waiting = list(self.queue.waiting)
            self.queue.waiting.clear()
        return [call for call in waiting if call.claim()]
