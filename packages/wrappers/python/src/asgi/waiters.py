"""Waiting for something to change, in several tasks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future


class Waiters:
    """Tasks that wait until wake() is called. The loop's thread alone uses it."""

    __slots__ = ("loop", "futures")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.futures: list[Future[None]] = []

    async def wait(self) -> None:
        """Wait for the next wake()."""
        future = self.loop.create_future()
        self.futures.append(future)
        try:
            await future
        finally:
            if future in self.futures:  # cancelled
                self.futures.remove(future)

    def wake(self) -> None:
        """Let all tasks that wait continue."""
        futures, self.futures = self.futures, []
        for future in futures:
            if not future.done():
                future.set_result(None)
