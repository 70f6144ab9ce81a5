"""A WebSocket, as events of an ASGI application."""

from __future__ import annotations

import sys
from collections import deque
from time import monotonic

from ..apps.app_head import AppHead
from ..asgi.http_exchange import HttpExchange
from ..asgi.scope import websocket_scope
from ..asgi.waiters import Waiters
from ..http.response import complete_response, error_response
from ..options import READ_AHEAD, READ_SIZE, settings
from ..problem import invalid_response
from ..process_exit import exit_as_asked
from ..user_error import log_error
from .frames import (
    BINARY_FRAME,
    CLOSE,
    FAILED,
    INVALID_DATA,
    LOST,
    PING,
    PONG,
    RESTARTING,
    TEXT_FRAME,
    FrameError,
    FrameReader,
    encode_close,
    encode_frame,
    parse_close,
)
from .handshake import accept_response, check_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..asgi.connection import AsgiConnection
    from ..function.call import Call

# Seconds. A client that answers no ping for as long as the next one takes is lost.
PING_INTERVAL = 20
# Time for the client's part of the closing handshake.
CLOSE_TIMEOUT = 5


class WebSocketExchange:
    """Passes messages both ways, as fast as each side takes them, once the application has accepted the WebSocket.

    The states: `connecting`, then `open` or `rejecting` by the application's first event, `closing` once a close frame was sent, `closed`.
    """

    __slots__ = (
        "call",
        "connection",
        "loop",
        "state",
        "events",
        "size",
        "waiters",
        "frames",
        "rejection",
        "on_end",
        "heard",
        "timer",
        "disconnect_event",
    )

    def __init__(self, connection: AsgiConnection, call: Call) -> None:
        check_request(call, connection.body is not None)
        self.call = call
        self.connection = connection
        self.loop = connection.asyncio_loop
        self.state = "connecting"
        self.events: deque[dict[str, Any]] = deque(({"type": "websocket.connect"},))
        self.size = 0  # bytes of the messages in `events`
        self.waiters = Waiters(self.loop)
        self.frames = FrameReader(settings.body_limit)
        self.rejection: HttpExchange | None = None  # the application's own response, in place of a WebSocket
        self.on_end: Any = None  # called when the WebSocket has ended
        self.heard = monotonic()  # time of the last bytes
        self.timer: Any = None
        self.disconnect_event: dict[str, Any] | None = None

    def scope(self, state: dict[str, Any]) -> dict[str, Any]:
        """Make the scope of the WebSocket."""
        return websocket_scope(self.call, state)

    # ---- events of the application

    async def receive(self) -> dict[str, Any]:
        """Give the next event to the application."""
        while True:
            if self.events:
                event = self.events.popleft()
                if self.size:
                    self.size -= len(event.get("bytes") or event.get("text") or b"")
                    if self.state == "open" and not self.is_full():
                        self.connection.set_reading(True)
                return event
            if self.disconnect_event is not None:
                return self.disconnect_event
            await self.waiters.wait()

    async def send(self, message: dict[str, Any]) -> None:
        """Take an event of the application. Raises OSError when the WebSocket is closed."""
        kind = message["type"]
        if kind == "websocket.send" and self.state == "open":
            await self.send_message(message)
        elif kind == "websocket.accept" and self.state == "connecting":
            self.accept(message)
        elif kind == "websocket.close" and self.state == "connecting":
            self.reject()
        elif kind == "websocket.close" and self.state == "open":
            self.begin_close(message.get("code") or 1000, message.get("reason") or "")
            self.expect_disconnect(message.get("code") or 1000, message.get("reason") or "")
        elif kind.startswith("websocket.http.response.") and self.state in ("connecting", "rejecting"):
            await self.respond(message)
        elif self.state in ("closing", "closed"):
            if kind != "websocket.close":
                raise ConnectionResetError("The WebSocket is closed")
        else:
            raise RuntimeError(f"Unexpected event {kind!r} of a WebSocket that is {self.state}")

    async def send_message(self, message: dict[str, Any]) -> None:
        """Send a message, as soon as the client takes it."""
        data = message.get("bytes")
        if data is not None:
            frame = encode_frame(BINARY_FRAME, bytes(data))
        else:
            frame = encode_frame(TEXT_FRAME, message["text"].encode("utf-8", "replace"))
        await self.connection.write_async(frame)
        if self.connection.gone:
            if self.state == "open":
                self.readable()  # its close frame may have come
            self.disconnect()
            raise ConnectionResetError("The client of the WebSocket is gone")

    def accept(self, message: dict[str, Any]) -> None:
        """Accept the WebSocket: from now on the connection carries frames.

        @throws INVALID_RESPONSE
        """
        connection = self.connection
        head = AppHead(200, message.get("headers") or ())  # checks them
        data = accept_response(self.call, message.get("subprotocol"), b"".join(head.lines))
        if not self.call.claim():
            self.state = "closed"
            raise ConnectionResetError("The WebSocket was accepted after its deadline")
        self.state = "open"
        self.call.keep_alive = False
        connection.deadlines.calls.pop(self.call, None)  # it lives as long as both sides like
        connection.since = float("inf")
        connection.write(data)
        connection.set_reading(False)
        connection.read = self.readable
        connection.set_reading(True)
        self.heard = monotonic()
        self.timer = self.loop.call_later(PING_INTERVAL, self.ping, 0.0)
        rest, connection.buffer = connection.buffer, b""
        if connection.ended:
            self.disconnect()
        elif rest:
            self.take(rest)

    def reject(self) -> None:
        """Refuse the WebSocket before it was accepted."""
        self.state = "closed"
        response = complete_response(self.call, 403, None, (), b"")
        if self.call.claim():
            self.connection.deliver(self.call, response)
        self.expect_disconnect(LOST, "")

    async def respond(self, message: dict[str, Any]) -> None:
        """Send the application's own response in place of a WebSocket: the extension `websocket.http.response`."""
        if self.rejection is None:
            self.state = "rejecting"
            self.rejection = HttpExchange(self.connection, self.call)
            self.rejection.on_end = self.on_end
        await self.rejection.send({**message, "type": message["type"][len("websocket.") :]})
        if self.rejection.ended:
            self.state = "closed"
            self.expect_disconnect(LOST, "")

    # ---- events of the connection

    def readable(self) -> None:
        """Read what has come."""
        try:
            data = self.connection.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.take(data)
        else:
            self.disconnect()

    def take(self, data: bytes) -> None:
        """Take bytes of the client."""
        self.heard = monotonic()
        try:
            for kind, payload in self.frames.take(data):
                if kind == CLOSE:
                    self.closed_by_client(*parse_close(payload))
                elif kind == PING and len(self.connection.output) < READ_AHEAD:  # a client that reads nothing gets none
                    self.connection.send_soon(encode_frame(PONG, payload))
                elif kind <= BINARY_FRAME and self.state == "open":
                    self.add_message(kind, payload)
        except FrameError as error:
            if self.state == "open":
                self.begin_close(error.code, str(error))
            self.expect_disconnect(error.code, str(error))
            self.connection.refused = True
            self.end()
        if self.state == "open" and self.is_full():
            self.connection.set_reading(False)

    def add_message(self, kind: int, payload: bytes) -> None:
        """Give a message to the application. Raises FrameError."""
        event: dict[str, Any] = {"type": "websocket.receive"}
        if kind == TEXT_FRAME:
            try:
                event["text"] = payload.decode()
            except UnicodeDecodeError:
                raise FrameError(INVALID_DATA, "a text message is not UTF-8") from None
            self.size += len(event["text"])
        else:
            event["bytes"] = payload
            self.size += len(payload)
        self.events.append(event)
        self.waiters.wake()

    def is_full(self) -> bool:
        """Tell whether the application has to receive what is here before more is read."""
        return self.size >= READ_AHEAD

    def closed_by_client(self, code: int, reason: str) -> None:
        """Take the client's close frame, and answer it."""
        if self.state == "open":
            self.connection.send_soon(encode_close(code))
            self.expect_disconnect(code, reason)
        self.end()

    def disconnect(self) -> None:
        """Note that the client is gone, without a close frame."""
        if self.rejection is not None:
            self.rejection.disconnect()
        self.expect_disconnect(LOST, "")
        if self.state in ("open", "closing"):
            self.connection.gone = True
            self.end()
        elif self.state == "connecting" and self.connection.closed:
            self.state = "closed"

    def ping(self, sent: float) -> None:
        """Send a ping, unless the last one was not answered: then the line is lost."""
        if self.state != "open":
            return
        # A client whose messages wait to be received is not read.
        if sent and self.heard < sent and self.connection.reading:
            return self.disconnect()
        self.connection.send_soon(encode_frame(PING, b""))
        self.timer = self.loop.call_later(PING_INTERVAL, self.ping, monotonic())

    # ---- the end

    def begin_close(self, code: int, reason: str) -> None:
        """Send a close frame, and wait for the client's."""
        self.state = "closing"
        self.connection.send_soon(encode_close(code, reason))
        self.connection.set_reading(True)
        self.timer.cancel()
        self.timer = self.loop.call_later(CLOSE_TIMEOUT, self.end)

    def expect_disconnect(self, code: int, reason: str) -> None:
        """Let the application receive its last event."""
        if self.disconnect_event is None:
            self.disconnect_event = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.waiters.wake()

    def go_away(self) -> None:
        """Close an open WebSocket because the process ends."""
        if self.state == "open":
            self.begin_close(RESTARTING, "")
            self.expect_disconnect(RESTARTING, "")

    def end(self) -> None:
        """Close the connection after what is still to be sent."""
        if self.state == "closed":
            return
        self.state = "closed"
        self.timer.cancel()
        connection = self.connection
        connection.set_reading(False)
        connection.read = connection.readable
        connection.since = monotonic()
        connection.buffer = b""
        connection.drained.wake()
        connection.finish(self.call)
        if self.on_end is not None:
            self.on_end(self.call)

    def returned(self) -> None:
        """Note that the application has returned."""
        if self.state == "open":
            sys.stderr.write(f"The ASGI application returned without closing its WebSocket ({self.call.request_id})\n")
            self.begin_close(FAILED, "")
        elif self.rejection is not None:
            self.rejection.returned()
        elif self.state == "connecting":
            self.failed(invalid_response("The ASGI application returned without accepting or closing the WebSocket"))

    def failed(self, error: BaseException) -> None:
        """Close a WebSocket whose application has raised an error; one that was not accepted is answered with the problem."""
        call = self.call
        if self.rejection is not None:
            return self.rejection.failed(error)
        if self.state == "connecting":
            self.state = "closed"
            response = error_response(call, error)
            if call.claim():
                self.connection.deliver(call, response)
            return
        if isinstance(error, SystemExit):
            exit_as_asked(error, f"in request {call.request_id}")
        lost = isinstance(error, ConnectionResetError) and self.disconnect_event is not None
        if not lost:  # send() says so to an application that does not receive
            log_error(error, call.request_id)
        if self.state == "open":
            self.begin_close(FAILED, "")

    def cancelled(self) -> None:
        """Note that the application was cancelled."""
        if self.rejection is not None:
            self.rejection.cancelled()
        elif self.state == "open":
            self.begin_close(FAILED, "")
        elif self.state == "connecting" and self.call.unclaimed:
            self.failed(RuntimeError("The application's task was cancelled"))
