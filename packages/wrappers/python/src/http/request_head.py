"""Reading the head of an HTTP/1.1 request (RFC 9112)."""

from __future__ import annotations

import re

from ..function.call import Call
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

# The lines that the gateway adds to each head.
GATEWAY_LINES = re.compile(
    rb"\r\nX-Request-Id: ([\x21-\x7e]{1,128})(?:\r\ntraceparent: ([0-9a-f-]{55}))?(?=\r\n|\Z)"
).search

# Lines of heads, and heads without those, to their parsed parts: clients send the same ones again and again.
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
    lines = GATEWAY_LINES(block)
    if lines is None:
        return read_head(connection, block)
    id_bytes, trace_bytes = lines.groups()
    at, end = lines.span()
    request_id = id_bytes.decode()
    traceparent = trace_bytes.decode() if trace_bytes is not None else None
    rest = block[:at] + block[end:]
    found = known_heads.get(rest)
    if found is None:
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
    call = Call(connection, method, target, headers, http10, keep_alive, request_id)
    return call, SizedBody(length) if length else None


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
