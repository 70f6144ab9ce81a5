"""ASGI applications over HTTP."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from src.asgi.connection import AsgiConnection
from src.asgi.lifespan import Lifespan
from src.asgi.runner import AsgiRunner, asgi3
from src.asgi.scope import http_scope
from src.deadlines import Deadlines
from src.problem import Problem

from ..fakes import make_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from src.function.call import Call


class Owner:
    """A server with one connection, on the running event loop."""

    def __init__(self, app: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.runner = AsgiRunner(app, self.loop)
        self.deadlines = Deadlines(self.loop, self.runner.cancel)
        self.forgotten = asyncio.Event()
        self.received = b""  # and not yet read
        self.client, server_end = socket.socketpair()
        self.client.setblocking(False)
        server_end.setblocking(False)
        self.connection = AsgiConnection(server_end, self)

    def start(self, call: Call) -> None:
        self.runner.submit(call)

    def forget(self, connection: Any) -> None:
        self.forgotten.set()

    def sweep_soon(self) -> None: ...

    async def send(self, text: bytes) -> None:
        await self.loop.sock_sendall(self.client, text)

    async def read_until(self, end: bytes) -> bytes:
        """Read from the client's end until this has come; an empty end means the end of the connection."""
        while not end or end not in self.received:
            data = await asyncio.wait_for(self.loop.sock_recv(self.client, 65536), 5)
            if not data:
                break
            self.received += data
        at = self.received.find(end) + len(end) if end in self.received and end else len(self.received)
        text, self.received = self.received[:at], self.received[at:]
        return text


def run(app: Any, use: Callable[[Owner], Awaitable[None]]) -> None:
    """Run an application, with a client that uses it."""

    async def main() -> None:
        owner = Owner(app)
        try:
            await use(owner)
        finally:
            owner.client.close()
            await asyncio.wait_for(owner.forgotten.wait(), 5)
            await owner.runner.finish_tasks(5)

    asyncio.run(main())


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [[b"x-a", b"1"]]})
    await send({"type": "http.response.body", "body": b"hello"})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Send each piece of the body back as soon as it has come."""
    await send({"type": "http.response.start", "status": 200})
    more = True
    while more:
        event = await receive()
        more = event.get("more_body", False)
        await send({"type": "http.response.body", "body": event["body"], "more_body": more})


def test_the_scope_has_the_address_that_the_caller_used() -> None:
    call = make_call("/a%20b/%C3%BC?x=%20")
    call.headers.update(
        {
            "host": "example.org",
            "x-forwarded-prefix": "/acme/api",
            "x-forwarded-proto": "https",
            "x-forwarded-for": "10.9.9.9, 1.2.3.4",
        }
    )
    state = {"db": 1}
    scope = http_scope(call, state)
    expected = {
        "type": "http",
        "root_path": "/acme/api",
        "path": "/acme/api/a b/ü",
        "raw_path": b"/acme/api/a%20b/%C3%BC",
        "query_string": b"x=%20",
        "scheme": "https",
        "server": ("example.org", 443),
        "client": ("1.2.3.4", 0),
        "state": state,
    }
    assert {key: scope[key] for key in expected} == expected
    assert (b"host", b"example.org") in scope["headers"]
    assert scope["state"] is not state


def test_a_whole_response_has_its_length_and_the_connection_takes_the_next_request() -> None:
    async def use(owner: Owner) -> None:
        for _ in range(2):
            await owner.send(GET)
            text = await owner.read_until(b"hello")
            assert text.startswith(b"HTTP/1.1 200 OK\r\nx-a: 1\r\n")
            assert b"\r\nContent-Length: 5\r\n" in text

    run(hello, use)


def test_requests_that_come_at_once_are_answered_in_order() -> None:
    async def use(owner: Owner) -> None:
        await owner.send(GET * 3)
        text = b""
        while text.count(b"hello") < 3:
            text += await owner.read_until(b"hello")

    run(hello, use)


def test_the_body_is_passed_on_while_it_is_sent() -> None:
    async def use(owner: Owner) -> None:
        await owner.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert (await owner.read_until(b"one\r\n")).endswith(b"3\r\none\r\n")
        await owner.send(b"3\r\ntwo\r\n0\r\n\r\n")
        assert (await owner.read_until(b"0\r\n\r\n")).startswith(b"3\r\ntwo\r\n")

    run(echo, use)


def test_a_body_that_the_application_does_not_take_is_not_read() -> None:
    go_on: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not go_on:
            await asyncio.sleep(0.01)
        size, more = 0, True
        while more:
            event = await receive()
            size, more = size + len(event["body"]), event["more_body"]
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"%d!" % size})

    async def use(owner: Owner) -> None:
        size = 4 * 2**20
        await owner.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        upload = asyncio.ensure_future(owner.send(b"x" * size))
        done, _ = await asyncio.wait([upload], timeout=0.2)
        assert not done
        go_on.append(1)
        assert (await owner.read_until(b"!")).endswith(b"\r\n\r\n%d!" % size)
        await upload

    run(app, use)


def test_a_disconnect_is_an_event() -> None:
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        events.append(await receive())

    async def use(owner: Owner) -> None:
        await owner.send(GET)
        await asyncio.sleep(0)
        owner.client.close()

    run(app, use)
    assert [each["type"] for each in events] == ["http.request", "http.disconnect"]


def test_the_application_may_work_on_after_its_response() -> None:
    done = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await asyncio.sleep(0.05)
        done.append(1)

    async def use(owner: Owner) -> None:
        await owner.send(GET)
        await owner.read_until(b"hello")
        await asyncio.sleep(0)
        assert not owner.runner.running
        assert not done

    run(app, use)
    assert done == [1]


async def nothing(scope: Any, receive: Any, send: Any) -> None: ...


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("broken")


def heading(**start: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": b"x"})

    return app


@pytest.mark.parametrize(
    ("app", "code"),
    [
        (broken, b"FUNCTION_ERROR"),
        (nothing, b"INVALID_RESPONSE"),
        (heading(status=200, headers=[(b"a", b"b\r\nc: d")]), b"INVALID_RESPONSE"),
        (heading(status=200, headers=[(b"a\r\nb", b"c")]), b"INVALID_RESPONSE"),
        (heading(status=200, headers=[(b"content-length", b"7")]), b"INVALID_RESPONSE"),
        (heading(status=99), b"INVALID_RESPONSE"),
    ],
)
def test_what_cannot_be_sent_is_a_problem(app: Any, code: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async def use(owner: Owner) -> None:
        await owner.send(GET)
        text = await owner.read_until(b"}")
        assert text.startswith(b"HTTP/1.1 500 ")
        assert code in text

    run(app, use)


def test_an_error_after_the_first_piece_cuts_the_response(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        raise ValueError("late")

    async def use(owner: Owner) -> None:
        await owner.send(GET)
        assert (await owner.read_until(b"")).endswith(b"5\r\nfirst\r\n")

    run(app, use)
    assert "ValueError: late" in capsys.readouterr().err


def test_a_body_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.options.settings.body_limit", 10)

    async def use(owner: Owner) -> None:
        await owner.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n")
        assert (await owner.read_until(b"}")).startswith(b"HTTP/1.1 413 ")

    run(nothing, use)


def test_a_request_that_is_answered_before_its_body_was_read_is_the_last() -> None:
    async def use(owner: Owner) -> None:
        await owner.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart")
        text = await owner.read_until(b"")
        assert b"Connection: close" in text

    run(hello, use)


def lifespan_of(app: Any) -> Lifespan:
    """Run the startup and the shutdown of an application."""

    async def main() -> Lifespan:
        lifespan = Lifespan(app, asyncio.get_running_loop())
        await lifespan.startup()
        await lifespan.shutdown(1)
        return lifespan

    return asyncio.run(main())


def test_startup_and_shutdown_are_awaited_and_share_a_state() -> None:
    events = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for name in ("startup", "shutdown"):
            events.append((await receive())["type"])
            scope["state"][name] = 1
            await send({"type": f"lifespan.{name}.complete"})

    assert lifespan_of(app).state == {"startup": 1, "shutdown": 1}
    assert events == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("app", [nothing, broken])
def test_an_application_without_lifespan_is_served(app: Any) -> None:
    assert lifespan_of(app).state == {}


def test_a_failed_startup_is_a_load_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback\n  at x\nValueError: no database"})
        raise ValueError("no database")

    with pytest.raises(Problem, match="startup of the application failed: ValueError: no database") as raised:
        lifespan_of(app)
    assert raised.value.code == "FUNCTION_LOAD_FAILED"


def test_an_application_of_asgi_2_is_called_twice() -> None:
    class App:
        def __init__(self, scope: Any) -> None:
            self.scope = scope

        async def __call__(self, receive: Any, send: Any) -> None:
            await hello(self.scope, receive, send)

    async def use(owner: Owner) -> None:
        await owner.send(GET)
        await owner.read_until(b"hello")

    run(asgi3(App), use)
