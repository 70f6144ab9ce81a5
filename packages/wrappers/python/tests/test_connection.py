"""Connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from src.http.response import to_response
from src.options import HEAD_LIMIT, KEEP_ALIVE, LINGER, STALLED

if TYPE_CHECKING:
    from src.function.call import Call

    from .fakes import Client

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"


def answer(call: Call, text: str) -> None:
    """Answer a call as a runner does."""
    assert call.claim()
    call.connection.deliver(call, to_response(call, text))


def test_starts_a_call_when_its_body_is_complete(client: Client) -> None:
    assert client.send(POST + b"a") == []
    (call,) = client.send(b"bc")
    assert call.body == b"abc"


def test_takes_the_next_request_when_the_previous_response_is_out(client: Client) -> None:
    (first,) = client.send(GET + GET)
    answer(first, "one")
    assert client.owner.started == [first]
    client.owner.loop.run_soon()
    _, second = client.owner.started
    answer(second, "two")
    received = client.sock.recv(4096)
    assert received.index(b"one") < received.index(b"two")


def test_a_response_ends_the_deadline_of_its_call(client: Client) -> None:
    (call,) = client.send(GET)
    assert call in client.owner.deadlines.calls
    answer(call, "one")
    assert not client.owner.deadlines.calls


def test_a_malformed_request_is_answered_and_the_rest_is_not_read(client: Client) -> None:
    assert client.send(b"nonsense\r\n\r\nGET / HTTP/1.1") == []
    client.owner.loop.run_soon()
    assert client.sock.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert client.sock.recv(4096) == b""
    assert client.connection.lingering and not client.connection.closed


def test_a_header_over_the_limit_is_refused(client: Client) -> None:
    client.send(b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT)
    assert client.sock.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_the_client_is_told_to_send_its_body(client: Client) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert client.sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_what_the_socket_does_not_take_is_written_later(client: Client) -> None:
    (call,) = client.send(GET)
    text = "x" * 4_000_000
    answer(call, text)
    client.owner.loop.run_soon()
    assert client.connection.output
    received = b""
    while len(received) < len(text):
        received += client.sock.recv(1_000_000)
        flush = client.owner.loop.writers.get(client.connection.fd)
        if flush:
            flush()
    assert received.endswith(b"x") and client.connection.call is None
    assert len(client.send(GET)) == 1


def test_a_client_that_goes_away_is_forgotten(client: Client) -> None:
    client.sock.close()
    client.connection.readable()
    assert client.owner.forgotten == [client.connection]
    assert not client.owner.loop.readers


def test_a_client_that_sends_no_more_still_gets_its_response(client: Client) -> None:
    (call,) = client.send(GET)
    client.sock.shutdown(1)
    client.connection.readable()
    assert not client.connection.closed
    answer(call, "one")
    assert client.sock.recv(4096).endswith(b"one")
    client.owner.loop.run_soon()
    assert client.connection.closed


def test_a_response_that_is_cut_ends_the_connection(client: Client) -> None:
    (call,) = client.send(GET)
    assert call.claim()
    client.connection.write(b"begun")
    client.connection.cut()
    client.connection.finish(call)
    client.owner.loop.run_soon()
    assert client.connection.closed
    assert client.sock.recv(4096) == b"begun"
    assert client.sock.recv(4096) == b""


@pytest.mark.usefixtures("draining")
def test_an_idle_connection_is_closed_while_the_process_finishes(client: Client) -> None:
    (call,) = client.send(GET)
    answer(call, "one")
    client.owner.loop.run_soon()
    assert client.connection.closed


@pytest.mark.parametrize(("data", "limit"), [(b"", KEEP_ALIVE), (b"GET", STALLED), (b"x\r\n\r\n", LINGER)])
def test_a_connection_without_progress_is_closed(client: Client, data: bytes, limit: float) -> None:
    if data:
        client.send(data)
    client.owner.loop.run_soon()
    client.connection.sweep(client.connection.since + limit)
    assert not client.connection.closed
    client.connection.sweep(client.connection.since + limit + 0.1)
    assert client.connection.closed


def test_a_call_that_is_handled_is_left_to_its_deadline(client: Client) -> None:
    client.send(GET)
    client.connection.sweep(client.connection.since + 1000)
    assert not client.connection.closed
