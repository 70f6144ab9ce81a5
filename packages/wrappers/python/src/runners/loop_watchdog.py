"""The thread that keeps the loop running while a call is stuck."""

from __future__ import annotations

import threading
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..function.call import Call


class LoopWatchdog:
    """Moves the loop to another thread when a call blocks its thread for STUCK seconds.

    One thread at a time watches. When it takes the loop, the thread that lost it comes back once its call ends, and watches in its place.
    InlineRunner sets `turns`, `present` and `parked` itself, under the lock: a method for it would cost every call more than that.
    """

    STUCK = 0.1

    def __init__(self, lock: threading.Lock, on_stuck: Callable[[], None], take_loop: Callable[[], None]) -> None:
        self.lock = lock  # of the call queue
        self.on_stuck = on_stuck  # called with the lock held, when a call loses the loop
        self.take_loop = take_loop  # runs the loop; returns when a call has lost it again
        self.turns = 0  # calls so far on the loop's thread
        self.present: Call | None = None  # the call that it runs now
        self.watching = False
        self.parked = False  # the watching thread waits for the next call, which releases `parking`
        self.parking: threading.Lock | None = None  # None until watching has begun for the first time

    def start(self) -> None:
        """Start the first watching thread."""
        self.parking = threading.Lock()
        self.parking.acquire()
        self.watching = True
        threading.Thread(target=self.watch, daemon=True, name="faas-watchdog").start()

    def watch(self) -> None:
        """Watch the thread that has the loop; run the loop when a call keeps that thread. Does not return."""
        self.watching = True
        seen = 0
        while True:
            sleep(self.STUCK)
            with self.lock:
                same, call, seen = self.turns == seen, self.present, self.turns
                stuck = same and call is not None
                parks = self.parked = same and call is None
                if stuck:
                    self.present = None
                    self.watching = False
                    self.on_stuck()
            if parks:
                self.parking.acquire()  # type: ignore[union-attr]
            elif stuck:
                self.take_loop()
                # This thread is back from a call of its own, without the loop.
                self.watching = True
                seen = self.turns
