"""The pace of calls under a CPU limit."""

from __future__ import annotations

import os
from time import process_time


class CpuQuotaPacer:
    """Spreads calls over the time that a CPU limit gives (docs/decisions/0006-cpu-quota-pacing.md).

    A limit is a quota for each period of 100 ms (CFS): a process that has used it up stands still for the rest of the period, in the middle
    of whatever it does. So a process that is held to less than a core has a share of the quota for each half of a period, and begins a call
    only while some of it is left. No 100 ms hold more than two such bursts, whenever the kernel's periods begin.
    """

    SLOT = 0.05
    # The part of the limit that is given out.
    RATE = 0.98
    # The part of a share that calls which waited when the slot began may take in advance, so that they need not wait for another slot.
    CREDIT = 0.2
    # Seconds between two looks at the limit, which may change: a startup boost raises it for a while, and so does load.
    LOOK = 0.05
    FILES = (
        ("/sys/fs/cgroup/cpu.max",),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    )

    def __init__(self) -> None:
        # They stay open: to read them again costs a tenth of opening them, too, and a small quota has little for that.
        self.files = next((opened for opened in map(open_files, self.FILES) if opened), None)
        self.rate: float | None = None  # cores; None: no limit, or one of a core and more
        self.looked = -self.LOOK
        self.share = 0.0  # CPU seconds for each slot
        self.left = 0.0  # CPU seconds left in this slot; negative after a long call
        self.seen = 0.0  # CPU time of the process when `left` was computed
        self.asked = 0.0  # monotonic time of that moment
        self.end = 0.0  # of the slot
        self.rested = False  # this slot was used up
        self.follows = False  # the slot before it was

    def read_limit(self, now: float) -> None:
        """Read the limit from the cgroup."""
        self.looked = now
        rate: float | None
        try:
            quota, period = b" ".join(os.pread(file, 64, 0) for file in self.files or ()).split()
            rate = int(quota) / int(period) if quota.isdigit() else 1
        except (OSError, ValueError):
            self.files, rate = None, 1
        rate = rate * self.RATE if rate < 1 else None
        if rate != self.rate:
            self.rate, self.end = rate, now + self.SLOT
            self.left = self.share = (rate or 0) * self.SLOT
            self.seen, self.asked = process_time(), now

    def is_limited(self, now: float) -> bool:
        """Tell whether there is a limit of less than a core."""
        if self.files is not None and now - self.looked > self.LOOK:
            self.read_limit(now)
        return self.rate is not None

    def delay(self, now: float, waited: bool) -> float:
        """Give the seconds to rest before the next call, under a limit: zero, or the time to a slot in which some of its share is left."""
        # One thread uses no more CPU time than passes: while even that would leave some, the clock of the processor, a slow one, is not asked.
        if now < self.end and now - self.asked < self.left:
            return 0
        self.charge(now)
        if now >= self.end:
            slots = (now - self.end) // self.SLOT + 1
            self.end += slots * self.SLOT
            self.rested, self.follows = False, self.rested and slots == 1
            # Rest is not saved up; nor is use beyond our share that the kernel has allowed, since it allows no more than the quota.
            self.left = max(-2 * self.share, min(self.share, self.left + slots * self.share))
        if self.left > (-self.CREDIT * self.share if waited else 0):
            return 0
        if not self.follows:
            # The first slot that is used up, perhaps at its very end: the next begins a slot after that use can have begun, or three bursts
            # would fall into one period.
            self.end = max(self.end, now + self.SLOT - self.share)
            self.follows = True
        self.rested = True
        return self.end - now + max(0, -self.left // self.share) * self.SLOT

    def charge(self, now: float) -> float:
        """Take the CPU seconds used since the last time from what is left; gives them."""
        seen = process_time()
        used = seen - self.seen
        self.left -= used
        self.seen, self.asked = seen, now
        return used


def open_files(paths: tuple[str, ...]) -> list[int] | None:
    """Open files for reading; give None if one of them cannot be opened."""
    try:
        return [os.open(path, os.O_RDONLY) for path in paths]
    except OSError:
        return None
