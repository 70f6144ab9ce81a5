"""The frames of WebSockets (RFC 6455 section 5)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Message = Union[str, bytes]

CONTINUATION, TEXT_FRAME, BINARY_FRAME, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, LOST, INVALID_DATA, TOO_BIG, FAILED, RESTARTING = (
    1001, 1002, 1005, 1006, 1007, 1009, 1011, 1012,
)  # fmt: skip
CONTROL_LIMIT = 125  # bytes of a control frame


class FrameError(Exception):
    """Error for what a client may not send, with the code that closes its WebSocket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class FrameReader:
    """Takes bytes of a client, and gives the messages and control frames in them."""

    __slots__ = ("buffer", "limit", "kind", "pieces", "size")

    def __init__(self, limit: int) -> None:
        self.buffer = bytearray()
        self.limit = limit  # bytes of a message
        self.kind: int | None = None  # of the message whose first frames have come
        self.pieces: list[bytes] = []
        self.size = 0

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes; give kind and payload of each complete message and control frame. Raises FrameError at the first bad frame."""
        buffer = self.buffer
        buffer += data
        events: list[tuple[int, bytes]] = []
        at = 0
        while True:
            frame = self.frame_at(at)
            if frame is None:
                break
            at, first, payload = frame
            event = self.add(first, payload)
            if event is not None:
                events.append(event)
                if event[0] == CLOSE:
                    at = len(buffer)  # what follows it is ignored
                    break
        del buffer[:at]
        return events

    def frame_at(self, at: int) -> tuple[int, int, bytes] | None:
        """Read the frame at an offset: the offset after it, its first byte and its payload; None while it is not complete."""
        buffer = self.buffer
        available = len(buffer) - at
        if available < 2:
            return None
        first, second = buffer[at], buffer[at + 1]
        if not second & 0x80:
            raise FrameError(PROTOCOL_ERROR, "a frame of a client is not masked")
        length, start = second & 0x7F, at + 2
        if length > CONTROL_LIMIT:
            size = 2 if length == 126 else 8
            if available < 2 + size:
                return None
            start += size
            length = int.from_bytes(buffer[at + 2 : start], "big")
        if first & 0x70:
            raise FrameError(PROTOCOL_ERROR, "a reserved bit is set")
        if first & 0x08:
            if length > CONTROL_LIMIT or not first & 0x80:
                raise FrameError(PROTOCOL_ERROR, "a control frame is too long or fragmented")
        elif self.size + length > self.limit:
            raise FrameError(TOO_BIG, f"a message has more than {self.limit} bytes")
        end = start + 4 + length
        if len(buffer) < end:
            return None
        return end, first, mask(buffer[start + 4 : end], buffer[start : start + 4])

    def add(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        """Add a frame; give the message that it completes, or the control frame that it is."""
        kind = first & 0x0F
        if kind & 0x08:
            if kind > PONG:
                raise FrameError(PROTOCOL_ERROR, f"unknown opcode {kind}")
            return kind, payload
        if kind > BINARY_FRAME:
            raise FrameError(PROTOCOL_ERROR, f"unknown opcode {kind}")
        if (kind == CONTINUATION) != (self.kind is not None):
            raise FrameError(PROTOCOL_ERROR, "a fragment without its message, or a message within another one")
        if first & 0x80 and kind != CONTINUATION:
            return kind, payload
        if kind != CONTINUATION:
            self.kind = kind
        self.pieces.append(payload)
        self.size += len(payload)
        if not first & 0x80:
            return None
        message, known = b"".join(self.pieces), self.kind
        self.kind, self.pieces, self.size = None, [], 0
        return known or 0, message


def mask(data: bytes | bytearray, key: bytes | bytearray) -> bytes:
    """Mask or unmask a payload: one exclusive or of two large numbers, which Python does quickly."""
    length = len(data)
    keys = bytes(key) * ((length + 3) // 4)
    return (int.from_bytes(data, "little") ^ int.from_bytes(keys[:length], "little")).to_bytes(length, "little")


def encode_frame(kind: int, payload: bytes) -> bytes:
    """Write a frame of the server, which is not masked, with a whole message."""
    length = len(payload)
    if length <= CONTROL_LIMIT:
        return bytes((0x80 | kind, length)) + payload
    if length < 65536:
        return bytes((0x80 | kind, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | kind, 127)) + length.to_bytes(8, "big") + payload


def parse_close(payload: bytes) -> tuple[int, str]:
    """Read code and reason of a close frame. Raises FrameError."""
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in (1004, NO_STATUS, LOST):
        raise FrameError(PROTOCOL_ERROR, "invalid close code")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(INVALID_DATA, "the reason of a close frame is not UTF-8") from None


def encode_close(code: int, reason: str = "") -> bytes:
    """Write a close frame. A reason that is too long is cut."""
    if code == NO_STATUS:
        return encode_frame(CLOSE, b"")
    text = reason.encode("utf-8", "replace")[: CONTROL_LIMIT - 2].decode("utf-8", "ignore")
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text.encode())
