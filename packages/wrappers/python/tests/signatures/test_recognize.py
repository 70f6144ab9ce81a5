"""Recognizing functions of other platforms."""

from __future__ import annotations

import linecache
import sys
from types import ModuleType
from typing import Any

import pytest

from src.signatures.adapt import likely_signature, recognize
from src.signatures.hints import may_be_foreign

OURS = [
    "def handler(event, context): return event.path",
    "def handler(event): return {'status': 200, 'body': event['query']}",
    "def handler(event, context): return {'statusCode': 200, 'body': event['query']}",
    "def handler(event, context): return {'statusCode': event['headers'].get('a'), 'body': 1}",
    "def handler(): return 1",
    "def handler(event, context):\n    context.log.info('x')\n    return [each for each in event.headers]",
    "def handler(request): return request.body",
    "def main(context): return context.path",
    "class Handler:\n    def __call__(self, event): return 1\nhandler = Handler()",
]
OTHERS = [
    ("lambda", "def lambda_handler(event, context): return 1"),
    ("lambda", "def handler(event, context): return event['queryStringParameters']"),
    ("lambda", "def handler(event, context): return context.aws_request_id"),
    ("lambda", "def handler(event, context): return {'statusCode': 200, 'headers': {}, 'body': ''}"),
    ("lambda", "def handler(event, _):\n    r = {}\n    r['statusCode'] = 200\n    r['body'] = 'x'\n    return r"),
    ("lambda", "def handler(event, context):\n    f = lambda: event.get('rawPath')\n    return f()"),
    ("openfaas", "def handle(req): return req"),
    ("openfaas", "def handle(event, context): return event.body"),
]


def function_of(text: str) -> tuple[Any, ModuleType, str]:
    """Give the function that a module's text defines, with the module and the function's name."""
    module = ModuleType("main")
    file = f"{abs(hash(text))}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), vars(module))
    name = next(key for key in ("handler", "main", "lambda_handler", "handle") if hasattr(module, key))
    return getattr(module, name), module, name


@pytest.mark.parametrize("text", OURS)
def test_leaves_ours_alone(text: str) -> None:
    target, module, _ = function_of(text)
    assert recognize(target, module) is None


@pytest.mark.parametrize(("signature", "text"), OTHERS)
def test_recognizes_others(signature: str, text: str) -> None:
    target, module, name = function_of(text)
    assert may_be_foreign(target, name)
    assert recognize(target, module) == signature


def test_a_plain_function_needs_no_closer_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flask", raising=False)
    target, _, name = function_of(OURS[0])
    assert not may_be_foreign(target, name)


def test_names_the_setting_of_functions_that_look_foreign() -> None:
    assert likely_signature(function_of("def handler(event): return {'statusCode': 200}")[0]) == "lambda"
    assert likely_signature(function_of("def handler(request): return request.get_json()")[0]) == "gcf"
    assert likely_signature(function_of("def handler(event): return event.body['specversion']")[0]) == "cloudevents"
    assert likely_signature(function_of(OURS[0])[0]) is None
