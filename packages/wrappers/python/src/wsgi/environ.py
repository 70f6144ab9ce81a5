"""The environment of a WSGI call (PEP 3333)."""

from __future__ import annotations

import io
import sys

from ..apps.address import client_of, decode_path, prefix_of, scheme_of, server_of, target_of
from ..options import READ_SIZE, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..function.call import Call

# Names of headers to their keys; None: not passed on. A name with "_" would read like the same name with "-", which the gateway checks.
known_keys: dict[str, str | None] = {"content-type": "CONTENT_TYPE", "content-length": None, "transfer-encoding": None}
MAX_KEYS = 300


class FileWrapper:
    """A file as an iterator of blocks: `wsgi.file_wrapper`."""

    def __init__(self, file: Any, block_size: int = READ_SIZE) -> None:
        self.file = file
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.file.read(self.block_size)
        if not block:
            raise StopIteration
        return block


BASE: dict[str, Any] = {
    "wsgi.version": (1, 0),
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.file_wrapper": FileWrapper,
    "SERVER_SOFTWARE": "faas",
    "REMOTE_PORT": "0",
}


def make_environ(call: Call) -> dict[str, Any]:
    """Make the environment of a call. The body has been read, so its length is known however it was sent."""
    headers, body = call.headers, call.body
    path, query = target_of(call)
    prefix = prefix_of(headers)
    scheme = scheme_of(headers)
    environ = BASE.copy()
    environ["wsgi.multithread"] = settings.concurrency > 1
    environ["REQUEST_METHOD"] = call.method
    environ["SCRIPT_NAME"] = decode_path(prefix).decode("latin-1") if "%" in prefix else prefix
    environ["PATH_INFO"] = decode_path(path).decode("latin-1") if "%" in path else path
    environ["QUERY_STRING"] = query
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"{prefix}{path}?{query}" if query else prefix + path
    environ["SERVER_PROTOCOL"] = "HTTP/1.0" if call.http10 else "HTTP/1.1"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = server_of(headers, scheme)
    environ["REMOTE_ADDR"] = client_of(headers)
    environ["wsgi.url_scheme"] = scheme
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    for name, value in headers.items():
        key = known_keys.get(name, "")
        if key == "":
            key = environ_key(name)
        if key:
            environ[key] = value
    if body or "content-length" in headers:
        environ["CONTENT_LENGTH"] = str(len(body))
    if scheme == "https":
        environ["HTTPS"] = "on"
    return environ


def environ_key(name: str) -> str | None:
    """Give the key of a header."""
    key = None if "_" in name else "HTTP_" + name.upper().replace("-", "_")
    if len(known_keys) >= MAX_KEYS:
        return key
    known_keys[name] = key
    return key
