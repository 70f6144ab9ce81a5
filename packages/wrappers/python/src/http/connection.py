"""Connections of clients."""

from __future__ import annotations

import select
import socket
from time import monotonic

from ..function.call import Call
from ..lifecycle import lifecycle
from ..options import HEAD_LIMIT, KEEP_ALIVE, LINGER, READ_AHEAD, READ_SIZE, STALLED
from ..problem import Problem
from .request_head import parse_head
from .response import problem_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any, Protocol, Union

    from ..deadlines import Deadlines
    from ..event_loop import EventLoop
    from .request_body import ChunkedBody, SizedBody
    from .response import Response

    class ConnectionOwner(Protocol):
        """The part of the server that a connection uses."""

        @property
        def loop(self) -> Union[EventLoop, AbstractEventLoop]: ...

        @property
        def deadlines(self) -> Deadlines: ...

        def start(self, call: Call) -> None: ...

        def forget(self, connection: Connection) -> None: ...

        def sweep_soon(self) -> None: ...


class Connection:
    """A client's connection. It takes one request after the other: the next one when the previous response is out.

    Only the loop's thread reads, closes and changes what is watched. The thread that has claimed the present call writes.
    """

    __slots__ = (
        "owner",
        "loop",
        "deadlines",
        "sock",
        "fd",
        "buffer",
        "output",
        "call",
        "body",
        "reading",
        "ended",
        "gone",
        "refused",
        "lingering",
        "closed",
        "since",
    )

    def __init__(self, sock: socket.socket, owner: ConnectionOwner) -> None:
        self.owner = owner
        self.loop = owner.loop
        self.deadlines = owner.deadlines
        self.sock = sock
        self.fd = sock.fileno()
        self.buffer = b""  # read and not yet taken
        self.output: bytes | memoryview = b""  # to be written when the socket takes more
        self.call: Call | None = None  # the present one, from the end of its head to the end of its response
        self.body: SizedBody | ChunkedBody | None = None  # its reader, until it is complete
        self.ended = False  # the client sends no more
        self.gone = False  # the client takes no more
        self.refused = False  # the request was not read to its end
        self.lingering = False
        self.closed = False
        self.since = monotonic()  # time of the last progress
        self.reading = True
        self.loop.add_reader(self.fd, self.readable)

    def readable(self) -> None:
        """Read what has come, and start the call when it is complete."""
        try:
            data = self.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self.gone = b"", True
        if not data:
            self.ended = True
            self.set_reading(False)
            if self.lingering or self.call is None or self.body is not None:
                self.close()
            return
        if self.lingering:
            return
        self.buffer = self.buffer + data if self.buffer else data
        self.process()

    def set_reading(self, wanted: bool) -> None:
        """Begin or stop watching the socket for data."""
        if wanted != self.reading:
            self.reading = wanted
            if wanted:
                self.loop.add_reader(self.fd, self.reader())
            else:
                self.loop.remove_reader(self.fd)

    def reader(self) -> Callable[[], None]:
        """Give what reads the socket when it has data."""
        return self.readable

    def process(self) -> None:
        """Parse what has been read. Does nothing while a call is being handled, so an extra call does no harm."""
        try:
            while not self.closed and not self.lingering and (self.call is None or self.body is not None):
                if self.call is None and not self.take_head():
                    break
                if self.body is not None and not self.take_body():
                    break
                self.since = monotonic()
                self.owner.start(self.call)  # type: ignore[arg-type]
        except Problem as problem:
            self.refuse(problem)
        if self.closed or self.lingering:
            return
        if self.call is None and (self.ended or (lifecycle.closes_idle and not self.buffer)):
            self.close()
        elif not self.ended:
            self.set_reading(len(self.buffer) < READ_AHEAD or self.call is None)

    def take_head(self) -> bool:
        """Take a request's head from the buffer. False while it is not complete.

        @throws INVALID_REQUEST
        @throws HEADERS_TOO_LARGE
        """
        buffer = self.buffer
        if buffer.startswith(b"\r\n"):  # RFC 9112 section 2.2
            buffer = self.buffer = buffer.lstrip(b"\r\n")
        if not buffer:
            return False
        end = buffer.find(b"\r\n\r\n", 0, HEAD_LIMIT + 4)
        if end < 0:
            if len(buffer) > HEAD_LIMIT:
                raise Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
            return False
        self.buffer = b""
        call, body = parse_head(self, buffer[:end])
        self.buffer = buffer[end + 4 :]
        self.call, self.body = call, body
        self.deadlines.watch(call)
        if body is not None and not body.too_large and call.headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def take_body(self) -> bool:
        """Take the present request's body from the buffer. False while it is not complete.

        @throws INVALID_REQUEST
        @throws BODY_TOO_LARGE
        @throws HEADERS_TOO_LARGE
        """
        data, self.buffer = self.buffer, b""
        rest = self.body.take(data)  # type: ignore[union-attr]
        if rest is None:
            return False
        self.buffer = rest
        self.call.body = b"".join(self.body.pieces)  # type: ignore[union-attr]
        self.body = None
        return True

    def refuse(self, problem: Problem) -> None:
        """Answer a request that was not read to its end; what follows it on the connection cannot be understood."""
        call = self.call = self.call or Call(self, "GET", "/", {})
        call.keep_alive = False
        self.refused = True
        if call.claim():
            self.deliver(call, problem_response(call, problem))

    def deliver(self, call: Call, response: Response) -> None:
        """Write a complete response. Only for the thread that has claimed the call."""
        self.write(response.data)
        self.finish(call)

    def write(self, data: bytes) -> None:
        """Write what the socket takes now and keep the rest."""
        if self.gone:
            return
        if self.output:
            data, self.output = bytes(self.output) + data, b""
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.gone = True
            return
        if sent < len(data):
            self.output = memoryview(data)[sent:]

    def flush(self) -> None:
        """Write what was kept."""
        data, self.output = self.output, b""
        if data:
            self.write(data)  # type: ignore[arg-type]
        self.since = monotonic()

    def write_all(self, data: bytes) -> None:
        """Write all of it, in a worker thread. A client that takes no more, or a cut at the deadline, ends the wait."""
        self.write(data)
        while self.output and not self.gone:
            poll = select.poll()
            poll.register(self.fd, select.POLLOUT)
            poll.poll()
            self.flush()

    async def write_async(self, data: bytes) -> None:
        """Write all of it, on asyncio's event loop. Ends as write_all() does."""
        self.write(data)
        while self.output and not self.gone:
            loop: Any = self.loop
            writable = loop.create_future()
            loop.add_writer(self.fd, resolve, writable)
            try:
                await writable
            finally:
                self.loop.remove_writer(self.fd)
            self.flush()

    def finish(self, call: Call) -> None:
        """End the call: its response is written, or as much of it as the socket took. The answering thread's last use of the connection."""
        self.deadlines.calls.pop(call, None)
        if self.output or self.gone or not call.keep_alive:
            self.loop.call_soon_threadsafe(self.flush_and_continue)
            return
        self.since = monotonic()
        self.call = None
        if self.buffer or self.ended or lifecycle.closes_idle:
            self.loop.call_soon_threadsafe(self.process)

    def flush_and_continue(self) -> None:
        """Write what is left, then take the next request or close."""
        if self.closed:
            return
        self.flush()
        if self.output and not self.gone:
            self.loop.add_writer(self.fd, self.flush_and_continue)
            return
        self.loop.remove_writer(self.fd)
        if self.gone or self.ended:
            self.close()
        elif self.call.keep_alive:  # type: ignore[union-attr]
            self.call = None
            self.process()
        elif self.refused or self.buffer:
            self.linger()
        else:
            self.close()

    def linger(self) -> None:
        """Close after the client has: closing on unread data would reset the connection, and the client would lose the response."""
        self.lingering = True
        self.buffer = b""
        self.since = monotonic()
        self.owner.sweep_soon()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
        else:
            self.set_reading(True)

    def cut(self) -> None:
        """End a connection whose response has begun and cannot be completed; the thread that writes it then notices and finishes."""
        self.gone = True
        self.output = b""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket. Does nothing the second time."""
        if self.closed:
            return
        self.closed = True
        if self.call is not None:
            self.deadlines.calls.pop(self.call, None)
        self.set_reading(False)
        self.loop.remove_writer(self.fd)
        self.sock.close()
        self.owner.forget(self)

    def sweep(self, now: float) -> None:
        """Close a connection that makes no progress. A call that is being handled has its own deadline."""
        if self.lingering:
            limit = LINGER
        elif self.output or self.buffer:
            limit = STALLED
        else:
            limit = KEEP_ALIVE
        handled = self.call is not None and self.call in self.deadlines.calls
        if not handled and now - self.since > limit:
            self.close()


def resolve(future: Any) -> None:
    """Let the coroutine that awaits a future continue."""
    if not future.done():
        future.set_result(None)
