"""Reading the head of a request."""

from __future__ import annotations

from typing import Any

import pytest

from src.http import request_head
from src.http.request_body import ChunkedBody, SizedBody
from src.http.request_head import cache, parse_head, read_head
from src.problem import Problem

CONNECTION: Any = None


def test_gives_method_target_and_headers_by_lower_case_name() -> None:
    call, body = read_head(
        CONNECTION, b"PUT /a?b=1 HTTP/1.1\r\nHost: h\r\nX-One:  1 \r\nx-one: 2\r\nCookie: a\r\nCookie: b"
    )
    assert (call.method, call.target, call.http10, call.keep_alive) == ("PUT", "/a?b=1", False, True)
    assert call.headers == {"host": "h", "x-one": "1, 2", "cookie": "a; b"}
    assert body is None


@pytest.mark.parametrize(
    ("version", "header", "keeps"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "x, Close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
    ],
)
def test_keeps_the_connection_as_version_and_header_say(version: str, header: str, keeps: bool) -> None:
    lines = f"GET / HTTP/{version}\r\nHost: h" + (f"\r\nConnection: {header}" if header else "")
    assert read_head(CONNECTION, lines.encode())[0].keep_alive is keeps


@pytest.mark.parametrize(
    "head",
    [
        b"GET /",
        b"GET / HTTP/2",
        b"G@T / HTTP/1.1\r\nHost: h",
        b"GET x HTTP/1.1\r\nHost: h",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nHost: h\r\n folded",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +3",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
    ],
)
def test_refuses_a_malformed_head(head: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read_head(CONNECTION, head)
    assert raised.value.code == "INVALID_REQUEST"


def test_chooses_the_reader_of_the_body() -> None:
    sized = read_head(CONNECTION, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3")[1]
    chunked = read_head(CONNECTION, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked")[1]
    empty = read_head(CONNECTION, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0")[1]
    assert isinstance(sized, SizedBody) and sized.left == 3
    assert isinstance(chunked, ChunkedBody)
    assert empty is None


def test_a_cached_head_differs_by_its_request_id_alone() -> None:
    def head(request_id: str) -> bytes:
        return f"POST /cached HTTP/1.1\r\nHost: h\r\nX-Request-Id: {request_id}\r\nContent-Length: 2".encode()

    first, _ = parse_head(CONNECTION, head("one"))
    assert any(method == "POST" and target == "/cached" for method, target, *_ in request_head.known_heads.values())
    second, body = parse_head(CONNECTION, head("two"))
    assert (first.request_id, second.request_id) == ("one", "two")
    assert second.headers == {**first.headers, "x-request-id": "two"}
    assert isinstance(body, SizedBody) and body.left == 2
    # The function may change its event; the next one must not see it.
    second.headers["host"] = "changed"
    assert parse_head(CONNECTION, head("three"))[0].headers["host"] == "h"


def test_the_cache_forgets_all_when_it_is_full_and_never_keeps_long_texts() -> None:
    known: dict[Any, int] = {}
    for number in range(request_head.MAX_CACHED):
        cache(known, str(number), number)
    assert len(known) == request_head.MAX_CACHED
    assert cache(known, "another", 1) == 1
    assert known == {"another": 1}
    cache(known, "x" * (request_head.MAX_CACHED_LENGTH + 1), 2)
    assert known == {"another": 1}


def test_calls_with_different_traces_share_a_cached_head() -> None:
    def head(trace: str, id_: str = "one") -> bytes:
        return f"GET /traced HTTP/1.1\r\nHost: h\r\nX-Request-Id: {id_}\r\ntraceparent: {trace}\r\nX-Forwarded-For: a".encode()

    traces = [f"00-{digit * 32}-{digit * 16}-01" for digit in "123"]
    request_head.known_heads.clear()
    for trace in traces:
        call, _ = parse_head(CONNECTION, head(trace))
        assert call.headers == {"host": "h", "x-request-id": "one", "traceparent": trace, "x-forwarded-for": "a"}
    assert len(request_head.known_heads) == 1
    call, _ = parse_head(CONNECTION, head("broken"))
    assert call.headers["traceparent"] == "broken"
    call, _ = parse_head(CONNECTION, b"GET /traced HTTP/1.1\r\nHost: h\r\nX-Request-Id: one\r\nX-Forwarded-For: a")
    assert "traceparent" not in call.headers
