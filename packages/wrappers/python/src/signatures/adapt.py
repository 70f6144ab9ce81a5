"""Choosing how a function of another platform is called."""

from __future__ import annotations

import sys

from ..function.load import run_user_code
from ..function.signature import is_async
from ..options import ENVIRONMENT, settings
from ..problem import load_failed
from .hints import LAMBDA_FIELDS, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Names of functions by signature, tried when the handler's setting does not name one.
CONVENTIONS = {
    "lambda": ("lambda_handler", "handler"),
    "openfaas": ("handle",),
    "knative": ("handle", "main"),
    "": ("lambda_handler", "handle"),
}


def adapt_signature(target: Any, module: Any, file_name: str, name: str | None = None) -> tuple[Any, str | None] | None:
    """Make a function of another platform one that takes a call, or an application whose kind is the second item.

    None when it may be one of ours. `name` is the export of the handler's setting.

    @throws FUNCTION_LOAD_FAILED
    """
    if "functions_framework" in sys.modules and settings.signature in ("", "gcf", "cloudevents"):
        from .google import google_app, google_target, registered_functions

        if registered_functions():
            found = google_target(module, file_name, name)
            if found:
                return google_app(module, file_name, found)
    if settings.signature in ("", "knative") and name in (None, "new") and is_function_class(module):
        from .knative import knative_instance_app

        return knative_instance_app(run_user_code(module.new, file_name)), "asgi"
    if target is None or not callable(target):
        target = find_target(module, name)
    if target is None:
        if settings.signature:
            raise load_failed(
                f'{file_name}: found no function of the signature {settings.signature}. Set the handler to "file.function"'
            )
        return None
    signature = settings.signature or recognize(target, module)
    return adapt(signature, target, module, file_name) if signature else None


def is_function_class(module: Any) -> bool:
    """Tell whether a module makes its function by `new()`, as those of Knative do."""
    new = getattr(module, "new", None)
    code = getattr(new, "__code__", None)
    return code is not None and code.co_argcount == 0 and not hasattr(module, "handler")


def adapt(signature: str, target: Any, module: Any, file_name: str) -> tuple[Any, str | None]:
    """Make a function of a signature one that takes a call, or an application."""
    if signature == "lambda":
        from .aws_lambda import adapt_lambda

        return adapt_lambda(target), None
    if signature == "openfaas":
        from .openfaas import adapt_openfaas

        return adapt_openfaas(target), None
    if signature == "cloudevents":
        from .cloud_event import adapt_cloud_event

        return adapt_cloud_event(target), None
    if signature == "gcf":
        from .google import google_app, google_target

        name = google_target(module, file_name, getattr(target, "__name__", None))
        return google_app(module, file_name, name or "")
    if signature == "knative":
        if is_async(target):
            return target, "asgi"
        from .knative import knative_app

        return knative_app(target, file_name), "wsgi"
    from .flask_function import fission_app

    return fission_app(target, file_name), "wsgi"


def find_target(module: Any, name: str | None) -> Any:
    """Find a function by the conventions of other platforms; None without one."""
    wanted = ENVIRONMENT.get("FUNCTION_TARGET") or ENVIRONMENT.get("GOOGLE_FUNCTION_TARGET")
    names = (name,) if name else (wanted, *CONVENTIONS.get(settings.signature, ()))
    found = next((each for each in names if each and callable(getattr(module, each, None))), None)
    if found:
        return getattr(module, found)
    own = [
        value
        for key, value in vars(module).items()
        if key[0] != "_" and getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__code__")
    ]
    return own[0] if settings.signature and not name and len(own) == 1 else None


def recognize(target: Any, module: Any) -> str | None:
    """Recognize a function of another platform by what a handler of ours cannot have; None if it may be one of ours."""
    name = getattr(target, "__name__", type(target).__name__)
    function = target
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    if name == "lambda_handler" or type(target).__module__.partition(".")[0] == "mangum":
        return "lambda"
    if code is None:
        return None
    parameters = code.co_varnames[: code.co_argcount]
    if name == "handle":
        return "knative" if len(parameters) == 3 and is_async(target) else "openfaas" if parameters else None
    if "parliament" in sys.modules and len(parameters) == 1 and name == "main":
        return "knative"
    words = words_of(code)
    if "aws_lambda_powertools" in sys.modules and len(parameters) == 2 or words & LAMBDA_FIELDS - {"statusCode"}:
        return "lambda"
    if {"statusCode", "body"} <= words and not words & {"method", "query", "rawBody"} and sets_literal_status(function):
        return "lambda"
    if not parameters and uses_flask_request(function, module, words):
        return "fission"
    return None


def sets_literal_status(function: Any) -> bool:
    """Tell whether the source of a function has a status such as `"statusCode": 200`, and not only one that it passes on."""
    import inspect
    import re

    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return False
    return bool(re.search(r"""["']?statusCode["']?[\]\s:=]+["']?\d{3}\b""", source))


def uses_flask_request(function: Any, module: Any, words: set[str]) -> bool:
    """Tell whether a function reads the current request of Flask, of which the module has no application."""
    flask = sys.modules.get("flask")
    if flask is None or any(isinstance(value, flask.Flask) for value in vars(module).values()):
        return False
    names = [key for key, value in vars(module).items() if value is flask.request]
    return any(each in words for each in names) or "flask" in words and "request" in words


def likely_signature(target: Any) -> str | None:
    """Name the signature that a function looks like, for advice in an error; None when it looks like one of ours, or is not a function."""
    code = getattr(target, "__code__", None)
    if code is None:
        return None
    words = words_of(code)
    if words & LAMBDA_FIELDS:
        return "lambda"
    if code.co_varnames[:1] == ("request",) and words & {"get_json", "args", "form", "get_data"}:
        return "gcf"
    return "cloudevents" if words & {"specversion", "datacontenttype"} else None
