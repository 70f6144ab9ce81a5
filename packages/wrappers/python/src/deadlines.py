"""The deadlines of calls."""

from __future__ import annotations

from time import monotonic

from .http.response import problem_response
from .options import settings
from .problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Union

    from .event_loop import EventLoop
    from .function.call import Call


class Deadlines:
    """Answers calls after their deadline. All calls have the same timeout, so they expire in the order in which they started.

    A response that is being streamed is cut by silence instead: after the time limit without a piece. It then has a timer of its own.
    """

    def __init__(self, loop: Union[EventLoop, AbstractEventLoop], cancel: Callable[[Call], None]) -> None:
        self.calls: dict[Call, None] = {}  # without a response so far, in order of their deadlines
        self.streams: set[Call] = set()  # calls with a timer of their own
        self.loop = loop
        self.cancel = cancel  # of the runner
        self.expiring = False

    def watch(self, call: Call) -> None:
        """Begin to watch a call's deadline. Taking the call out of `calls` ends it."""
        self.calls[call] = None
        if not self.expiring:
            self.expiring = True
            self.loop.call_later(settings.timeout, self.expire)

    def expire(self) -> None:
        """Answer the calls beyond their deadline, and wait for the next one."""
        now = monotonic()
        for call in list(self.calls):
            if call in self.streams:
                continue
            if call.deadline > now:
                self.loop.call_later(call.deadline - now, self.expire)
                return
            self.time_out_unless_sending(call)
        self.expiring = False

    def time_out_unless_sending(self, call: Call) -> None:
        """Time a call out, or look at it again after more silence if its response has made progress."""
        self.streams.discard(call)
        if call not in self.calls:
            return
        left = call.progress + settings.timeout - monotonic() if call.streaming else 0
        if left > 0:
            self.streams.add(call)
            self.loop.call_later(left, self.time_out_unless_sending, call)
        else:
            self.time_out(call)

    def time_out(self, call: Call) -> None:
        """Answer a call with a problem, or close the connection of a started response."""
        self.calls.pop(call, None)
        connection = call.connection
        if call.claim():
            if connection.body is not None:
                call.keep_alive, connection.refused = False, True
            problem = Problem("FUNCTION_TIMEOUT", f"The function did not finish within {settings.timeout_ms} ms")
            connection.deliver(call, problem_response(call, problem))
        elif call.streaming:
            connection.cut()
        self.cancel(call)
