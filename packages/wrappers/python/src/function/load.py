"""Finding and importing the user's function."""

from __future__ import annotations

import os
import sys

from ..options import ENVIRONMENT, settings
from ..problem import Problem, load_failed
from ..process_exit import exit_as_asked
from ..signatures.hints import FOREIGN_FILES, may_be_foreign
from ..source_folder import source_folder
from ..user_error import explained, location_of, log_stack
from .search_path import SOURCES, extend_search_path, module_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HANDLER_FILES = ("main", "handler", "function", "app", "index", "application", "wsgi", "asgi")
HANDLER_NAMES = ("handler", "main")
EXPORTED_APPS = ("app", "application")
# Packages that make a Lambda function of an application, which can be served without them.
LAMBDA_ADAPTERS = ("mangum", "apig_wsgi")


class Loaded:
    """The user's code: a function, or an application of the kind `app`."""

    __slots__ = ("target", "app")

    def __init__(self, target: Any, app: str | None = None) -> None:
        self.target = target
        self.app = app  # "wsgi", "asgi" or "asgi2"; None: `target` is a function


def load_function() -> Loaded:
    """Import the user's function or application.

    @throws FUNCTION_LOAD_FAILED with file, line and message
    """
    if not ENVIRONMENT.get("PORT", "").isdecimal():
        ENVIRONMENT["PORT"] = "8080"  # programs expect a number; the wrapper itself may listen on the path of a socket
    file, module_name, name = find_handler(ENVIRONMENT.get("FAAS_HANDLER"))
    extend_search_path()
    if module_name in sys.modules:
        raise load_failed(f"{file}: the standard library has a module with this name. Rename the file")
    if "lambda" in (settings.signature, file.partition("_")[0]) or name == "lambda_handler":
        from ..signatures.aws_lambda import set_lambda_environment

        set_lambda_environment()
    run_user_code(lambda: __import__(module_name), file)
    return loaded_from(sys.modules[module_name], file, name)


def run_user_code(action: Callable[[], Any], file: str) -> Any:
    """Run code of the user's that a load needs.

    @throws FUNCTION_LOAD_FAILED
    """
    try:
        return action()
    except SystemExit as error:
        exit_as_asked(error, f"while {file} was loaded")
    except Problem:
        raise
    except BaseException as error:
        log_stack(error)
        raise load_failed(f"{location_of(error) or file}: {type(error).__name__}: {load_message(error)}") from error


def loaded_from(module: Any, file: str, name: str) -> Loaded:
    """Choose the export of a module that serves its calls.

    @throws FUNCTION_LOAD_FAILED
    """
    app = ENVIRONMENT.get("FAAS_APP")
    if app not in (None, "", "function", "wsgi", "asgi"):
        raise load_failed(f'{file}: expected the setting "app" of a Python function to be wsgi or asgi, got "{app}"')
    names = (name,) if name else HANDLER_NAMES + EXPORTED_APPS
    if app in ("wsgi", "asgi") and not name:
        names = EXPORTED_APPS + HANDLER_NAMES
    found = next((each for each in names if hasattr(module, each)), None)
    target = getattr(module, found) if found else None
    if app not in ("wsgi", "asgi") and may_be_foreign(target, found):
        from ..signatures.adapt import adapt_signature

        adapted = run_user_code(lambda: adapt_signature(target, module, file, name or None), file)
        if adapted:
            return Loaded(*adapted)
    if found is None:
        has = ", ".join(each for each, value in vars(module).items() if callable(value) and each[0] != "_") or "nothing"
        expected = " or ".join(f'"{each}"' for each in names)
        raise load_failed(f"{file}: expected it to define {expected}, but it defines {has}{signature_advice(module)}")
    if not name and (found == "main" or getattr(target, "__module__", "").startswith(LAMBDA_ADAPTERS)):
        found = app_beside(module) or found  # `def main()` often starts a server of the framework, for development
        target = getattr(module, found)
    if is_plain_handler(target, found) and app not in ("wsgi", "asgi"):
        return Loaded(target)
    from ..apps.recognize import check_not_app, find_app

    signature = ENVIRONMENT.get("FAAS_SIGNATURE")
    if signature:
        check_not_app(target, file, found, signature)
        kind = None
    else:
        target, kind = find_app(module, file, found, app)
    if kind is None and not callable(target):
        raise load_failed(f'{file}: expected "{found}" to be a function, got {type(target).__name__}')
    return Loaded(target, kind)


def signature_advice(module: Any) -> str:
    """Name the setting for a module whose functions look like those of another platform."""
    from ..signatures.adapt import likely_signature

    likely = next(filter(None, map(likely_signature, vars(module).values())), None)
    return f". A function of another platform needs --signature {likely} and --handler" if likely else ""


def app_beside(module: Any) -> str | None:
    """Name the application that a module exports; None without one."""
    names = [each for each in EXPORTED_APPS if hasattr(module, each)]
    if not names:
        return None
    from ..apps.recognize import app_kind

    return next((each for each in names if app_kind(getattr(module, each))), None)


def is_plain_handler(target: Any, name: str) -> bool:
    """Tell whether an export is a function that no framework calls an application, without a closer look."""
    code = getattr(target, "__code__", None)
    return bool(
        name in HANDLER_NAMES
        and code
        and code.co_argcount <= 2
        and code.co_varnames[:1] not in (("environ",), ("scope",))
        and code.co_varnames[1:2] != ("start_response",)
        and not hasattr(target, "__wrapped__")
    )


def find_handler(setting: str | None) -> tuple[str, str, str]:
    """Find the handler's file, relative to the folder, its module's name, and the function's name if the setting has one.

    @throws FUNCTION_LOAD_FAILED
    """
    stem, _, name = (setting or "").rpartition(".")
    stems = (stem, stem.replace(".", "/")) if setting else HANDLER_FILES + FOREIGN_FILES
    for each in (*stems, *(f"{SOURCES}/{stem}" for stem in stems)):
        for file in (f"{each}.py", f"{each}/__init__.py"):
            if os.path.isfile(os.path.join(source_folder.path, file)):
                return file, module_of(each), name
    tried = ", ".join(dict.fromkeys(f"{each}.py" for each in (stems if setting else HANDLER_FILES)))
    raise load_failed(
        f'Expected the handler "{setting}" in one of {tried}, but none of them exists'
        if setting
        else f'Expected the function in one of {tried}, but none of them exists. Set the handler to "file.function"'
    )


def load_message(error: BaseException) -> str:
    """Return an error's message; the location of a syntax error is not part of it."""
    return error.msg if isinstance(error, SyntaxError) else explained(error)
