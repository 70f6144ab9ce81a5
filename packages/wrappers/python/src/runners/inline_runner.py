"""Plain functions on the loop's own thread."""

from __future__ import annotations

import threading
from time import monotonic, sleep

from ..options import settings
from ..output_tags import current_call
from .cpu_quota_pacer import CpuQuotaPacer
from .loop_watchdog import LoopWatchdog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..event_loop import EventLoop
    from .call_queue import CallQueue
    from .invoker import CallInvoker
    from .thread_runner import ThreadRunner


class InlineRunner:
    """Runs calls on the loop's thread, one after the other at the pace of a CPU limit of less than a core.

    Under such a limit threads are in each other's way, and the kernel deals out the quota by processor. Calls run here as long as they use
    the processor and do not wait for something else; a call that keeps the loop too long loses it to the watchdog's thread.

    A pinned runner runs all calls on the main thread, with or without a limit: when the call has ended, the watchdog gives the loop back.
    """

    # Seconds that a call may wait for something else, on average, and for how long calls get threads when they wait longer.
    IDLING = 0.01
    BLOCKED = 30
    SHORT_WAIT = 0.002
    # Seconds after which the loop looks at the sockets, however many calls wait.
    BATCH = 0.02

    def __init__(
        self,
        queue: CallQueue,
        invoker: CallInvoker,
        threads: ThreadRunner,
        loop: EventLoop,
        run_loop: Callable[[], None],
        pinned: bool,
    ) -> None:
        self.queue = queue
        self.waiting = queue.waiting
        self.invoker = invoker
        self.threads = threads
        self.loop = loop
        self.run_loop = run_loop
        self.pinned = pinned
        self.lent = False  # pinned: the watchdog's thread has the loop
        self.wanted_back = False
        self.returned = threading.Lock()  # released when the watchdog's thread has given it back
        self.returned.acquire()
        self.pacer = CpuQuotaPacer()
        self.watchdog = LoopWatchdog(queue.lock, self.on_stuck, self.take_loop)
        self.rested = False  # since the last call
        self.waited = 0  # how many of the calls that waited when the rest was over still do
        self.blocked = 0.0  # seconds that a call did nothing but wait, a moving average
        self.blocked_until = 0.0

    def is_available(self, now: float) -> bool:
        """Tell whether the loop's thread may run calls, under a limit: no call has blocked it lately, and it is watched."""
        watchdog = self.watchdog
        return now >= self.blocked_until and (watchdog.watching or watchdog.parking is None)

    def can_run(self) -> bool:
        """Tell whether turn() has something to do: calls to run, or to hand over when no thread is busy."""
        if self.lent:
            return self.wanted_back
        if self.pinned or not self.waiting:
            return bool(self.waiting)
        now = monotonic()
        return (self.pacer.is_limited(now) and self.is_available(now)) or self.threads.started == len(
            self.threads.parked
        )

    def turn(self) -> bool:
        """Run calls that wait, on the loop's thread. False when that thread has lost the loop meanwhile, or gives it back."""
        if self.lent:
            return False
        queue, waiting, pacer, watchdog = self.queue, self.waiting, self.pacer, self.watchdog
        now = monotonic()
        until = now + self.BATCH
        if self.rested:
            self.rested, self.waited = False, len(waiting)
        while now < until:
            limited = pacer.is_limited(now)
            if not self.pinned and not (limited and self.is_available(now)):
                self.threads.wake_for_waiting()
                return True
            delay = pacer.delay(now, self.waited > 0) if limited else 0
            if delay > 0:
                self.rested = True
                # Sockets and all: what comes meanwhile is dealt with at once afterwards, which costs less than one by one.
                sleep(delay)
                return True
            with queue.lock:
                call = waiting.popleft() if waiting else None
                if call is None:
                    return True
                self.waited -= 1
                watchdog.turns += 1
                watchdog.present = call
                call.running = True
                queue.running += 1
                parked, watchdog.parked = watchdog.parked, False
            if parked:
                watchdog.parking.release()  # type: ignore[union-attr]
            elif watchdog.parking is None:
                watchdog.start()
            if call.unclaimed and not call.connection.gone:
                self.invoker.run(call)
                if settings.tags_output:
                    current_call.set("")
            elif call.claim():
                call.connection.finish(call)
            began, now = now, monotonic()
            idled = now - began
            if idled > self.SHORT_WAIT:  # a shorter call has not waited for long
                idled = max(0.0, idled - pacer.charge(now))
            self.blocked += (idled - self.blocked) * 0.1
            if self.blocked > self.IDLING:
                self.blocked, self.blocked_until = 0.0, now + self.BLOCKED
            with queue.lock:
                call.running = False
                queue.running -= 1
                queue.late -= call.late
                if watchdog.present is not call:
                    break
                watchdog.present = None
        else:
            return True
        if self.pinned:
            self.take_back()
            return True
        with queue.lock:
            self.threads.started -= 1
        self.loop.call_soon_threadsafe(self.threads.wake_for_waiting)
        return False

    def take_back(self) -> None:
        """Wait until the watchdog's thread has given the loop back."""
        self.wanted_back = True
        self.loop.call_soon_threadsafe(self.can_run)  # ends its select()
        self.returned.acquire()
        self.wanted_back = False

    def on_stuck(self) -> None:
        """Leave calls to the threads for a while, since one has kept the loop; with the queue's lock held."""
        if self.pinned:
            self.lent = True
            return
        self.blocked_until = monotonic() + self.BLOCKED
        self.threads.started += 1  # the thread that is kept is as good as a worker until its call ends

    def take_loop(self) -> None:
        """Run the loop on the watchdog's thread. Threads run the calls that wait, unless these are pinned."""
        if not self.pinned:
            self.threads.wake_for_waiting()
        self.run_loop()
        if self.pinned:
            self.lent = False
            self.returned.release()
