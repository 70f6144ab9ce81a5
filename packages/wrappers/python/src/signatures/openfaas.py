"""Functions of the OpenFaaS templates."""

from __future__ import annotations

import os
import socket

from ..apps.address import target_of
from ..function.query import parse_query
from ..function.signature import arity
from ..json_encoder import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..function.call import Call

FLASK_TEXT = "text/html; charset=utf-8"  # type of text in Flask, which the templates use


class OpenFaasHeaders(dict):  # type: ignore[type-arg]
    """OpenFaasHeaders of a request, whose names may be written in any case."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Give a header, or the default."""
        return super().get(name.lower(), default)


class OpenFaasQuery(dict):  # type: ignore[type-arg]
    """Parameters of a query, of which a repeated one has its first value."""

    def __init__(self, parsed: dict[str, Any]) -> None:
        super().__init__({name: value[0] if isinstance(value, list) else value for name, value in parsed.items()})
        self._all = parsed

    def getlist(self, name: str) -> list[str]:
        """Give all values of a parameter."""
        value = self._all.get(name, [])
        return list(value) if isinstance(value, list) else [value]


class OpenFaasEvent:
    """First argument of `handle(event, context)`."""

    def __init__(self, call: Call) -> None:
        path, query = target_of(call)
        self.body = call.decoded_body()
        self.headers = OpenFaasHeaders(call.headers)
        self.method = call.method
        self.query = OpenFaasQuery(parse_query(query))
        self.path = path


class OpenFaasContext:
    """Second argument of `handle(event, context)`."""

    hostname = os.environ.get("HOSTNAME") or socket.gethostname()


def adapt_openfaas(target: Callable[..., Any]) -> Any:
    """Make `handle(event, context)`, or `handle(req)` of the body as text, a function that takes a call."""
    takes_event = arity(target) == 2

    def handle(call: Call) -> Any:
        if takes_event:
            return openfaas_result(target(OpenFaasEvent(call), OpenFaasContext()))
        body = call.decoded_body()
        raw = os.environ.get("RAW_BODY", "").lower() in ("1", "true")
        return openfaas_result(target(body if raw else body.decode("utf-8", "replace")))

    handle.takes_call = True  # type: ignore[attr-defined]
    return handle


def openfaas_result(value: Any) -> Any:
    """Convert a result to that of a handler: a dict with `statusCode`, `body` or `headers`, or what a view of Flask returns."""
    if isinstance(value, tuple):
        body, status, headers = view_result(value)
    elif isinstance(value, dict) and value.keys() & {"statusCode", "body"}:
        body, status, headers = value.get("body", ""), value.get("statusCode", 200), value.get("headers") or {}
    else:
        body, status, headers = value, 200, {}
    pairs: dict[str, Any] = {}
    for name, each in headers.items() if isinstance(headers, dict) else headers:
        pairs[name] = [pairs[name], each] if name in pairs else each
    if body is None:
        body = ""
    if not isinstance(body, (str, bytes)):
        body = to_json(body) if isinstance(body, (dict, list)) else str(body)
        default = "application/json" if body[:1] in "[{" else FLASK_TEXT
    else:
        default = FLASK_TEXT
    if not any(name.lower() == "content-type" for name in pairs):
        pairs["Content-Type"] = default
    return {"status": int(status), "headers": pairs, "body": body or b""}


def view_result(value: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Split a tuple as Flask does: the body, and the status or the headers or both."""
    body, second, third = (*value, None, None)[:3]
    if isinstance(second, (dict, list)):
        return body, 200, second
    return body, 200 if second is None else second, third or {}
