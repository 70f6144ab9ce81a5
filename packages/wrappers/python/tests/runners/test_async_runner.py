"""Async functions on asyncio's event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from src.options import settings
from src.problem import Problem
from src.runners.async_runner import AsyncRunner

from ..fakes import FakeConnection, make_call, written

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(handler: Callable[..., Any], test: Callable[[AsyncRunner], Coroutine[Any, Any, None]]) -> None:
    """Run a test on an event loop, with a runner of the handler."""

    async def main() -> None:
        await test(AsyncRunner(handler, 1, asyncio.get_running_loop()))

    asyncio.run(main())


async def idle(runner: AsyncRunner) -> None:
    """Wait until no call runs or waits."""
    while runner.running or runner.waiting:
        await asyncio.sleep(0)


def test_calls_run_side_by_side_up_to_the_limit() -> None:
    most = 0

    async def handler(event: Any) -> str:
        nonlocal most
        most = max(most, len(runners[0].running))
        await asyncio.sleep(0)
        return "done"

    runners: list[AsyncRunner] = []

    async def test(runner: AsyncRunner) -> None:
        runners.append(runner)
        calls = [make_call() for _ in range(settings.concurrency + 5)]
        for call in calls:
            runner.submit(call)
        assert len(runner.waiting) == 5
        await idle(runner)
        assert all(written(call).endswith(b"done") for call in calls)

    run(handler, test)
    assert most == settings.concurrency


def test_calls_beyond_the_queues_limit_are_refused() -> None:
    async def handler(event: Any) -> None:
        await asyncio.sleep(0)

    async def test(runner: AsyncRunner) -> None:
        for _ in range(settings.concurrency + settings.queue_limit):
            runner.submit(make_call())
        with pytest.raises(Problem) as raised:
            runner.submit(make_call())
        assert raised.value.code == "NO_CAPACITY"
        await idle(runner)

    run(handler, test)


def test_a_call_beyond_its_deadline_is_cancelled() -> None:
    ends: list[str] = []

    async def handler(event: Any) -> None:
        ends.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            ends.append("cancelled")

    async def test(runner: AsyncRunner) -> None:
        call = make_call()
        runner.submit(call)
        while not ends:
            await asyncio.sleep(0)
        assert call.claim()  # as the deadline does, which answers it
        runner.cancel(call)
        await idle(runner)
        assert written(call) == b""

    run(handler, test)
    assert ends == ["begun", "cancelled"]


def test_streams_of_both_kinds_are_sent_and_closed() -> None:
    closed: list[str] = []

    def plain() -> Any:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append("plain")

    async def asynchronous() -> Any:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append("async")

    async def handler(event: Any) -> Any:
        return plain() if event.path == "/plain" else asynchronous()

    async def test(runner: AsyncRunner) -> None:
        for path in ("/plain", "/async"):
            call = make_call(path)
            runner.submit(call)
            await idle(runner)
            assert written(call).endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")

    run(handler, test)
    assert closed == ["plain", "async"]


def test_an_error_after_the_first_piece_cuts_the_connection() -> None:
    async def pieces() -> Any:
        yield "a"
        raise ValueError("later")

    async def handler(event: Any) -> Any:
        return pieces()

    async def test(runner: AsyncRunner) -> None:
        call = make_call()
        runner.submit(call)
        await idle(runner)
        connection: Any = call.connection
        assert isinstance(connection, FakeConnection)
        assert connection.was_cut and connection.finished == [call]

    run(handler, test)
