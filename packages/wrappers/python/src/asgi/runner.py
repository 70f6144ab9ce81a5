"""Calls of an ASGI application on asyncio's event loop."""

from __future__ import annotations

import gc
from time import monotonic

from ..function.call import is_traced
from ..options import DRAIN_GRACE, settings
from ..output_tags import current_call
from ..process_exit import EXIT_LIMIT
from ..runners.async_runner import AsyncRunner
from .lifespan import Lifespan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from typing import Any

    from ..function.call import Call
    from .connection import AsgiConnection


class AsgiRunner(AsyncRunner):
    """Runs an application, at most as many calls at a time as the settings allow. A call ends with its response: the application may work on after it."""

    def __init__(self, app: Any, loop: AbstractEventLoop) -> None:
        super().__init__(app, 0, loop)
        self.lifespan = Lifespan(app, loop)
        self.state = self.lifespan.state
        self.tasks: dict[Task[None], Call] = {}  # all of them, also those whose response has ended
        self.drain_began = 0.0

    def startup(self) -> None:
        """Run the application's startup.

        @throws FUNCTION_LOAD_FAILED
        """
        self.loop.run_until_complete(self.lifespan.startup())
        gc.freeze()

    def drain(self) -> None:
        """Begin a drain: open WebSockets have as long as a call."""
        self.drain_began = monotonic()
        self.loop.call_later(settings.timeout, self.close_sockets)

    def close_sockets(self) -> None:
        """Ask the clients of open WebSockets to connect again, to another process."""
        for call in list(self.tasks.values()):
            exchange = self.exchange_of(call)
            if hasattr(exchange, "go_away"):
                exchange.go_away()

    def end(self) -> None:
        """Wait for the tasks that are still working, at most until the drain ends, and run the application's shutdown."""
        began = self.drain_began or monotonic()
        self.loop.run_until_complete(self.finish_tasks(began + settings.timeout + DRAIN_GRACE - monotonic()))
        self.loop.run_until_complete(self.lifespan.shutdown(EXIT_LIMIT))

    async def finish_tasks(self, seconds: float) -> None:
        """Wait for all tasks, and cancel those that do not end in time."""
        import asyncio

        if self.tasks and seconds > 0:
            await asyncio.wait(list(self.tasks), timeout=seconds)
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks), timeout=1)

    async def run(self, call: Call) -> None:
        """Run the application for one call. Raises nothing."""
        if settings.tags_output:
            current_call.set(call.request_id)
        task: Any = self.current_task()
        try:
            if call.unclaimed:
                self.running[call] = task
                self.tasks[task] = call
                await self.answer(call)
        finally:
            self.tasks.pop(task, None)
            self.release(call)

    def release(self, call: Call) -> None:
        """Make way for the next call."""
        if call in self.running:
            del self.running[call]
            if self.waiting:
                self.loop.call_soon(self.start_waiting)

    def exchange_of(self, call: Call) -> Any:
        """Give the exchange of a call that has not ended."""
        connection: AsgiConnection = call.connection  # type: ignore[assignment]
        return connection.exchange if connection.call is call else None

    async def answer(self, call: Call) -> None:
        """Call the application with the events of one request or WebSocket."""
        exchange = self.exchange_of(call)
        if exchange is None:  # the connection was closed while the call waited
            return
        if "traceparent" in call.headers and is_traced(call):
            from ..function.trace import enter_trace

            enter_trace(call)  # in the context of the task, which ends with it
        exchange.on_end = self.release
        try:
            await self.handler(exchange.scope(self.state), exchange.receive, exchange.send)
        except self.cancelled:
            exchange.cancelled()
        except BaseException as error:
            exchange.failed(error)
        else:
            exchange.returned()


def asgi3(app: Any) -> Any:
    """Give an application of ASGI 2, which is called twice, the form of ASGI 3."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app(scope)(receive, send)

    return application
