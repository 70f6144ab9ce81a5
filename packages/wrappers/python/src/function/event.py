"""The arguments of the user's function."""

from __future__ import annotations

import sys
from time import monotonic, time

from ..json_encoder import to_json
from ..options import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Event(dict):  # type: ignore[type-arg]
    """The request: method, path, query, headers, body; as `event["body"]` or `event.body`.

    `rawBody`, the bytes of the body, is not an item: an event written as JSON does not have the body twice.
    """

    __slots__ = ("rawBody",)

    rawBody: bytes

    def __missing__(self, name: str) -> Any:
        if name == "rawBody":
            return self.rawBody
        raise KeyError(name)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f'an event has {", ".join(self)}; no "{name}"') from None


class Log:
    """Logger that writes a line of JSON with the request id to stderr: `context.log.info("text", more=1)`."""

    __slots__ = ("request_id",)

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id

    def debug(self, message: Any, **fields: Any) -> None:
        """Write a line of the level "debug"."""
        self.write("debug", message, fields)

    def info(self, message: Any, **fields: Any) -> None:
        """Write a line of the level "info"."""
        self.write("info", message, fields)

    def warn(self, message: Any, **fields: Any) -> None:
        """Write a line of the level "warn"."""
        self.write("warn", message, fields)

    warning = warn

    def error(self, message: Any, **fields: Any) -> None:
        """Write a line of the level "error"."""
        self.write("error", message, fields)

    def write(self, level: str, message: Any, fields: dict[str, Any]) -> None:
        """Write one line of JSON."""
        text = message if isinstance(message, str) else to_json(message)
        sys.stderr.write(to_json({"level": level, "requestId": self.request_id, "message": text, **fields}) + "\n")


class Context:
    """Second argument of a handler."""

    __slots__ = ("request_id", "ends")

    def __init__(self, request_id: str, ends: float) -> None:
        self.request_id = request_id
        self.ends = ends  # on the monotonic clock

    @property
    def org(self) -> str:
        """Name of the organization."""
        return settings.identity[0]

    @property
    def endpoint(self) -> str:
        """Name of the endpoint."""
        return settings.identity[1]

    @property
    def revision(self) -> str:
        """Id of the revision."""
        return settings.identity[2]

    @property
    def deadline(self) -> float:
        """Deadline of the call in seconds since the epoch."""
        return time() + self.ends - monotonic()

    @property
    def log(self) -> Log:
        """Logger whose lines have the request id."""
        return Log(self.request_id)
