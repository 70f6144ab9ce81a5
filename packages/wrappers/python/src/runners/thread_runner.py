"""Plain functions on worker threads."""

from __future__ import annotations

import sys
import threading
from time import monotonic

from ..options import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..event_loop import EventLoop
    from ..function.call import Call
    from .call_queue import CallQueue
    from .invoker import CallInvoker


class ThreadRunner:
    """Runs calls on worker threads, which are started when needed and park when there is nothing to do.

    A few busy threads are much quicker than many that take turns. So while calls are short, a thread that is busy anyway takes the
    next one, and others are woken when a call has waited HOLD seconds; while calls are long, each gets its thread at once.
    """

    HOLD = 0.002
    SHORT = 0.0005

    def __init__(self, queue: CallQueue, invoker: CallInvoker, loop: EventLoop) -> None:
        self.queue = queue
        self.lock = queue.lock
        self.waiting = queue.waiting
        self.invoker = invoker
        self.loop = loop
        self.parked: list[threading.Lock] = []  # locks of the threads that have nothing to do
        self.started = 0  # threads; one whose call has lost the loop counts as well
        self.checking = False
        self.duration = 0.01  # of a call, seconds, a moving average

    def submit(self, call: Call) -> None:
        """Queue a call, and wake a thread for it when no busy one will take it soon."""
        with self.lock:
            self.waiting.append(call)
            busy = self.started > len(self.parked)
        if not busy or self.duration > self.SHORT:
            self.wake()
        if self.waiting and not self.checking:
            self.checking = True
            self.loop.call_later(self.HOLD, self.check_waiting, call)

    def check_waiting(self, call: Call) -> None:
        """Wake a thread for each call that waits, if `call`, which was waiting HOLD seconds ago, still is."""
        self.checking = False
        with self.lock:
            waiting = len(self.waiting)
            first = self.waiting[0] if waiting else None
        if first is None:
            return
        if first.deadline <= call.deadline:
            for _ in range(waiting):
                self.wake()
        if self.parked or self.started < settings.threads:
            self.checking = True
            self.loop.call_later(self.HOLD, self.check_waiting, first)

    def wake_for_waiting(self) -> None:
        """Wake a thread for each call that waits."""
        for _ in range(len(self.waiting)):
            self.wake()

    def wake(self) -> None:
        """Wake a thread, or start one if none is parked and there may be another."""
        with self.lock:
            if self.parked:
                self.parked.pop().release()
                return
            if self.started >= settings.threads:
                return
            self.started += 1
        try:
            threading.Thread(target=self.work, daemon=True, name="faas-call").start()
        except RuntimeError as error:  # a limit of the system: the threads that run have to do
            with self.lock:
                self.started -= 1
            sys.stderr.write(f"Cannot start another thread: {error}\n")

    def work(self) -> None:
        """Run the calls that wait, one after the other, and park in between. Does not return."""
        queue, waiting, run = self.queue, self.waiting, self.invoker.run
        parking = threading.Lock()
        parking.acquire()
        call = None
        while True:
            with self.lock:
                if call is not None:
                    call.running = False
                    queue.running -= 1
                    queue.late -= call.late
                call = waiting.popleft() if waiting else None
                if call is None:
                    self.parked.append(parking)
                else:
                    call.running = True
                    queue.running += 1
            if call is None:
                parking.acquire()
            elif call.unclaimed and not call.connection.gone:
                began = monotonic()
                run(call)
                self.duration += (monotonic() - began - self.duration) * 0.1
            elif call.claim():
                call.connection.finish(call)
