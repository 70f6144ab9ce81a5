"""Tags of the lines that the user's code prints, with the stream and the id of the call that prints them.

A tag is \\x1e, `o` or `e`, the id, \\x1f. The platform removes it and stores its contents beside the line (docs/wrapper-protocol.md, "Output").
"""

from __future__ import annotations

import io
import os
import sys
from _contextvars import ContextVar
from threading import RLock, get_ident, main_thread

from .options import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Id of the call that the present code runs for; empty outside of calls.
current_call: ContextVar[str] = ContextVar("faas_call", default="")


class TaggedOutput(io.BufferedIOBase):
    """The binary stream below sys.stdout or sys.stderr. It writes whole lines, each with the tag of the thread and call that began it."""

    def __init__(self, raw: io.FileIO, letter: str) -> None:
        self.raw: io.FileIO = raw
        self.letter = letter
        self.partial: dict[int, bytes] = {}  # begun lines by thread, with their tags
        self.open_line = False  # a line that was flushed has no end yet
        self.lock = RLock()  # a signal handler may print while this thread writes
        os.register_at_fork(after_in_child=self.unlock)

    def unlock(self) -> None:
        """Replace the lock, which a thread of the parent process may have held."""
        self.lock = RLock()

    def tag(self) -> bytes:
        """Make the tag of the present call. Lines on stdout outside of calls have nothing to tell."""
        call = current_call.get()
        return f"\x1e{self.letter}{call}\x1f".encode() if call or self.letter == "e" else b""

    def write(self, data: Any) -> int:
        """Write the lines that end in the data, and keep the rest until its line ends."""
        data = bytes(data)
        thread = get_ident()
        begun = self.partial.pop(thread, None)
        tag = self.tag()
        end = data.rfind(b"\n") + 1
        if end:
            lines = data[: end - 1].replace(b"\n", b"\n" + tag) + b"\n" if tag else data[:end]
            self.put((tag if begun is None else begun) + lines)
            begun = None
        if end < len(data):
            self.partial[thread] = (tag if begun is None else begun) + data[end:]
        return len(data)

    def flush(self) -> None:
        """Write the line that this thread has begun; on the main thread, which flushes when the process ends, those of all threads."""
        if not self.partial:
            return
        threads = list(self.partial) if get_ident() == main_thread().ident else [get_ident()]
        for thread in threads:
            begun = self.partial.pop(thread, None)
            if begun:
                self.put(begun)

    def put(self, output: bytes) -> None:
        """Write everything to the file."""
        with self.lock:
            if self.open_line and output[:1] == b"\x1e":  # the line has the tag of its beginning
                output = output[output.index(b"\x1f") + 1 :]
            self.open_line = output[-1:] != b"\n"
            view = memoryview(output)
            while view:
                view = view[self.raw.write(view) or 0 :]

    def writable(self) -> bool:
        """Tell that the stream can be written to."""
        return True

    def fileno(self) -> int:
        """Give the file descriptor."""
        return self.raw.fileno()

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return self.raw.isatty()

    @property
    def name(self) -> Any:
        """Name of the stream, `<stdout>` or `<stderr>`."""
        return self.raw.name

    @property
    def mode(self) -> str:
        """Mode of the stream."""
        return "wb"


def tag_output() -> None:
    """Tag the lines on stdout and stderr from now on, if the platform asks for it."""
    if not settings.tags_output:
        return
    for name, letter in (("stdout", "o"), ("stderr", "e")):
        raw = getattr(getattr(getattr(sys, name), "buffer", None), "raw", None)
        if raw is None:  # something else has replaced it
            continue
        output: Any = TaggedOutput(raw, letter)
        # Written through, so that each write reaches the stream below on the thread and for the call that makes it.
        text = io.TextIOWrapper(output, encoding="utf-8", errors="backslashreplace", write_through=True)
        setattr(sys, name, text)
