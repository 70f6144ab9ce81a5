"""Recognizing applications."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import pytest

from src.apps.recognize import app_kind
from src.function import load
from src.function.load import loaded_from
from src.problem import Problem


def wsgi_function(environ: Any, start_response: Any) -> Any:
    return []


async def asgi_function(scope: Any, receive: Any, send: Any) -> None: ...


async def handler(event: Any, context: Any) -> None: ...


class WsgiObject:
    """As Flask, Bottle and Django's handler."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return []


class AsgiObject:
    """As Starlette, Litestar and Django's handler."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class DoubleCallable:
    """An application of ASGI 2."""

    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments)

    return wrapper


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (wsgi_function, "wsgi"),
        (WsgiObject(), "wsgi"),
        (decorated(wsgi_function), "wsgi"),
        (functools.partial(lambda config, environ, start_response: [], {}), "wsgi"),
        (lambda env, start_response: [], "wsgi"),
        (asgi_function, "asgi"),
        (AsgiObject(), "asgi"),
        (AsgiObject().__call__, "asgi"),
        (decorated(asgi_function), "asgi"),
        (DoubleCallable, "asgi2"),
        (lambda scope: None, "asgi2"),
        (handler, None),
        (lambda event, context: 1, None),
        (lambda event: 1, None),
        (WsgiObject, None),
        (print, None),
        (7, None),
    ],
)
def test_tells_what_an_object_is(value: Any, kind: str | None) -> None:
    assert app_kind(value) == kind


def chosen(monkeypatch: pytest.MonkeyPatch, exports: dict[str, Any], name: str = "", **settings: str) -> Any:
    monkeypatch.setattr(load, "ENVIRONMENT", {f"FAAS_{key.upper()}": value for key, value in settings.items()})
    loaded = loaded_from(SimpleNamespace(**exports), "main.py", name)
    return loaded.target, loaded.app


def test_prefers_a_handler_to_an_app(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, {"app": WsgiObject(), "handler": handler}) == (handler, None)


def test_prefers_an_app_to_the_function_that_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = AsgiObject()
    assert chosen(monkeypatch, {"app": app, "main": lambda: 1}) == (app, "asgi")


def test_calls_a_factory_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    app = WsgiObject()
    assert chosen(monkeypatch, {"create_app": lambda config=None: app}, "create_app") == (app, "wsgi")


def test_takes_a_callable_without_names_as_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def app(*arguments: Any) -> None: ...

    assert chosen(monkeypatch, {"app": app}, app="wsgi") == (app, "wsgi")


@pytest.mark.parametrize(
    ("exports", "settings", "advice"),
    [
        ({"app": AsgiObject()}, {"app": "wsgi"}, "--app asgi"),
        ({"app": WsgiObject()}, {"app": "asgi"}, "--app wsgi"),
        ({"handler": WsgiObject()}, {"signature": "lambda"}, "--app wsgi"),
        ({"app": 7}, {}, "--handler"),
        ({"app": 7}, {"app": "wsgi"}, "--handler"),
        ({"handler": handler}, {"app": "wsgi"}, "expected .handler. to be a WSGI application"),
        ({"handler": handler}, {"app": "asgi"}, "expected .handler. to be an ASGI application"),
        ({"app": print}, {"app": "static"}, "wsgi or asgi"),
    ],
)
def test_names_the_setting_for_a_wrong_shape(
    monkeypatch: pytest.MonkeyPatch, exports: dict[str, Any], settings: dict[str, str], advice: str
) -> None:
    with pytest.raises(Problem, match=advice) as raised:
        chosen(monkeypatch, exports, **settings)
    assert raised.value.code == "FUNCTION_LOAD_FAILED"
