"""Writing the head of an HTTP/1.1 response."""

from __future__ import annotations

from time import gmtime, time

from ..lifecycle import lifecycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..function.call import Call

    Headers = Sequence[tuple[str, str]]

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
    302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Payload Too Large", 415: "Unsupported Media Type",
    418: "I'm a Teapot", 422: "Unprocessable Entity", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
date_cache = (0, "")


def response_head(call: Call, status: int, content_type: str | None, headers: Headers, framing: str) -> bytes:
    """Write the head. `framing` is the header that says where the body ends."""
    if lifecycle.draining:
        call.keep_alive = False
    elif (
        status == 200 and content_type and not headers and call.keep_alive and not call.http10 and call.traced is None
    ):  # as nearly all are
        return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nX-Request-Id: {call.request_id}\r\n{date_line()}{framing}\r\n".encode(
            "latin-1"
        )
    if call.traced is not None:
        from ..function.trace import times_line

        framing = times_line(call) + framing
    lines = f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n"
    date = date_line()
    if headers:
        names = {name.lower() for name, _ in headers}
        lines += "".join([f"{name}: {value}\r\n" for name, value in headers if name.lower() != "connection"])
        call.keep_alive &= "connection" not in names  # checked_headers() keeps it only when its value is "close"
        content_type = None if "content-type" in names else content_type
        date = "" if "date" in names else date
    if content_type:
        lines += f"Content-Type: {content_type}\r\n"
    if not call.keep_alive:
        framing += "Connection: close\r\n"
    elif call.http10:
        framing += "Connection: keep-alive\r\n"
    return f"{lines}X-Request-Id: {call.request_id}\r\n{date}{framing}\r\n".encode("latin-1")


def has_body(call: Call, status: int) -> bool:
    """Tell whether a response with this status carries a body (RFC 9110 section 6.4.1)."""
    return call.method != "HEAD" and status != 204 and status != 304


def date_line() -> str:
    """Write the Date header, once a second."""
    global date_cache
    second, text = date_cache
    now = int(time())
    if now != second:
        t = gmtime(now)
        clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
        text = f"Date: {DAYS[t.tm_wday]}, {t.tm_mday:02} {MONTHS[t.tm_mon - 1]} {t.tm_year} {clock} GMT\r\n"
        date_cache = (now, text)
    return text
