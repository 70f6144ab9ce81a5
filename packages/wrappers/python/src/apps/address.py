"""The address of a request as its caller sees it, from the headers that the gateway adds."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..function.call import Call

DEFAULT_PORTS = {"http": "80", "https": "443"}
servers: dict[tuple[str, str], tuple[str, str]] = {}  # parsed hosts
MAX_SERVERS = 100


def prefix_of(headers: dict[str, str]) -> str:
    """Give the path at which the endpoint is mounted, without a slash at its end: `/<org>/<endpoint>`, or nothing at a hostname."""
    prefix = headers.get("x-forwarded-prefix")
    if not prefix:
        return ""
    prefix = prefix.rstrip("/")
    return prefix if prefix.startswith("/") else ""


def scheme_of(headers: dict[str, str]) -> str:
    """Give the scheme of the caller's URL. Of several proxies, the first has seen the caller."""
    proto = headers.get("x-forwarded-proto")
    if proto is None or proto == "http":
        return "http"
    return "https" if proto.partition(",")[0].strip().lower() in ("https", "wss") else "http"


def server_of(headers: dict[str, str], scheme: str) -> tuple[str, str]:
    """Give name and port of the host that the caller used."""
    host = headers.get("host", "")
    found = servers.get((host, scheme))
    if found is None:
        name, colon, port = host.rpartition(":")
        if not (colon and port.isdecimal() and port.isascii()):
            name, port = host, DEFAULT_PORTS[scheme]
        found = (name.strip("[]") or "localhost", port)
        if len(servers) >= MAX_SERVERS:
            servers.clear()
        servers[(host, scheme)] = found
    return found


def client_of(headers: dict[str, str]) -> str:
    """Give the caller's IP address as the gateway sees it; addresses before it are the caller's own claim."""
    chain = headers.get("x-forwarded-for")
    return chain[chain.rfind(",") + 1 :].strip() if chain else "127.0.0.1"


def target_of(call: Call) -> tuple[str, str]:
    """Split a request's target into path and query, both as sent."""
    path, _, query = call.target.partition("?")
    if path[:1] not in ("/", "*"):  # absolute form, RFC 9112 section 3.2.2
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path or "/", query


def decode_path(path: str) -> bytes:
    """Decode the escapes of a path."""
    if "%" not in path:
        return path.encode("latin-1")
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path.encode("latin-1"))
