"""Reading the body of a request."""

from __future__ import annotations

import pytest

from src.http.request_body import LINE_LIMIT, ChunkedBody, SizedBody
from src.options import HEAD_LIMIT, settings
from src.problem import Problem


def test_a_sized_body_gives_what_follows_it() -> None:
    body = SizedBody(5)
    assert body.take(b"abc") is None
    assert body.take(b"deNEXT") == b"NEXT"
    assert b"".join(body.pieces) == b"abcde"


def test_a_chunked_body_may_be_cut_anywhere() -> None:
    data = b"3;ext=1\r\nabc\r\nA \r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\nNEXT"
    for size in range(1, len(data)):
        body, rest = ChunkedBody(), None
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            rest = body.take(piece) if rest is None else rest + piece
        assert (b"".join(body.pieces), rest) == (b"abc0123456789", b"NEXT")


@pytest.mark.parametrize("data", [b"x\r\n", b"-1\r\n", b"\r\n", b"1\r\nabc", b"1" * (LINE_LIMIT + 1), b"0x1\r\n"])
def test_malformed_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(Problem) as raised:
        ChunkedBody().take(data)
    assert raised.value.code == "INVALID_REQUEST"


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    for take in (SizedBody(settings.body_limit + 1).take, ChunkedBody().take):
        with pytest.raises(Problem) as raised:
            take(b"%x\r\n" % (settings.body_limit + 1))
        assert (raised.value.code, raised.value.status) == ("BODY_TOO_LARGE", 413)


def test_trailers_over_the_limit_are_refused() -> None:
    body = ChunkedBody()
    body.take(b"0\r\n")
    with pytest.raises(Problem) as raised:
        for _ in range(HEAD_LIMIT // 1000 + 1):
            assert body.take(b"X: " + b"x" * 1000 + b"\r\n") is None
    assert raised.value.code == "HEADERS_TOO_LARGE"
