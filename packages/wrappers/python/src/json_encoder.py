"""Encoding JSON in JavaScript's format."""

from __future__ import annotations

import json

from .problem import invalid_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def json_default(value: Any) -> Any:
    """Convert types that the json module does not support: numpy's arrays and numbers, dates, dataclasses, sets."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def json_encoder(ascii_only: bool) -> json.JSONEncoder:
    """Make an encoder without spaces that rejects NaN and infinities."""
    return json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"), default=json_default)


encoder = json_encoder(False)


def make_quick_encoder() -> Any:
    """Make the encoder's inner part without its checks for circles, once and not for every value; None if this Python lacks it."""
    try:
        quote = json.encoder.encode_basestring
        return json.encoder.c_make_encoder(None, json_default, quote, None, ":", ",", False, False, False)  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        return None


quick_encode = make_quick_encoder()


def to_json(value: Any) -> str:
    """Write a value as JSON: NaN and infinities become null, half a surrogate pair is escaped.

    @throws INVALID_RESPONSE
    """
    try:
        text: str = "".join(quick_encode(value, 0))
        if text.isascii():
            return text
    except Exception:  # the slower encoder below raises the right error
        pass
    try:
        try:
            text = encoder.encode(value)
        except ValueError as error:
            if "Out of range float" not in str(error):
                raise
            text = encoder.encode(without_nan(value))
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            text = json_encoder(True).encode(without_nan(value))
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid_response(f"The function returned a value that cannot be written as JSON: {error}") from error


def without_nan(value: Any) -> Any:
    """Copy a value with None in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(each) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return without_nan(json_default(value))
