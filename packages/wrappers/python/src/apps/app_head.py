"""The head of an application's response: its own headers, checked, with those of the connection."""

from __future__ import annotations

from ..http.response_head import REASONS, date_line
from ..http.tokens import CONTROL, TOKEN
from ..lifecycle import lifecycle
from ..problem import invalid_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Union

    from ..function.call import Call

    Text = Union[str, bytes]

# Lines of headers: applications send the same ones again and again.
known_lines: dict[tuple[Any, Any], bytes] = {}
known_statuses: dict[Any, tuple[int, bytes]] = {}
LENGTH_NAMES = frozenset(("Content-Length", "content-length", b"content-length", b"Content-Length"))
MAX_LINES = 300
MAX_LINE = 1000
# Headers about the connection, which is the wrapper's.
OWN_HEADERS = frozenset(("transfer-encoding", "keep-alive", "x-request-id", "upgrade", "proxy-connection"))


class AppHead:
    """The status and the headers that an application has given."""

    __slots__ = ("status", "status_line", "lines", "length", "has_date", "closes")

    def __init__(self, status: Any, headers: Iterable[Any]) -> None:
        known = known_statuses.get(status)
        self.status, self.status_line = known or parse_status(status)
        self.lines: list[bytes] = []
        self.length: int | None = None  # of the body, as the application says
        self.has_date = False
        self.closes = False
        lines = self.lines
        for name, value in headers:
            line = known_lines.get((name, value))
            if line is not None:
                lines.append(line)
            elif name in LENGTH_NAMES and value.isascii() and value.isdigit():
                self.length = int(value)
            else:
                self.add(name, value)

    def add(self, name: Any, value: Any) -> None:
        """Check a header and add it.

        @throws INVALID_RESPONSE
        """
        key = header_text(name)
        text = header_text(value)
        if not TOKEN.match(key):
            raise invalid_response(f"The application sent a header that cannot be sent: {key!r} is not a header name")
        if CONTROL.search(text):
            raise invalid_response(f"The application sent a header that cannot be sent: {key}: {text!r}")
        lower = key.lower()
        if lower in OWN_HEADERS:
            return
        if lower == "connection":
            self.closes = self.closes or text.strip().lower() == "close"
        elif lower == "content-length":
            if not (text.isascii() and text.strip().isdecimal()):
                raise invalid_response(f"Expected Content-Length to be a number, got {text!r}")
            self.length = int(text.strip())
        else:
            line = f"{key}: {text.strip()}\r\n".encode("latin-1")
            self.lines.append(line)
            if lower == "date":
                self.has_date = True
            elif len(line) <= MAX_LINE:
                if len(known_lines) >= MAX_LINES:
                    known_lines.clear()
                known_lines[(name, value)] = line

    def encode(self, call: Call, framing: str) -> bytes:
        """Write the head. `framing` is the header that says where the body ends."""
        if lifecycle.draining or self.closes:
            call.keep_alive = False
        if not call.keep_alive:
            framing += "Connection: close\r\n"
        elif call.http10:
            framing += "Connection: keep-alive\r\n"
        if call.traced is not None:
            from ..function.trace import times_line

            framing = times_line(call) + framing
        date = "" if self.has_date else date_line()
        end = f"X-Request-Id: {call.request_id}\r\n{date}{framing}\r\n"
        return b"%b%b%b" % (self.status_line, b"".join(self.lines), end.encode("latin-1"))

    def framing(self, call: Call, length: int | None) -> str:
        """Write the header that says where the body ends, for a body of a known or an unknown length."""
        if self.status in (204, 304):
            return ""
        if length is not None:
            return f"Content-Length: {length}\r\n"
        if call.http10:  # it has no chunks: the end of the connection is the end of the body
            call.keep_alive = False
            return ""
        return "Transfer-Encoding: chunked\r\n"


def header_text(value: Any) -> str:
    """Give a header's name or value as text.

    @throws INVALID_RESPONSE
    """
    if type(value) is str:
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            raise invalid_response(f"The application sent a header that cannot be sent: {value!r}") from None
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("latin-1")
    if isinstance(value, str):
        return header_text(str(value))
    raise invalid_response(f"Expected a header to be text, got {type(value).__name__}: {value!r}")


def parse_status(status: Any) -> tuple[int, bytes]:
    """Read a status, which is a number (ASGI) or a number with a reason (WSGI), and write its line.

    @throws INVALID_RESPONSE
    """
    code, reason = status, ""
    if isinstance(status, str):
        number, _, reason = status.partition(" ")
        code = int(number) if number.isascii() and number.isdecimal() else 0
    else:
        reason = REASONS.get(code, "") if isinstance(code, int) else ""
    if not isinstance(code, int) or not 200 <= code <= 999:
        raise invalid_response(f"Expected a status from 200 to 999, got {status!r}")
    try:
        line = f"HTTP/1.1 {int(code)} {reason}\r\n".encode("latin-1")
    except UnicodeEncodeError:
        line = b""
    if not line or CONTROL.search(reason):
        raise invalid_response(f"Expected the reason of the status to be printable text, got {status!r}")
    if len(known_statuses) >= MAX_LINES:
        known_statuses.clear()
    known_statuses[status] = (int(code), line)
    return int(code), line
