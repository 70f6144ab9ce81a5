"""Event and context."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from src.function.body import parse_body
from src.function.call import new_request_id
from src.function.query import parse_query
from src.options import settings
from src.problem import Problem

from .fakes import make_call


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a+b=%C3%BC+%2b&&c", {"a b": "ü +", "c": ""}),
        ("a=%zz%", {"a": "%zz%"}),
        ("a=%ff", {"a": "\ufffd"}),
    ],
)
def test_parses_a_query(text: str, query: dict[str, Any]) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        ("application/json", b'{"a": [1]}', {"a": [1]}),
        ("Application/Problem+JSON; charset=utf-8", b" 7 ", 7),
        ("text/plain", "ü".encode(), "ü"),
        ('text/csv; Charset="latin-1"', b"\xfc", "ü"),
        ("text/plain; charset=nonsense", b"a", "a"),
        ("application/x-www-form-urlencoded", b"a=1", "a=1"),
        ("image/png", b"\x00", b"\x00"),
        ("", b"x", b"x"),
    ],
)
def test_parses_a_body_by_its_type(content_type: str, body: bytes, value: Any) -> None:
    assert parse_body(body, content_type) == value


@pytest.mark.parametrize("body", [b"{", b"NaN", b"[1]x", b"[" * 100_000])
def test_refuses_json_that_does_not_parse(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        parse_body(body, "application/json")
    assert raised.value.code == "MALFORMED_JSON"


def test_gives_as_many_arguments_as_the_function_takes() -> None:
    call = make_call("/a%20b?x=1")
    assert [len(call.arguments(arity)) for arity in (0, 1, 2)] == [0, 1, 2]
    event, context = call.arguments(2)
    assert event == {"method": "GET", "path": "/a%20b", "query": {"x": "1"}, "headers": call.headers, "body": None}
    assert event.path == event["path"]
    assert not hasattr(event, "nothing")
    assert context.request_id == "r1"
    assert 0 < context.deadline - time.time() <= settings.timeout


@pytest.mark.parametrize(("target", "path"), [("http://h/a/b", "/a/b"), ("http://h", "/"), ("*", "*"), ("/?x", "/")])
def test_the_path_is_that_of_the_target(target: str, path: str) -> None:
    assert make_call(target).arguments(1)[0].path == path


def test_lines_of_the_log_carry_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    _, context = make_call().arguments(2)
    context.log.info("text", more=1)
    context.log.warning({"a": 1})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        {"level": "info", "requestId": "r1", "message": "text", "more": 1},
        {"level": "warn", "requestId": "r1", "message": '{"a":1}'},
    ]


def test_a_request_without_a_usable_id_gets_a_uuid() -> None:
    uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
    assert uuid.match(new_request_id())
    assert uuid.match(make_call(request_id="a b").request_id)


def test_only_the_first_may_answer_a_call() -> None:
    call = make_call()
    assert [call.claim() for _ in range(3)] == [True, False, False]


def test_the_context_has_the_identity_that_the_process_was_given_after_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "identity", ("acme", "hello", "1"))
    _, context = make_call().arguments(2)
    assert (context.org, context.endpoint, context.revision) == ("acme", "hello", "1")
