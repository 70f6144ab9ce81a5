"""Functions that are registered with Google's functions framework."""

from __future__ import annotations

import os
import sys

from ..options import ENVIRONMENT
from ..problem import load_failed
from ..source_folder import FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def google_app(module: Any, file_name: str, name: str | None, registry: dict[str, str]) -> Any:
    """Make the framework's application of the function that the module has registered, without loading the module again.

    @throws FUNCTION_LOAD_FAILED if it is not clear which of several functions to serve
    """
    target = target_name(module, file_name, name, registry)
    framework = sys.modules["functions_framework"]
    known = framework._function_registry
    if target in getattr(known, "ASGI_FUNCTIONS", ()):
        raise load_failed(
            f'{file_name}: "{target}" is registered with functions_framework.aio. '
            'Deploy it with --command "functions-framework --target ' + target + '"'
        )
    import flask  # type: ignore[import-not-found,unused-ignore]

    app = flask.Flask(target, template_folder=os.path.join(FOLDER, "templates"))
    app.config["PROPAGATE_EXCEPTIONS"] = True
    framework._configure_app(app, getattr(module, target), known.get_func_signature_type(target, None))
    return app


def target_name(module: Any, file_name: str, name: str | None, registry: dict[str, str]) -> str:
    """Choose the registered function: the one that FUNCTION_TARGET or the handler's setting names, or else the only one."""
    wanted = ENVIRONMENT.get("FUNCTION_TARGET") or ENVIRONMENT.get("GOOGLE_FUNCTION_TARGET") or name
    names = [each for each in registry if callable(getattr(module, each, None))]
    if wanted:
        names = [wanted] if callable(getattr(module, wanted, None)) else []
    if len(names) == 1:
        ENVIRONMENT.setdefault("FUNCTION_TARGET", names[0])
        return names[0]
    if not names:
        raise load_failed(f'{file_name}: expected it to define the function "{wanted}"')
    raise load_failed(
        f"{file_name}: registers the functions {', '.join(names)}. "
        f"Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET={names[0]}"
    )
