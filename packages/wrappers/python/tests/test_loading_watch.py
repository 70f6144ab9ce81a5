"""The watch that reports where loading has got stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from src import loading_watch
from src.loading_watch import LoadingWatch

if TYPE_CHECKING:
    import pytest


def test_a_watch_whose_loop_may_be_blocked_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled: list[int] = []
    monkeypatch.setattr("faulthandler.dump_traceback_later", lambda *_, **__: None)
    monkeypatch.setattr("faulthandler.cancel_dump_traceback_later", lambda: cancelled.append(1))
    LoadingWatch().end(None)
    assert cancelled == [1]


def test_a_watch_of_a_quick_load_ends_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled: list[int] = []
    later: list[tuple[float, Any]] = []
    monkeypatch.setattr("faulthandler.dump_traceback_later", lambda *_, **__: None)
    monkeypatch.setattr("faulthandler.cancel_dump_traceback_later", lambda: cancelled.append(1))
    LoadingWatch().end(lambda seconds, run: later.append((seconds, run)))
    assert cancelled == []
    assert [seconds for seconds, _ in later] == [loading_watch.QUICK]
    later[0][1]()
    assert cancelled == [1]
