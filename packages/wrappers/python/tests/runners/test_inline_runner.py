"""Plain functions on the loop's thread, under a CPU limit; with clocks that the test sets."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from src.runners import inline_runner
from src.runners.inline_runner import InlineRunner
from src.runners.invoker import Invoker
from src.runners.sync_runner import SyncRunner

from ..fakes import fake_loop, make_call, written

if TYPE_CHECKING:
    from src.function.call import Call


class Limited:
    """A runner under a limit that no call uses up, whose handler spends time without using the processor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.spends = 0.0
        self.rests: list[float] = []
        self.ran_on: list[str] = []
        self.loop = fake_loop()
        self.runner = SyncRunner(Invoker(self.handle, 0), self.loop, lambda: None, lambda: None)
        self.inline = self.runner.inline
        pacer: Any = self.runner.pacer
        pacer.files, pacer.rate = None, 0.5
        monkeypatch.setattr(pacer, "delay", lambda now, waited: 0)
        monkeypatch.setattr(pacer, "charge", lambda now: 0.0)
        monkeypatch.setattr(inline_runner, "monotonic", lambda: self.now)
        monkeypatch.setattr("src.runners.sync_runner.monotonic", lambda: self.now)
        monkeypatch.setattr(inline_runner, "sleep", self.rests.append)
        monkeypatch.setattr(self.runner.threads, "wake", lambda: self.woken.append(1))
        self.woken: list[int] = []
        # A watchdog that watches, without a thread.
        self.inline.watchdog.parking, self.inline.watchdog.watching = threading.Lock(), True

    def handle(self) -> str:
        self.ran_on.append(threading.current_thread().name)
        self.now += self.spends
        return "done"

    def submit(self, count: int = 1) -> list[Call]:
        calls = [make_call() for _ in range(count)]
        for call in calls:
            self.runner.submit(call)
        return calls


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Limited:
    return Limited(monkeypatch)


def test_calls_run_one_after_the_other_on_the_loops_thread(limited: Limited) -> None:
    calls = limited.submit(3)
    assert limited.ran_on == [] and limited.inline.can_run()
    assert limited.inline.turn()
    assert limited.ran_on == [threading.current_thread().name] * 3
    assert all(written(call).endswith(b"done") for call in calls)
    assert not limited.inline.can_run() and not limited.woken
    assert (limited.runner.queue.running, limited.inline.watchdog.turns) == (0, 3)


def test_rests_when_the_pace_says_so(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    limited.submit(2)
    monkeypatch.setattr(limited.runner.pacer, "delay", lambda now, waited: 0.04)
    assert limited.inline.turn()
    assert (limited.rests, limited.ran_on) == ([0.04], [])
    seen: list[bool] = []

    def delay(now: float, waited: bool) -> float:
        seen.append(waited)
        return 0

    monkeypatch.setattr(limited.runner.pacer, "delay", delay)
    limited.inline.turn()
    # The two have waited through the rest; after them nothing has.
    assert seen == [True, True, False]


def test_looks_at_the_sockets_between_batches(limited: Limited) -> None:
    limited.spends = InlineRunner.BATCH * 0.6
    limited.inline.pacer.charge = lambda now: limited.spends  # type: ignore[method-assign]
    limited.submit(5)
    assert limited.inline.turn()
    assert len(limited.ran_on) == 2


def test_calls_that_wait_for_something_else_get_threads(limited: Limited) -> None:
    limited.spends = 0.2
    limited.submit(3)
    limited.inline.turn()
    assert len(limited.ran_on) == 1
    assert not limited.inline.is_available(limited.now)
    # No thread is busy, so the loop has to hand over the rest.
    assert limited.inline.can_run() and limited.inline.turn()
    assert len(limited.woken) == 2
    limited.now += InlineRunner.BLOCKED
    assert limited.inline.is_available(limited.now)


def test_a_call_that_has_lost_the_loop_ends_its_threads_turn(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog, lost = limited.inline.watchdog, []

    def lose(call: Call) -> None:
        """Do what the watchdog's thread does to a call that is stuck."""
        lost.append(call)
        watchdog.present = None
        watchdog.watching = False
        limited.inline.on_stuck()

    monkeypatch.setattr(limited.inline, "invoker", type("Invoker", (), {"run": staticmethod(lose)}))
    limited.submit(2)
    assert limited.inline.turn() is False
    assert len(lost) == 1 and limited.runner.threads.started == 0
    limited.loop.run_soon()
    assert len(limited.woken) == 1
    assert not limited.inline.is_available(limited.now)


def test_the_first_call_starts_the_watchdog_and_a_later_one_wakes_it(limited: Limited) -> None:
    watchdog: Any = limited.inline.watchdog
    started: list[int] = []
    watchdog.parking, watchdog.watching, watchdog.start = None, False, lambda: started.append(1)
    limited.submit()
    limited.inline.turn()
    assert started == [1]
    watchdog.parking, watchdog.watching, watchdog.parked = threading.Lock(), True, True
    watchdog.parking.acquire()
    limited.submit()
    limited.inline.turn()
    assert started == [1] and not watchdog.parking.locked() and not watchdog.parked


def test_a_pinned_runner_takes_the_loop_back_after_a_long_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.options.settings.concurrency", 1)
    limited = Limited(monkeypatch)
    inline, invoker = limited.inline, limited.inline.invoker
    limited.runner.pacer.rate = None
    helper: list[threading.Thread] = []
    seen: list[tuple[bool, bool]] = []

    def run_loop() -> None:
        while not inline.can_run():
            pass
        seen.append((inline.lent, inline.turn()))

    def lose(call: Call) -> None:
        with limited.runner.queue.lock:
            inline.watchdog.present = None
            inline.on_stuck()
        helper.append(threading.Thread(target=inline.take_loop))
        helper[0].start()

    inline.run_loop = run_loop
    limited.submit(2)
    monkeypatch.setattr(inline, "invoker", type("Invoker", (), {"run": staticmethod(lose)}))
    assert inline.turn() is True
    helper[0].join()
    assert seen == [(True, False)] and not inline.lent and not inline.wanted_back
    monkeypatch.setattr(inline, "invoker", invoker)
    assert inline.can_run() and inline.turn()
    assert limited.ran_on == [threading.current_thread().name] and not limited.woken
