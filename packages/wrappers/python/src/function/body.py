"""Parsing request bodies for the function."""

from __future__ import annotations

import json
import re

from ..problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def refuse_constant(name: str) -> NoReturn:
    """Reject NaN and infinities, which Python's decoder accepts."""
    raise ValueError(f"{name} is not valid JSON")


decoder = json.JSONDecoder(parse_constant=refuse_constant)


def from_json(text: str) -> Any:
    """Parse JSON. Raises ValueError or RecursionError."""
    try:
        value, end = decoder.scan_once(text, 0)  # type: ignore[attr-defined]
        if end == len(text):
            return value
    except (ValueError, StopIteration, RecursionError):
        pass
    # Handles surrounding space, and a byte order mark, which some clients send (RFC 8259 section 8.1); or raises the right error.
    return decoder.decode(text[1:] if text.startswith("\ufeff") else text)


def parse_body(body: bytes, content_type: str) -> Any:
    """Parse a body by its type: JSON to a value, text to a string; everything else stays bytes.

    @throws MALFORMED_JSON
    """
    media_type = content_type
    if media_type != "application/json":
        media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("application/json", "text/json") or media_type.endswith("+json"):
        try:
            return from_json(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            detail = f"The body's type is {media_type}, but it is not valid JSON: {error}"
            raise Problem("MALFORMED_JSON", detail) from None
    if not media_type.startswith("text/") and media_type != "application/x-www-form-urlencoded":
        return body
    charset = re.search(r'charset="?([\w-]+)', content_type, re.I)
    try:
        return body.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
