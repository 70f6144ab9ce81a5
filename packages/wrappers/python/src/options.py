"""Settings from the environment, and the limits that follow from them."""

from __future__ import annotations

import os
import sys

ENVIRONMENT = os.environ
# More threads only pass the interpreter's lock around. A function that waits for hundreds of things at a time is an `async def`.
MAX_THREADS = 32
HEAD_LIMIT = 16 * 1024
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
# Idle connections stay open this long in a drain: a client that does not know of it may be sending a request. Clients that know close theirs.
DRAIN_IDLE = 2
# A drain ends this time after the time limit of a call, even with open connections.
DRAIN_GRACE = 1


class Settings:
    """The settings of the wrapper (docs/wrapper-protocol.md, "Environment")."""

    def __init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Read the environment. A prewarmed process gets its environment later than this file, and reads it again."""
        self.identity = tuple(ENVIRONMENT.get(name, "") for name in ("FAAS_ORG", "FAAS_ENDPOINT", "FAAS_REVISION"))
        self.port = ENVIRONMENT.get("PORT") or "8080"
        self.signature = ENVIRONMENT.get("FAAS_SIGNATURE") or ""
        self.tags_output = ENVIRONMENT.get("FAAS_OUTPUT_TAGS") == "1"
        self.timeout_ms = whole_number("FAAS_TIMEOUT_MS", "30000")
        self.timeout = self.timeout_ms / 1000
        self.concurrency = max(1, whole_number("FAAS_CONCURRENCY", "80"))
        self.body_limit = whole_number("FAAS_BODY_LIMIT", "6291456")
        self.queue_limit = self.concurrency * 10
        self.threads = min(self.concurrency, MAX_THREADS)


def whole_number(name: str, fallback: str) -> int:
    """Read a setting that is a whole number, zero or more. Exits with a message for any other value."""
    text = ENVIRONMENT.get(name) or fallback
    if not (text.isascii() and text.isdecimal()):
        sys.exit(f'Expected {name} to be a whole number, got "{text}"')
    return int(text)


settings = Settings()
