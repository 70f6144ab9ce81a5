"""WSGI applications."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import pytest

from src.wsgi.environ import FileWrapper, make_environ
from src.wsgi.invoker import WsgiInvoker

from ..fakes import FakeConnection, make_call, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def answer(app: Any, **request: Any) -> bytes:
    """Give what an application sends, from the status to the body."""
    call = make_call(**request)
    WsgiInvoker(app).run(call)
    connection: Any = call.connection
    assert isinstance(connection, FakeConnection)
    assert connection.finished == [call]
    return written(call) + (b"CUT" if connection.was_cut else b"")


def responding(*pieces: Any, status: str = "200 OK", headers: Any = ()) -> Callable[..., Any]:
    """Make an application that yields pieces."""

    def app(environ: Any, start_response: Any) -> Iterator[Any]:
        start_response(status, list(headers))
        yield from pieces

    return app


def test_the_environment_has_the_address_that_the_caller_used() -> None:
    call = make_call("/a%20b/%C3%BC?x=1&y=%20", method="POST")
    call.headers.update(
        {
            "host": "example.org:8443",
            "x-forwarded-prefix": "/acme/api",
            "x-forwarded-proto": "https",
            "x-forwarded-for": "10.9.9.9, 1.2.3.4",
            "content-type": "text/plain",
            "transfer-encoding": "chunked",
            "x_forwarded_for": "6.6.6.6",
            "x-more": "m",
        }
    )
    call.body = b"one\ntwo"
    environ = make_environ(call)
    expected = {
        "SCRIPT_NAME": "/acme/api",
        "PATH_INFO": "/a b/\xc3\xbc",
        "QUERY_STRING": "x=1&y=%20",
        "RAW_URI": "/acme/api/a%20b/%C3%BC?x=1&y=%20",
        "wsgi.url_scheme": "https",
        "SERVER_NAME": "example.org",
        "SERVER_PORT": "8443",
        "HTTP_HOST": "example.org:8443",
        "REMOTE_ADDR": "1.2.3.4",
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "7",
        "HTTP_X_MORE": "m",
        "HTTP_X_FORWARDED_FOR": "10.9.9.9, 1.2.3.4",
    }
    assert {key: environ[key] for key in expected} == expected
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["wsgi.input"].readlines() == [b"one\n", b"two"]


def test_an_environment_without_prefix_and_body_has_neither() -> None:
    environ = make_environ(make_call("/"))
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["SERVER_PORT"]) == ("", "/", "80")
    assert "CONTENT_LENGTH" not in environ


def test_a_list_of_one_piece_is_one_response() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("201 Made", [("X-A", "1"), ("X-Request-Id", "forged")])
        return [b"body"]

    text = answer(app)
    assert text.startswith(b"HTTP/1.1 201 Made\r\nX-A: 1\r\nX-Request-Id: r1\r\n")
    assert text.endswith(b"Content-Length: 4\r\n\r\nbody")


def test_a_generator_is_sent_in_chunks() -> None:
    assert answer(responding(b"one", b"", b"two")).endswith(
        b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )


def test_a_generator_with_a_length_is_sent_with_it() -> None:
    text = answer(responding(b"one", b"two", headers=[("content-length", "6")]))
    assert text.endswith(b"Content-Length: 6\r\n\r\nonetwo")


@pytest.mark.parametrize("pieces", [(b"one", b"two"), (b"one",)])
def test_a_body_with_another_length_is_cut(pieces: tuple[bytes, ...]) -> None:
    assert answer(responding(*pieces, headers=[("Content-Length", "5")])).endswith(b"CUT")


def test_write_sends_before_the_returned_pieces() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"first")
        return [b"second"]

    assert answer(app).endswith(b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_head_keeps_the_length(method: str) -> None:
    text = answer(responding(b"body", headers=[("Content-Length", "4")]), method=method)
    assert text.endswith(b"Content-Length: 4\r\n\r\n" + (b"body" if method == "GET" else b""))


def test_an_error_before_the_body_replaces_the_response() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-A", "1")])
        try:
            raise ValueError("late")
        except ValueError:
            start_response("500 Oops", [("X-B", "2")], sys.exc_info())
        return [b"sorry"]

    text = answer(app)
    assert text.startswith(b"HTTP/1.1 500 Oops\r\nX-B: 2\r\n")


def test_an_error_after_the_first_bytes_cuts_the_response(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"first")
        try:
            raise ValueError("late")
        except ValueError:
            start_response("500 Oops", [], sys.exc_info())

    assert answer(app).endswith(b"first\r\nCUT")
    assert "ValueError: late" in capsys.readouterr().err


def broken(environ: Any, start_response: Any) -> Any:
    raise ValueError("broken")


@pytest.mark.parametrize(
    ("app", "code"),
    [
        (broken, b"FUNCTION_ERROR"),
        (lambda environ, start_response: [b"no head"], b"INVALID_RESPONSE"),
        (lambda environ, start_response: {"a": 1}, b"INVALID_RESPONSE"),
        (lambda environ, start_response: None, b"INVALID_RESPONSE"),
        (responding("text"), b"INVALID_RESPONSE"),
        (responding(b"", status="none"), b"INVALID_RESPONSE"),
        (responding(b"", status="200 a\r\nB: c"), b"INVALID_RESPONSE"),
        (responding(b"", headers=[("A", "b\r\nC: d")]), b"INVALID_RESPONSE"),
        (responding(b"", headers=[("A\r\nB", "c")]), b"INVALID_RESPONSE"),
        (responding(b"", headers=[("A", "\N{SNOWMAN}")]), b"INVALID_RESPONSE"),
    ],
)
def test_what_cannot_be_sent_is_a_problem(app: Any, code: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(app)
    assert text.startswith(b"HTTP/1.1 500 ")
    assert code in text


def test_the_iterable_is_closed_also_after_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    closed = []

    class Pieces:
        def __iter__(self) -> Any:
            yield b"one"
            raise ValueError("later")

        def close(self) -> None:
            closed.append(1)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Pieces()

    assert answer(app).endswith(b"CUT")
    assert closed == [1]


def test_a_call_that_was_answered_at_its_deadline_sends_nothing() -> None:
    call = make_call()
    call.claim()
    WsgiInvoker(responding(b"late")).run(call)
    assert written(call) == b""


def test_a_file_is_sent_in_blocks_and_closed() -> None:
    file = io.BytesIO(b"abcdef")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "6")])
        return environ["wsgi.file_wrapper"](file, 4)

    assert FileWrapper(io.BytesIO(b"a"), 4).block_size == 4
    assert answer(app).endswith(b"\r\n\r\nabcdef")
    assert file.closed
