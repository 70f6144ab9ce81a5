"""The opening handshake of WebSockets (RFC 6455 section 4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from ..http.response_head import date_line
from ..http.tokens import TOKEN
from ..problem import Problem, invalid_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..function.call import Call

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OWN_LINES = re.compile(rb"(?im)^sec-websocket-(?:accept|protocol|extensions): [^\r]*\r\n")


def check_request(call: Call, has_body: bool) -> None:
    """Check the request for a WebSocket.

    @throws INVALID_REQUEST
    """
    if has_body:
        raise Problem("INVALID_REQUEST", "Expected a request for a WebSocket to have no body")
    version = call.headers.get("sec-websocket-version")
    if version != "13":
        raise Problem("INVALID_REQUEST", f"Expected Sec-WebSocket-Version 13, got {version or 'none'}")
    try:
        key = base64.b64decode(call.headers.get("sec-websocket-key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 16:
        raise Problem("INVALID_REQUEST", "Expected Sec-WebSocket-Key to be 16 bytes in Base64")


def accept_response(call: Call, subprotocol: Any, lines: bytes) -> bytes:
    """Write the response that accepts a WebSocket, with the application's own header lines.

    @throws INVALID_RESPONSE
    """
    key = call.headers["sec-websocket-key"].encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    head = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\nX-Request-Id: {call.request_id}\r\n{date_line()}"
    )
    if subprotocol is not None:
        if not isinstance(subprotocol, str) or not TOKEN.match(subprotocol):
            raise invalid_response(f"Expected the subprotocol to be a token, got {subprotocol!r}")
        head += f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    return head.encode("latin-1") + OWN_LINES.sub(b"", lines) + b"\r\n"
