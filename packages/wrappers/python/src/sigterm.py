"""SIGTERM, which begins a drain. Calls are still in flight then, and a handler of the user's code often ends the process, or what calls
need: the wrapper keeps that handler, and calls it after the drain.
"""

from __future__ import annotations

import os
import signal
import threading
from time import sleep

from .lifecycle import lifecycle
from .process_exit import EXIT_LIMIT, exit_process
from .user_error import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any, NoReturn

set_handler, get_handler = signal.signal, signal.getsignal


def on_sigterm_call(on_sigterm: Callable[[], None]) -> None:
    """Call a function on SIGTERM, whatever handler the user's code sets."""
    set_handler(signal.SIGTERM, lambda *_: end_after_drain() if lifecycle.drained else on_sigterm())
    signal.signal = set_user_handler
    signal.getsignal = get_user_handler
    os.register_at_fork(after_in_child=restore_signals)


def set_user_handler(signalnum: int, handler: Any, /) -> Any:
    """Set the handler of a signal, as signal.signal() does, which this replaces."""
    if signalnum != signal.SIGTERM or not (callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)):
        return set_handler(signalnum, handler)
    set_handler(signalnum, get_handler(signalnum))  # raises ValueError outside of the main thread
    previous, lifecycle.user_handler = lifecycle.user_handler, handler
    return previous


def get_user_handler(signalnum: int, /) -> Any:
    """Give the handler of a signal, as signal.getsignal() does, which this replaces."""
    return lifecycle.user_handler if signalnum == signal.SIGTERM else get_handler(signalnum)


def restore_signals() -> None:
    """Give a forked process the handler that it would have without the wrapper: Process.terminate() sends SIGTERM."""
    signal.signal, signal.getsignal = set_handler, get_handler
    set_handler(signal.SIGTERM, lifecycle.user_handler)


def keep_loop_handlers(loop: AbstractEventLoop) -> None:
    """Do the same for handlers that the user's code adds to asyncio's event loop."""
    add, remove = loop.add_signal_handler, loop.remove_signal_handler

    def add_signal_handler(sig: int, callback: Callable[..., object], *args: Any) -> None:
        if sig == signal.SIGTERM:
            lifecycle.user_handler = lambda *_: callback(*args)
        else:
            add(sig, callback, *args)

    def remove_signal_handler(sig: int) -> bool:
        if sig != signal.SIGTERM:
            return remove(sig)
        previous, lifecycle.user_handler = lifecycle.user_handler, signal.SIG_DFL
        return bool(previous != signal.SIG_DFL)

    loop.add_signal_handler = add_signal_handler  # type: ignore[method-assign,assignment]
    loop.remove_signal_handler = remove_signal_handler  # type: ignore[method-assign]


def end_after_drain(loop: AbstractEventLoop | None = None) -> NoReturn:
    """Call the user's handler on the main thread, with the tasks that it starts on an event loop, and exit."""
    handler = lifecycle.user_handler
    if not callable(handler):
        exit_process(0)
    if threading.current_thread() is not threading.main_thread():
        lifecycle.drained = True
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)  # type: ignore[arg-type]
        sleep(EXIT_LIMIT)
        exit_process(0)
    lifecycle.user_handler = signal.SIG_DFL  # a handler may send the signal once more
    try:
        if loop is None:
            handler(int(signal.SIGTERM), None)
        else:
            call_with_tasks(handler, loop)
    except SystemExit as error:
        exit_process(error.code if isinstance(error.code, int) else int(error.code is not None))
    except BaseException as error:
        log_error(error)
        exit_process(1)
    exit_process(0)


def call_with_tasks(handler: Any, loop: AbstractEventLoop) -> None:
    """Call a handler as asyncio would, on its loop, and run the tasks that it has started."""
    import asyncio

    async def call() -> None:
        others = asyncio.all_tasks()
        handler(int(signal.SIGTERM), None)
        started = asyncio.all_tasks() - others
        if started:
            await asyncio.wait(started, timeout=EXIT_LIMIT)

    loop.run_until_complete(call())
