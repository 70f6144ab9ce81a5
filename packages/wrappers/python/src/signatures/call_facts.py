"""Facts of a call that functions of several platforms read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..function.call import Call


def path_and_query(call: Call) -> tuple[str, str]:
    """Split a request's target into the path and the query, both as sent."""
    path, _, query = call.target.partition("?")
    if path[:1] not in ("/", "*"):  # absolute form, RFC 9112 section 3.2.2
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path or "/", query


def client_address(call: Call) -> str:
    """Give the client's address: the last one in X-Forwarded-For, which the gateway has added."""
    return call.headers.get("x-forwarded-for", "127.0.0.1").rpartition(",")[2].strip()
