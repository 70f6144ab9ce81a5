"""The threads of asyncio's default executor."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from src.runners import executor
from src.runners.executor import limit_threads


def test_the_default_executor_has_the_threads_of_the_limit(monkeypatch: Any) -> None:
    monkeypatch.setattr(executor, "MAX_EXECUTOR_THREADS", 3)
    gate = threading.Barrier(4)

    async def main() -> set[Any]:
        loop = asyncio.get_running_loop()
        limit_threads(loop)
        names = [loop.run_in_executor(None, lambda: (gate.wait(5), threading.get_ident())[1]) for _ in range(3)]
        await loop.run_in_executor(executor_of_one(), lambda: gate.wait(5))
        return set(await asyncio.gather(*names))

    assert len(asyncio.run(main())) == 3


def executor_of_one() -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)
