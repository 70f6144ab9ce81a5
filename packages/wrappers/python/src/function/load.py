"""Finding and importing the user's function."""

from __future__ import annotations

import os
import sys

from ..options import ENVIRONMENT
from ..problem import load_failed
from ..process_exit import exit_as_asked
from ..signatures.hints import FOREIGN_FILES, SIGNATURE, may_be_foreign
from ..source_folder import FOLDER
from ..user_error import location_of, log_error, message_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HANDLER_FILES = ("main", "handler", "function", "app", "index")
HANDLER_NAMES = ("handler", "main")


def load_handler() -> Any:
    """Import the user's function.

    @throws FUNCTION_LOAD_FAILED with file, line and message
    """
    file, module_name, name = find_handler(ENVIRONMENT.get("FAAS_HANDLER"))
    packages = os.path.join(FOLDER, ".packages")
    # After the standard library and before other installed packages, as in a virtual environment.
    index = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
    sys.path.insert(index, packages)
    sys.path.insert(0, FOLDER)
    if module_name in sys.modules:
        raise load_failed(f"{file}: the standard library has a module with this name. Rename the file")
    if "lambda" in (SIGNATURE, file.partition("_")[0]) or name == "lambda_handler":
        from ..signatures.aws_lambda import set_lambda_environment

        set_lambda_environment()
    try:
        __import__(module_name)
    except SystemExit as error:
        exit_as_asked(error, f"while {file} was loaded")
    except BaseException as error:
        log_error(error)
        raise load_failed(f"{location_of(error) or file}: {type(error).__name__}: {load_message(error)}") from error
    module = sys.modules[module_name]
    names = (name,) if name else HANDLER_NAMES
    found = next((each for each in names if hasattr(module, each)), None)
    target = getattr(module, found) if found else None
    if may_be_foreign(target, found):
        from ..signatures.adapt import adapt_signature

        adapted = adapt_signature(target, module, file, name or None)
        if adapted:
            return adapted[0]
    if found is None:
        has = ", ".join(each for each, value in vars(module).items() if callable(value) and each[0] != "_") or "nothing"
        expected = " or ".join(f'"{each}"' for each in names)
        raise load_failed(f"{file}: expected it to define {expected}, but it defines {has}")
    if not callable(target):
        raise load_failed(f'{file}: expected "{found}" to be a function, got {type(target).__name__}')
    return target


def find_handler(setting: str | None) -> tuple[str, str, str]:
    """Find the handler's file, relative to the folder, its module's name, and the function's name if the setting has one.

    @throws FUNCTION_LOAD_FAILED
    """
    stem, _, name = (setting or "").rpartition(".")
    stems = (stem, stem.replace(".", "/")) if setting else HANDLER_FILES + FOREIGN_FILES
    for each in stems:
        for file in (f"{each}.py", f"{each}/__init__.py"):
            if os.path.isfile(os.path.join(FOLDER, file)):
                return file, os.path.normpath(each).replace("/", "."), name
    tried = ", ".join(dict.fromkeys(f"{each}.py" for each in (stems if setting else HANDLER_FILES)))
    raise load_failed(
        f'Expected the handler "{setting}" in one of {tried}, but none of them exists'
        if setting
        else f'Expected the function in one of {tried}, but none of them exists. Set the handler to "file.function"'
    )


def load_message(error: BaseException) -> str:
    """Return an error's message, with advice for a missing package."""
    if isinstance(error, SyntaxError):
        return error.msg
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error} (to install it, add {error.name.partition('.')[0]} to requirements.txt)"
    return message_of(error)
