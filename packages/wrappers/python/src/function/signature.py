"""Calling conventions of the user's function."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Flags of code objects (the inspect module's CO_COROUTINE, CO_ASYNC_GENERATOR and CO_VARARGS; importing it takes longer than the wrapper).
COROUTINE, ASYNC_GENERATOR, VARARGS = 0x80, 0x200, 0x04


def is_async(handler: Any) -> bool:
    """Tell whether the function runs on asyncio's event loop: an `async def`, or an object or method that is one."""
    while hasattr(handler, "func") and not hasattr(handler, "__code__"):  # functools.partial
        handler = handler.func
    code = getattr(handler, "__code__", None) or getattr(getattr(handler, "__call__", None), "__code__", None)  # noqa: B004
    return bool(code and code.co_flags & (COROUTINE | ASYNC_GENERATOR))


def arity(handler: Any) -> int:
    """Count the arguments, of event and context, that the function takes; -1 for one that takes the call."""
    if hasattr(handler, "takes_call"):
        return -1
    code = getattr(handler, "__code__", None)
    if code and not code.co_flags & VARARGS:
        bound = getattr(handler, "__self__", None) is not None
        return min(2, int(code.co_argcount) - bound)
    import inspect

    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 2
    if any(each.kind == each.VAR_POSITIONAL for each in parameters):
        return 2
    return min(2, sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters))
