"""The watchdog of the loop."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from src.runners import loop_watchdog
from src.runners.loop_watchdog import LoopWatchdog

from ..fakes import make_call


class EndOfTest(Exception):
    """Ends watch(), which does not return."""


class Watching:
    """A watchdog each of whose looks is a step of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[Any] = []
        self.events: list[str] = []
        self.watchdog = LoopWatchdog(threading.Lock(), self.on_stuck, self.take_loop)
        self.watchdog.parking = threading.Lock()
        monkeypatch.setattr(loop_watchdog, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds == LoopWatchdog.STUCK
        if not self.steps:
            raise EndOfTest
        self.steps.pop(0)()

    def on_stuck(self) -> None:
        assert self.watchdog.lock.locked()
        self.events.append("stuck")

    def take_loop(self) -> None:
        assert not self.watchdog.lock.locked() and not self.watchdog.watching
        self.events.append("took the loop")

    def begin(self) -> None:
        """Begin a call, as InlineRunner does."""
        self.watchdog.turns += 1
        self.watchdog.present = make_call()

    def end(self) -> None:
        self.watchdog.present = None

    def look(self, *steps: Any) -> list[str]:
        """Look once after each of the steps; gives the watchdog's actions."""
        self.steps = list(steps)
        with pytest.raises(EndOfTest):
            self.watchdog.watch()
        return self.events


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Watching:
    return Watching(monkeypatch)


def nothing() -> None:
    """Let the time pass."""


def test_takes_the_loop_from_a_call_that_keeps_it(watching: Watching) -> None:
    assert watching.look(watching.begin, nothing) == ["stuck", "took the loop"]
    assert watching.watchdog.present is None


def test_leaves_the_loop_to_calls_that_come_and_go(watching: Watching) -> None:
    assert watching.look(watching.begin, watching.begin, watching.begin) == []
    assert watching.watchdog.watching


def test_watches_again_when_it_has_lost_the_loop_itself(watching: Watching) -> None:
    assert watching.look(watching.begin, nothing, watching.begin, nothing) == ["stuck", "took the loop"] * 2
    assert watching.watchdog.watching


def test_parks_while_nothing_is_called(watching: Watching) -> None:
    parking = watching.watchdog.parking
    assert parking is not None
    assert watching.look(watching.begin, watching.end) == []
    assert watching.watchdog.parked and parking.locked()
