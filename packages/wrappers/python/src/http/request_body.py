"""Reading the body of an HTTP/1.1 request (RFC 9112 section 6)."""

from __future__ import annotations

import re

from ..options import HEAD_LIMIT, settings
from ..problem import Problem, body_too_large, malformed

CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
LINE_LIMIT = 4096


class SizedBody:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self.too_large = length > settings.body_limit
        self.left = length
        self.pieces: list[bytes] = []

    def take(self, data: bytes) -> bytes | None:
        """Take the body's part of the data; give what follows the body, or None while it is not complete.

        @throws BODY_TOO_LARGE
        """
        if self.too_large:
            raise body_too_large()
        if len(data) < self.left:
            self.left -= len(data)
            self.pieces.append(data)
            return None
        self.pieces.append(data[: self.left])
        return data[self.left :]


class ChunkedBody:
    """A body in chunks (RFC 9112 section 7.1). Chunk extensions and trailers are read and dropped."""

    too_large = False

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.rest = b""
        self.left: int | None = None  # of the present chunk; None: a size line comes next
        self.trailers: int | None = None  # bytes of trailers so far, once the last chunk was seen

    def take(self, data: bytes) -> bytes | None:
        """Take the body's part of the data; give what follows the body, or None while it is not complete.

        @throws INVALID_REQUEST
        @throws BODY_TOO_LARGE
        @throws HEADERS_TOO_LARGE
        """
        data, at, self.rest = self.rest + data, 0, b""
        while True:
            if self.left is None:
                end = data.find(b"\r\n", at)
                if end < 0:
                    if len(data) - at > LINE_LIMIT:
                        raise malformed("a line of the chunked body is too long")
                    self.rest = data[at:]
                    return None
                line, at = data[at:end], end + 2
                if self.trailers is not None:
                    self.trailers += len(line)
                    if not line:
                        return data[at:]
                    if self.trailers > HEAD_LIMIT:
                        raise Problem("HEADERS_TOO_LARGE", "Expected trailers of at most 16 KiB, got more")
                    continue
                self.begin_chunk(line)
            elif self.left:
                piece = data[at : at + self.left]
                if not piece:
                    return None
                self.pieces.append(piece)
                self.left -= len(piece)
                at += len(piece)
            else:
                if len(data) - at < 2:
                    self.rest = data[at:]
                    return None
                if data[at : at + 2] != b"\r\n":
                    raise malformed("a chunk is longer than its size")
                at += 2
                self.left = None

    def begin_chunk(self, line: bytes) -> None:
        """Read a chunk's size; zero begins the trailers."""
        match = CHUNK_SIZE.match(line)
        if not match:
            raise malformed("a chunk size is not a hexadecimal number")
        size = int(match[1], 16)
        self.size += size
        if self.size > settings.body_limit:
            raise body_too_large()
        if size:
            self.left = size
        else:
            self.trailers = 0


def body_reader(headers: dict[str, str], http10: bool) -> SizedBody | ChunkedBody | None:
    """Choose the reader of a body; None when there is no body. A head that can be read in two ways is refused (RFC 9112 section 6.3).

    @throws INVALID_REQUEST
    """
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or http10 or coding.lower() != "chunked":
            raise malformed("expected either Content-Length or Transfer-Encoding: chunked")
        return ChunkedBody()
    if length is None:
        return None
    if not (length.isascii() and length.isdecimal()) or len(length) > 15:
        raise malformed("Content-Length is not a number")
    return SizedBody(int(length)) if int(length) else None
