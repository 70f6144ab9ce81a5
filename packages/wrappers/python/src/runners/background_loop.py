"""Awaitables that plain functions return."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator
    from typing import Any

background: list[AbstractEventLoop] = []
background_lock = threading.Lock()


def in_background(awaitable: Any) -> Any:
    """Await, from a worker thread, what a plain function returned without awaiting it; one event loop runs them all."""
    import asyncio

    with background_lock:
        if not background:
            background.append(asyncio.new_event_loop())
            threading.Thread(target=background[0].run_forever, daemon=True, name="faas-asyncio").start()

    async def wait() -> Any:
        return await awaitable

    return asyncio.run_coroutine_threadsafe(wait(), background[0]).result()


def from_background(stream: Any) -> Iterator[Any]:
    """Iterate over an async iterator from a worker thread."""
    while True:
        try:
            yield in_background(stream.__anext__())
        except StopAsyncIteration:
            return
