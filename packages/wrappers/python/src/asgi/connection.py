"""Connections of an ASGI application: it gets the body of a request while that is read."""

from __future__ import annotations

from time import monotonic

from ..http.connection import Connection
from ..lifecycle import lifecycle
from ..options import READ_AHEAD, READ_SIZE
from ..problem import Problem, body_too_large
from .http_exchange import HttpExchange
from .waiters import Waiters

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Protocol, Union

    from ..function.call import Call
    from ..http.connection import ConnectionOwner
    from ..websocket.exchange import WebSocketExchange

    class AsgiOwner(ConnectionOwner, Protocol):
        """The part of the server that a connection of an ASGI application uses."""

        asyncio_loop: AbstractEventLoop


class AsgiConnection(Connection):
    """A connection that starts a call as soon as its head has been read."""

    __slots__ = ("asyncio_loop", "exchange", "drained", "read")

    def __init__(self, sock: socket.socket, owner: ConnectionOwner) -> None:
        self.asyncio_loop: AbstractEventLoop = owner.loop  # type: ignore[assignment]
        self.exchange: Union[HttpExchange, WebSocketExchange, None] = None  # of the present call
        self.drained = Waiters(self.asyncio_loop)  # tasks that wait until the client takes more
        self.read: Callable[[], None] = self.readable  # what reads the socket: that of a WebSocket once it is open
        super().__init__(sock, owner)

    def reader(self) -> Callable[[], None]:
        """Give what reads the socket now."""
        return self.read

    def readable(self) -> None:
        """Read what has come, and pass it on."""
        try:
            data = self.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self.gone = b"", True
        if data:
            if self.lingering:
                return
            self.buffer = self.buffer + data if self.buffer else data
            return self.process()
        self.ended = True
        self.set_reading(False)
        if self.lingering or self.call is None:
            self.close()
        elif self.exchange is not None:
            self.exchange.disconnect()

    def process(self) -> None:
        """Parse what has been read: start the call after a head, and give its body to the exchange."""
        try:
            while not self.closed and not self.lingering:
                if self.call is None:
                    if not self.take_head():
                        break
                    self.begin()
                elif self.body is not None and self.buffer:
                    self.feed()
                else:
                    break
        except Problem as problem:
            self.refuse(problem)
        if self.closed or self.lingering:
            return
        if self.call is None and (self.ended or (lifecycle.closes_idle and not self.buffer)):
            self.close()
        elif not self.ended:
            self.resume()

    def begin(self) -> None:
        """Start the call whose head has been read.

        @throws INVALID_REQUEST
        @throws BODY_TOO_LARGE
        @throws HEADERS_TOO_LARGE
        """
        call: Call = self.call  # type: ignore[assignment]
        if self.body is not None and self.body.too_large:
            raise body_too_large()
        if "upgrade" in call.headers and is_websocket(call):
            from ..websocket.exchange import WebSocketExchange

            self.exchange = WebSocketExchange(self, call)
        else:
            self.exchange = HttpExchange(self, call)
            if self.body is not None:
                self.feed()
        self.since = monotonic()
        self.owner.start(call)

    def feed(self) -> None:
        """Give what has been read of the body to the exchange.

        @throws INVALID_REQUEST
        @throws BODY_TOO_LARGE
        @throws HEADERS_TOO_LARGE
        """
        body, exchange = self.body, self.exchange
        data, self.buffer = self.buffer, b""
        rest = body.take(data)  # type: ignore[union-attr]
        if body.pieces:  # type: ignore[union-attr]
            exchange.feed(b"".join(body.pieces))  # type: ignore[union-attr]
            body.pieces.clear()  # type: ignore[union-attr]
        if rest is not None:
            self.buffer, self.body = rest, None
            exchange.complete()  # type: ignore[union-attr]

    def resume(self) -> None:
        """Read while the application takes what has been read."""
        if self.ended or self.closed:
            return
        full = self.body is not None and self.exchange is not None and self.exchange.is_full()
        self.set_reading(not full and (len(self.buffer) < READ_AHEAD or self.call is None))

    def refuse(self, problem: Problem) -> None:
        """Answer a request that cannot be read to its end, or cut a response that has begun."""
        self.body = None
        if self.call is not None and not self.call.unclaimed:
            self.cut()
        else:
            super().refuse(problem)
        if self.exchange is not None:
            self.exchange.disconnect()

    async def write_async(self, data: bytes) -> None:
        """Write all of it; several tasks may do so. A client that takes no more, or a cut at the deadline, ends the wait."""
        self.write(data)
        if self.output and not self.gone:
            self.asyncio_loop.add_writer(self.fd, self.writable)
            while self.output and not self.gone:
                await self.drained.wait()

    def send_soon(self, data: bytes) -> None:
        """Write without waiting: the loop writes what the socket does not take now."""
        self.write(data)
        if self.output and not self.gone:
            self.asyncio_loop.add_writer(self.fd, self.writable)

    def writable(self) -> None:
        """Write what was kept, and let the tasks continue that wait for it."""
        self.flush()
        if self.output and not self.gone:
            return
        self.loop.remove_writer(self.fd)
        self.drained.wake()

    def finish(self, call: Call) -> None:
        """End the call. A request that was not read to its end is the last one of its connection."""
        if self.body is not None:
            self.body = None
            self.refused = True
            call.keep_alive = False
        super().finish(call)

    def close(self) -> None:
        """Close the socket, and let the application know."""
        if self.closed:
            return
        super().close()
        self.gone = True
        self.drained.wake()
        if self.exchange is not None:
            self.exchange.disconnect()


def is_websocket(call: Call) -> bool:
    """Tell whether a request asks for a WebSocket (RFC 6455 section 4.1)."""
    headers = call.headers
    tokens = [token.strip() for token in headers.get("connection", "").lower().split(",")]
    return call.method == "GET" and headers["upgrade"].strip().lower() == "websocket" and "upgrade" in tokens
