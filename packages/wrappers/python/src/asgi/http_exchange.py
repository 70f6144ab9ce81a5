"""A request and its response, as events of an ASGI application."""

from __future__ import annotations

from time import monotonic

from ..apps.app_head import AppHead
from ..http.response import error_response
from ..http.response_head import has_body
from ..options import READ_AHEAD
from ..problem import invalid_response
from ..process_exit import exit_as_asked
from ..user_error import log_error
from .scope import http_scope
from .waiters import Waiters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..function.call import Call
    from .connection import AsgiConnection


class HttpExchange:
    """Receives the body as it comes, no more of it than the application takes, and sends the response as the application produces it."""

    __slots__ = (
        "call",
        "connection",
        "pieces",
        "size",
        "is_complete",
        "taken",
        "disconnected",
        "waiters",
        "head",
        "begun",
        "ended",
        "sent",
        "expected",
        "on_end",
    )

    def __init__(self, connection: AsgiConnection, call: Call) -> None:
        self.call = call
        self.connection = connection
        self.pieces: list[bytes] = []  # of the body, not yet received by the application
        self.size = 0
        self.is_complete = connection.body is None  # the body has been read
        self.taken = False  # the application has received the end of the body
        self.disconnected = False
        self.waiters = Waiters(connection.asyncio_loop)
        self.head: AppHead | None = None
        self.begun = False  # part of the response may be out
        self.ended = False  # all of it is
        self.sent = 0
        self.expected: int | None = None
        self.on_end: Any = None  # called when the response has ended

    def scope(self, state: dict[str, Any]) -> dict[str, Any]:
        """Make the scope of the request."""
        return http_scope(self.call, state)

    def feed(self, data: bytes) -> None:
        """Take a piece of the body from the connection."""
        self.pieces.append(data)
        self.size += len(data)
        self.waiters.wake()

    def complete(self) -> None:
        """Note the end of the body."""
        self.is_complete = True
        self.waiters.wake()

    def disconnect(self) -> None:
        """Note that the client is gone."""
        self.disconnected = True
        self.waiters.wake()

    def is_full(self) -> bool:
        """Tell whether the application has to receive what is here before more of the body is read."""
        return self.size >= READ_AHEAD

    async def receive(self) -> dict[str, Any]:
        """Give the next event to the application."""
        while True:
            if self.is_complete and not self.taken:
                self.taken = True
                body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
                self.pieces.clear()
                return {"type": "http.request", "body": body, "more_body": False}
            if self.disconnected or self.ended:
                return {"type": "http.disconnect"}
            if self.pieces:
                body = b"".join(self.pieces)
                self.pieces.clear()
                self.size = 0
                self.connection.resume()
                return {"type": "http.request", "body": body, "more_body": True}
            await self.waiters.wait()

    async def send(self, message: dict[str, Any]) -> None:
        """Take an event of the application.

        @throws INVALID_RESPONSE
        """
        kind = message["type"]
        if kind == "http.response.body":
            if self.head is None:
                raise RuntimeError("Expected http.response.start before http.response.body")
            body = message.get("body", b"")
            if message.get("more_body", False):
                await self.send_piece(body)
            elif self.begun:
                await self.send_end(body)
            else:
                self.send_whole(body)
        elif kind == "http.response.start":
            if self.head is not None:
                raise RuntimeError("Expected http.response.start once")
            self.head = AppHead(message["status"], message.get("headers") or ())
        elif kind not in ("http.response.trailers", "http.response.debug"):
            raise RuntimeError(f"Unexpected event {kind!r} of an HTTP response")

    def begin(self) -> bool:
        """Claim the response; False when the call was answered already, at its deadline or because its body is invalid."""
        self.begun = True
        if self.call.claim():
            return True
        self.ended = True
        self.waiters.wake()
        return False

    def send_whole(self, body: bytes) -> None:
        """Send a response whose body is known as a whole, in one write.

        @throws INVALID_RESPONSE
        """
        call, head = self.call, self.head
        with_body = has_body(call, head.status)  # type: ignore[union-attr]
        length = len(body)
        if head.length is not None:  # type: ignore[union-attr]
            if with_body and head.length != length:  # type: ignore[union-attr]
                raise invalid_response(
                    f"The application sent {length} bytes with a Content-Length of {head.length}"  # type: ignore[union-attr]
                )
            length = head.length  # type: ignore[union-attr]
        data = self.encode_head(length)
        if self.begin():
            self.connection.write(data + body if with_body else data)
        self.end()

    def encode_head(self, length: int | None) -> bytes:
        """Write the head of the response. The connection cannot be used again before the whole request has been read."""
        call, head = self.call, self.head
        if self.connection.body is not None:
            call.keep_alive = False
        return head.encode(call, head.framing(call, length))  # type: ignore[union-attr]

    async def send_piece(self, body: bytes) -> None:
        """Send a piece of an unfinished body, as soon as the client takes it.

        @throws INVALID_RESPONSE
        """
        call, head, start = self.call, self.head, b""
        if not self.begun:
            start = self.encode_head(head.length)  # type: ignore[union-attr]
            call.begin_stream()
            if has_body(call, head.status):  # type: ignore[union-attr]
                self.expected = head.length  # type: ignore[union-attr]
            self.begin()
        if self.ended:
            return
        data = start + self.framed(body)
        if data:
            await self.connection.write_async(data)
        if self.connection.gone:
            self.disconnect()
        else:
            call.progress = monotonic()

    def framed(self, body: bytes) -> bytes:
        """Frame a piece of the body.

        @throws INVALID_RESPONSE
        """
        if not body or not has_body(self.call, self.head.status):  # type: ignore[union-attr]
            return b""
        self.sent += len(body)
        if self.expected is None:
            return body if self.call.http10 else b"%x\r\n%b\r\n" % (len(body), body)
        if self.sent > self.expected:
            raise invalid_response(f"The application sent more bytes than its Content-Length of {self.expected}")
        return body

    async def send_end(self, body: bytes) -> None:
        """Send the last piece of a body.

        @throws INVALID_RESPONSE
        """
        if self.ended:
            return
        data = self.framed(body)
        if self.expected is not None:
            if self.sent != self.expected:
                raise invalid_response(
                    f"The application sent {self.sent} bytes with a Content-Length of {self.expected}"
                )
        elif has_body(self.call, self.head.status) and not self.call.http10:  # type: ignore[union-attr]
            data += b"0\r\n\r\n"
        if data:
            await self.connection.write_async(data)
        self.end()

    def end(self) -> None:
        """End the response: the connection takes the next request. The application may work on."""
        if not self.ended:
            self.ended = True
            self.connection.finish(self.call)
            self.waiters.wake()
            self.on_end(self.call)

    def returned(self) -> None:
        """Note that the application has returned, which it may do early when its client is gone."""
        if self.disconnected and not self.ended:
            self.connection.cut()
            if self.begun or self.begin():
                self.end()
        elif not self.ended:
            self.failed(invalid_response("The ASGI application returned before the end of its response"))

    def failed(self, error: BaseException) -> None:
        """Answer an error of the application with a problem, or cut a response that has begun."""
        call = self.call
        if not self.begun and call.unclaimed:
            response = error_response(call, error)
            if self.begin():
                self.connection.write(response.data)
            return self.end()
        if isinstance(error, SystemExit):
            exit_as_asked(error, f"in request {call.request_id}")
        log_error(error, call.request_id)
        if self.begun and not self.ended:
            self.connection.cut()
            self.end()

    def cancelled(self) -> None:
        """Note that the application was cancelled: at the deadline, which answers, or when a stream was silent, which is cut."""
        if not self.begun and self.call.unclaimed:
            self.failed(RuntimeError("The application's task was cancelled"))
        elif self.begun and not self.ended:
            self.connection.cut()
            self.end()
