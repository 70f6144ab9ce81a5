"""Stand-ins for what surrounds the unit under test."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from src.deadlines import Deadlines
from src.function.call import Call
from src.http.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from src.http.response import Response


class FakeLoop:
    """An event loop that only notes what it is asked for."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[..., Any]] = {}
        self.writers: dict[int, Callable[..., Any]] = {}
        self.later: list[tuple[float, Callable[..., Any], tuple[Any, ...]]] = []
        self.soon: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.stopped = False

    def add_reader(self, fd: int, callback: Callable[..., Any]) -> None:
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        self.readers.pop(fd, None)

    def add_writer(self, fd: int, callback: Callable[..., Any]) -> None:
        self.writers[fd] = callback

    def remove_writer(self, fd: int) -> None:
        self.writers.pop(fd, None)

    def call_later(self, seconds: float, callback: Callable[..., Any], *arguments: Any) -> None:
        self.later.append((seconds, callback, arguments))

    def call_soon_threadsafe(self, callback: Callable[..., Any], *arguments: Any) -> None:
        self.soon.append((callback, arguments))

    def stop(self) -> None:
        self.stopped = True

    def run_soon(self) -> None:
        """Run what is due."""
        due, self.soon = self.soon, []
        for callback, arguments in due:
            callback(*arguments)


def fake_loop() -> Any:
    """Make a FakeLoop that passes for a loop of any kind."""
    return FakeLoop()


class FakeConnection:
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        self.written = b""
        self.finished: list[Call] = []
        self.gone = False
        self.was_cut = False
        self.body = None
        self.refused = False

    def deliver(self, call: Call, response: Response) -> None:
        self.write_all(response.data)
        self.finish(call)

    def write_all(self, data: bytes) -> None:
        self.written += data

    def write(self, data: bytes) -> None:
        self.write_all(data)

    async def write_async(self, data: bytes) -> None:
        self.write_all(data)

    def finish(self, call: Call) -> None:
        self.finished.append(call)

    def cut(self) -> None:
        self.was_cut = True


class FakeOwner:
    """A server that keeps the calls that it is to start."""

    def __init__(self) -> None:
        self.loop = fake_loop()
        self.deadlines = Deadlines(self.loop, lambda call: None)
        self.started: list[Call] = []
        self.forgotten: list[Connection] = []
        self.sweeps = 0

    def start(self, call: Call) -> None:
        self.started.append(call)

    def forget(self, connection: Connection) -> None:
        self.forgotten.append(connection)

    def sweep_soon(self) -> None:
        self.sweeps += 1


def make_call(target: str = "/", method: str = "GET", http10: bool = False, request_id: str = "r1") -> Call:
    """Make a call on a connection of its own."""
    connection: Any = FakeConnection()
    return Call(connection, method, target, {"x-request-id": request_id}, http10, not http10)


def written(call: Call) -> bytes:
    """Give what was written in answer to a call of make_call()."""
    connection: Any = call.connection
    assert isinstance(connection, FakeConnection)
    return connection.written


class Client:
    """A connection of the wrapper and the client's end of it."""

    def __init__(self) -> None:
        self.owner = FakeOwner()
        self.sock, server_end = socket.socketpair()
        server_end.setblocking(False)
        self.sock.settimeout(5)
        self.server_end = server_end
        self.connection = Connection(server_end, self.owner)

    def send(self, data: bytes) -> list[Call]:
        """Send data and have it read; gives the calls that were started by it."""
        before = len(self.owner.started)
        self.sock.sendall(data)
        self.connection.readable()
        return self.owner.started[before:]

    def close(self) -> None:
        self.sock.close()
        self.server_end.close()
