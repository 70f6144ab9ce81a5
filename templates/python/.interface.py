"""The wrapper for Python: serves HTTP, calls the user's function, answers.

One file without dependencies, for CPython 3.9 and newer, that the build puts beside the user's code. docs/wrapper-protocol.md is its
contract. Reads top to bottom: options, errors, load, call, answer, connection, life.
"""
import asyncio
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from http import HTTPStatus
from urllib.parse import parse_qsl

# ---- options

FOLDER = os.path.dirname(os.path.abspath(__file__))


def number(name, fallback):
    text = os.environ.get(name, str(fallback))
    try:
        return int(float(text))
    except ValueError:
        sys.exit(f'Expected {name} to be a number, got "{text}"')


ORG = os.environ.get("FAAS_ORG", "")
ENDPOINT = os.environ.get("FAAS_ENDPOINT", "")
REVISION = os.environ.get("FAAS_REVISION", "")
PORT = os.environ.get("PORT", "8080")
TIMEOUT = number("FAAS_TIMEOUT_MS", 30_000) / 1000
CONCURRENCY = number("FAAS_CONCURRENCY", 80)
BODY_LIMIT = number("FAAS_BODY_LIMIT", 6 * 2**20)
HEADER_LIMIT = 16 * 1024
QUEUE_LIMIT = CONCURRENCY * 10
# Sync handlers wait for each other's GIL anyway; more threads than this only cost memory.
THREADS = max(1, min(CONCURRENCY, 32))
# A connection that is not read from stops the client (back-pressure).
BUFFER_LIMIT = 256 * 1024

# ---- errors

TITLES = {
    "INVALID_REQUEST": (400, "Invalid request"),
    "MALFORMED_JSON": (400, "Malformed JSON"),
    "NOT_FOUND": (404, "Not found"),
    "BODY_TOO_LARGE": (413, "Request body too large"),
    "HEADERS_TOO_LARGE": (431, "Request header fields too large"),
    "FUNCTION_ERROR": (500, "The function threw an error"),
    "INVALID_RESPONSE": (500, "The function returned what cannot be an answer"),
    "FUNCTION_LOAD_FAILED": (500, "The function could not be loaded"),
    "NO_CAPACITY": (503, "No capacity"),
    "FUNCTION_TIMEOUT": (504, "The function took too long"),
}


class Problem(Exception):
    """An error that is answered with a problem document (RFC 9457)."""

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code = code
        self.status, self.title = TITLES[code]

    def document(self, request_id):
        return json.dumps(
            {
                "type": "urn:faas:error:" + self.code,
                "title": self.title,
                "status": self.status,
                "detail": str(self),
                "code": self.code,
                "requestId": request_id,
            }
        ).encode()


# ---- load

FILES = ("main", "handler", "function", "app", "index")
EXPORTS = ("handler", "main")


class Function:
    """The user's function, and how it wants to be called."""

    def __init__(self, handler):
        call = handler if hasattr(handler, "__code__") else getattr(handler, "__call__", handler)
        code = getattr(getattr(call, "__func__", call), "__code__", None)
        flags = code.co_flags if code else 0
        bound = 1 if hasattr(call, "__self__") else 0
        self.handler = handler
        self.is_async = bool(flags & 0x80)  # CO_COROUTINE
        self.takes_context = code is None or bool(flags & 0x04) or code.co_argcount - bound >= 2  # CO_VARARGS

    def call(self, event, context):
        return self.handler(event, context) if self.takes_context else self.handler(event)


def load():
    """Imports the user's code. Raises a Problem that names file, line and message."""
    sys.path[:0] = [FOLDER, os.path.join(FOLDER, ".packages")]
    wanted = os.environ.get("FAAS_HANDLER", "")
    base, _, name = wanted.rpartition(".")
    candidates = [base] if wanted else FILES
    found = next((each for each in candidates if os.path.isfile(os.path.join(FOLDER, each + ".py"))), None)
    if found is None:
        files = ", ".join(each + ".py" for each in candidates)
        raise Problem("FUNCTION_LOAD_FAILED", f"Expected the function in one of {files}; none is there")
    module = import_file(found)
    names = (name,) if wanted else EXPORTS
    handler = next((getattr(module, each) for each in names if hasattr(module, each)), None)
    expected = " or ".join(f'"{each}"' for each in names)
    if handler is None:
        raise Problem("FUNCTION_LOAD_FAILED", f"{found}.py: expected it to define {expected}")
    if not callable(handler):
        raise Problem("FUNCTION_LOAD_FAILED", f"{found}.py: expected {expected} to be a function, it is {type(handler).__name__}")
    return Function(handler)


def import_file(found):
    import importlib

    path = found + ".py"
    try:
        return importlib.import_module(found.replace("/", "."))
    except SyntaxError as error:
        traceback.print_exc()
        where = f"{os.path.relpath(error.filename or path, FOLDER)}:{error.lineno}"
        raise Problem("FUNCTION_LOAD_FAILED", f"{where}: {type(error).__name__}: {error.msg}") from None
    except BaseException as error:
        traceback.print_exc()
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename)]
        where = f"{os.path.relpath(frames[-1].filename, FOLDER)}:{frames[-1].lineno}" if frames else path
        raise Problem("FUNCTION_LOAD_FAILED", f"{where}: {type(error).__name__}: {error}") from None


def is_users(path):
    return path.startswith(FOLDER + os.sep) and not path.endswith(".interface.py") and ".packages" not in path


# ---- a call


class Event(dict):
    """The event: a dict whose keys are attributes too."""

    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Log:
    """Lines on stderr that carry the request id."""

    def __init__(self, request_id):
        self._request_id = request_id

    def _write(self, level, message, fields):
        line = {"level": level, "requestId": self._request_id, "message": str(message), **fields}
        sys.stderr.write(json.dumps(line, default=str) + "\n")
        sys.stderr.flush()

    def debug(self, message, **fields):
        self._write("debug", message, fields)

    def info(self, message, **fields):
        self._write("info", message, fields)

    def warn(self, message, **fields):
        self._write("warn", message, fields)

    warning = warn

    def error(self, message, **fields):
        self._write("error", message, fields)


class Context:
    """What the handler gets as its second argument. `deadline`: seconds since the epoch."""

    __slots__ = ("org", "endpoint", "revision", "request_id", "deadline")

    def __init__(self, request_id):
        self.org = ORG
        self.endpoint = ENDPOINT
        self.revision = REVISION
        self.request_id = request_id
        self.deadline = time.time() + TIMEOUT

    @property
    def log(self):
        return Log(self.request_id)


class Request:
    """One parsed request."""

    __slots__ = ("method", "target", "headers", "body", "keep_alive", "request_id")

    def event(self):
        path, _, query = self.target.partition("?")
        return Event(
            method=self.method,
            path=path or "/",
            query=parse_query(query) if query else {},
            headers=self.headers,
            body=parse_body(self.body, self.headers.get("content-type", "")) if self.body else None,
        )


def parse_query(text):
    query = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        before = query.get(name)
        query[name] = value if before is None else [*before, value] if isinstance(before, list) else [before, value]
    return query


def parse_body(body, content_type):
    kind, _, rest = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(body)
        except ValueError as error:
            raise Problem("MALFORMED_JSON", f"The body's type is {kind}, and it does not parse: {error}") from None
    if kind.startswith("text/") or kind == "application/x-www-form-urlencoded":
        charset = rest.partition("charset=")[2].strip().strip('"') or "utf-8"
        try:
            return body.decode(charset, "replace")
        except LookupError:
            return body.decode("utf-8", "replace")
    return bytes(body)


def plain(value):
    """What json cannot write: numpy's arrays and scalars say themselves what they are."""
    for name in ("tolist", "item", "isoformat"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    raise TypeError(f"a {type(value).__name__} cannot be JSON")


# ---- the answer

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
OURS = {"content-length", "transfer-encoding", "connection", "x-request-id"}
REASONS = {status.value: status.phrase for status in HTTPStatus}


class Answer:
    """Status, headers as (name, value) pairs, and a body: bytes, None, or an iterator to stream."""

    __slots__ = ("status", "headers", "body")

    def __init__(self, result):
        if type(result) is dict and type(result.get("status")) is int and result.keys() <= {"status", "headers", "body"}:
            self.status = result["status"]
            if not 200 <= self.status <= 599:
                raise Problem("INVALID_RESPONSE", f'Expected "status" to be from 200 to 599, got {self.status}')
            self.headers = header_pairs(result.get("headers") or {})
            kind, self.body = encode(result.get("body"))
            if kind and not any(name.lower() == "content-type" for name, _ in self.headers):
                self.headers.append(("Content-Type", kind))
        else:
            kind, self.body = encode(result)
            self.status = 200 if kind else 204
            self.headers = [("Content-Type", kind)] if kind else []


def header_pairs(headers):
    pairs = []
    for name, value in headers.items():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            text = str(each)
            if "\r" in text or "\n" in text or not name or any(char in name for char in " :\r\n"):
                raise Problem("INVALID_RESPONSE", f"The function returned a header that cannot be sent: {name!r}")
            if name.lower() not in OURS:
                pairs.append((name, text))
    return pairs


def encode(value):
    """Content type and body of what a function returned."""
    if value is None:
        return None, None
    if isinstance(value, str):
        return TEXT, value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return BYTES, bytes(value)
    if hasattr(value, "__anext__") or hasattr(value, "__next__") or hasattr(value, "__aiter__"):
        return BYTES, value
    try:
        return JSON, json.dumps(value, default=plain, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise Problem("INVALID_RESPONSE", f"The function returned what cannot be an answer: {error}") from None


def chunk_of(piece):
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise TypeError(f"Expected the stream to give strings or bytes, got {type(piece).__name__}")


# ---- threads for sync handlers


class Workers:
    """A few threads, started when they are needed."""

    def __init__(self):
        self.jobs = queue.SimpleQueue()
        self.started = 0
        self.idle = 0

    def submit(self, job):
        if self.idle == 0 and self.started < THREADS:
            self.started += 1
            threading.Thread(target=self.work, daemon=True).start()
        else:
            self.idle -= 1
        self.jobs.put(job)

    def work(self):
        while True:
            self.jobs.get()()


# ---- the server's state: all of it belongs to the event loop's thread


class Server:
    def __init__(self, loop):
        self.loop = loop
        self.workers = Workers()
        self.loaded = None  # a Function or a Problem
        self.in_flight = 0
        self.waiting = deque()
        self.connections = set()
        self.draining = False
        self.done = loop.create_future()
        self.finished = []  # what threads have done, for the loop
        self.lock = threading.Lock()

    def load_finished(self, loaded):
        self.loaded = loaded
        if isinstance(loaded, Problem):
            print(loaded, file=sys.stderr, flush=True)

    def admit(self, call):
        if self.in_flight < CONCURRENCY:
            self.start(call)
        elif len(self.waiting) >= QUEUE_LIMIT:
            call.refuse(Problem("NO_CAPACITY", f"{CONCURRENCY} calls run and {QUEUE_LIMIT} wait"))
        else:
            self.waiting.append(call)

    def start(self, call):
        self.in_flight += 1
        call.start()

    def release(self):
        self.in_flight -= 1
        while self.waiting and self.in_flight < CONCURRENCY:
            call = self.waiting.popleft()
            if not call.connection.closed:
                self.start(call)
        self.end_when_drained()

    def from_thread(self, callback):
        """Runs a callback on the loop; many that come together wake it once."""
        with self.lock:
            self.finished.append(callback)
            if len(self.finished) > 1:
                return
        self.loop.call_soon_threadsafe(self.run_finished)

    def run_finished(self):
        with self.lock:
            callbacks, self.finished = self.finished, []
        for callback in callbacks:
            callback()

    def drain(self):
        if self.draining:
            os._exit(0)
        self.draining = True
        self.listener.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        self.end_when_drained()

    def end_when_drained(self):
        if self.draining and not self.connections and not self.done.done():
            self.done.set_result(None)


class Call:
    """One request on its way to its answer."""

    __slots__ = ("server", "connection", "request", "timer", "answered", "task", "sent_head")

    def __init__(self, server, connection, request):
        self.server = server
        self.connection = connection
        self.request = request
        self.timer = None
        self.answered = False
        self.task = None
        self.sent_head = False

    def start(self):
        function = self.server.loaded
        if isinstance(function, Problem):
            self.server.release()
            return self.refuse(function)
        try:
            event = self.request.event()
        except Problem as problem:
            self.server.release()
            return self.refuse(problem)
        context = Context(self.request.request_id)
        self.timer = self.server.loop.call_later(TIMEOUT, self.time_out)
        if function.is_async:
            self.task = self.server.loop.create_task(self.run_async(function, event, context))
        else:
            self.server.workers.submit(lambda: self.run_sync(function, event, context))

    async def run_async(self, function, event, context):
        try:
            answer = Answer(await function.call(event, context))
            if is_stream(answer.body):
                await self.stream_async(answer)
            else:
                self.complete(answer)
        except asyncio.CancelledError:
            pass
        except SystemExit as error:
            leave(error)
        except BaseException as error:
            self.fail(error)
        finally:
            self.server.release()

    def run_sync(self, function, event, context):
        """In a thread of the workers."""
        server = self.server
        try:
            result = function.call(event, context)
            if hasattr(result, "__await__"):
                server.from_thread(lambda: self.await_rest(result))
                return
            answer = Answer(result)
            if is_stream(answer.body):
                if hasattr(answer.body, "__next__"):
                    self.stream_sync(answer)
                else:
                    server.from_thread(lambda: self.await_rest(as_awaitable(answer)))
                    return
            else:
                server.from_thread(lambda: self.conclude(answer, None))
                return
        except SystemExit as error:
            leave(error)
        except BaseException as error:
            failure = error
            server.from_thread(lambda: self.conclude(None, failure))
            return
        server.from_thread(lambda: self.conclude(None, None))

    def await_rest(self, awaitable):
        """A sync function that returned something to await."""
        self.server.workers.idle += 1

        async def handler(*_):
            return await awaitable

        self.task = self.server.loop.create_task(self.run_async(Function(handler), None, None))

    def conclude(self, answer, error):
        self.server.workers.idle += 1
        if error is not None:
            self.fail(error)
        elif answer is not None:
            self.complete(answer)
        self.server.release()

    def complete(self, answer):
        if self.timer:
            self.timer.cancel()
        if not self.answered:
            self.answered = True
            self.connection.send(self.request, answer.status, answer.headers, answer.body)

    def stream_sync(self, answer):
        """In a thread: the iterator may block; so does this, when the client is slow."""
        server, connection = self.server, self.connection
        begun = threading.Event()
        server.from_thread(lambda: (self.begin(answer), begun.set()))
        begun.wait()
        if self.request.method != "HEAD":
            for piece in answer.body:
                data = chunk_of(piece)
                connection.writable.wait()
                if self.answered or connection.closed:
                    break
                server.from_thread(lambda data=data: self.chunk(data))
        close = getattr(answer.body, "close", None)
        if close:
            close()
        server.from_thread(self.end)

    async def stream_async(self, answer):
        self.begin(answer)
        body = answer.body
        if self.request.method != "HEAD":
            if hasattr(body, "__aiter__"):
                async for piece in body:
                    self.chunk(chunk_of(piece))
                    await self.connection.drained()
                    if self.answered or self.connection.closed:
                        break
            else:
                for piece in body:
                    self.chunk(chunk_of(piece))
                    await self.connection.drained()
                    if self.answered or self.connection.closed:
                        break
        close = getattr(body, "aclose", None)
        if close:
            await close()
        self.end()

    def begin(self, answer):
        if not self.answered:
            self.sent_head = True
            self.connection.send_head(self.request, answer.status, answer.headers, None)

    def chunk(self, data):
        if data and not self.answered and not self.connection.closed:
            self.connection.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self):
        if self.timer:
            self.timer.cancel()
        if self.answered:
            return
        self.answered = True
        if self.request.method != "HEAD":
            self.connection.write(b"0\r\n\r\n")
        self.connection.finish(self.request)

    def fail(self, error):
        if self.timer:
            self.timer.cancel()
        if self.answered or self.connection.closed:
            return
        if isinstance(error, Problem):
            return self.refuse(error)
        Log(self.request.request_id).error(f"{type(error).__name__}: {error}")
        traceback.print_exception(type(error), error, error.__traceback__)
        sys.stderr.flush()
        self.refuse(Problem("FUNCTION_ERROR", str(error) or type(error).__name__))

    def refuse(self, problem):
        if self.answered:
            return
        self.answered = True
        if self.sent_head:
            # What was sent cannot be taken back: a cut connection tells the client that it is not all.
            return self.connection.abort()
        headers = [("Content-Type", "application/problem+json")]
        if problem.status == 503:
            headers.append(("Retry-After", "1"))
        self.connection.send(self.request, problem.status, headers, problem.document(self.request.request_id))

    def time_out(self):
        self.refuse(Problem("FUNCTION_TIMEOUT", f"The function was not done within {int(TIMEOUT * 1000)} ms"))
        if self.task:
            self.task.cancel()

    def abandoned(self):
        """The client has gone away."""
        self.answered = True
        if self.timer:
            self.timer.cancel()
        if self.task:
            self.task.cancel()


def is_stream(body):
    return body is not None and not isinstance(body, bytes)


async def as_awaitable(answer):
    return {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}


def leave(error):
    print(f"The function ended its process: SystemExit({error.code})", file=sys.stderr, flush=True)
    os._exit(error.code if isinstance(error.code, int) else 0 if error.code is None else 1)


# ---- a connection


class Connection(asyncio.Protocol):
    """HTTP/1.1 (RFC 9112): parses one request after the other, and answers in their order."""

    def __init__(self, server):
        self.server = server
        self.transport = None
        self.buffer = bytearray()
        self.head = None  # a Request whose body is coming
        self.length = 0
        self.chunks = None  # what came of a chunked body
        self.call = None  # the one that is answered now; the next is read after it
        self.closed = False
        self.reading = True
        self.closing = False
        self.writable = threading.Event()
        self.writable.set()
        self.drain_waiter = None

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(BUFFER_LIMIT)
        self.server.connections.add(self)

    def connection_lost(self, _):
        self.closed = True
        self.writable.set()
        self.resume_writing()
        self.server.connections.discard(self)
        if self.call:
            self.call.abandoned()
        self.server.end_when_drained()

    def data_received(self, data):
        self.buffer += data
        if self.call is None:
            self.advance()
        elif len(self.buffer) > BUFFER_LIMIT and self.reading:
            self.reading = False
            self.transport.pause_reading()

    def eof_received(self):
        return self.call is not None  # it may have closed only its half, and wait for the answer

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()
        if self.drain_waiter and not self.drain_waiter.done():
            self.drain_waiter.set_result(None)

    async def drained(self):
        if self.closed:
            raise asyncio.CancelledError
        if not self.writable.is_set():
            self.drain_waiter = self.server.loop.create_future()
            await self.drain_waiter

    def advance(self):
        """Goes on with what is in the buffer."""
        try:
            while self.call is None and not self.closing:
                if self.head is None and not self.read_head():
                    return
                if not self.read_body():
                    return
                request, self.head = self.head, None
                self.dispatch(request)
        except Problem as problem:
            self.reject(problem)

    def read_head(self):
        buffer = self.buffer
        while buffer[:2] == b"\r\n":
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or end > HEADER_LIMIT:
            if len(buffer) > HEADER_LIMIT:
                raise Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
            return False
        text = bytes(buffer[:end]).decode("latin-1")
        del buffer[: end + 4]
        self.head = request = parse_head(text)
        self.prepare_body(request)
        return True

    def prepare_body(self, request):
        headers = request.headers
        encoding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        self.chunks = None
        self.length = 0
        if encoding is not None:
            # Both together is how requests are smuggled past a proxy (RFC 9112 section 6.1).
            if length is not None or encoding.lower() != "chunked":
                raise Problem("INVALID_REQUEST", "Malformed HTTP: Transfer-Encoding must be chunked, and stand alone")
            self.chunks = bytearray()
        elif length is not None:
            if not (length.isascii() and length.isdigit()):
                raise Problem("INVALID_REQUEST", "Malformed HTTP: Content-Length is no number")
            self.length = int(length)
            if self.length > BODY_LIMIT:
                raise self.too_large()
        if headers.get("expect", "").lower() == "100-continue" and (self.length or self.chunks is not None):
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def read_body(self):
        request = self.head
        if self.chunks is not None:
            return self.read_chunks(request)
        if len(self.buffer) < self.length:
            return False
        request.body = bytes(self.buffer[: self.length])
        del self.buffer[: self.length]
        return True

    def read_chunks(self, request):
        buffer = self.buffer
        while True:
            end = buffer.find(b"\r\n")
            if end < 0:
                if len(buffer) > 1024:
                    raise Problem("INVALID_REQUEST", "Malformed HTTP: a chunk without its size")
                return False
            text = bytes(buffer[:end]).split(b";", 1)[0].strip()
            if not text or len(text) > 16 or text.strip(b"0123456789abcdefABCDEF"):
                raise Problem("INVALID_REQUEST", "Malformed HTTP: a chunk's size is no number")
            size = int(text, 16)
            if len(self.chunks) + size > BODY_LIMIT:
                raise self.too_large()
            if size == 0:
                trailers = buffer.find(b"\r\n\r\n", end)
                if trailers < 0:
                    return False
                request.body = bytes(self.chunks)
                del buffer[: trailers + 4]
                return True
            if len(buffer) < end + 2 + size + 2:
                return False
            if buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise Problem("INVALID_REQUEST", "Malformed HTTP: a chunk is longer than its size")
            self.chunks += buffer[end + 2 : end + 2 + size]
            del buffer[: end + 4 + size]

    def too_large(self):
        return Problem("BODY_TOO_LARGE", f"Expected a body of at most {BODY_LIMIT} bytes, got more")

    def dispatch(self, request):
        server = self.server
        call = self.call = Call(server, self, request)
        if request.target.startswith("/-/"):
            return self.own_route(call)
        server.admit(call)

    def own_route(self, call):
        loaded = self.server.loaded
        if call.request.target.partition("?")[0] != "/-/ready":
            call.refuse(Problem("NOT_FOUND", f"There is nothing at {call.request.target}"))
        elif isinstance(loaded, Problem):
            call.refuse(loaded)
        else:
            call.complete(Answer({"status": 200, "body": {"status": "ready"}}))

    def reject(self, problem):
        """An error of the connection's own: nothing after it can be understood."""
        request = self.head or Request()
        if self.head is None:
            request.method, request.target, request.headers, request.body = "GET", "/", {}, b""
            request.request_id = new_id()
        request.keep_alive = False
        self.call = Call(self.server, self, request)
        self.call.refuse(problem)

    def send(self, request, status, headers, body):
        """A whole answer in one write."""
        if self.closed:
            return
        empty = status in (204, 304) or body is None
        length = None if status in (204, 304) else len(body or b"")
        head = self.head_of(request, status, headers, length)
        self.transport.write(head if empty or request.method == "HEAD" else head + body)
        self.finish(request)

    def send_head(self, request, status, headers, length):
        if not self.closed:
            self.transport.write(self.head_of(request, status, headers, length, streamed=True))

    def head_of(self, request, status, headers, length, streamed=False):
        if self.server.draining:
            request.keep_alive = False
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines.append(f"X-Request-Id: {request.request_id}")
        if streamed:
            lines.append("Transfer-Encoding: chunked")
        elif length is not None:
            lines.append(f"Content-Length: {length}")
        if not request.keep_alive:
            lines.append("Connection: close")
        lines.append("\r\n")
        return "\r\n".join(lines).encode("utf-8")

    def write(self, data):
        if not self.closed:
            self.transport.write(data)

    def finish(self, request):
        self.call = None
        if not request.keep_alive or self.closing:
            self.closing = True
            self.transport.close()
            return
        if not self.reading:
            self.reading = True
            self.transport.resume_reading()
        if self.buffer:
            self.server.loop.call_soon(self.advance)

    def abort(self):
        self.transport.abort()

    def close_if_idle(self):
        if self.call is None and self.head is None and not self.buffer:
            self.closing = True
            self.transport.close()


METHOD_CHARS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")


def parse_head(text):
    lines = text.split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0") or not parts[1] or set(parts[0]) - METHOD_CHARS or not parts[0]:
        raise Problem("INVALID_REQUEST", "Malformed HTTP: the request line")
    request = Request()
    request.method, request.target = parts[0], parts[1]
    request.headers = headers = {}
    request.body = b""
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip() or "\n" in line or "\0" in line:
            raise Problem("INVALID_REQUEST", "Malformed HTTP: a header line")
        value = value.strip(" \t")
        if name not in headers:
            headers[name] = value
        elif name == "content-length":
            if headers[name] != value:
                raise Problem("INVALID_REQUEST", "Malformed HTTP: Content-Length twice")
        else:
            headers[name] += ("; " if name == "cookie" else ", ") + value
    connection = headers.get("connection", "").lower()
    request.keep_alive = "close" not in connection if parts[2] == "HTTP/1.1" else "keep-alive" in connection
    given = headers.get("x-request-id", "")
    request.request_id = given if 0 < len(given) <= 128 and given.isascii() and given.isprintable() and " " not in given else new_id()
    if parts[2] == "HTTP/1.1" and "host" not in headers:
        raise Problem("INVALID_REQUEST", "Malformed HTTP: the Host header is missing")
    return request


def new_id():
    """A random UUID (RFC 9562 version 4)."""
    data = bytearray(os.urandom(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# ---- life


async def serve():
    loop = asyncio.get_running_loop()
    server = Server(loop)
    if PORT.isdigit():
        server.listener = await loop.create_server(lambda: Connection(server), None, int(PORT), backlog=1024)
    else:
        server.listener = await loop.create_unix_server(lambda: Connection(server), PORT, backlog=1024)
    loop.add_signal_handler(signal.SIGTERM, server.drain)

    def load_now():
        try:
            loaded = load()
        except Problem as problem:
            loaded = problem
        except BaseException as error:
            loaded = Problem("FUNCTION_LOAD_FAILED", f"{type(error).__name__}: {error}")
        server.load_finished(loaded)

    # On the main thread, as user code may expect; whoever connects meanwhile waits in the socket's backlog.
    loop.call_soon(load_now)
    await server.done


def main():
    sys.stdout.reconfigure(line_buffering=True)
    asyncio.run(serve())
    # Threads of handlers that passed their timeout must not keep the process.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
