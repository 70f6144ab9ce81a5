"""Errors in responses to clients."""

from __future__ import annotations

from .errors import ERRORS
from .options import settings


class Problem(Exception):
    """Error that is answered with a problem document (RFC 9457)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.status, self.title = ERRORS[code]


def malformed(reason: str) -> Problem:
    """Make the problem of a request that violates RFC 9112 (HTTP/1.1)."""
    return Problem("INVALID_REQUEST", f"Malformed HTTP: {reason}")


def body_too_large() -> Problem:
    """Make the problem of a request body over the limit."""
    return Problem("BODY_TOO_LARGE", f"Expected a body of at most {settings.body_limit} bytes, got more")


def invalid_response(detail: str) -> Problem:
    """Make the problem of a return value that cannot be sent."""
    return Problem("INVALID_RESPONSE", detail)


def load_failed(detail: str) -> Problem:
    """Make the problem of a function that cannot be loaded."""
    return Problem("FUNCTION_LOAD_FAILED", detail)


def no_capacity() -> Problem:
    """Make the problem of a call that does not fit into the queue."""
    return Problem("NO_CAPACITY", f"{settings.concurrency} calls are running and {settings.queue_limit} are waiting")


def replica_claimed() -> Problem:
    """Make the problem of a second claim."""
    return Problem("REPLICA_CLAIMED", "The replica has a function already")
