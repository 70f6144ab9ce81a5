"""Functions for Google Cloud, called through its functions framework."""

from __future__ import annotations

import os
import sys

from ..options import ENVIRONMENT
from ..problem import load_failed
from ..source_folder import source_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def google_app(module: Any, file_name: str, target: str) -> tuple[Any, str]:
    """Make the framework's application of a function, without loading its module again. The second item is the kind of the application.

    @throws FUNCTION_LOAD_FAILED without the framework
    """
    try:
        import functions_framework  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise load_failed(
            f'{file_name}: the function "{target}" takes a request of Flask. Add functions-framework to requirements.txt'
        ) from None
    registry = functions_framework._function_registry
    ENVIRONMENT.setdefault("FUNCTION_TARGET", target)
    if target in getattr(registry, "ASGI_FUNCTIONS", ()):
        from functions_framework.aio import create_asgi_app_from_module  # type: ignore[import-not-found,unused-ignore]

        return create_asgi_app_from_module(target, file_name, None, module, module.__spec__), "asgi"
    import flask  # type: ignore[import-not-found,unused-ignore]

    function = getattr(module, target)
    app = flask.Flask(target, template_folder=os.path.join(source_folder.path, "templates"))
    # An error is answered with the problem of an error in a function, not with Flask's page.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    kind = registry.get_func_signature_type(target, ENVIRONMENT.get("FUNCTION_SIGNATURE_TYPE") or kind_of(function))
    functions_framework._configure_app(app, function, kind)
    return app, "wsgi"


def kind_of(function: Any) -> str:
    """Tell the kind of a function that is not registered by its parameters."""
    code = getattr(function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    if len(names) == 2:
        return "event"
    return "cloudevent" if names in (("cloud_event",), ("cloudevent",), ("event",)) else "http"


def google_target(module: Any, file_name: str, name: str | None) -> str | None:
    """Choose the function: the one that FUNCTION_TARGET or the handler's setting names, else the only registered one. None without one.

    @throws FUNCTION_LOAD_FAILED if it is not clear which of several functions to serve
    """
    wanted = ENVIRONMENT.get("FUNCTION_TARGET") or ENVIRONMENT.get("GOOGLE_FUNCTION_TARGET") or name
    if wanted:
        if callable(getattr(module, wanted, None)):
            return wanted
        raise load_failed(f'{file_name}: expected it to define the function "{wanted}"')
    names = [each for each in registered_functions() if callable(getattr(module, each, None))]
    if len(names) > 1:
        raise load_failed(
            f"{file_name}: registers the functions {', '.join(names)}. "
            f"Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET={names[0]}"
        )
    return names[0] if names else None


def registered_functions() -> list[str]:
    """List the functions that the user's code has registered with the functions framework."""
    registry = sys.modules.get("functions_framework._function_registry")
    return list(dict.fromkeys((*getattr(registry, "REGISTRY_MAP", ()), *getattr(registry, "ASGI_FUNCTIONS", ()))))
