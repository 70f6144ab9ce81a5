"""Plain functions on worker threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from src.options import settings
from src.problem import Problem
from src.runners.invoker import Invoker
from src.runners.sync_runner import SyncRunner

from ..fakes import fake_loop, make_call, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from src.function.call import Call


class Running:
    """A runner without a CPU limit."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.loop = fake_loop()
        self.exhausted = 0
        self.runner = SyncRunner(Invoker(handler, 1), self.loop, lambda: None, self.on_exhausted)
        self.runner.pacer.files = None

    def on_exhausted(self) -> None:
        self.exhausted += 1


def wait(event: threading.Event) -> None:
    assert event.wait(10)


def finished(call: Call) -> threading.Event:
    """Give an event that is set when the call's response is out."""
    event = threading.Event()
    connection: Any = call.connection
    connection.finish = lambda _: event.set()
    return event


def test_a_call_runs_on_another_thread_and_is_answered() -> None:
    running = Running(lambda event: threading.current_thread().name)
    call = make_call()
    done = finished(call)
    running.runner.submit(call)
    wait(done)
    assert written(call).endswith(b"faas-call")


def test_long_calls_run_side_by_side() -> None:
    barrier = threading.Barrier(4)
    running = Running(lambda event: barrier.wait(10))
    calls = [make_call() for _ in range(4)]
    done = [finished(call) for call in calls]
    for call in calls:
        running.runner.submit(call)
    for event in done:
        wait(event)
    assert running.runner.threads.started == 4


def test_short_calls_are_left_to_the_busy_thread_until_they_have_waited() -> None:
    entered, gate = threading.Event(), threading.Event()

    def handler(event: Any) -> None:
        entered.set()
        wait(gate)

    running = Running(handler)
    threads = running.runner.threads
    threads.duration = 0.0
    first, second = make_call(), make_call()
    done = finished(second)
    running.runner.submit(first)
    wait(entered)
    running.runner.submit(second)
    assert threads.started == 1
    ((seconds, check, arguments),) = running.loop.later
    assert seconds == threads.HOLD
    if arguments == (first,):  # the thread had not taken the first one yet: what is checked is the second then
        check(*arguments)
        _, (_, check, arguments) = running.loop.later
    check(*arguments)
    assert threads.started == 2
    gate.set()
    wait(done)


def test_a_call_that_was_answered_meanwhile_is_not_run() -> None:
    ran: list[Any] = []
    running = Running(ran.append)
    expired, gone, last = make_call(), make_call(), make_call()
    assert expired.claim()
    connection: Any = gone.connection
    connection.gone = True
    done = finished(last)
    with running.runner.queue.lock:
        running.runner.queue.waiting.extend((expired, gone))
    running.runner.submit(last)
    wait(done)
    assert len(ran) == 1
    assert not gone.unclaimed


def test_calls_beyond_the_queues_limit_are_refused() -> None:
    running = Running(lambda event: None)
    running.runner.queue.running = settings.concurrency + settings.queue_limit
    with pytest.raises(Problem) as raised:
        running.runner.submit(make_call())
    assert raised.value.code == "NO_CAPACITY"


def test_late_calls_that_hold_every_thread_are_reported() -> None:
    running = Running(lambda event: None)
    calls = [make_call() for _ in range(settings.threads + 1)]
    for call in calls[:-1]:
        call.running = True
        assert running.exhausted == 0
        running.runner.cancel(call)
    assert running.exhausted == 1
    running.runner.cancel(calls[-1])  # has not begun
    assert running.runner.queue.late == settings.threads


def test_waiting_calls_can_be_refused() -> None:
    running = Running(lambda event: None)
    expired, waiting = make_call(), make_call()
    expired.claim()
    running.runner.queue.waiting.extend((expired, waiting))
    assert running.runner.refuse_waiting() == [waiting]
    assert not running.runner.queue.waiting


def test_a_stream_is_sent_and_its_generator_closed() -> None:
    closed = threading.Event()

    def pieces() -> Any:
        try:
            yield "one"
            raise ValueError("later")
        finally:
            closed.set()

    running = Running(lambda event: pieces())
    call = make_call()
    done = finished(call)
    running.runner.submit(call)
    wait(done)
    wait(closed)
    connection: Any = call.connection
    assert written(call).endswith(b"3\r\none\r\n") and connection.was_cut


def test_an_awaitable_result_is_awaited() -> None:
    async def later() -> str:
        return "awaited"

    running = Running(lambda event: later())
    call = make_call()
    done = finished(call)
    running.runner.submit(call)
    wait(done)
    assert written(call).endswith(b"awaited")
