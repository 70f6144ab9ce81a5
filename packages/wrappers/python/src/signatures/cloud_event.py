"""CloudEvents 1.0 in their HTTP protocol binding."""

from __future__ import annotations

import base64
from urllib.parse import quote, unquote_to_bytes

from ..function.body import parse_body
from ..function.event import Context
from ..function.signature import arity, is_async
from ..json_encoder import to_json
from ..problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..function.call import Call

REQUIRED_ATTRIBUTES = ("id", "source", "specversion", "type")
BODY_ATTRIBUTES = ("data", "data_base64", "datacontenttype")


class CloudEvent:
    """Event with the attributes of CloudEvents 1.0, extension attributes included: `event["type"]`, `event.type`, `event.data`."""

    def __init__(self, attributes: dict[str, Any], data: Any = None) -> None:
        self._attributes = attributes
        self.data = data

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_attributes"][name]
        except KeyError:
            raise AttributeError(f'the CloudEvent has no attribute "{name}"') from None

    def __getitem__(self, name: str) -> Any:
        return self.data if name == "data" else self._attributes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._attributes

    def __iter__(self) -> Any:
        return iter(self._attributes)

    def get(self, name: str, default: Any = None) -> Any:
        """Give an attribute, or the default."""
        return self._attributes.get(name, default)

    def get_attributes(self) -> dict[str, Any]:
        """Give all attributes."""
        return dict(self._attributes)

    def get_data(self) -> Any:
        """Give the data."""
        return self.data


def invalid_event(detail: str) -> Problem:
    """Make the problem of a request that is not a CloudEvent."""
    return Problem("INVALID_REQUEST", detail)


def parse_cloud_event(headers: dict[str, str], body: bytes) -> CloudEvent:
    """Parse a CloudEvent: in binary content mode the attributes are headers, in structured content mode the body is a JSON object.

    @throws INVALID_REQUEST
    @throws MALFORMED_JSON
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        raise invalid_event("Batches of CloudEvents are not supported: send each event in its own request")
    structured = media_type.startswith("application/cloudevents")
    if structured and media_type != "application/cloudevents+json":
        raise invalid_event(f"Expected a CloudEvent of the type application/cloudevents+json, got {media_type}")
    event = structured_event(body) if structured else binary_event(headers, body)
    for name in REQUIRED_ATTRIBUTES:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            place = "in the body" if structured else f'as the header "ce-{name}"'
            raise invalid_event(f'Expected a CloudEvent with the attribute "{name}", {place}')
    if event["specversion"] not in ("1.0", "0.3"):
        raise invalid_event(f'Expected a CloudEvent of specversion 1.0, got "{event["specversion"]}"')
    return event


def binary_event(headers: dict[str, str], body: bytes) -> CloudEvent:
    """Read the attributes from the headers."""
    attributes: dict[str, Any] = {
        name[3:]: decode_attribute(value)
        for name, value in headers.items()
        if name.startswith("ce-") and name[3:] not in BODY_ATTRIBUTES
    }
    content_type = headers.get("content-type")
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, parse_body(body, content_type or "") if body else None)


def decode_attribute(value: str) -> str:
    """Decode a header's value: a quoted string (RFC 9110 section 5.6.4) and percent-encoded UTF-8."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        pieces = iter(value[1:-1])
        value = "".join(next(pieces, "") if char == "\\" else char for char in pieces)
    return unquote_to_bytes(value.encode("latin-1")).decode("utf-8", "replace") if "%" in value else value


def structured_event(body: bytes) -> CloudEvent:
    """Read the attributes and the data from the body."""
    message = parse_body(body, "application/json") if body else None
    if not isinstance(message, dict):
        raise invalid_event("Expected a CloudEvent as a JSON object")
    data, encoded = message.pop("data", None), message.pop("data_base64", None)
    if encoded is not None:
        content_type = str(message.get("datacontenttype") or "")
        try:
            data = parse_body(base64.b64decode(encoded), content_type)
        except (Problem, ValueError) as error:
            raise invalid_event(
                f"The data of the CloudEvent is not of its datacontenttype {content_type}: {error}"
            ) from None
    return CloudEvent(message, data)


def attributes_of(value: Any) -> tuple[dict[str, Any], Any] | None:
    """Give attributes and data of a result that is a CloudEvent, also one of the CloudEvents SDK; None for any other."""
    if hasattr(value, "get_attributes") and hasattr(value, "get_data"):
        return dict(value.get_attributes()), value.get_data()
    if isinstance(value, dict) and all(isinstance(value.get(name), str) for name in REQUIRED_ATTRIBUTES):
        data = value.get("data")
        if data is None and value.get("data_base64") is not None:
            data = base64.b64decode(value["data_base64"])
        return {name: each for name, each in value.items() if name not in ("data", "data_base64")}, data
    return None


def binary_message(attributes: dict[str, Any], data: Any) -> dict[str, Any]:
    """Convert a CloudEvent to a response in binary content mode."""
    headers = {
        f"ce-{name.lower()}": quote(attribute_text(value), safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
        for name, value in attributes.items()
        if name not in BODY_ATTRIBUTES and value is not None
    }
    content_type = attributes.get("datacontenttype")
    if data is not None and not isinstance(data, (str, bytes)):
        content_type, data = content_type or "application/json", to_json(data)
    if content_type:
        headers["Content-Type"] = content_type
    return {"status": 200, "headers": headers, "body": data or b""}


def attribute_text(value: Any) -> str:
    """Give the text of an attribute's value."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def adapt_cloud_event(target: Callable[..., Any]) -> Any:
    """Make a function of a CloudEvent, and optionally a context, one that takes a call. A returned CloudEvent is sent in binary content mode."""
    count = arity(target)

    def arguments(call: Call) -> tuple[Any, ...]:
        event = parse_cloud_event(call.headers, call.decoded_body())
        return (event, Context(call.request_id, call.deadline))[:count]

    def to_result(value: Any) -> Any:
        event = attributes_of(value)
        return binary_message(*event) if event else value

    def handle(call: Call) -> Any:
        return to_result(target(*arguments(call)))

    async def handle_async(call: Call) -> Any:
        return to_result(await target(*arguments(call)))

    adapted: Any = handle_async if is_async(target) else handle
    adapted.takes_call = True
    return adapted
