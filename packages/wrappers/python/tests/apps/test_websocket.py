"""WebSockets of ASGI applications."""

from __future__ import annotations

import asyncio
import base64
import os
from typing import TYPE_CHECKING, Any

import pytest

from src.websocket.frames import (
    BINARY_FRAME,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT_FRAME,
    FrameError,
    FrameReader,
    encode_close,
    encode_frame,
    mask,
    parse_close,
)

from .test_asgi import Owner, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = b"\x01\x02\x03\x04"


def frame(kind: int, payload: bytes, final: bool = True) -> bytes:
    """Write a frame of a client."""
    plain = bytearray(encode_frame(kind, payload))
    start = len(plain) - len(payload)
    plain[0] = kind | (0x80 if final else 0)
    plain[1] |= 0x80
    return bytes(plain[:start]) + KEY + mask(payload, KEY)


def handshake(*headers: bytes) -> bytes:
    lines = [
        b"GET /ws HTTP/1.1",
        b"Host: a",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    return b"\r\n".join([*lines, b"", b""])


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 65535, 65536, 1_000_001])
def test_a_frame_is_read_as_it_was_written(size: int) -> None:
    payload = os.urandom(size)
    assert FrameReader(2**20).take(frame(BINARY_FRAME, payload)) == [(BINARY_FRAME, payload)]


def test_frames_that_come_in_pieces_are_joined() -> None:
    reader = FrameReader(100)
    text = frame(TEXT_FRAME, b"one", False) + frame(PING, b"p") + frame(CONTINUATION, b"two")
    events = [event for at in range(len(text)) for event in reader.take(text[at : at + 1])]
    assert events == [(PING, b"p"), (TEXT_FRAME, b"onetwo")]
    assert not reader.buffer


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode_frame(TEXT_FRAME, b"unmasked"), 1002),
        (frame(3, b""), 1002),
        (frame(11, b""), 1002),
        (frame(CONTINUATION, b""), 1002),
        (frame(TEXT_FRAME, b"", False) + frame(TEXT_FRAME, b""), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"", False), 1002),
        (b"\xc1\x80" + KEY, 1002),
        (frame(TEXT_FRAME, b"x" * 101), 1009),
        (frame(TEXT_FRAME, b"x" * 60, False) + frame(CONTINUATION, b"x" * 60), 1009),
    ],
)
def test_a_frame_that_a_client_may_not_send_has_a_code(data: bytes, code: int) -> None:
    with pytest.raises(FrameError) as raised:
        FrameReader(100).take(data)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("payload", "parsed"),
    [(b"", (1005, "")), (b"\x03\xe8", (1000, "")), (b"\x0f\xa0bye", (4000, "bye"))],
)
def test_a_close_frame_has_code_and_reason(payload: bytes, parsed: tuple[int, str]) -> None:
    assert parse_close(payload) == parsed


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x03\xee", b"\x13\x88", b"\x03\xe8\xff"])
def test_an_invalid_close_frame_is_an_error(payload: bytes) -> None:
    with pytest.raises(FrameError):
        parse_close(payload)


def test_a_long_reason_is_cut_at_a_character() -> None:
    text = encode_close(1000, "ü" * 100)
    assert len(text) <= 127
    assert parse_close(text[2:]) == (1000, "ü" * 61)


async def accept(receive: Any, send: Any, **message: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", **message})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await accept(receive, send)
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            print(f"disconnect {event['code']} {event['reason']}")
            return
        await send({**event, "type": "websocket.send"})


def run_open(app: Any, use: Callable[[Owner], Awaitable[None]]) -> None:
    """Run an application with a client that has opened a WebSocket."""

    async def opened(owner: Owner) -> None:
        await owner.send(handshake())
        head = await owner.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
        await use(owner)

    run(app, opened)


def test_messages_pass_both_ways_and_the_client_closes(capsys: pytest.CaptureFixture[str]) -> None:
    async def use(owner: Owner) -> None:
        await owner.send(frame(TEXT_FRAME, "ü".encode()) + frame(PING, b"p"))
        assert await owner.read_until(b"\xc3\xbc") in (b"\x81\x02\xc3\xbc", b"\x8a\x01p\x81\x02\xc3\xbc")
        big = os.urandom(300_000)
        await owner.send(frame(BINARY_FRAME, big))
        assert (await owner.read_until(big[-10:])).endswith(encode_frame(BINARY_FRAME, big)[-300_010:])
        await owner.send(frame(CLOSE, b"\x0f\xa0bye"))
        assert await owner.read_until(b"") == b"\x88\x02\x0f\xa0"

    run_open(echo, use)
    assert "disconnect 4000 bye" in capsys.readouterr().out


def test_a_lost_line_is_1006(capsys: pytest.CaptureFixture[str]) -> None:
    async def use(owner: Owner) -> None:
        owner.client.close()

    run_open(echo, use)
    assert "disconnect 1006" in capsys.readouterr().out


def test_a_close_without_code_is_1005(capsys: pytest.CaptureFixture[str]) -> None:
    async def use(owner: Owner) -> None:
        await owner.send(frame(CLOSE, b""))
        assert await owner.read_until(b"") == b"\x88\x00"

    run_open(echo, use)
    assert "disconnect 1005" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "code"), [(frame(TEXT_FRAME, b"\xff"), 1007), (frame(3, b""), 1002), (b"\x81\x03abc", 1002)]
)
def test_a_bad_frame_closes_with_its_code(data: bytes, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def use(owner: Owner) -> None:
        await owner.send(data)
        answer = await owner.read_until(b"")
        assert answer[0] == 0x88
        assert int.from_bytes(answer[2:4], "big") == code

    run_open(echo, use)
    assert f"disconnect {code}" in capsys.readouterr().out


async def raises(scope: Any, receive: Any, send: Any) -> None:
    await accept(receive, send)
    raise ValueError("broken")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    await accept(receive, send)


async def closes(scope: Any, receive: Any, send: Any) -> None:
    await accept(receive, send)
    await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
    assert (await receive())["code"] == 4001
    with pytest.raises(OSError, match="closed"):
        await send({"type": "websocket.send", "text": "late"})


@pytest.mark.parametrize(("app", "end"), [(raises, b"\x03\xf3"), (returns, b"\x03\xf3"), (closes, b"\x0f\xa1enough")])
def test_the_application_ends_the_socket(app: Any, end: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async def use(owner: Owner) -> None:
        assert (await owner.read_until(end)).endswith(end)
        await owner.send(frame(CLOSE, end[:2]))
        assert await owner.read_until(b"") == b""

    run_open(app, use)
    assert "AssertionError" not in capsys.readouterr().err


def test_a_drain_closes_with_1012_in_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.options.settings.timeout", 0.1)

    async def use(owner: Owner) -> None:
        owner.runner.drain()
        await owner.send(frame(TEXT_FRAME, b"still"))
        assert await owner.read_until(b"still") == b"\x81\x05still"
        assert await owner.read_until(b"\x03\xf4") == b"\x88\x02\x03\xf4"
        await owner.send(frame(CLOSE, b"\x03\xf4"))

    run_open(echo, use)
    assert "disconnect 1012" in capsys.readouterr().out


def test_messages_that_the_application_does_not_receive_are_not_read() -> None:
    go_on: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        while not go_on:
            await asyncio.sleep(0.01)
        for _ in range(40):
            await receive()
        await send({"type": "websocket.send", "text": "all"})
        await receive()

    async def use(owner: Owner) -> None:
        upload = asyncio.ensure_future(owner.send(frame(BINARY_FRAME, b"x" * 100_000) * 40))
        done, _ = await asyncio.wait([upload], timeout=0.2)
        assert not done
        go_on.append(1)
        await owner.read_until(b"all")
        await upload

    run_open(app, use)


def test_several_tasks_may_send() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        await asyncio.gather(*(send({"type": "websocket.send", "bytes": b"x" * 500_000}) for _ in range(5)))
        await send({"type": "websocket.close"})

    async def use(owner: Owner) -> None:
        assert len(await owner.read_until(b"\x88\x02\x03\xe8")) == 5 * (500_000 + 10) + 4

    run_open(app, use)


async def rejects(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1000})


async def answers(scope: Any, receive: Any, send: Any) -> None:
    assert "websocket.http.response" in scope["extensions"]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"1")]})
    await send({"type": "websocket.http.response.body", "body": b"who", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"?"})


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("broken")


async def leaves(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    ("app", "status"), [(rejects, b"403 "), (answers, b"401 "), (fails, b"500 "), (leaves, b"500 ")]
)
def test_a_socket_that_is_not_accepted_gets_a_response(
    app: Any, status: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    async def use(owner: Owner) -> None:
        await owner.send(handshake())
        text = await owner.read_until(b"\r\n\r\n" if app is rejects else b"0\r\n\r\n" if app is answers else b"}")
        assert text.startswith(b"HTTP/1.1 " + status)

    run(app, use)


def test_the_handshake_has_subprotocol_and_headers() -> None:
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        headers = [(b"set-cookie", b"a=b"), (b"sec-websocket-accept", b"forged")]
        await accept(receive, send, subprotocol="v2", headers=headers)
        await receive()

    async def use(owner: Owner) -> None:
        await owner.send(handshake(b"Sec-WebSocket-Protocol: v1, v2", b"X-Forwarded-Prefix: /acme/it"))
        head = await owner.read_until(b"\r\n\r\n")
        assert b"\r\nSec-WebSocket-Protocol: v2\r\n" in head
        assert b"\r\nset-cookie: a=b\r\n" in head
        assert b"forged" not in head

    run(app, use)
    assert scopes[0]["subprotocols"] == ["v1", "v2"]
    assert (scopes[0]["scheme"], scopes[0]["path"], scopes[0]["root_path"]) == ("ws", "/acme/it/ws", "/acme/it")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Version: 13", b"Version: 8"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", base64.b64encode(b"short")),
        (b"Host: a", b"Host: a\r\nContent-Length: 1"),
    ],
)
def test_an_invalid_handshake_is_refused(old: bytes, new: bytes) -> None:
    async def use(owner: Owner) -> None:
        await owner.send(handshake().replace(old, new))
        assert (await owner.read_until(b"}")).startswith(b"HTTP/1.1 400 ")

    run(echo, use)
