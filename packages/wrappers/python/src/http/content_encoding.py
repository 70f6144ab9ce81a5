"""The Content-Encoding of responses.

Functions pass on what an HTTP client gave them: the client has decoded the body, and its headers still name the encoding. Only a body that
does not have the encoding loses the header; a body that the function has encoded itself is sent as it is.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from .response_head import Headers

MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
SAMPLE = 16 * 1024  # bytes of a body that are looked at


class Head(bytes):
    """A head that is sent as the first piece of a stream."""

    __slots__ = ()


def encoding_of(headers: Headers) -> str | None:
    """Give the value of the Content-Encoding header; None when it is not set."""
    for name, value in headers:
        if len(name) == 16 and name.lower() == "content-encoding":
            return value
    return None


def without_missing_encoding(headers: Headers, encoding: str, body: Any) -> Headers:
    """Give the headers, without the Content-Encoding if a body does not have it."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        coding = encoding.rpartition(",")[2].strip().lower()
        if has_coding(bytes(body[:SAMPLE]), coding):
            return headers
    return [pair for pair in headers if pair[0].lower() != "content-encoding"]


def has_coding(sample: bytes, coding: str) -> bool:
    """Tell whether bytes can be the beginning of a body with a coding. Unknown ones, and brotli that nothing here decodes, are assumed."""
    magic = MAGIC.get(coding)
    if magic:
        return magic.startswith(sample[: len(magic)])
    if coding == "deflate" and sample:
        import zlib

        window = 15 if sample[0] & 15 == 8 else -15
        return can_decode(sample, zlib.decompressobj(window).decompress)
    brotli = sys.modules.get("brotli") or sys.modules.get("brotlicffi")
    if coding == "br" and hasattr(brotli, "Decompressor"):
        return can_decode(sample, brotli.Decompressor().process)  # type: ignore[union-attr]
    return True


def can_decode(sample: bytes, decode: Callable[[bytes], Any]) -> bool:
    """Tell whether a decoder takes the bytes."""
    try:
        decode(sample)
    except Exception:  # each decoder has its own
        return False
    return True


def with_head(stream: Any, make_head: Callable[[Any], bytes]) -> Any:
    """Give a stream whose first piece is the head, made from the first piece of another stream."""
    return AsyncHeaded(stream, make_head) if hasattr(stream, "__anext__") else Headed(stream, make_head)


class Headed:
    """An iterator that begins with a head."""

    def __init__(self, stream: Any, make_head: Callable[[Any], bytes]) -> None:
        self.pieces = pieces_after_head(stream, make_head)
        if hasattr(stream, "close"):
            self.close = stream.close

    def __iter__(self) -> Iterator[Any]:
        return self.pieces

    def __next__(self) -> Any:
        return next(self.pieces)


def pieces_after_head(stream: Any, make_head: Callable[[Any], bytes]) -> Iterator[Any]:
    """Iterate over the head and the pieces."""
    pieces = iter(stream)
    first: Any = b""
    for first in pieces:
        if first is None or len(first):
            break
    yield Head(make_head(first))
    yield first
    yield from pieces


class AsyncHeaded:
    """An async iterator that begins with a head."""

    def __init__(self, stream: Any, make_head: Callable[[Any], bytes]) -> None:
        self.pieces = async_pieces_after_head(stream, make_head)
        if hasattr(stream, "aclose"):
            self.aclose = stream.aclose

    def __aiter__(self) -> AsyncIterator[Any]:
        return self.pieces

    async def __anext__(self) -> Any:
        return await self.pieces.__anext__()


async def async_pieces_after_head(stream: Any, make_head: Callable[[Any], bytes]) -> AsyncIterator[Any]:
    """Iterate over the head and the pieces."""
    first: Any = b""
    async for first in stream:
        if first is None or len(first):
            break
    yield Head(make_head(first))
    yield first
    async for piece in stream:
        yield piece
