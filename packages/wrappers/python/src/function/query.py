"""Query strings."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_query(text: str) -> dict[str, Any]:
    """Parse a query string: decoded name to decoded value, or to a list of values when the name is repeated."""
    query: dict[str, Any] = {}
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name, value = decode_part(name), decode_part(value)
        if name not in query:
            query[name] = value
        elif isinstance(query[name], list):
            query[name].append(value)
        else:
            query[name] = [query[name], value]
    return query


def decode_part(text: str) -> str:
    """Decode the escapes of a name or a value, as forms encode them."""
    text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    # Compiled at first use: most functions never need it, and every start would pay for it.
    data = re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("latin-1"))
    return data.decode("utf-8", "replace")
