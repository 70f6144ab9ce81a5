"""A start from the beginning with the sockets of a warm process, for a function that would see what that has imported."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

from ..options import ENVIRONMENT
from ..source_folder import FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ..server import Connections

# Variable with what the restarted process takes over.
STATE = "FAAS_RESTARTED"
# The wrapper's file; the current folder changes later.
PROGRAM = os.path.abspath(FILE)


def restart(folder: str, listener: socket.socket, connections: Connections) -> NoReturn:
    """Run the wrapper again in this process, for the function in a folder."""
    inherited = [(sock.fileno(), received.decode("latin-1")) for sock, received in connections]
    for fd in (listener.fileno(), *(fd for fd, _ in inherited)):
        os.set_inheritable(fd, True)
    ENVIRONMENT[STATE] = json.dumps([folder, listener.fileno(), inherited])
    # A signal stays pending until prepare() has set its handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.execv(sys.executable, [sys.executable, *(["-S"] if sys.flags.no_site else []), PROGRAM])


def take_over() -> tuple[str, socket.socket, Connections]:
    """Give what the process had before restart()."""
    folder, listener, inherited = json.loads(ENVIRONMENT.pop(STATE))
    connections = [(open_socket(fd), received.encode("latin-1")) for fd, received in inherited]
    return folder, open_socket(listener), connections


def open_socket(fd: int) -> socket.socket:
    """Open an inherited socket."""
    os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock
