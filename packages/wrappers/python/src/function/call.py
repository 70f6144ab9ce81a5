"""A call of the function."""

from __future__ import annotations

import os
import re
import sys
from time import monotonic

from ..options import settings
from .body import parse_body
from .content_encoding import decode_body
from .event import Context, Event
from .query import parse_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..http.connection import Connection

RANDOM_STOCK = 64
random_digits: list[str] = []  # for request ids
TIMES = "x-faas-trace"  # asks for the times of a call
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}\Z").match


class Call:
    """A request whose head has been read: its content, its deadline, and the right to answer it."""

    progress: float

    __slots__ = (
        "connection",
        "method",
        "target",
        "headers",
        "http10",
        "keep_alive",
        "body",
        "request_id",
        "deadline",
        "unclaimed",
        "streaming",
        "progress",
        "running",
        "late",
        "traced",
    )

    def __init__(
        self,
        connection: Connection,
        method: str,
        target: str,
        headers: dict[str, str],
        http10: bool = False,
        keep_alive: bool = False,
        request_id: str | None = None,
    ) -> None:
        """Begin a call. `request_id` is that of the headers, if it is known to be valid."""
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        self.http10 = http10
        self.keep_alive = keep_alive
        self.body = b""
        if request_id is None:
            given = headers.get("x-request-id")
            request_id = given if given and REQUEST_ID(given) else new_request_id()
        self.request_id = request_id
        self.deadline = monotonic() + settings.timeout
        self.unclaimed = [self]
        self.streaming = False  # part of the response may have been sent; `progress` is the time of the last piece then
        self.running = False  # a thread runs it
        self.late = False  # a thread runs it beyond its deadline
        self.traced: float | None = None  # the gateway asks for the times: seconds since the epoch when it began

    def begin_stream(self) -> None:
        """Note that a streamed response begins: from now on silence ends the call."""
        self.progress = monotonic()
        self.streaming = True

    def claim(self) -> bool:
        """Claim the right to answer, from any thread: True for the first caller, False for all others."""
        try:
            self.unclaimed.pop()
            return True
        except IndexError:
            return False

    def decoded_body(self) -> bytes:
        """Give the body, decoded.

        @throws UNSUPPORTED_MEDIA_TYPE
        @throws BODY_TOO_LARGE
        @throws INVALID_REQUEST
        """
        if self.body and "content-encoding" in self.headers:
            return decode_body(self.body, self.headers)
        return self.body

    def arguments(self, arity: int) -> tuple[Any, ...]:
        """Create event and context, or only those that the handler accepts. A function of another platform gets the call itself.

        @throws MALFORMED_JSON
        @throws UNSUPPORTED_MEDIA_TYPE
        @throws BODY_TOO_LARGE
        @throws INVALID_REQUEST
        """
        if arity < 0:
            return (self,)
        target, query = self.target, ""
        if "?" in target:
            target, _, query = target.partition("?")
        if target[:1] not in ("/", "*"):  # absolute form, RFC 9112 section 3.2.2
            target = "/" + target.partition("://")[2].partition("/")[2]
        headers, body = self.headers, self.body
        if body and "content-encoding" in headers:
            body = decode_body(body, headers)
        event = Event(
            method=self.method,
            path=target or "/",
            query=parse_query(query) if query else {},
            headers=headers,
            body=parse_body(body, headers.get("content-type", "")) if body else None,
        )
        event.rawBody = body
        return (event, Context(self.request_id, self.deadline)) if arity == 2 else (event,)[:arity]


def new_request_id() -> str:
    """Make a UUID, version 4. The module uuid takes longer to import than the whole wrapper."""
    try:
        digits = random_digits.pop()
    except IndexError:  # the system is asked for many at a time, which costs hardly more than one
        text = os.urandom(16 * RANDOM_STOCK).hex()
        random_digits.extend(text[at : at + 32] for at in range(32, len(text), 32))
        digits = text[:32]
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def is_traced(call: Call) -> bool:
    """Tell whether somebody observes a call that belongs to a trace: the gateway asks for its times, or the function uses OpenTelemetry."""
    return TIMES in call.headers or "opentelemetry.context" in sys.modules
