"""Settings from the environment, and the limits that follow from them."""

from __future__ import annotations

import os
import sys

ENVIRONMENT = os.environ
IDENTITY = tuple(ENVIRONMENT.get(name, "") for name in ("FAAS_ORG", "FAAS_ENDPOINT", "FAAS_REVISION"))


def whole_number(name: str, fallback: str) -> int:
    """Read a setting that is a whole number, zero or more. Exits with a message for any other value."""
    text = ENVIRONMENT.get(name) or fallback
    if not (text.isascii() and text.isdecimal()):
        sys.exit(f'Expected {name} to be a whole number, got "{text}"')
    return int(text)


PORT = ENVIRONMENT.get("PORT") or "8080"
TIMEOUT_MS = whole_number("FAAS_TIMEOUT_MS", "30000")
TIMEOUT = TIMEOUT_MS / 1000
CONCURRENCY = max(1, whole_number("FAAS_CONCURRENCY", "80"))
BODY_LIMIT = whole_number("FAAS_BODY_LIMIT", "6291456")
HEAD_LIMIT = 16 * 1024
QUEUE_LIMIT = CONCURRENCY * 10
# More threads only pass the interpreter's lock around. A function that waits for hundreds of things at a time is an `async def`.
THREADS = min(CONCURRENCY, 32)
BACKLOG = 4096

# Bytes to read from a socket or a file at a time.
READ_SIZE = 64 * 1024
# What a client sends while its previous request is being answered stays in the kernel beyond this.
READ_AHEAD = 64 * 1024

# Seconds. An idle connection is kept longer than the gateway keeps it, so that the gateway never uses one that has just been closed.
KEEP_ALIVE = 75
STALLED = 60
LINGER = 2
SWEEP = 5
# A drain ends this time after the time limit of a call, even with open connections.
DRAIN_GRACE = 1
