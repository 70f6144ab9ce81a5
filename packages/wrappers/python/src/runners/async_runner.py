"""Async functions on asyncio's event loop."""

from __future__ import annotations

import sys
from collections import deque
from time import monotonic

from ..function.call import is_traced
from ..http.response import error_response, to_response
from ..http.streams import UnsentStream, encode_end, encode_piece
from ..options import settings
from ..output_tags import current_call
from ..problem import no_capacity
from ..process_exit import exit_as_asked
from ..user_error import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import AsyncIterator, Callable, Iterable
    from typing import Any

    from ..function.call import Call
    from ..http.response import Response


class AsyncRunner:
    """Runs an `async def` on asyncio's event loop, at most as many calls at a time as the settings allow."""

    def __init__(self, handler: Any, arity: int, loop: AbstractEventLoop) -> None:
        import asyncio

        self.handler = handler
        self.arity = arity
        self.loop = loop
        self.waiting: deque[Call] = deque()
        self.running: dict[Call, Task[None] | None] = {}  # call to its task, once that has begun
        # A task that begins at once (3.12) saves a turn of the loop.
        eager: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
        task: Any = asyncio.Task
        self.task: Callable[[Call], Any] = lambda call: task(self.run(call), loop=loop, **eager)
        self.current_task = asyncio.current_task
        self.cancelled = asyncio.CancelledError

    def submit(self, call: Call) -> None:
        """Start a call, or queue it.

        @throws NO_CAPACITY
        """
        if len(self.running) < settings.concurrency:
            self.start(call)
        elif len(self.waiting) >= settings.queue_limit:
            raise no_capacity()
        else:
            self.waiting.append(call)

    def start(self, call: Call) -> None:
        """Start a call's task."""
        self.running[call] = None
        self.task(call)

    def start_waiting(self) -> None:
        """Start calls that wait, as many as may run."""
        while self.waiting and len(self.running) < settings.concurrency:
            self.start(self.waiting.popleft())

    def cancel(self, call: Call) -> None:
        """Cancel the task of a call that has begun; a call that has not finds out when it begins."""
        task = self.running.get(call)
        if task is not None:
            task.cancel()

    async def run(self, call: Call) -> None:
        """Run one call to the end of its response, then make way for the next. Raises nothing."""
        if settings.tags_output:
            current_call.set(call.request_id)
        try:
            if call.unclaimed:
                self.running[call] = self.current_task()
                await self.answer(call)
        finally:
            del self.running[call]
            if self.waiting:
                self.loop.call_soon(self.start_waiting)

    async def answer(self, call: Call) -> None:
        """Call the function and send its response."""
        if "traceparent" in call.headers and is_traced(call):
            from ..function.trace import enter_trace

            enter_trace(call)  # in the context of the task, which ends with it
        try:
            result = self.handler(*call.arguments(self.arity))
            if hasattr(result, "__await__"):
                result = await result
            response = to_response(call, result)
        except self.cancelled as error:
            if not call.unclaimed:  # by cancel(), at the deadline
                return
            response = error_response(call, error)
        except BaseException as error:
            response = error_response(call, error)
        if response.stream is not None:
            call.begin_stream()
        if not call.claim():
            await self.close(response.stream)
        elif call.streaming:
            await self.stream(call, response)
        else:
            call.connection.deliver(call, response)

    async def stream(self, call: Call, response: Response) -> None:
        """Send a response piece by piece, as fast as the client takes it. An error cuts the connection."""
        connection, stream = call.connection, response.stream
        try:
            await connection.write_async(response.data)
            if not isinstance(stream, UnsentStream):
                async for piece in stream if hasattr(stream, "__anext__") else with_pauses(stream):
                    data = encode_piece(call, piece)
                    if data:
                        await connection.write_async(data)
                        call.progress = monotonic()
                    if connection.gone:
                        break
                else:
                    await connection.write_async(encode_end(call))
        except self.cancelled:
            connection.cut()
        except BaseException as error:
            if isinstance(error, SystemExit):
                exit_as_asked(error, f"in request {call.request_id}")
            log_error(error, call.request_id)
            connection.cut()
        finally:
            await self.close(stream)
            connection.finish(call)

    async def close(self, stream: Any) -> None:
        """Let a generator that was not run to its end clean up."""
        try:
            if hasattr(stream, "aclose"):
                await stream.aclose()
            elif hasattr(stream, "close"):
                stream.close()
        except Exception as error:
            log_error(error)


async def with_pauses(iterator: Iterable[Any]) -> AsyncIterator[Any]:
    """Iterate over a plain iterator on the event loop, letting other tasks run after each piece."""
    from asyncio import sleep

    for piece in iterator:
        yield piece
        await sleep(0)
