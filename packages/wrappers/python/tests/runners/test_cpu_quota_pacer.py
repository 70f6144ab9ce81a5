"""The pace under a CPU limit, with clocks that the test sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from src.runners import cpu_quota_pacer
from src.runners.cpu_quota_pacer import CpuQuotaPacer

if TYPE_CHECKING:
    from pathlib import Path


# Seconds on the monotonic clock at which a pacer starts to look at its limit.
START = 100.0


class Clock:
    """CPU time of the process."""

    def __init__(self) -> None:
        self.cpu = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A CPU clock that stands still."""
    clock = Clock()
    monkeypatch.setattr(cpu_quota_pacer, "process_time", lambda: clock.cpu)
    return clock


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cgroup file that limits to half a core."""
    file = tmp_path / "cpu.max"
    file.write_text("50000 100000\n")
    monkeypatch.setattr(CpuQuotaPacer, "FILES", ((str(file),),))
    return file


@pytest.mark.parametrize(
    ("text", "limited"),
    [("50000 100000", True), ("100000 100000", False), ("200000 100000", False), ("max 100000", False)],
)
def test_a_limit_of_less_than_a_core_counts(clock: Clock, limit: Path, text: str, limited: bool) -> None:
    limit.write_text(text)
    assert CpuQuotaPacer().is_limited(START) is limited


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3"])
def test_a_file_that_cannot_be_understood_is_not_a_limit(clock: Clock, limit: Path, text: str) -> None:
    limit.write_text(text)
    pacer = CpuQuotaPacer()
    assert not pacer.is_limited(START)
    assert pacer.files is None


def test_a_limit_of_cgroup_v1_is_in_two_files(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tmp_path / "quota", tmp_path / "period"
    for file, text in zip(files, ("25000\n", "100000\n")):
        file.write_text(text)
    monkeypatch.setattr(CpuQuotaPacer, "FILES", (tuple(map(str, files)),))
    pacer = CpuQuotaPacer()
    assert pacer.is_limited(START)
    assert pacer.rate == pytest.approx(0.25 * CpuQuotaPacer.RATE)


def test_a_changed_limit_is_noticed_after_a_while(clock: Clock, limit: Path) -> None:
    pacer = CpuQuotaPacer()
    assert pacer.is_limited(START)
    limit.write_text("90000 100000\n")
    assert pacer.is_limited(START + CpuQuotaPacer.LOOK)
    assert pacer.rate == pytest.approx(0.5 * CpuQuotaPacer.RATE)
    assert pacer.is_limited(START + CpuQuotaPacer.LOOK + 0.01)
    assert pacer.rate == pytest.approx(0.9 * CpuQuotaPacer.RATE)
    limit.write_text("max 100000\n")
    assert not pacer.is_limited(START + 2 * CpuQuotaPacer.LOOK + 0.02)


def test_a_raised_limit_ends_the_rest_at_the_next_look(clock: Clock, limit: Path) -> None:
    limit.write_text("10000 100000\n")
    pacer = CpuQuotaPacer()
    pacer.is_limited(START)
    clock.cpu = 2 * pacer.share
    assert pacer.delay(START + 0.010, False) > 0
    limit.write_text("40000 100000\n")
    assert pacer.is_limited(START + CpuQuotaPacer.LOOK + 0.01)
    assert pacer.delay(START + CpuQuotaPacer.LOOK + 0.01, False) == 0


def test_calls_begin_while_some_of_the_share_is_left(clock: Clock, limit: Path) -> None:
    pacer = CpuQuotaPacer()
    pacer.is_limited(START)
    clock.cpu = 0.020
    assert pacer.delay(START + 0.030, False) == 0
    clock.cpu = 0.025
    assert pacer.delay(START + 0.035, False) > 0


def test_rests_until_the_next_slot_and_then_runs_again(clock: Clock, limit: Path) -> None:
    pacer = CpuQuotaPacer()
    pacer.is_limited(START)
    clock.cpu = pacer.share
    rest = pacer.delay(START + 0.030, False)
    # The next slot begins one slot after the use of this one can have begun.
    assert 0.030 + rest == pytest.approx(0.030 + pacer.SLOT - pacer.share)
    assert pacer.delay(START + 0.030 + rest, False) == 0


def test_a_long_call_is_paid_for_with_several_slots(clock: Clock, limit: Path) -> None:
    pacer = CpuQuotaPacer()
    pacer.is_limited(START)
    clock.cpu = 3.5 * pacer.share
    assert pacer.delay(START + 0.049, False) > 2 * pacer.SLOT


def test_calls_that_waited_take_a_part_in_advance(clock: Clock, limit: Path) -> None:
    pacer = CpuQuotaPacer()
    pacer.is_limited(START)
    clock.cpu = pacer.share * 1.1
    assert pacer.delay(START + 0.040, True) == 0
    assert pacer.delay(START + 0.040, False) > 0


def test_no_period_of_the_kernel_has_more_than_two_bursts(clock: Clock, limit: Path) -> None:
    pacer = CpuQuotaPacer()
    now = START
    begun: list[float] = []
    pacer.is_limited(now)
    for _ in range(400):
        rest = pacer.delay(now, False)
        now += rest
        if rest == 0:
            # A call of 2 ms that only computes.
            begun.append(now)
            clock.cpu += 0.002
            now += 0.002
    for start in begun:
        used = sum(0.002 for each in begun if start <= each < start + 0.1)
        assert used <= 0.050 + 2 * 0.002
