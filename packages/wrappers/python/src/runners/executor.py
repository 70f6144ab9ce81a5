"""The threads of asyncio's default executor."""

from __future__ import annotations

from ..options import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Any

MAX_EXECUTOR_THREADS = 32


def limit_threads(loop: AbstractEventLoop) -> None:
    """Set the number of threads of `asyncio.to_thread` when it is first used: the executor takes time to import."""
    run = loop.run_in_executor

    def run_in_executor(executor: Any, func: Any, *args: Any) -> Any:
        if executor is None and getattr(loop, "_default_executor", None) is None:
            from concurrent.futures import ThreadPoolExecutor

            # asyncio takes the number from the processors of the host, which a container does not have to itself. Blocking calls mostly wait.
            threads = min(MAX_EXECUTOR_THREADS, settings.concurrency + 4)
            loop.set_default_executor(ThreadPoolExecutor(threads, "asyncio"))
        return run(executor, func, *args)

    loop.run_in_executor = run_in_executor  # type: ignore[method-assign,assignment]
