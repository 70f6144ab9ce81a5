"""Decoding request bodies that were sent compressed."""

from __future__ import annotations

from ..options import settings
from ..problem import Problem, body_too_large

ACCEPTED_ENCODINGS = "gzip, deflate"
MAX_CODINGS = 3  # of one body: each is work, and more than one is rare
GZIP, ZLIB, RAW = 31, 15, -15  # window sizes, as zlib tells its formats apart


def decode_body(body: bytes, headers: dict[str, str]) -> bytes:
    """Decode a body by its Content-Encoding, and remove the headers that describe the encoded one.

    @throws UNSUPPORTED_MEDIA_TYPE
    @throws BODY_TOO_LARGE
    @throws INVALID_REQUEST
    """
    codings = [each.strip().lower() for each in headers["content-encoding"].split(",")]
    for coding in codings:
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Problem(
                "UNSUPPORTED_MEDIA_TYPE",
                f'The body has Content-Encoding "{coding}", which cannot be decoded. Send it with {ACCEPTED_ENCODINGS}, or without',
            )
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > MAX_CODINGS:
        raise Problem("INVALID_REQUEST", f"Expected at most {MAX_CODINGS} content codings, got {len(codings)}")
    for coding in reversed(codings):
        body = inflate(body, coding) if body else body
    headers.pop("content-encoding")
    headers.pop("content-length", None)
    return body


def inflate(data: bytes, coding: str) -> bytes:
    """Decompress all members of a gzip body, or a deflate body, which some clients send without the zlib header.

    @throws BODY_TOO_LARGE
    @throws INVALID_REQUEST
    """
    import zlib  # most functions never need it

    window = GZIP if coding != "deflate" else ZLIB if data[0] & 15 == 8 else RAW
    pieces: list[bytes] = []
    left = settings.body_limit
    while True:
        decoder = zlib.decompressobj(window)
        try:
            piece = decoder.decompress(data, left + 1)
        except zlib.error as error:
            raise invalid_coding(coding, str(error)) from None
        left -= len(piece)
        if left < 0:
            raise body_too_large()
        if not decoder.eof:
            raise invalid_coding(coding, "unexpected end of file")
        pieces.append(piece)
        data = decoder.unused_data
        if window != GZIP or data[:2] != b"\x1f\x8b":
            return b"".join(pieces)


def invalid_coding(coding: str, reason: str) -> Problem:
    """Make the problem of a body that does not have the coding that its header names."""
    return Problem("INVALID_REQUEST", f"The body is not valid {coding}: {reason}")
