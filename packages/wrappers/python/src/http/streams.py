"""Response bodies that are sent piece by piece."""

from __future__ import annotations

from ..options import READ_SIZE
from .content_encoding import Head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..function.call import Call


def as_stream(body: Any) -> Any:
    """Give an iterator or async iterator of a body to send piece by piece; None when the body is not a stream."""
    if isinstance(body, (dict, list)):
        return None
    if hasattr(body, "__anext__"):
        return body
    if hasattr(body, "__aiter__"):
        return body.__aiter__()
    if hasattr(body, "read") and hasattr(body, "__iter__"):  # a file: its lines would be odd pieces
        return FilePieces(body)
    if hasattr(body, "__next__"):
        return body
    return None


class FilePieces:
    """A file as an iterator of pieces."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.close = file.close

    def __iter__(self) -> FilePieces:
        return self

    def __next__(self) -> Any:
        piece = self.file.read(READ_SIZE)
        if not piece:
            raise StopIteration
        return piece


class UnsentStream:
    """A placeholder for a stream that is not sent: it only closes the stream."""

    def __init__(self, source: Any) -> None:
        self.source = source
        if hasattr(source, "aclose"):
            self.aclose = source.aclose
        elif hasattr(source, "close"):
            self.close = source.close


def encode_piece(call: Call, piece: Any) -> bytes | None:
    """Encode a piece of a streamed response for the wire; None when it is empty, which would end the body."""
    if isinstance(piece, str):
        piece = piece.encode("utf-8", "replace")
    elif not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"Expected the stream to yield strings or bytes, got {type(piece).__name__}")
    if type(piece) is Head:
        return bytes(piece)
    if not len(piece):
        return None
    return bytes(piece) if call.http10 else b"%x\r\n%b\r\n" % (len(piece), piece)


def encode_end(call: Call) -> bytes:
    """Encode the end of a streamed response."""
    return b"" if call.http10 else b"0\r\n\r\n"
