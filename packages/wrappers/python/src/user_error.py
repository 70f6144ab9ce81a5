"""Errors raised by the user's code: where they come from, and how they are logged."""

from __future__ import annotations

import os
import sys

from .json_encoder import encoder
from .options import settings
from .output_tags import current_call
from .source_folder import FILE, source_folder


def message_of(error: BaseException) -> str:
    """Give the message of an error, or the name of its type when it has none."""
    return str(error) or type(error).__name__


def explained(error: BaseException) -> str:
    """Give the message of an error with the user's own paths, and with advice for a missing package."""
    message = message_of(error).replace(source_folder.path + os.sep, "")
    if isinstance(error, ModuleNotFoundError) and error.name:
        from .function.missing_package import package_advice

        return f"{message}{package_advice(error.name)}"
    return message


def is_user_file(path: str) -> bool:
    """Tell whether code of this file is the user's or a library's, not the wrapper's or the interpreter's."""
    return path != FILE and not path.startswith("<")


def stack_of(error: BaseException) -> list[str]:
    """Give the stack of an error, without the wrapper's own frames, and its message as the last item."""
    import traceback

    frames = error.__traceback__
    while frames and not is_user_file(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return traceback.format_exception(type(error), error, frames)


def log_stack(error: BaseException) -> None:
    """Write the stack of an error to stderr, without its message, which is logged after it."""
    stack = stack_of(error)
    message = error.msg if isinstance(error, SyntaxError) else message_of(error)
    sys.stderr.write("".join(stack[:-1] if message in stack[-1] else stack))


def log_error(error: BaseException, request_id: str | None = None) -> None:
    """Write an error to stderr with its stack, without the wrapper's own frames.

    A line of JSON with the request id precedes it, unless the platform stores the id beside each line.
    """
    text = "".join(stack_of(error))
    if request_id and not settings.tags_output:
        text = encoder.encode({"level": "error", "requestId": request_id, "message": message_of(error)}) + "\n" + text
    token = current_call.set(request_id or "")
    sys.stderr.write(text)
    current_call.reset(token)


def location_of(error: BaseException) -> str | None:
    """Find the `file:line` of the user's code where an error was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename, source_folder.path)}:{error.lineno}"
    found = None
    frames = error.__traceback__
    while frames:
        path = frames.tb_frame.f_code.co_filename
        inside = os.path.relpath(path, source_folder.path) if is_user_file(path) else ".."
        if not inside.startswith((".." + os.sep, ".packages")) and inside != "..":
            found = f"{inside}:{frames.tb_lineno}"
        frames = frames.tb_next
    return found
