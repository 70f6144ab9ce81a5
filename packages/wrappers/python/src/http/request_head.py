"""Reading the head of an HTTP/1.1 request (RFC 9112)."""

from __future__ import annotations

import re

from ..function.call import REQUEST_ID, Call
from ..problem import malformed
from .request_body import SizedBody, body_reader
from .tokens import CONTROL, TOKEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from .connection import Connection
    from .request_body import ChunkedBody

    Parts = TypeVar("Parts")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

# Lines of heads, and heads without their id, to their parsed parts: clients send the same ones again and again.
REQUEST_ID_NAME = b"\r\nX-Request-Id: "
TRACEPARENT_NAME = b"\r\ntraceparent: "
TRACEPARENT = re.compile(r"[0-9a-f-]{55}\Z").match
known_requests: dict[str, tuple[str, str, str]] = {}
known_headers: dict[str, tuple[str, str]] = {}
known_heads: dict[bytes, tuple[str, str, dict[str, str], bool, bool, int]] = {}
MAX_CACHED = 300
MAX_CACHED_LENGTH = 1000


def cache(known: dict[Any, Parts], text: str | bytes, parts: Parts) -> Parts:
    """Remember the parts of a text, unless it is long; forget all others when there are too many."""
    if len(known) >= MAX_CACHED:
        known.clear()
    if len(text) <= MAX_CACHED_LENGTH:
        known[text] = parts
    return parts


def parse_head(connection: Connection, block: bytes) -> tuple[Call, SizedBody | ChunkedBody | None]:
    """Make a Call, and the reader of its body if it has one, from the bytes before the empty line.

    @throws INVALID_REQUEST
    """
    # The gateway adds the id, and after it the trace if there is one; the rest is often the same as before, byte for byte.
    at = block.find(REQUEST_ID_NAME)
    if at < 0:
        return read_head(connection, block)
    end = block.find(b"\r\n", at + 2)
    request_id = block[at + len(REQUEST_ID_NAME) : end if end > 0 else None].decode("latin-1")
    traceparent = None
    if block.startswith(TRACEPARENT_NAME, end):
        begin = end + len(TRACEPARENT_NAME)
        end = block.find(b"\r\n", begin)
        traceparent = block[begin : end if end > 0 else None].decode("latin-1")
    rest = block[:at] + block[end:] if end > 0 else block[:at]
    found = known_heads.get(rest)
    if found is None or not REQUEST_ID(request_id) or (traceparent is not None and not TRACEPARENT(traceparent)):
        call, body = read_head(connection, block)
        if body is None or type(body) is SizedBody:
            others = dict(call.headers)
            # Of two ids both count, wherever in the head they are: then the head is not cached.
            if others.pop("x-request-id") == request_id == call.request_id and (
                others.pop("traceparent", None) == traceparent
            ):
                length = body.left if body is not None else 0
                cache(known_heads, rest, (call.method, call.target, others, call.http10, call.keep_alive, length))
        return call, body
    method, target, others, http10, keep_alive, length = found
    headers = dict(others)
    headers["x-request-id"] = request_id
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return Call(connection, method, target, headers, http10, keep_alive), SizedBody(length) if length else None


def read_head(connection: Connection, block: bytes) -> tuple[Call, SizedBody | ChunkedBody | None]:
    """Do what parse_head() does, without its cache of whole heads.

    @throws INVALID_REQUEST
    """
    lines = block.decode("latin-1").split("\r\n")
    first = lines[0]
    method, target, version = known_requests.get(first) or request_line(first)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        key, value = known_headers.get(line) or header_line(line)
        if key in headers:
            value = headers[key] + ("; " if key == "cookie" else ", ") + value
        headers[key] = value
    http10 = version == "HTTP/1.0"
    if "host" not in headers and not http10:
        raise malformed("expected a Host header")
    connection_header = headers.get("connection")
    if connection_header is None:
        keep_alive = not http10
    else:
        tokens = [token.strip() for token in connection_header.lower().split(",")]
        keep_alive = "close" not in tokens and (not http10 or "keep-alive" in tokens)
    call = Call(connection, method, target, headers, http10, keep_alive)
    return call, body_reader(headers, http10)


def request_line(line: str) -> tuple[str, str, str]:
    """Parse the first line into method, target and version.

    @throws INVALID_REQUEST
    """
    if not line.isprintable() and CONTROL.search(line):
        raise malformed("a control character in the header")
    parts = line.split(" ")
    if len(parts) != 3:
        raise malformed("expected METHOD TARGET HTTP/1.1")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise malformed("expected HTTP/1.1 or HTTP/1.0")
    if method not in METHODS and not TOKEN.match(method):
        raise malformed("the method is not a token")
    if not (target.startswith("/") or target == "*" or "://" in target):
        raise malformed("expected the target to begin with a slash")
    return cache(known_requests, line, (method, target, version))


def header_line(line: str) -> tuple[str, str]:
    """Parse a header into its name in lower case and its value.

    @throws INVALID_REQUEST
    """
    if not line.isprintable() and CONTROL.search(line):
        raise malformed("a control character in the header")
    name, colon, value = line.partition(":")
    if not TOKEN.match(name):
        raise malformed("a header name is not a token")
    if not colon:
        raise malformed("a header without a colon")
    return cache(known_headers, line, (name.lower(), value.strip(" \t")))
