"""The deadlines of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from src import deadlines as module
from src.deadlines import Deadlines
from src.options import settings

from .fakes import FakeConnection, fake_loop, make_call, written

if TYPE_CHECKING:
    from src.function.call import Call


class Watched:
    """Deadlines with a clock of their own."""

    def __init__(self) -> None:
        self.loop = fake_loop()
        self.cancelled: list[Call] = []
        self.deadlines = Deadlines(self.loop, self.cancelled.append)

    def watch(self, deadline: float) -> Call:
        call = make_call()
        call.deadline = deadline
        self.deadlines.watch(call)
        return call


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Deadlines at the time 100."""
    monkeypatch.setattr(module, "monotonic", lambda: 100.0)
    return Watched()


def test_answers_calls_whose_time_is_over_and_waits_for_the_next(watched: Watched) -> None:
    late, later = watched.watch(100.0), watched.watch(103.0)
    assert [seconds for seconds, _, _ in watched.loop.later] == [settings.timeout]
    watched.deadlines.expire()
    assert b" 504 " in written(late) and b"FUNCTION_TIMEOUT" in written(late)
    assert written(later) == b""
    assert watched.cancelled == [late]
    assert watched.loop.later[-1][0] == 3.0


def test_watches_again_after_the_last_call_has_expired(watched: Watched) -> None:
    watched.watch(100.0)
    watched.deadlines.expire()
    watched.watch(200.0)
    assert [seconds for seconds, _, _ in watched.loop.later] == [settings.timeout, settings.timeout]


def test_cuts_a_stream_that_is_silent_for_the_time_limit(watched: Watched) -> None:
    call, other = watched.watch(100.0), watched.watch(103.0)
    call.claim()
    call.begin_stream()
    call.progress = 100.0 - settings.timeout / 2
    watched.deadlines.expire()
    connection: Any = call.connection
    assert not connection.was_cut and written(other) == b""
    (left, look_again, arguments), (until_other, *_) = watched.loop.later[-2:]
    assert (left, until_other) == (settings.timeout / 2, 3.0)
    watched.deadlines.expire()
    assert not connection.was_cut
    call.progress = 100.0 - settings.timeout
    look_again(*arguments)
    assert connection.was_cut and watched.cancelled == [call]


def test_forgets_a_stream_that_has_ended(watched: Watched) -> None:
    call = watched.watch(100.0)
    call.begin_stream()
    call.progress = 99.0
    watched.deadlines.expire()
    watched.deadlines.calls.pop(call)
    _, look_again, arguments = watched.loop.later[-1]
    look_again(*arguments)
    assert not watched.deadlines.streams and not watched.cancelled


def test_cuts_a_response_that_has_begun(watched: Watched) -> None:
    call = watched.watch(100.0)
    call.claim()
    call.begin_stream()
    call.progress = 100.0 - settings.timeout
    watched.deadlines.expire()
    connection: Any = call.connection
    assert isinstance(connection, FakeConnection) and connection.was_cut


def test_closes_the_connection_of_a_request_that_is_not_complete(watched: Watched) -> None:
    call = watched.watch(100.0)
    connection: Any = call.connection
    connection.body = object()
    watched.deadlines.expire()
    assert connection.refused and b"Connection: close" in written(call)
