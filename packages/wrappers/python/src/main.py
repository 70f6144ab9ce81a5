"""The wrapper for Python 3.9+: serves HTTP, calls the user's function or application, answers. One file without dependencies that the build
puts beside the user's code; docs/wrapper-protocol.md is its contract, docs/python-wrapper.md its design.

One thread owns all sockets. A plain function runs on worker threads, which write their responses themselves; an `async def`
runs on asyncio's event loop, which then replaces the small loop of event_loop.py: importing asyncio would double the time of
a cold start, so only functions that need it pay for it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from time import time

from .function.load import load_function
from .lifecycle import lifecycle
from .loading_watch import LoadingWatch
from .options import ENVIRONMENT, settings
from .output_tags import tag_output
from .problem import Problem
from .server import Server
from .sigterm import on_sigterm_call
from .source_folder import source_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .server import Connections

server = Server()


def on_sigterm() -> None:
    """Drain at the first signal, end at once at the second, or when there is no function yet."""
    if lifecycle.draining or lifecycle.warm:
        os._exit(0)
    lifecycle.draining = True
    if server.serving:
        server.loop.call_soon_threadsafe(server.drain)


def main() -> None:
    """Listen, load the function, serve."""
    prepare()
    use_settings()
    listen()
    serve()


def prepare() -> None:
    """Do what does not depend on the function."""
    on_sigterm_call(on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]


def use_settings() -> None:
    """Do what depends on the environment of the function."""
    tag_output()
    limit_libraries()


def limit_libraries() -> None:
    """Give numeric libraries one thread, unless the user has set a number.

    Calls run side by side already: a pool of BLAS threads for each makes them many times slower.
    """
    for library in ("OPENBLAS", "OMP", "MKL"):
        ENVIRONMENT.setdefault(f"{library}_NUM_THREADS", "1")


def listen() -> None:
    """Listen, or exit with a message."""
    try:
        server.listen()
    except OSError as error:
        sys.exit(f"Cannot listen on {settings.port}: {error.strerror}")


def serve(problem: Problem | None = None, connections: Connections = ()) -> None:
    """Load the function, unless there is a problem already, and serve. `connections` were accepted before."""
    loaded = None
    began = time()
    watch = LoadingWatch()
    try:
        loaded = None if problem else load_function()
    except Problem as error:
        problem = error
    if problem:
        sys.stderr.write(f"{problem}\n")
    lifecycle.loading = (began, time())
    gc.freeze()  # what was loaded stays: the collector need not look at it again and again
    server.serve(loaded, problem, watch, connections)


def start(folder: str) -> None:
    """Serve the code in a folder: a prewarmed process has run this file before its function is known."""
    source_folder.move(folder)
    settings.read()
    main()


def main_warm() -> None:
    """Listen without a function, and serve the one that a claim brings (docs/wrapper-protocol.md, "Warm mode").

    A process that starts again in its container serves the one of the claim that came before.
    """
    from .warm.become import become_replica
    from .warm.kept_claim import resume_claim

    folder = resume_claim()
    if folder:
        server.claimed = True
        become_replica(folder)
        main()
        return
    problem, connections = wait_for_function()
    use_settings()
    serve(problem, connections)


def wait_for_function() -> tuple[Problem | None, Connections]:
    """Listen until a claim brings a function. Gives what serve() needs."""
    present = set(sys.modules)
    lifecycle.warm = True
    prepare()
    limit_libraries()
    from .warm.become import become_replica, take_files
    from .warm.imports import ImportsAhead
    from .warm.process import WarmProcess
    from .warm.restart import restart

    process = WarmProcess(ENVIRONMENT.get("FAAS_CLAIM_SHA256", ""))
    imports = ImportsAhead(present)
    imports.import_all(ENVIRONMENT.pop("FAAS_WARM_FOLDER", None))
    listen()
    gc.collect()
    gc.freeze()
    claim, connections = process.wait_for_claim(server.listener)
    lifecycle.warm = False
    server.claimed = True
    noticed = imports.are_noticed_by(claim)
    problem = take_files(claim)
    if noticed and not problem:
        restart(claim.folder, server.listener, connections)
    become_replica(claim.folder)
    return problem, connections


def main_restarted() -> None:
    """Serve the function of a claim from the beginning, because it would notice what a warm process has imported."""
    from .warm.become import become_replica
    from .warm.restart import take_over

    folder, server.listener, connections = take_over()
    server.listening = server.claimed = True
    become_replica(folder)
    prepare()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    use_settings()
    serve(None, connections)


if __name__ == "__main__":
    if ENVIRONMENT.get("FAAS_WARM") == "1":
        main_warm()
    elif "FAAS_RESTARTED" in ENVIRONMENT:
        main_restarted()
    elif ENVIRONMENT.get("FAAS_PREWARMED") != "1":
        main()
else:
    # A process that multiprocessing has spawned runs this file, for arguments with the classes above, with the path of this process.
    sys.path[:] = source_folder.search_path
