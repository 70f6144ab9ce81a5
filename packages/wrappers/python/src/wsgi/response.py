"""The response of a WSGI application."""

from __future__ import annotations

from time import monotonic

from ..apps.app_head import AppHead
from ..http.response_head import has_body
from ..problem import invalid_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..function.call import Call


class Unsendable(Exception):
    """Signal that the response is no longer wanted: the call was answered at its deadline, or its client is gone."""

    __slots__ = ()


class WsgiResponse:
    """Sends the response of one call as the application produces it. A body that is known as a whole is one write with its head."""

    __slots__ = ("call", "head", "begun", "sent", "expected")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.head: AppHead | None = None
        self.begun = False  # the head is out
        self.sent = 0  # bytes of the body
        self.expected: int | None = None  # bytes of the body that the head promises; None: chunked, or no body

    def start(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        """Take status and headers: `start_response` of the application.

        @throws INVALID_RESPONSE
        """
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError("start_response() was called twice, the second time without exc_info")
        self.head = AppHead(status, headers)
        return self.write

    def send(self, pieces: Iterable[Any]) -> None:
        """Send the body that the application has returned.

        @throws INVALID_RESPONSE
        """
        call = self.call
        if type(pieces) in (list, tuple) and self.head is not None and not self.begun:
            body = checked(pieces[0]) if len(pieces) == 1 else b"".join(checked(each) for each in pieces)  # type: ignore[index,arg-type]
            return self.send_whole(body)
        if isinstance(pieces, (str, bytes, dict)) or not hasattr(pieces, "__iter__"):
            raise invalid_response(
                f"Expected the WSGI application to return an iterable of bytes, got {type(pieces).__name__}"
            )
        for piece in pieces:
            data = piece if type(piece) is bytes else checked(piece)
            if not data:
                continue
            head = self.head or self.started()
            if not self.begun and head.length == len(data):
                self.send_whole(data)
            else:
                self.write(data)
            if call.connection.gone:
                raise Unsendable
            if not has_body(call, head.status):
                break
        if self.begun:
            self.finish()
        else:
            self.send_whole(b"")

    def started(self) -> AppHead:
        """Give the head.

        @throws INVALID_RESPONSE when the application has not called start_response()
        """
        if self.head is None:
            raise invalid_response("The WSGI application did not call start_response() before its body")
        return self.head

    def send_whole(self, body: bytes) -> None:
        """Send a response whose body is known as a whole.

        @throws INVALID_RESPONSE
        """
        call, head = self.call, self.head or self.started()
        with_body = has_body(call, head.status)
        length = len(body)
        if head.length is not None:
            if with_body and head.length != length:
                raise invalid_response(f"The application sent {length} bytes with a Content-Length of {head.length}")
            length = head.length
        data = head.encode(call, head.framing(call, length))
        if not call.claim():
            raise Unsendable
        self.begun = True
        self.sent = self.expected = len(body) if with_body else 0
        call.connection.write(data + body if with_body else data)  # the rest is written by finish()

    def write(self, data: bytes) -> None:
        """Send a piece of the body, and the head before the first one: the `write` that start_response() returns.

        @throws INVALID_RESPONSE
        """
        call, head = self.call, self.started()
        data = checked(data)
        if not self.begun:
            start = head.encode(call, head.framing(call, head.length))
            call.begin_stream()
            if not call.claim():
                raise Unsendable
            self.begun = True
            self.expected = head.length if has_body(call, head.status) else None
        else:
            start = b""
        connection = call.connection
        if has_body(call, head.status):
            self.sent += len(data)
            if self.expected is not None and self.sent > self.expected:
                raise invalid_response(f"The application sent more bytes than its Content-Length of {self.expected}")
            if data and self.expected is None and not call.http10:
                data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            data = b""
        if start or data:
            connection.write_all(start + data if start else data)
        call.progress = monotonic()

    def finish(self) -> None:
        """End a body that was sent in pieces.

        @throws INVALID_RESPONSE
        """
        call = self.call
        if self.expected is not None:
            if self.sent != self.expected:
                raise invalid_response(
                    f"The application sent {self.sent} bytes with a Content-Length of {self.expected}"
                )
        elif has_body(call, self.started().status) and not call.http10:
            call.connection.write_all(b"0\r\n\r\n")


def checked(piece: Any) -> bytes:
    """Give a piece of the body as bytes.

    @throws INVALID_RESPONSE
    """
    if type(piece) is bytes:
        return piece
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise invalid_response(f"Expected the WSGI application to send bytes, got {type(piece).__name__}")
