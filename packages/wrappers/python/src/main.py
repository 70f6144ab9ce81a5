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

from .function.load import load_function
from .lifecycle import lifecycle
from .loading_watch import LoadingWatch
from .options import ENVIRONMENT, settings
from .output_tags import tag_output
from .problem import Problem
from .server import Server
from .sigterm import on_sigterm_call
from .source_folder import source_folder

server = Server()


def on_sigterm() -> None:
    """Drain at the first signal, end at once at the second."""
    if lifecycle.draining:
        os._exit(0)
    lifecycle.draining = True
    if server.serving:
        server.loop.call_soon_threadsafe(server.drain)


def main() -> None:
    """Listen, load the function, serve."""
    on_sigterm_call(on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    tag_output()
    # Calls run side by side already: a pool of BLAS threads for each makes them many times slower. A setting of the user wins.
    for library in ("OPENBLAS", "OMP", "MKL"):
        ENVIRONMENT.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        server.listen()
    except OSError as error:
        sys.exit(f"Cannot listen on {settings.port}: {error.strerror}")
    loaded = problem = None
    watch = LoadingWatch()
    try:
        loaded = load_function()
    except Problem as error:
        problem = error
        sys.stderr.write(f"{error}\n")
    gc.freeze()  # what was loaded stays: the collector need not look at it again and again
    server.serve(loaded, problem, watch)


def start(folder: str) -> None:
    """Serve the code in a folder: a prewarmed process has run this file before its function is known."""
    source_folder.move(folder)
    settings.read()
    main()


if __name__ == "__main__":
    if ENVIRONMENT.get("FAAS_PREWARMED") != "1":
        main()
else:
    # A process that multiprocessing has spawned runs this file, for arguments with the classes above, with the path of this process.
    sys.path[:] = source_folder.search_path
