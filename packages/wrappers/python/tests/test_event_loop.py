"""The event loop of plain functions."""

from __future__ import annotations

import os
import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from src.event_loop import EventLoop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["this system's", "poll"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLoop]:
    """A loop whose descriptors are closed afterwards, with what this system has, and as on systems without epoll."""
    if request.param == "poll":
        monkeypatch.delattr(select, "epoll", raising=False)
    loop = EventLoop()
    yield loop
    if hasattr(loop.poller, "close"):
        loop.poller.close()
    os.close(loop.wake)
    os.close(loop.wake_end)


def nothing_to_run() -> bool:
    return False


def run(loop: EventLoop) -> None:
    """Run a loop that has no calls."""
    loop.run_forever(nothing_to_run, nothing_to_run)


def test_timers_run_in_the_order_of_their_times(loop: EventLoop) -> None:
    order: list[int] = []

    def last() -> None:
        order.append(2)
        loop.stop()

    loop.call_later(0.01, last)
    loop.call_later(0, order.append, 1)
    run(loop)
    assert order == [1, 2]


def test_another_thread_can_wake_it(loop: EventLoop) -> None:
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
    loop.call_later(0, thread.start)
    run(loop)
    thread.join()


def test_watches_reading_and_writing_of_one_descriptor(loop: EventLoop) -> None:
    one, other = socket.socketpair()
    with one, other:
        seen: list[str] = []

        def on_write() -> None:
            seen.append("write")
            loop.remove_writer(one.fileno())
            other.send(b"x")

        def on_read() -> None:
            seen.append("read")
            loop.remove_reader(one.fileno())
            loop.stop()

        loop.add_reader(one.fileno(), on_read)
        loop.add_writer(one.fileno(), on_write)
        run(loop)
        assert seen == ["write", "read"]
        assert one.fileno() not in loop.watched


def test_runs_calls_until_the_thread_has_lost_the_loop(loop: EventLoop) -> None:
    turns = iter([True, True, False])
    loop.run_forever(lambda: True, lambda: next(turns))
    assert list(turns) == [] and not loop.stopped
