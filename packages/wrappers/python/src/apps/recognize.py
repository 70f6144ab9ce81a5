"""Recognizing applications of web frameworks among the exports of the user's module."""

from __future__ import annotations

import sys

from ..function.load import run_user_code
from ..function.signature import VARARGS, is_async
from ..problem import load_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

APP_NAMES = ("app", "application")
APP_KINDS = ("wsgi", "asgi")
FACTORY_VERBS = ("create_", "make_", "build_", "get_")
# Frameworks with a server of their own: their applications can be called, but not as WSGI or ASGI say.
OWN_SERVERS = {"aiohttp": "aiohttp", "tornado": "Tornado", "twisted": "Twisted", "gradio": "Gradio", "dash": "Dash"}


def app_kind(value: Any) -> str | None:
    """Tell whether an object is an application: "wsgi", "asgi" or "asgi2" (the double callable of ASGI 2); None when it is neither."""
    if isinstance(value, type):
        names = required_names(value)
        call = required_names(getattr(value, "__call__", None))  # noqa: B004
        # A class of ASGI 2: an instance for each connection.
        return "asgi2" if names == ["scope"] and call is not None and call[-2:] == ["receive", "send"] else None
    if not callable(value):
        return None
    names = required_names(value)
    if names is None:
        return None
    if len(names) == 3 and (is_async(value) or names[0] == "scope"):
        return "asgi"
    if names == ["scope"]:
        return "asgi2"
    if len(names) == 2 and (names[0] == "environ" or names[1] in ("start_response", "start_resp")):
        return "wsgi"
    # Decorated and compiled callables show no names; frameworks are known by attributes.
    if hasattr(value, "wsgi_app"):
        return "wsgi"
    modules = [each.__module__ for each in type(value).__mro__]
    if any(each.startswith("starlette.") for each in modules):
        return "asgi"
    return None


def required_names(value: Any) -> list[str] | None:
    """List the positional parameters without a default, as a call has to give them; None when they are not known."""
    import inspect

    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]


def describe(value: Any) -> str:
    """Name the kind of an object for a message: its class, with the framework."""
    cls = type(value)
    package = cls.__module__.partition(".")[0]
    return cls.__name__ if package in ("builtins", "__main__") else f"{cls.__name__} of {package}"


def accepts(value: Any, kind: str) -> bool:
    """Tell whether an object can be called as a kind of application, as far as its parameters show."""
    if not callable(value):
        return False
    import inspect

    try:
        inspect.signature(value).bind(
            *("environ", "start_response") if kind == "wsgi" else ("scope", "receive", "send")
        )
    except TypeError:
        return False
    except ValueError:  # it shows no parameters
        return True
    return required_names(value) != ["event", "context"]


def with_article(kind: str) -> str:
    """Name a kind of application for a message."""
    return "a WSGI" if kind == "wsgi" else "an ASGI"


def find_app(module: Any, file: str, name: str, setting: str | None) -> tuple[Any, str | None]:
    """Give the handler or the application that a module exports, and the application's kind (None for a handler).

    @throws FUNCTION_LOAD_FAILED
    """
    target = getattr(module, name)
    if is_factory(target, name, setting):
        target = run_user_code(target, file)
        name = f"{name}()"
    kind = app_kind(target)
    if setting in APP_KINDS:
        if kind is not None and kind[:4] != setting:
            raise load_failed(
                f'{file}: "{name}" is {with_article(kind)} application ({describe(target)}), not {setting.upper()}. '
                f"Deploy it with --app {kind[:4]}"
            )
        if kind is None and not accepts(target, setting):
            raise load_failed(
                f'{file}: expected "{name}" to be {with_article(setting)} application, got {describe(target)}. '
                'Name the application with --handler, such as "main.app"'
            )
        return target, kind or setting
    if kind is not None:
        return target, kind
    if own := own_server(target):
        raise load_failed(
            f'{file}: "{name}" is an application of {own}, which is neither WSGI nor ASGI. '
            "Deploy it with --app server and the command that starts it, on the port of $PORT"
        )
    if not callable(target) and name.rstrip("()") not in ("handler", "main"):
        raise load_failed(
            f'{file}: expected "{name}" to be a function or an application, got {describe(target)}. '
            'Name it with --handler, such as "main.app", and its kind with --app wsgi or --app asgi'
        )
    return target, None


def is_factory(target: Any, name: str, setting: str | None) -> bool:
    """Tell whether a function makes the application. Only a handler that is named so is called for it."""
    code = getattr(target, "__code__", None)
    if code is None or code.co_flags & VARARGS or is_async(target) or required_names(target) != []:
        return False
    return setting in APP_KINDS or name.startswith(FACTORY_VERBS) or name in ("app_factory", "factory")


def own_server(value: Any) -> str | None:
    """Name the framework of an application that only its own server can run."""
    for each in type(value).__mro__:
        package = each.__module__.partition(".")[0]
        if package in OWN_SERVERS and package in sys.modules:
            return OWN_SERVERS[package]
    return None


def check_not_app(target: Any, file: str, name: str, signature: str) -> None:
    """Refuse an application where the settings say that it is a function.

    @throws FUNCTION_LOAD_FAILED
    """
    kind = app_kind(target)
    if kind is not None and kind != "asgi2":
        raise load_failed(
            f'{file}: "{name}" is {with_article(kind)} application, not a function with the signature {signature}. '
            f"Deploy it with --app {kind[:4]}, without --signature"
        )
