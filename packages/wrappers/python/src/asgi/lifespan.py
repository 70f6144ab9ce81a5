"""The lifespan of an ASGI application: its startup before the first call, and its shutdown after the last one."""

from __future__ import annotations

import sys

from ..problem import load_failed
from ..process_exit import exit_as_asked
from ..user_error import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from typing import Any


class Lifespan:
    """Runs the application's lifespan in a task of its own. An application without one raises an error or returns, and is served too."""

    def __init__(self, app: Any, loop: AbstractEventLoop) -> None:
        self.app = app
        self.loop = loop
        self.state: dict[str, Any] = {}  # what the application shares with its requests
        self.task: Task[None] | None = None
        self.started: Future[str | None] = loop.create_future()  # None, or a message of failure
        self.stopped: Future[str | None] = loop.create_future()
        self.received = 0
        self.ending: Future[None] = loop.create_future()

    async def startup(self) -> None:
        """Start the application.

        @throws FUNCTION_LOAD_FAILED
        """
        import asyncio

        self.task = self.loop.create_task(self.run())
        message = await self.started
        if message is None:
            return
        await asyncio.wait((self.task,), timeout=1)  # it raises its error after that, as a rule
        sys.stderr.write(f"{message}\n")
        raise load_failed(f"The startup of the application failed: {last_line(message)}")

    async def shutdown(self, seconds: float) -> None:
        """Stop the application, within a time."""
        import asyncio

        if self.task is None or self.task.done():
            return
        self.ending.set_result(None)
        try:
            message = await asyncio.wait_for(asyncio.shield(self.stopped), seconds)
        except asyncio.TimeoutError:
            message = f"it took more than {seconds:g} s"
        if message is not None:
            sys.stderr.write(f"The shutdown of the application failed: {message}\n")
        elif not self.task.done():
            await asyncio.wait((self.task,), timeout=1)

    async def run(self) -> None:
        """Call the application with the scope `lifespan`."""
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.app(scope, self.receive, self.send)
        except SystemExit as error:
            exit_as_asked(error, "in its lifespan")
        except BaseException as error:
            # An error at once means that the application has no lifespan; later, it is one of the user's code.
            if self.started.done() and self.started.result() is None:
                log_error(error)
        for future in (self.started, self.stopped):
            if not future.done():
                future.set_result(None)

    async def receive(self) -> dict[str, Any]:
        """Give `lifespan.startup`, then `lifespan.shutdown` when the process ends."""
        self.received += 1
        if self.received == 1:
            return {"type": "lifespan.startup"}
        await self.ending
        return {"type": "lifespan.shutdown"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the application's answer."""
        kind = message["type"]
        future = self.started if kind.startswith("lifespan.startup.") else self.stopped
        if kind not in (
            "lifespan.startup.complete",
            "lifespan.startup.failed",
            "lifespan.shutdown.complete",
            "lifespan.shutdown.failed",
        ):
            raise RuntimeError(f"Unexpected event {kind!r} of a lifespan")
        if not future.done():
            failed = kind.endswith("failed")
            future.set_result((message.get("message") or "it gave no reason") if failed else None)


def last_line(text: str) -> str:
    """Give the last line of a stack, which names the error: Starlette's message is a whole stack."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else text
