"""A process that waits for its function."""

from __future__ import annotations

import re
import select
import socket
import sys
from hashlib import sha256
from hmac import compare_digest

from ..function.call import Call
from ..http.request_head import parse_head
from ..http.response import JSON, complete_response, problem_response
from ..options import BACKLOG, HEAD_LIMIT, READ_SIZE
from ..problem import Problem, replica_claimed
from .claim import MAX_CLAIM_BYTES, read_claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .claim import Claim


TOKEN_DIGEST = re.compile("[0-9a-f]{64}\\Z").match


class WarmClient:
    """A connection to a warm process. It takes one request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()  # and not yet taken
        self.call: Call | None = None  # from the end of its head on
        self.answered = False

    def send(self, data: bytes) -> None:
        """Write something short."""
        try:
            self.sock.send(data)
        except OSError:
            pass  # the client has gone

    def answer(self, data: bytes) -> None:
        """Write the only response. What the client sends after that is dropped, and the connection ends when the client ends it."""
        self.answered = True
        self.send(data)
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has gone

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem."""
        no_connection: Any = None
        call = self.call or Call(no_connection, "GET", "/", {})
        call.keep_alive = False
        self.answer(problem_response(call, problem).data)


class WarmProcess:
    """Listens for the claim, and answers everything else itself.

    A loop of its own, because the event loop of the server depends on the function.
    """

    listener: socket.socket

    def __init__(self, token_digest: str) -> None:
        if not TOKEN_DIGEST(token_digest):
            sys.exit("Expected FAAS_CLAIM_SHA256 to be a SHA-256 in hexadecimal")
        self.token_digest = token_digest  # of the token that a claim must have
        self.clients: dict[int, WarmClient] = {}
        self.poller = select.poll()

    def wait_for_claim(self, listener: socket.socket) -> tuple[Claim, list[tuple[socket.socket, bytes]]]:
        """Wait for the claim. Gives it with the open connections and what these have sent; its own now asks whether loading has ended."""
        self.listener = listener
        self.poller.register(listener, select.POLLIN)
        while True:
            for fd, _ in self.poller.poll():
                if fd == self.listener.fileno():
                    self.accept()
                    continue
                client = self.clients.get(fd)
                claim = client and self.read(client)
                if client and claim:
                    return claim, self.leave_to_server(client)

    def accept(self) -> None:
        """Accept the connections that wait."""
        for _ in range(BACKLOG):
            try:
                sock, _ = self.listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # out of file descriptors
                for client in list(self.clients.values()):
                    self.close(client)
                return
            sock.setblocking(False)
            self.clients[sock.fileno()] = WarmClient(sock)
            self.poller.register(sock, select.POLLIN)

    def close(self, client: WarmClient) -> None:
        """Close a connection."""
        self.poller.unregister(client.sock)
        del self.clients[client.sock.fileno()]
        client.sock.close()

    def read(self, client: WarmClient) -> Claim | None:
        """Read what a client has sent, and answer its request when it is complete, unless that is the claim."""
        try:
            data = client.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            data = b""
        if not data:
            self.close(client)
        elif not client.answered:
            client.received += data
            try:
                return self.take_request(client)
            except Problem as problem:
                client.refuse(problem)
        return None

    def take_request(self, client: WarmClient) -> Claim | None:
        """Give the claim when it is complete.

        @throws NO_CAPACITY for everything but the ready probe and the claim
        @throws FORBIDDEN
        @throws BODY_TOO_LARGE
        @throws HEADERS_TOO_LARGE
        @throws INVALID_REQUEST
        """
        received = client.received
        if client.call is None:
            end = received.find(b"\r\n\r\n")
            if (len(received) if end < 0 else end) > HEAD_LIMIT:
                raise Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
            if end < 0:
                return None
            no_connection: Any = None
            call, _ = parse_head(no_connection, bytes(received[:end]))
            del received[: end + 4]
            client.call = call
            call.keep_alive = False
            path = call.target.partition("?")[0]
            if path == "/-/ready":
                client.answer(complete_response(call, 200, JSON, (), b'{"status":"warm"}').data)
                return None
            if path != "/-/claim":
                raise Problem("NO_CAPACITY", "The replica waits for its function")
            self.check_may_claim(call)
            if call.headers.get("expect", "").lower() == "100-continue":
                client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = int(client.call.headers["content-length"])
        return read_claim(bytes(received[:size])) if len(received) >= size else None

    def check_may_claim(self, call: Call) -> None:
        """Check the head of a claim.

        @throws FORBIDDEN
        @throws INVALID_REQUEST
        @throws BODY_TOO_LARGE
        """
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        digest = sha256(token.encode("latin-1")).hexdigest()
        if not compare_digest(digest, self.token_digest) or kind != "Bearer":
            raise Problem("FORBIDDEN", "The claim does not have the token of this replica")
        if call.method != "POST":
            raise Problem("INVALID_REQUEST", "Expected a claim to be a POST request")
        size = call.headers.get("content-length")
        if size is None:
            raise Problem("INVALID_REQUEST", "Expected a claim with Content-Length")
        if int(size) > MAX_CLAIM_BYTES:
            raise Problem("BODY_TOO_LARGE", f"Expected a claim of at most {MAX_CLAIM_BYTES} bytes, got {size}")

    def leave_to_server(self, claimant: WarmClient) -> list[tuple[socket.socket, bytes]]:
        """End what only a warm process does, and give the connections that the server continues, with what they have sent."""
        connections = []
        for client in self.clients.values():
            if client is claimant:
                # The claim is answered as the ready probe is, when loading has ended.
                request_id = client.call.request_id  # type: ignore[union-attr]
                request = (
                    f"GET /-/ready HTTP/1.1\r\nHost: faas\r\nConnection: close\r\nX-Request-Id: {request_id}\r\n\r\n"
                )
                connections.append((client.sock, request.encode()))
            elif client.call is None and not client.answered:
                connections.append((client.sock, bytes(client.received)))
            elif client.answered:
                client.sock.close()
            else:
                client.refuse(replica_claimed())
                client.sock.close()
        return connections
