"""The server: sockets on one side, the function's runner on the other."""

from __future__ import annotations

import os
import socket
import sys
from time import monotonic

from .deadlines import Deadlines
from .event_loop import EventLoop
from .function.signature import arity, is_async
from .http.connection import Connection
from .http.response import JSON, complete_response, problem_response
from .lifecycle import lifecycle
from .options import BACKLOG, DRAIN_GRACE, DRAIN_IDLE, SWEEP, settings
from .problem import Problem, no_capacity, replica_claimed
from .process_exit import exit_process
from .runners.async_runner import AsyncRunner
from .runners.executor import limit_threads
from .runners.invoker import Invoker
from .runners.sync_runner import SyncRunner
from .sigterm import end_after_drain, keep_loop_handlers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable
    from typing import Any, Union

    from .function.call import Call
    from .function.load import Loaded
    from .loading_watch import LoadingWatch
    from .runners.invoker import CallInvoker

    # Connections that were accepted already, and what has been received from each.
    Connections = Iterable[tuple[socket.socket, bytes]]


class Server:
    """Accepts connections, hands calls to the runner, drains."""

    listener: socket.socket
    loop: Union[EventLoop, AbstractEventLoop]
    runner: Union[SyncRunner, AsyncRunner]
    deadlines: Deadlines

    def __init__(self) -> None:
        self.listening = False
        self.claimed = False  # a warm process was given its function
        self.serving = False  # loop, runner and deadlines are there
        self.problem: Problem | None = None  # reason why the function could not be loaded
        self.connections: dict[Connection, None] = {}
        self.sweeping = False
        self.connection_type: type[Connection] = Connection
        self.on_drain: Callable[[], None] | None = None  # called when a drain begins, and when it has ended
        self.on_end: Callable[[], None] | None = None

    def listen(self) -> None:
        """Listen; connections wait in the kernel until serve(). Raises OSError."""
        if not settings.port.isdecimal():
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(settings.port)
            self.listener.listen(BACKLOG)
        elif socket.has_dualstack_ipv6():
            self.listener = socket.create_server(
                ("", int(settings.port)), backlog=BACKLOG, family=socket.AF_INET6, dualstack_ipv6=True
            )
        else:
            self.listener = socket.create_server(("", int(settings.port)), backlog=BACKLOG)
        self.listener.setblocking(False)
        self.listening = True

    def serve(
        self, loaded: Loaded | None, problem: Problem | None, watch: LoadingWatch, connections: Connections = ()
    ) -> None:
        """Serve until the server is drained; does not return. Without a function every call is answered with the problem."""
        self.problem = problem
        app, target = (loaded.app, loaded.target) if loaded else (None, None)
        if app in ("asgi", "asgi2"):
            self.use_asgi(target, app)
        elif app == "wsgi":
            from .wsgi.invoker import WsgiInvoker

            self.use_threads(WsgiInvoker(target))
        elif loaded and is_async(target):
            loop = self.use_asyncio()
            self.runner = AsyncRunner(target, arity(target), loop)
        else:
            self.use_threads(Invoker(target, arity(target) if loaded else 2))
        self.deadlines = Deadlines(self.loop, self.runner.cancel)
        self.loop.add_reader(self.listener.fileno(), self.accept)
        self.serving = True
        for sock, received in connections:
            self.add_connection(sock, received)
        watch.end(self.loop.call_later if isinstance(self.runner, SyncRunner) else None)
        if lifecycle.draining:  # SIGTERM came while the function was loading
            self.loop.call_soon_threadsafe(self.drain)
        self.run()
        # A call on this thread took so long that another thread has the loop now.
        self.runner.watch()  # type: ignore[union-attr]

    def use_threads(self, invoker: CallInvoker) -> None:
        """Run calls on threads."""
        self.loop = EventLoop()
        self.runner = SyncRunner(invoker, self.loop, self.run, self.give_up)

    def use_asyncio(self) -> AbstractEventLoop:
        """Use asyncio's event loop."""
        import asyncio

        loop = self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        keep_loop_handlers(loop)
        limit_threads(loop)
        return loop

    def use_asgi(self, app: Any, kind: str) -> None:
        """Run the calls of an ASGI application, after its startup."""
        from .asgi.connection import AsgiConnection
        from .asgi.runner import AsgiRunner, asgi3

        loop = self.use_asyncio()
        runner = self.runner = AsgiRunner(asgi3(app) if kind == "asgi2" else app, loop)
        self.connection_type = AsgiConnection
        self.on_drain, self.on_end = runner.drain, runner.end
        try:
            runner.startup()
        except Problem as problem:
            self.problem = problem
            sys.stderr.write(f"{problem}\n")

    def run(self) -> None:
        """Run the loop on this thread until another thread has taken it; when the server is drained the process ends."""
        if isinstance(self.runner, AsyncRunner):
            self.loop.run_forever()  # type: ignore[call-arg]
        else:
            inline = self.runner.inline
            self.loop.run_forever(inline.can_run, inline.turn)  # type: ignore[call-arg]
            if not self.loop.stopped:  # type: ignore[union-attr]
                return
        if not settings.port.isdecimal():
            try:
                os.unlink(settings.port)
            except FileNotFoundError:
                pass  # The server moves the socket of a sandboxed replica to a path that other functions cannot see.
        if self.on_end:
            self.on_end()
        end_after_drain(self.loop if isinstance(self.runner, AsyncRunner) else None)  # type: ignore[arg-type]

    def accept(self) -> None:
        """Accept the connections that wait."""
        for _ in range(BACKLOG):
            try:
                sock, _ = self.listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # out of file descriptors: try again when some may be free
                sys.stderr.write(f"Cannot accept a connection: {error}\n")
                self.loop.remove_reader(self.listener.fileno())
                self.loop.call_later(0.1, self.accept_again)
                return
            sock.setblocking(False)
            try:
                if sock.family != socket.AF_UNIX:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:  # it is already closed; macOS reports that here
                sock.close()
                continue
            self.add_connection(sock)

    def add_connection(self, sock: socket.socket, received: bytes = b"") -> None:
        """Serve a connection, from which something may have been received."""
        connection = self.connection_type(sock, self)
        self.connections[connection] = None
        self.sweep_soon()
        if received:
            connection.buffer = received
            connection.process()

    def accept_again(self) -> None:
        """Watch the listener again, unless it has been closed meanwhile."""
        if self.listening:
            self.loop.add_reader(self.listener.fileno(), self.accept)

    def start(self, call: Call) -> None:
        """Answer a request that has been read, or have the function answer it. Raises nothing."""
        try:
            if call.target.startswith("/-/"):
                response = self.own_route(call)
            elif self.problem:
                raise self.problem
            else:
                return self.runner.submit(call)
        except Problem as problem:
            response = problem_response(call, problem)
        if call.claim():
            call.connection.deliver(call, response)

    def own_route(self, call: Call) -> Any:
        """Answer the ready probe.

        @throws FUNCTION_LOAD_FAILED
        @throws REPLICA_CLAIMED
        @throws NOT_FOUND
        """
        path = call.target.partition("?")[0]
        if path == "/-/claim" and self.claimed:
            raise replica_claimed()
        if path != "/-/ready":
            raise Problem("NOT_FOUND", f"There is nothing at {call.target}")
        if self.problem:
            raise self.problem
        return complete_response(call, 200, JSON, (), b'{"status":"ready"}')

    def give_up(self) -> None:
        """Exit shortly, after the last responses are sent: the platform starts another process."""
        sys.stderr.write("All slots are held by calls beyond their deadline: the process exits\n")
        for call in self.runner.refuse_waiting():  # type: ignore[union-attr]
            call.connection.deliver(call, problem_response(call, no_capacity()))
        self.loop.call_later(0.1, exit_process, 1)

    def sweep_soon(self) -> None:
        """Look in a few seconds for connections that make no progress."""
        if not self.sweeping:
            self.sweeping = True
            self.loop.call_later(SWEEP, self.sweep)

    def sweep(self) -> None:
        """Close connections that make no progress."""
        now = monotonic()
        for connection in list(self.connections):
            connection.sweep(now)
        self.sweeping = False
        if self.connections:
            self.sweep_soon()

    def forget(self, connection: Connection) -> None:
        """Remove a closed connection; the last one ends a server that is being drained."""
        self.connections.pop(connection, None)
        if lifecycle.draining and not self.connections:
            self.loop.stop()

    def drain(self) -> None:
        """Accept no more connections, finish the calls in flight, then end."""
        lifecycle.draining = True
        self.loop.call_later(settings.timeout + DRAIN_GRACE, self.loop.stop)
        self.accept()  # clients that are already connected are served
        self.loop.remove_reader(self.listener.fileno())
        self.listener.close()
        self.listening = False
        for connection in list(self.connections):
            if connection.call is None and not connection.buffer:
                connection.readable()  # a request that has come meanwhile counts as in flight
        self.loop.call_later(DRAIN_IDLE, self.close_idle)
        if self.on_drain:
            self.on_drain()
        if not self.connections:
            self.loop.stop()

    def close_idle(self) -> None:
        """Close idle connections of a server that is being drained, whose clients have had time to close them."""
        lifecycle.closes_idle = True
        for connection in list(self.connections):
            if connection.call is None and not connection.buffer:
                connection.readable()
                if connection.call is None and not connection.buffer:
                    connection.close()
