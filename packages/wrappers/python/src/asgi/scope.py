"""The scope of an ASGI connection."""

from __future__ import annotations

from ..apps.address import client_of, decode_path, prefix_of, scheme_of, server_of, target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..function.call import Call

ASGI = {"version": "3.0", "spec_version": "2.3"}
ASGI_WEBSOCKET = {"version": "3.0", "spec_version": "2.4"}
known_headers_bytes: dict[tuple[str, str], tuple[bytes, bytes]] = {}
MAX_HEADERS = 300
MAX_HEADER = 1000


def http_scope(call: Call, state: dict[str, Any]) -> dict[str, Any]:
    """Make the scope of an HTTP request. As in other servers, the path begins with `root_path`."""
    headers = call.headers
    path, query = target_of(call)
    prefix = prefix_of(headers)
    scheme = scheme_of(headers)
    name, port = server_of(headers, scheme)
    if prefix:
        path = prefix + path
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": "1.0" if call.http10 else "1.1",
        "method": call.method,
        "scheme": scheme,
        "path": decode_path(path).decode("utf-8", "replace") if "%" in path or not path.isascii() else path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": decode_path(prefix).decode("utf-8", "replace") if prefix else "",
        "headers": encode_headers(headers),
        "client": (client_of(headers), 0),
        "server": (name, int(port)),
        "state": state.copy(),
    }


def websocket_scope(call: Call, state: dict[str, Any]) -> dict[str, Any]:
    """Make the scope of a WebSocket."""
    scope = http_scope(call, state)
    del scope["method"]
    protocols = call.headers.get("sec-websocket-protocol", "")
    scope.update(
        type="websocket",
        asgi=ASGI_WEBSOCKET,
        scheme="wss" if scope["scheme"] == "https" else "ws",
        subprotocols=[each.strip() for each in protocols.split(",") if each.strip()],
        extensions={"websocket.http.response": {}},
    )
    return scope


def encode_headers(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Give the headers as pairs of bytes."""
    pairs = []
    for item in headers.items():
        pair = known_headers_bytes.get(item)
        if pair is None:
            pair = (item[0].encode("latin-1"), item[1].encode("latin-1"))
            if len(pair[1]) <= MAX_HEADER and item[0] != "x-request-id":
                if len(known_headers_bytes) >= MAX_HEADERS:
                    known_headers_bytes.clear()
                known_headers_bytes[item] = pair
        pairs.append(pair)
    return pairs
