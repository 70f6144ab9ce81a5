"""Responses from what the function returns."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pytest

from src.http.response import error_response, problem_response, to_response
from src.http.response_head import date_line
from src.http.streams import UnsentStream, as_stream, encode_end, encode_piece
from src.json_encoder import to_json
from src.problem import Problem, no_capacity

from .fakes import make_call


def parts(data: bytes) -> tuple[str, dict[str, str], bytes]:
    """Split a response into status line, headers and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first, dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ("ü", "200 OK", "text/plain; charset=utf-8", "ü".encode()),
        (b"\x00", "200 OK", "application/octet-stream", b"\x00"),
        ({"a": 1}, "200 OK", "application/json", b'{"a":1}'),
        ([1], "200 OK", "application/json", b"[1]"),
        (False, "200 OK", "application/json", b"false"),
        (None, "204 No Content", None, b""),
        ({"status": 201, "body": "made"}, "201 Created", "text/plain; charset=utf-8", b"made"),
        ({"status": "open"}, "200 OK", "application/json", b'{"status":"open"}'),
        ({"status": 404}, "404 Not Found", None, b""),
        ({"status": 201, "extra": 1}, "200 OK", "application/json", b'{"status":201,"extra":1}'),
    ],
)
def test_the_type_of_the_result_decides(result: Any, status: str, content_type: str | None, body: bytes) -> None:
    first, headers, sent = parts(to_response(make_call(), result).data)
    assert (first, headers.get("content-type"), sent) == (f"HTTP/1.1 {status}", content_type, body)
    assert headers["x-request-id"] == "r1"
    if body:
        assert headers["content-length"] == str(len(body))


def test_head_carries_no_body() -> None:
    _, headers, body = parts(to_response(make_call(method="HEAD"), "four").data)
    assert (headers["content-length"], body) == ("4", b"")


def test_the_functions_headers_are_sent_except_those_of_the_framing() -> None:
    result = {"status": 200, "headers": {"X-A": ["1", "2"], "Content-Length": 9, "Content-Type": "a/b", "X-B": None}}
    data = to_response(make_call(), {**result, "body": "x"}).data
    assert data.count(b"X-A: ") == 2
    _, headers, _ = parts(data)
    assert (headers["content-length"], headers["content-type"], "x-b" in headers) == ("1", "a/b", False)


def test_the_function_may_close_the_connection() -> None:
    call = make_call()
    _, headers, _ = parts(to_response(call, {"status": 200, "headers": {"Connection": "close"}, "body": "x"}).data)
    assert (headers["connection"], call.keep_alive) == ("close", False)


@pytest.mark.usefixtures("draining")
def test_every_response_closes_its_connection_while_the_process_finishes() -> None:
    call = make_call()
    assert parts(to_response(call, {}).data)[1]["connection"] == "close"
    assert not call.keep_alive


@pytest.mark.parametrize(
    "result",
    [
        lambda: 1,
        {"status": 99},
        {"status": 200, "headers": 1},
        {"status": 200, "headers": {"a b": "1"}},
        {"status": 200, "headers": {"a": "1\r\nb: 2"}},
        {"status": 200, "headers": {"a": "\u20ac"}},
    ],
)
def test_a_result_that_cannot_be_sent_is_refused(result: Any) -> None:
    with pytest.raises(Problem) as raised:
        to_response(make_call(), result)
    assert raised.value.code == "INVALID_RESPONSE"


def test_a_problem_is_a_document_of_rfc_9457() -> None:
    first, headers, body = parts(problem_response(make_call(), no_capacity()).data)
    assert (first, headers["content-type"]) == ("HTTP/1.1 503 Service Unavailable", "application/problem+json")
    assert headers["retry-after"] == "1"
    document = json.loads(body)
    assert document["code"] == "NO_CAPACITY" and document["type"] == "urn:faas:error:NO_CAPACITY"
    assert (document["status"], document["requestId"]) == (503, "r1")


def test_an_error_of_the_function_is_logged_with_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("boom")
    except ValueError as error:
        _, _, body = parts(error_response(make_call(), error).data)
    assert (json.loads(body)["code"], json.loads(body)["detail"]) == ("FUNCTION_ERROR", "boom")
    logged = capsys.readouterr().err
    assert json.loads(logged.splitlines()[0])["requestId"] == "r1"
    assert "test_response.py" in logged


def test_json_is_as_javascript_writes_it() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert to_json({"a": [1.5, math.nan, -math.inf], "b": "ü"}) == '{"a":[1.5,null,null],"b":"ü"}'
    assert to_json("\ud800") == '"\\ud800"'
    for value in (circle, {1: object()}, {(1, 2): 1}):
        with pytest.raises(Problem):
            to_json(value)


def test_a_generator_is_streamed_in_chunks() -> None:
    call = make_call()
    response = to_response(call, (piece for piece in ("a", b"bc", "")))
    assert parts(response.data)[1]["transfer-encoding"] == "chunked"
    assert [encode_piece(call, piece) for piece in response.stream] == [b"1\r\na\r\n", b"2\r\nbc\r\n", None]
    assert encode_end(call) == b"0\r\n\r\n"
    with pytest.raises(TypeError):
        encode_piece(call, 1)


def test_http_1_0_streams_until_the_connection_ends() -> None:
    call = make_call(http10=True)
    response = to_response(call, iter(["a"]))
    assert b"chunked" not in response.data and not call.keep_alive
    assert [encode_piece(call, piece) for piece in response.stream] == [b"a"]
    assert encode_end(call) == b""


def test_a_stream_is_not_sent_in_answer_to_head() -> None:
    def pieces() -> Any:
        yield "a"

    generator = pieces()
    stream = to_response(make_call(method="HEAD"), generator).stream
    assert isinstance(stream, UnsentStream)
    stream.close()
    assert list(generator) == []


def test_a_file_is_streamed_in_pieces_not_in_lines(tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"1\n2\n")
    with open(tmp_path / "file", "rb") as file:
        assert list(as_stream(file)) == [b"1\n2\n"]


def test_the_date_is_that_of_rfc_9110(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.http.response_head.time", lambda: 784111777.5)
    assert date_line() == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def test_a_response_of_a_lambda_function_is_a_problem_unless_the_signature_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = {"statusCode": 418, "body": "teapot"}
    with pytest.raises(Problem, match="--signature lambda") as raised:
        to_response(make_call(), result)
    assert raised.value.code == "INVALID_RESPONSE"
    monkeypatch.setitem(os.environ, "FAAS_SIGNATURE", "faas")
    assert to_response(make_call(), result).data.endswith(b'{"statusCode":418,"body":"teapot"}')
    monkeypatch.delitem(os.environ, "FAAS_SIGNATURE")
    assert to_response(make_call(), {"statusCode": "open"}).data.startswith(b"HTTP/1.1 200 ")
