"""The wrapper for Python 3.9+: serves HTTP, calls the user's function, answers. One file without dependencies that the build
puts beside the user's code. docs/wrapper-protocol.md is its contract. Reads top to bottom: options, load, request, answer,
connection, runners, server, life.

One thread owns all sockets. A plain function runs on worker threads, which write their answers themselves; an `async def`
runs on asyncio's event loop, which then takes the place of the small loop below: importing asyncio would double the time of a
cold start, so only functions that need it pay for it.
"""
import os
import sys

FILE = sys._getframe().f_code.co_filename
FOLDER = os.path.dirname(os.path.abspath(FILE))
# A user's file named like a module of the standard library must not be taken for it by the imports below.
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != FOLDER]

import gc
import json
import re
import select
import selectors
import signal
import socket
import threading
from collections import deque
from time import gmtime, monotonic, process_time, sleep, time

# ---- options

ENVIRONMENT = os.environ
IDENTITY = tuple(ENVIRONMENT.get(name, "") for name in ("FAAS_ORG", "FAAS_ENDPOINT", "FAAS_REVISION"))


def number(name, fallback):
    """A setting that is a whole number, zero or more. Ends the process with a message when it is none."""
    text = ENVIRONMENT.get(name) or fallback
    if not (text.isascii() and text.isdecimal()):
        sys.exit(f'Expected {name} to be a whole number, got "{text}"')
    return int(text)


PORT = ENVIRONMENT.get("PORT") or "8080"
TIMEOUT_MS = number("FAAS_TIMEOUT_MS", "30000")
TIMEOUT = TIMEOUT_MS / 1000
CONCURRENCY = max(1, number("FAAS_CONCURRENCY", "80"))
BODY_LIMIT = number("FAAS_BODY_LIMIT", "6291456")
HEAD_LIMIT = 16 * 1024
QUEUE_LIMIT = CONCURRENCY * 10
# More threads only pass the interpreter's lock around. A function that waits for hundreds of things at a time is an `async def`.
THREADS = min(CONCURRENCY, 32)
BACKLOG = 4096

# Seconds. A connection without a request is kept longer than the gateway keeps it, so that it is never the one to be surprised.
KEEP_ALIVE = 75
STALLED = 60
LINGER = 2
SWEEP = 5

RECEIVE = 64 * 1024
# What a client sends while its former request is being answered is left in the kernel beyond this.
READ_AHEAD = 64 * 1024

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
        self.status = TITLES[code][0]

    def document(self, request_id):
        status, title = TITLES[self.code]
        fields = {"type": f"urn:faas:error:{self.code}", "title": title, "status": status, "detail": str(self)}
        return encoder.encode({**fields, "code": self.code, "requestId": request_id})


def report(error, request_id=None):
    """Writes an error of the user's code to stderr with its stack, without the wrapper's own frames."""
    import traceback

    frames = error.__traceback__
    while frames and not is_users(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    if request_id:
        text = encoder.encode({"level": "error", "requestId": request_id, "message": message_of(error)}) + "\n" + text
    sys.stderr.write(text)


def message_of(error):
    return str(error) or type(error).__name__


def is_users(path):
    return path != FILE and not path.startswith("<")


def leave(status):
    """Ends the process at once, whatever runs, with what was printed so far."""
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def leave_on_exit(error, where):
    """sys.exit() in the user's code means what it says; who looks at the log must be able to find out."""
    code = error.code if isinstance(error.code, int) else int(error.code is not None)
    sys.stderr.write(f"The function called sys.exit({'' if error.code is None else repr(error.code)}) {where}\n")
    leave(code & 0xFF)


# ---- load

FILES = ("main", "handler", "function", "app", "index")
NAMES = ("handler", "main")


def load():
    """The user's function. Raises a Problem that names file, line and message."""
    wanted = ENVIRONMENT.get("FAAS_HANDLER")
    file, module_name, name = find(wanted)
    packages = os.path.join(FOLDER, ".packages")
    # After the standard library, before what else is installed: where an environment of its own would have them.
    place = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
    sys.path.insert(place, packages)
    sys.path.insert(0, FOLDER)
    if module_name in sys.modules:
        raise load_failed(f"{file}: the standard library has a module of that name; rename the file")
    try:
        __import__(module_name)
    except SystemExit as error:
        leave_on_exit(error, f"while {file} was loaded")
    except BaseException as error:
        report(error)
        raise load_failed(f"{where_of(error) or file}: {type(error).__name__}: {load_message(error)}") from error
    module = sys.modules[module_name]
    names = (name,) if name else NAMES
    found = next((each for each in names if hasattr(module, each)), None)
    if found is None:
        has = ", ".join(each for each, value in vars(module).items() if callable(value) and each[0] != "_") or "none"
        expected = " or ".join(f'"{each}"' for each in names)
        raise load_failed(f"{file}: expected it to define the function {expected}; its functions: {has}")
    handler = getattr(module, found)
    if not callable(handler):
        raise load_failed(f'{file}: expected "{found}" to be a function, it is {type(handler).__name__}')
    return handler


def find(wanted):
    """The file of the handler, relative to the folder, its module's name, and the name of the function if it was given."""
    stem, _, name = (wanted or "").rpartition(".")
    stems = (stem, stem.replace(".", "/")) if wanted else FILES
    for each in stems:
        for file in (f"{each}.py", f"{each}/__init__.py"):
            if os.path.isfile(os.path.join(FOLDER, file)):
                return file, os.path.normpath(each).replace("/", "."), name
    tried = ", ".join(dict.fromkeys(f"{each}.py" for each in stems))
    raise load_failed(
        f'Expected the handler "{wanted}" in {tried}; it is not there'
        if wanted
        else f'Expected the function in one of {tried}; none is there. Name it with the handler setting, "file.function"'
    )


def load_failed(detail):
    return Problem("FUNCTION_LOAD_FAILED", detail)


def load_message(error):
    if isinstance(error, SyntaxError):
        return error.msg
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error} (if it is to be installed, requirements.txt has to name {error.name.partition('.')[0]})"
    return message_of(error)


def where_of(error):
    """`file:line` of the user's code where an error came from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename, FOLDER)}:{error.lineno}"
    found = None
    frames = error.__traceback__
    while frames:
        path = frames.tb_frame.f_code.co_filename
        inside = os.path.relpath(path, FOLDER) if is_users(path) else ".."
        if not inside.startswith((".." + os.sep, ".packages")) and inside != "..":
            found = f"{inside}:{frames.tb_lineno}"
        frames = frames.tb_next
    return found


COROUTINE, ASYNC_GENERATOR, VARARGS = 0x80, 0x200, 0x04


def is_async(handler):
    """Whether to run it on the event loop: an `async def`, or an object or method that is one."""
    while hasattr(handler, "func") and not hasattr(handler, "__code__"):  # functools.partial
        handler = handler.func
    code = getattr(handler, "__code__", None) or getattr(getattr(handler, "__call__", None), "__code__", None)
    return bool(code and code.co_flags & (COROUTINE | ASYNC_GENERATOR))


def arity(handler):
    """How many of (event, context) it takes."""
    code = getattr(handler, "__code__", None)
    if code and not code.co_flags & VARARGS:
        return min(2, code.co_argcount - (getattr(handler, "__self__", None) is not None))
    import inspect

    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 2
    if any(each.kind == each.VAR_POSITIONAL for each in parameters):
        return 2
    return min(2, sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters))


# ---- a call


class Event(dict):
    """What the handler gets: method, path, query, headers, body; as `event["body"]` or `event.body`."""

    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f'an event has {", ".join(self)}; no "{name}"') from None


class Log:
    """Lines on stderr that carry the request id: `context.log.info("text", more=1)`."""

    __slots__ = ("request_id",)

    def __init__(self, request_id):
        self.request_id = request_id

    def debug(self, message, **fields):
        self.write("debug", message, fields)

    def info(self, message, **fields):
        self.write("info", message, fields)

    def warn(self, message, **fields):
        self.write("warn", message, fields)

    warning = warn

    def error(self, message, **fields):
        self.write("error", message, fields)

    def write(self, level, message, fields):
        text = message if isinstance(message, str) else to_json(message)
        sys.stderr.write(to_json({"level": level, "requestId": self.request_id, "message": text, **fields}) + "\n")


class Context:
    """The handler's second argument."""

    __slots__ = ("request_id", "ends")

    org, endpoint, revision = IDENTITY

    def __init__(self, call):
        self.request_id = call.request_id
        self.ends = call.deadline  # on the monotonic clock

    @property
    def deadline(self):
        return time() + self.ends - monotonic()

    @property
    def log(self):
        return Log(self.request_id)


class Call:
    """One request whose head has been read: what it asks, until when, and who may answer it."""

    __slots__ = ("connection", "method", "target", "headers", "old", "keep_alive", "body", "request_id", "deadline", "unclaimed", "streaming", "running", "late")

    def __init__(self, connection, method, target, headers, old=False, keep_alive=False):
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        self.old = old  # HTTP/1.0
        self.keep_alive = keep_alive
        self.body = b""
        given = headers.get("x-request-id")
        self.request_id = given if given and REQUEST_ID(given) else new_request_id()
        self.deadline = monotonic() + TIMEOUT
        self.unclaimed = [self]
        self.streaming = False  # a part of the answer may have been sent
        self.running = False  # a thread has it
        self.late = False  # the thread has it beyond its deadline

    def claim(self):
        """True for the first who asks, in whatever thread: only it may write the answer."""
        try:
            self.unclaimed.pop()
            return True
        except IndexError:
            return False

    def arguments(self):
        """Event and context, as many of them as the handler takes. Raises a Problem when the body does not parse."""
        target, query = self.target, ""
        if "?" in target:
            target, _, query = target.partition("?")
        if target[:1] not in ("/", "*"):  # absolute form, RFC 9112 section 3.2.2
            target = "/" + target.partition("://")[2].partition("/")[2]
        event = Event(
            method=self.method,
            path=target or "/",
            query=parse_query(query) if query else {},
            headers=self.headers,
            body=parse_body(self.body, self.headers.get("content-type", "")) if self.body else None,
        )
        return (event, Context(self)) if server.arity == 2 else (event,)[: server.arity]


REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}\Z").match


def new_request_id():
    """A UUID, version 4. The module uuid takes longer to import than the rest of this file."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"


def parse_query(text):
    query = {}
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name, value = decode_part(name), decode_part(value)
        if name not in query:
            query[name] = value
        elif isinstance(query[name], list):
            query[name].append(value)
        else:
            query[name] = [query[name], value]
    return query


ESCAPE = re.compile(rb"%([0-9a-fA-F]{2})")


def decode_part(text):
    text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    return ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode("latin-1")).decode("utf-8", "replace")


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


decoder = json.JSONDecoder(parse_constant=no_constant)


def from_json(text):
    try:
        value, end = decoder.scan_once(text, 0)
        if end == len(text):
            return value
    except (ValueError, StopIteration, RecursionError):
        pass
    return decoder.decode(text)  # what surrounds it, or what is wrong with it


CHARSET = re.compile(r'charset="?([\w-]+)', re.I)


def parse_body(body, content_type):
    media_type = content_type
    if media_type != "application/json":
        media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return from_json(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            detail = f"The body's type is {media_type}, and it does not parse: {error}"
            raise Problem("MALFORMED_JSON", detail) from None
    if not media_type.startswith("text/") and media_type != "application/x-www-form-urlencoded":
        return body
    charset = CHARSET.search(content_type)
    try:
        return body.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


# ---- reading HTTP/1.1 (RFC 9112)

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
LINE_LIMIT = 4096


def malformed(what):
    return Problem("INVALID_REQUEST", f"Malformed HTTP: {what}")


def too_large():
    return Problem("BODY_TOO_LARGE", f"Expected a body of at most {BODY_LIMIT} bytes, got more")


def parse_head(connection, block):
    """A Call, and the reader of its body or None, from the bytes before the empty line. Raises a Problem."""
    # Where the gateway has put the id, the rest is often what came before, to the letter.
    at = block.find(REQUEST_ID_NAME)
    if at < 0:
        return read_head(connection, block)
    end = block.find(b"\r\n", at + 2)
    rest = block[:at] + block[end:] if end > 0 else block[:at]
    request_id = block[at + len(REQUEST_ID_NAME) : end if end > 0 else None].decode("latin-1")
    found = known_heads.get(rest)
    if found is None or not REQUEST_ID(request_id):
        call, body = read_head(connection, block)
        if body is None or type(body) is SizedBody:
            others = dict(call.headers)
            # Of two ids both count, and it is in the one place or the other.
            if others.pop("x-request-id") == request_id == call.request_id:
                length = body.left if body is not None else 0
                know(known_heads, rest, (call.method, call.target, others, call.old, call.keep_alive, length))
        return call, body
    method, target, others, old, keep_alive, length = found
    headers = dict(others)
    headers["x-request-id"] = request_id
    return Call(connection, method, target, headers, old, keep_alive), SizedBody(length) if length else None


def read_head(connection, block):
    """The same, whatever came before."""
    lines = block.decode("latin-1").split("\r\n")
    first = lines[0]
    method, target, version = known_requests.get(first) or request_line(first)
    headers = {}
    for line in lines[1:]:
        key, value = known_headers.get(line) or header_line(line)
        if key in headers:
            value = headers[key] + ("; " if key == "cookie" else ", ") + value
        headers[key] = value
    old = version == "HTTP/1.0"
    if "host" not in headers and not old:
        raise malformed("expected a Host header")
    connection_header = headers.get("connection")
    if connection_header is None:
        keep_alive = not old
    else:
        tokens = [token.strip() for token in connection_header.lower().split(",")]
        keep_alive = "close" not in tokens and (not old or "keep-alive" in tokens)
    call = Call(connection, method, target, headers, old, keep_alive)
    return call, body_reader(headers, old)


# Lines of heads, and heads without their id, and what they say: clients send the same ones again and again.
REQUEST_ID_NAME = b"\r\nX-Request-Id: "
known_requests = {}
known_headers = {}
known_heads = {}
KNOWN = 300
KNOWN_LENGTH = 1000


def know(known, text, parts):
    if len(known) >= KNOWN:
        known.clear()
    if len(text) <= KNOWN_LENGTH:
        known[text] = parts
    return parts


def request_line(line):
    """Method, target and version."""
    if not line.isprintable() and CONTROL.search(line):
        raise malformed("a control character in the header")
    parts = line.split(" ")
    if len(parts) != 3:
        raise malformed("expected METHOD TARGET HTTP/1.1")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise malformed("expected HTTP/1.1 or HTTP/1.0")
    if method not in METHODS and not TOKEN.match(method):
        raise malformed("the method is no token")
    if not (target.startswith("/") or target == "*" or "://" in target):
        raise malformed("expected the target to begin with a slash")
    return know(known_requests, line, (method, target, version))


def header_line(line):
    """The name in lower case, and the value."""
    if not line.isprintable() and CONTROL.search(line):
        raise malformed("a control character in the header")
    name, colon, value = line.partition(":")
    if not TOKEN.match(name):
        raise malformed("a header's name is no token")
    if not colon:
        raise malformed("a header without a colon")
    return know(known_headers, line, (name.lower(), value.strip(" \t")))


def body_reader(headers, old):
    """How the body is to be read; None when there is none. What could be read in two ways is refused (RFC 9112 section 6.3)."""
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or old or coding.lower() != "chunked":
            raise malformed("expected either Content-Length or Transfer-Encoding: chunked")
        return ChunkedBody()
    if length is None:
        return None
    if not (length.isascii() and length.isdecimal()) or len(length) > 15:
        raise malformed("Content-Length is no number")
    return SizedBody(int(length)) if int(length) else None


class SizedBody:
    """A body of a known length."""

    def __init__(self, length):
        self.too_large = length > BODY_LIMIT
        self.left = length
        self.pieces = []

    def take(self, data):
        """Takes its part of the data; gives what follows the body, or None while it is not complete."""
        if self.too_large:
            raise too_large()
        if len(data) < self.left:
            self.left -= len(data)
            self.pieces.append(data)
            return None
        self.pieces.append(data[: self.left])
        return data[self.left :]


class ChunkedBody:
    """A body in chunks (RFC 9112 section 7.1). Chunk extensions and trailers are read and dropped."""

    too_large = False

    def __init__(self):
        self.pieces = []
        self.size = 0
        self.rest = b""
        self.left = None  # of the present chunk; None: a size line comes next
        self.trailers = None  # bytes of trailers so far, once the last chunk was seen

    def take(self, data):
        """Takes its part of the data; gives what follows the body, or None while it is not complete."""
        data, at, self.rest = self.rest + data, 0, b""
        while True:
            if self.left is None:
                end = data.find(b"\r\n", at)
                if end < 0:
                    if len(data) - at > LINE_LIMIT:
                        raise malformed("a line of the chunked body is too long")
                    self.rest = data[at:]
                    return None
                line, at = data[at:end], end + 2
                if self.trailers is not None:
                    self.trailers += len(line)
                    if not line:
                        return data[at:]
                    if self.trailers > HEAD_LIMIT:
                        raise Problem("HEADERS_TOO_LARGE", "Expected trailers of at most 16 KiB, got more")
                    continue
                self.begin_chunk(line)
            elif self.left:
                piece = data[at : at + self.left]
                if not piece:
                    return None
                self.pieces.append(piece)
                self.left -= len(piece)
                at += len(piece)
            else:
                if len(data) - at < 2:
                    self.rest = data[at:]
                    return None
                if data[at : at + 2] != b"\r\n":
                    raise malformed("a chunk is longer than its size")
                at += 2
                self.left = None

    def begin_chunk(self, line):
        match = CHUNK_SIZE.match(line)
        if not match:
            raise malformed("a chunk's size is no hexadecimal number")
        size = int(match[1], 16)
        self.size += size
        if self.size > BODY_LIMIT:
            raise too_large()
        if size:
            self.left = size
        else:
            self.trailers = 0


# ---- the answer

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
    302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Payload Too Large", 415: "Unsupported Media Type",
    418: "I'm a Teapot", 422: "Unprocessable Entity", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
EXACT = frozenset(("status", "headers", "body"))
FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive", "x-request-id"))


def invalid(detail):
    return Problem("INVALID_RESPONSE", detail)


class Answer:
    """What goes to the client: bytes for one write, and for a streamed answer an iterator of the rest."""

    __slots__ = ("data", "stream")

    def __init__(self, data, stream=None):
        self.data = data
        self.stream = stream


def answer_of(call, result):
    """What the function returned, as an Answer. Raises a Problem when it cannot be one."""
    status, headers, body = None, (), result
    if isinstance(result, dict) and is_exact(result):
        status, body = result["status"], result.get("body")
        headers = checked_headers(result.get("headers") or {})
    if body is None:
        return whole(call, status or 204, None, headers, b"")
    if isinstance(body, str):
        return whole(call, status or 200, TEXT, headers, body.encode("utf-8", "replace"))
    if isinstance(body, (bytes, bytearray, memoryview)):
        return whole(call, status or 200, BYTES, headers, bytes(body))
    stream = None if type(body) is dict else stream_of(body)
    if stream is None:
        return whole(call, status or 200, JSON, headers, to_json(body).encode())
    status = status or 200
    call.keep_alive &= not call.old  # HTTP/1.0 has no chunks: the connection's end is the body's
    framing = "" if call.old or status in (204, 304) else "Transfer-Encoding: chunked\r\n"
    return Answer(head(call, status, BYTES, headers, framing), stream if has_body(call, status) else Empty(stream))


def is_exact(result):
    """`{status, headers?, body?}` with an integer status and no other key."""
    status = result.get("status")
    if type(status) is not int or not result.keys() <= EXACT:
        return False
    if not 200 <= status <= 599:
        raise invalid(f'Expected "status" to be from 200 to 599, got {status}')
    return True


def checked_headers(headers):
    """Pairs of the function's headers, fit to be sent. How the answer is framed is not the function's business."""
    try:
        items = [(str(name), value) for name, value in headers.items()]
    except AttributeError:
        raise invalid(f'Expected "headers" to be a dict, got {type(headers).__name__}') from None
    pairs = []
    for name, value in items:
        if not TOKEN.match(name):
            raise invalid(f"The function returned a header that cannot be sent: {name!r} is no name of a header")
        if name.lower() in FRAMING and (name.lower(), value) != ("connection", "close"):
            continue
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if each is None:
                continue
            text = str(each)
            try:
                text.encode("latin-1")
            except UnicodeEncodeError:
                raise invalid(f"The function returned a header that cannot be sent: {name}: {text!r}") from None
            if CONTROL.search(text):
                raise invalid(f"The function returned a header that cannot be sent: {name}: {text!r}")
            pairs.append((name, text))
    return pairs


def head(call, status, content_type, headers, framing):
    """The bytes of the answer's head. `framing` tells where the body ends."""
    if server.draining:
        call.keep_alive = False
    elif status == 200 and content_type and not headers and call.keep_alive and not call.old:  # as nearly all are
        return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nX-Request-Id: {call.request_id}\r\n{date_line()}{framing}\r\n".encode("latin-1")
    lines = f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n"
    date = date_line()
    if headers:
        names = {name.lower() for name, _ in headers}
        lines += "".join([f"{name}: {value}\r\n" for name, value in headers if name.lower() != "connection"])
        call.keep_alive &= "connection" not in names  # it is "close", checked_headers() lets nothing else pass
        content_type = None if "content-type" in names else content_type
        date = "" if "date" in names else date
    if content_type:
        lines += f"Content-Type: {content_type}\r\n"
    if not call.keep_alive:
        framing += "Connection: close\r\n"
    elif call.old:
        framing += "Connection: keep-alive\r\n"
    return f"{lines}X-Request-Id: {call.request_id}\r\n{date}{framing}\r\n".encode("latin-1")


def has_body(call, status):
    return call.method != "HEAD" and status != 204 and status != 304


def whole(call, status, content_type, headers, body):
    """An answer that is complete: its length is known and it is one write."""
    framing = "" if status in (204, 304) else f"Content-Length: {len(body)}\r\n"
    data = head(call, status, content_type, headers, framing)
    return Answer(data + body if has_body(call, status) else data)


def problem_answer(call, problem):
    headers = [("Retry-After", "1")] if problem.status == 503 else ()
    body = problem.document(call.request_id).encode("utf-8", "replace")
    return whole(call, problem.status, "application/problem+json", headers, body)


def error_answer(call, error):
    """The answer to an error while the function ran. An error that is not ours goes to the log with its stack."""
    if isinstance(error, SystemExit):
        leave_on_exit(error, f"in request {call.request_id}")
    if not isinstance(error, Problem):
        report(error, call.request_id)
        error = Problem("FUNCTION_ERROR", message_of(error))
    return problem_answer(call, error)


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
date_cache = (0, "")


def date_line():
    """The header with the time, made once a second."""
    global date_cache
    second, text = date_cache
    now = int(time())
    if now != second:
        t = gmtime(now)
        clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
        text = f"Date: {DAYS[t.tm_wday]}, {t.tm_mday:02} {MONTHS[t.tm_mon - 1]} {t.tm_year} {clock} GMT\r\n"
        date_cache = (now, text)
    return text


# ---- JSON


def json_default(value):
    """What json does not know by itself: numpy's arrays and numbers, dates, dataclasses, sets."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")


def json_encoder(ascii_only):
    return json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"), default=json_default)


encoder = json_encoder(False)


def quick_encoder():
    """The encoder's inner part without its checks for circles, made once and not for every value; None when this Python has none."""
    try:
        quote = json.encoder.encode_basestring
        return json.encoder.c_make_encoder(None, json_default, quote, None, ":", ",", False, False, False)
    except (AttributeError, TypeError):
        return None


quick_encode = quick_encoder()


def to_json(value):
    """JSON as JavaScript writes it: NaN and infinities are null, half a surrogate pair is escaped. Raises a Problem."""
    try:
        text = "".join(quick_encode(value, 0))
        if text.isascii():
            return text
    except Exception:  # the other way says what is wrong with it
        pass
    try:
        try:
            text = encoder.encode(value)
        except ValueError as error:
            if "Out of range float" not in str(error):
                raise
            text = encoder.encode(finite(value))
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            text = json_encoder(True).encode(finite(value))
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid(f"The function returned what cannot be JSON: {error}") from error


def finite(value):
    """A copy with None in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return finite(json_default(value))


# ---- streams


def stream_of(body):
    """An iterator or async iterator to send piece by piece; None when the body is none."""
    if isinstance(body, (dict, list)):
        return None
    if hasattr(body, "__anext__"):
        return body
    if hasattr(body, "__aiter__"):
        return body.__aiter__()
    if hasattr(body, "read") and hasattr(body, "__iter__"):  # a file: its lines would be odd pieces
        return Pieces(body)
    if hasattr(body, "__next__"):
        return body
    return None


class Pieces:
    """A file as an iterator of pieces."""

    def __init__(self, file):
        self.file = file
        self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        piece = self.file.read(RECEIVE)
        if not piece:
            raise StopIteration
        return piece


class Empty:
    """In place of a stream that is not to be sent: only ends its source."""

    def __init__(self, source):
        self.source = source
        if hasattr(source, "aclose"):
            self.aclose = source.aclose
        elif hasattr(source, "close"):
            self.close = source.close


def frame(call, piece):
    """A piece of a streamed answer as it goes over the wire; None when it is empty, which would end the body."""
    if isinstance(piece, str):
        piece = piece.encode("utf-8", "replace")
    elif not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"Expected the stream to give strings or bytes, got {type(piece).__name__}")
    if not len(piece):
        return None
    return bytes(piece) if call.old else b"%x\r\n%b\r\n" % (len(piece), piece)


def last_frame(call):
    return b"" if call.old else b"0\r\n\r\n"


# ---- a connection


class Connection:
    """A client's connection. Requests are taken one after the other: the next when the answer to the one before is out.

    Only the loop's thread reads, closes and changes what is watched. Who has claimed the present call writes, in any thread.
    """

    __slots__ = ("sock", "fd", "buffer", "output", "call", "body", "reading", "ended", "gone", "refused", "lingering", "closed", "since")

    def __init__(self, sock):
        self.sock = sock
        self.fd = sock.fileno()
        self.buffer = b""  # read and not yet taken
        self.output = b""  # to be written when the socket takes more
        self.call = None  # the present one, from the end of its head to the end of its answer
        self.body = None  # its reader, until it is complete
        self.ended = False  # the client sends no more
        self.gone = False  # the client takes no more
        self.refused = False  # what it sent was not wholly read
        self.lingering = False
        self.closed = False
        self.since = monotonic()  # of the last progress
        self.reading = True
        server.loop.add_reader(self.fd, self.readable)

    def readable(self):
        try:
            data = self.sock.recv(RECEIVE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self.gone = b"", True
        if not data:
            self.ended = True
            self.read(False)
            if self.lingering or self.call is None or self.body is not None:
                self.close()
            return
        if self.lingering:
            return
        self.buffer = self.buffer + data if self.buffer else data
        self.process()

    def read(self, wanted):
        """Whether to be told of more data."""
        if wanted != self.reading:
            self.reading = wanted
            if wanted:
                server.loop.add_reader(self.fd, self.readable)
            else:
                server.loop.remove_reader(self.fd)

    def process(self):
        """Goes on with what has been read. Does nothing while a call is being handled, so it may be called once too often."""
        try:
            while not self.closed and not self.lingering and (self.call is None or self.body is not None):
                if self.call is None and not self.take_head():
                    break
                if self.body is not None and not self.take_body():
                    break
                self.since = monotonic()
                server.start(self.call)
        except Problem as problem:
            self.refuse(problem)
        if self.closed or self.lingering:
            return
        if self.call is None and (self.ended or (server.draining and not self.buffer)):
            self.close()
        elif not self.ended:
            self.read(len(self.buffer) < READ_AHEAD or self.call is None)

    def take_head(self):
        buffer = self.buffer
        if buffer.startswith(b"\r\n"):  # RFC 9112 section 2.2
            buffer = self.buffer = buffer.lstrip(b"\r\n")
        if not buffer:
            return False
        end = buffer.find(b"\r\n\r\n", 0, HEAD_LIMIT + 4)
        if end < 0:
            if len(buffer) > HEAD_LIMIT:
                raise Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
            return False
        self.buffer = b""
        call, body = parse_head(self, buffer[:end])
        self.buffer = buffer[end + 4 :]
        self.call, self.body = call, body
        server.expect(call)
        if body is not None and not body.too_large and call.headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def take_body(self):
        data, self.buffer = self.buffer, b""
        rest = self.body.take(data)
        if rest is None:
            return False
        self.buffer = rest
        self.call.body = b"".join(self.body.pieces)
        self.body = None
        return True

    def refuse(self, problem):
        """Answers a request that was not, or not wholly, read; what follows it on the connection cannot be understood."""
        call = self.call = self.call or Call(self, "GET", "/", {})
        call.keep_alive = False
        self.refused = True
        if call.claim():
            self.deliver(call, problem_answer(call, problem))

    def deliver(self, call, answer):
        """Writes a complete answer, by who has claimed the call."""
        self.write(answer.data)
        self.finish(call)

    def write(self, data):
        """Writes what the socket takes now and keeps the rest."""
        if self.gone:
            return
        if self.output:
            data, self.output = bytes(self.output) + data, b""
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.gone = True
            return
        if sent < len(data):
            self.output = memoryview(data)[sent:]

    def flush(self):
        data, self.output = self.output, b""
        if data:
            self.write(data)
        self.since = monotonic()

    def write_all(self, data):
        """Writes all of it, in a worker thread. A client that takes no more, or a cut at the deadline, ends the waiting."""
        self.write(data)
        while self.output and not self.gone:
            poll = select.poll()
            poll.register(self.fd, select.POLLOUT)
            poll.poll()
            self.flush()

    async def write_soon(self, data):
        """The same on the event loop."""
        self.write(data)
        while self.output and not self.gone:
            writable = server.loop.create_future()
            server.loop.add_writer(self.fd, lambda: writable.done() or writable.set_result(None))
            try:
                await writable
            finally:
                server.loop.remove_writer(self.fd)
            self.flush()

    def finish(self, call):
        """The answer is written, or as much of it as the socket took. Last use of the connection by who answered the call."""
        server.calls.pop(call, None)
        if self.output or self.gone or not call.keep_alive:
            server.loop.call_soon_threadsafe(self.settle)
            return
        self.since = monotonic()
        self.call = None
        if self.buffer or self.ended or server.draining:
            server.loop.call_soon_threadsafe(self.process)

    def settle(self):
        """Writes what is left, then takes the next request or closes."""
        if self.closed:
            return
        self.flush()
        if self.output and not self.gone:
            server.loop.add_writer(self.fd, self.settle)
            return
        server.loop.remove_writer(self.fd)
        if self.gone or self.ended:
            self.close()
        elif self.call.keep_alive:
            self.call = None
            self.process()
        elif self.refused or self.buffer:
            self.linger()
        else:
            self.close()

    def linger(self):
        """Closes after the client has: closing on unread data would reset the connection, and the client would lose the answer."""
        self.lingering = True
        self.buffer = b""
        self.since = monotonic()
        server.sweep_soon()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return self.close()
        self.read(True)

    def cut(self):
        """Ends a connection whose answer has begun and cannot be completed; who is writing it then notices and finishes."""
        self.gone = True
        self.output = b""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        if self.closed:
            return
        self.closed = True
        if self.call is not None:
            server.calls.pop(self.call, None)
        self.read(False)
        server.loop.remove_writer(self.fd)
        self.sock.close()
        server.forget(self)

    def sweep(self, now):
        """Closes what makes no progress. A call that is being handled has its own deadline."""
        if self.lingering:
            limit = LINGER
        elif self.output or self.buffer:
            limit = STALLED
        else:
            limit = KEEP_ALIVE
        handled = self.call is not None and self.call in server.calls
        if not handled and now - self.since > limit:
            self.close()


# ---- pace


class Pace:
    """Spreads calls over the time that a CPU limit gives.

    A limit is a quota for each period of 100 ms (CFS): who has used it up at once stands still for the rest of the period, in the middle
    of whatever it does. So a process that is held to less than a core has a share of the quota for each half of a period, and begins a call
    only while some of it is left. No 100 ms hold more than two such bursts, whenever the kernel's periods begin.
    """

    SLOT = 0.05
    # How much of the limit is given out.
    RATE = 0.98
    # Of a share: what calls that waited when the slot began may take in advance, so that they need not wait for another.
    CREDIT = 0.2
    LOOK = 0.25
    FILES = (("/sys/fs/cgroup/cpu.max",), ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"))

    def __init__(self):
        self.files = next((files for files in self.FILES if os.path.exists(files[0])), None)
        self.rate = None  # cores; None: no limit that matters
        self.looked = -self.LOOK
        self.share = 0  # CPU seconds for each slot, and what is left of them in this one; less than none after a long call
        self.left = 0
        self.seen = 0  # CPU time when that was so
        self.asked = 0  # monotonic time of it
        self.end = 0  # of the slot
        self.rested = False  # the slot was used up
        self.follows = False  # the one before it was

    def look(self, now):
        """The limit may be changed while we run: it is higher at the start."""
        self.looked = now
        try:
            quota, period = " ".join(read(file) for file in self.files).split()
            rate = int(quota) / int(period) if quota.isdecimal() else 1
        except (OSError, ValueError):
            self.files, rate = None, 1
        rate = rate * self.RATE if rate < 1 else None
        if rate != self.rate:
            self.rate, self.end = rate, now + self.SLOT
            self.left = self.share = (rate or 0) * self.SLOT
            self.seen, self.asked = process_time(), now

    def holds(self, now):
        """Whether there is a limit of less than a core."""
        if self.files is not None and now - self.looked > self.LOOK:
            self.look(now)
        return self.rate is not None

    def delay(self, now, waited):
        """Seconds to rest before the next call, under a limit: none, or until the slot in which some is left again."""
        # One thread uses no more than passes: while even that would leave some, the clock of the processor, a slow one, is not asked.
        if now < self.end and now - self.asked < self.left:
            return 0
        self.used(now)
        if now >= self.end:
            slots = (now - self.end) // self.SLOT + 1
            self.end += slots * self.SLOT
            self.rested, self.follows = False, self.rested and slots == 1
            # Rest is not saved up; nor is what the kernel has let us use beyond our share, since it lets nobody use more than the quota.
            self.left = max(-2 * self.share, min(self.share, self.left + slots * self.share))
        if self.left > (-self.CREDIT * self.share if waited else 0):
            return 0
        if not self.follows:
            # The first that is used up, perhaps at its very end: the next begins a slot after that use can have begun, or three came together.
            self.end = max(self.end, now + self.SLOT - self.share)
            self.follows = True
        self.rested = True
        return self.end - now + max(0, -self.left // self.share) * self.SLOT

    def used(self, now):
        """CPU seconds that were used since this was last asked."""
        seen = process_time()
        used = seen - self.seen
        self.left -= used
        self.seen, self.asked = seen, now
        return used


def read(path):
    with open(path) as file:
        return file.read()


# ---- runners: plain functions on threads


class Threads:
    """Runs a plain function on threads, started when needed.

    Few threads that are busy are much quicker than many that take turns. So while calls are short, one that is busy anyway takes
    the next, and others are woken when a call has waited HOLD seconds; while they are long, each call gets its thread at once.

    Held to less than a core, threads are in each other's way all the more, and the kernel deals out the quota by processor. Then calls
    run on the loop's own thread, one after the other at the pace of the limit, as long as they use the processor and do not wait for
    something else. A call that keeps the loop for STUCK seconds all the same loses it to another thread.
    """

    HOLD = 0.002
    SHORT = 0.0005
    STUCK = 0.1
    # Seconds that a call may wait for something else, on average, and for how long calls get threads when they do.
    IDLING = 0.01
    BLOCKED = 30
    SHORT_WAIT = 0.002
    # Seconds after which the sockets are looked at, however many calls wait.
    BATCH = 0.02

    def __init__(self, handler):
        self.handler = handler
        self.lock = threading.Lock()
        self.waiting = deque()
        self.parked = []  # locks of the threads that have nothing to do
        self.started = 0
        self.running = 0  # calls that a thread has
        self.late = 0  # those that are beyond their deadline
        self.watching = False
        self.duration = 0.01  # of a call, seconds, a moving average
        # On the loop's own thread:
        self.pace = Pace()
        self.turns = 0  # calls so far
        self.rested = False  # since the last of them
        self.waited = 0  # how many calls that waited when the rest was over still do
        self.present = None  # the call
        self.blocked = 0.0  # seconds that a call did nothing but wait, a moving average
        self.blocked_until = 0
        self.guard = None  # parks the thread that takes the loop over from a call that keeps it
        self.guarded = False  # that thread is there
        self.parked_guard = False

    def submit(self, call):
        if len(self.waiting) + self.running >= QUEUE_LIMIT + CONCURRENCY:
            raise no_capacity()
        if self.inline(monotonic()):
            self.waiting.append(call)
            return
        with self.lock:
            self.waiting.append(call)
            busy = self.started > len(self.parked)
        if not busy or self.duration > self.SHORT:
            self.wake()
        if self.waiting and not self.watching:
            self.watching = True
            server.loop.call_later(self.HOLD, self.watch, call)

    def inline(self, now):
        """Whether calls run on the loop's thread now."""
        return self.pace.holds(now) and now >= self.blocked_until and (self.guarded or self.guard is None)

    def can_run(self):
        """Whether `turn` has something to do now."""
        return bool(self.waiting) and (self.inline(monotonic()) or self.started == len(self.parked))

    def turn(self):
        """Runs calls that wait, on the loop's thread. False when that thread has lost the loop meanwhile."""
        now = monotonic()
        until = now + self.BATCH
        if self.rested:
            self.rested, self.waited = False, len(self.waiting)
        while now < until:
            if not self.inline(now):
                self.hand_over()
                return True
            delay = self.pace.delay(now, self.waited > 0)
            if delay > 0:
                self.rested = True
                # All of it rests: what comes meanwhile is dealt with at once afterwards, which costs less than one by one.
                sleep(delay)
                return True
            with self.lock:
                call = self.waiting.popleft() if self.waiting else None
                if call is None:
                    return True
                self.turns += 1
                self.waited -= 1
                self.present = call
                call.running = True
                self.running += 1
                parked, self.parked_guard = self.parked_guard, False
            if parked:
                self.guard.release()
            elif self.guard is None:
                self.guard = threading.Lock()
                self.guard.acquire()
                self.guarded = True
                threading.Thread(target=self.stand_by, daemon=True, name="faas-guard").start()
            if not call.unclaimed or call.connection.gone:
                if call.claim():
                    call.connection.finish(call)
            else:
                self.run(call)
            began, now = now, monotonic()
            idled = now - began
            # A short one has not waited for long.
            if idled > self.SHORT_WAIT:
                idled = max(0.0, idled - self.pace.used(now))
            self.blocked += (idled - self.blocked) * 0.1
            if self.blocked > self.IDLING:
                self.blocked, self.blocked_until = 0.0, now + self.BLOCKED
            with self.lock:
                call.running = False
                self.running -= 1
                self.late -= call.late
                has_loop = self.present is call
                if has_loop:
                    self.present = None
                else:
                    self.started -= 1
            if not has_loop:
                server.loop.call_soon_threadsafe(self.hand_over)
                return False
        return True

    def hand_over(self):
        """Threads for the calls that wait."""
        for _ in range(len(self.waiting)):
            self.wake()

    def stand_by(self):
        """Looks after the thread that has the loop; takes the loop when a call keeps it. Does not return."""
        seen = 0
        while True:
            sleep(self.STUCK)
            with self.lock:
                is_same, call, seen = self.turns == seen, self.present, self.turns
                is_stuck = is_same and call is not None
                self.parked_guard = is_same and call is None
                if is_stuck:
                    self.present = None
                    self.guarded = False
                    self.blocked_until = monotonic() + self.BLOCKED
                    self.started += 1  # the thread that is kept is as good as one of ours until its call ends
                parks = self.parked_guard
            if parks:
                self.guard.acquire()
            elif is_stuck:
                self.hand_over()
                server.run()
                # It came back from a call of its own, without the loop.
                self.guarded = True
                seen = self.turns

    def watch(self, call):
        """Wakes a thread for each call that waits, if `call`, which did a moment ago, still does."""
        self.watching = False
        with self.lock:
            waiting = len(self.waiting)
            first = self.waiting[0] if waiting else None
        if first is None:
            return
        if first.deadline <= call.deadline:
            for _ in range(waiting):
                self.wake()
        if self.parked or self.started < THREADS:
            self.watching = True
            server.loop.call_later(self.HOLD, self.watch, first)

    def wake(self):
        with self.lock:
            if self.parked:
                self.parked.pop().release()
                return
            if self.started >= THREADS:
                return
            self.started += 1
        try:
            threading.Thread(target=self.work, daemon=True, name="faas-call").start()
        except RuntimeError as error:  # a limit of the system: those that run have to do
            with self.lock:
                self.started -= 1
            sys.stderr.write(f"Cannot start another thread: {error}\n")

    def work(self):
        parking = threading.Lock()
        parking.acquire()
        call = None
        while True:
            with self.lock:
                if call is not None:
                    call.running = False
                    self.running -= 1
                    self.late -= call.late
                call = self.waiting.popleft() if self.waiting else None
                if call is None:
                    self.parked.append(parking)
                else:
                    call.running = True
                    self.running += 1
            if call is None:
                parking.acquire()
            elif call.unclaimed and not call.connection.gone:
                began = monotonic()
                self.run(call)
                self.duration += (monotonic() - began - self.duration) * 0.1
            elif call.claim():
                call.connection.finish(call)

    def run(self, call):
        try:
            result = self.handler(*call.arguments())
            if hasattr(result, "__await__"):
                result = in_background(result)
            answer = answer_of(call, result)
        except BaseException as error:
            answer = error_answer(call, error)
        call.streaming = answer.stream is not None
        if not call.claim():
            self.close(answer.stream)
        elif call.streaming:
            self.stream(call, answer)
        else:
            call.connection.deliver(call, answer)

    def stream(self, call, answer):
        connection, stream = call.connection, answer.stream
        try:
            connection.write_all(answer.data)
            if not isinstance(stream, Empty):
                for piece in stream if hasattr(stream, "__next__") else from_background(stream):
                    data = frame(call, piece)
                    if data:
                        connection.write_all(data)
                    if connection.gone:
                        break
                else:
                    connection.write_all(last_frame(call))
        except BaseException as error:
            if isinstance(error, SystemExit):
                leave_on_exit(error, f"in request {call.request_id}")
            report(error, call.request_id)
            connection.cut()
        finally:
            self.close(stream)
            connection.finish(call)

    def cancel(self, call):
        """A thread cannot be ended from outside: it keeps its place until the function returns. Without any place left nothing is answered."""
        with self.lock:
            if not call.running:
                return
            call.late = True
            self.late += 1
            if self.late < THREADS:
                return
        server.give_up()

    def refuse_waiting(self):
        """Those that no thread has begun, claimed."""
        with self.lock:
            waiting = list(self.waiting)
            self.waiting.clear()
        return [call for call in waiting if call.claim()]

    def close(self, stream):
        """Lets a generator that was not run to its end clean up."""
        try:
            if hasattr(stream, "aclose"):
                in_background(stream.aclose())
            elif hasattr(stream, "close"):
                stream.close()
        except Exception as error:
            report(error)


background = []
background_lock = threading.Lock()


def in_background(awaitable):
    """Waits in a worker thread for what a plain function returned without awaiting it; one event loop runs them all."""
    import asyncio

    with background_lock:
        if not background:
            background.append(asyncio.new_event_loop())
            threading.Thread(target=background[0].run_forever, daemon=True, name="faas-asyncio").start()

    async def wait():
        return await awaitable

    return asyncio.run_coroutine_threadsafe(wait(), background[0]).result()


def from_background(stream):
    while True:
        try:
            yield in_background(stream.__anext__())
        except StopAsyncIteration:
            return


# ---- runners: async functions on the event loop


class Tasks:
    """Runs an `async def` on asyncio's event loop, CONCURRENCY at a time."""

    def __init__(self, handler):
        import asyncio

        self.handler = handler
        self.waiting = deque()
        self.running = {}  # call -> its task, once that has begun
        # A task that begins at once (3.12) saves a turn of the loop.
        eager = {"eager_start": True} if sys.version_info >= (3, 12) else {}
        self.task = lambda call: asyncio.Task(self.run(call), loop=server.loop, **eager)
        self.current_task = asyncio.current_task
        self.cancelled = asyncio.CancelledError

    def submit(self, call):
        if len(self.running) < CONCURRENCY:
            self.start(call)
        elif len(self.waiting) >= QUEUE_LIMIT:
            raise no_capacity()
        else:
            self.waiting.append(call)

    def start(self, call):
        self.running[call] = None
        self.task(call)

    def start_waiting(self):
        while self.waiting and len(self.running) < CONCURRENCY:
            self.start(self.waiting.popleft())

    def cancel(self, call):
        """Ends a call that has begun; another finds out when it begins."""
        task = self.running.get(call)
        if task is not None:
            task.cancel()

    async def run(self, call):
        try:
            if call.unclaimed:
                self.running[call] = self.current_task()
                await self.answer(call)
        finally:
            del self.running[call]
            if self.waiting:
                server.loop.call_soon(self.start_waiting)

    async def answer(self, call):
        try:
            result = self.handler(*call.arguments())
            if hasattr(result, "__await__"):
                result = await result
            answer = answer_of(call, result)
        except self.cancelled as error:
            if not call.unclaimed:  # by us, at the deadline
                return
            answer = error_answer(call, error)
        except BaseException as error:
            answer = error_answer(call, error)
        call.streaming = answer.stream is not None
        if not call.claim():
            await self.close(answer.stream)
        elif call.streaming:
            await self.stream(call, answer)
        else:
            call.connection.deliver(call, answer)

    async def stream(self, call, answer):
        connection, stream = call.connection, answer.stream
        try:
            await connection.write_soon(answer.data)
            if not isinstance(stream, Empty):
                async for piece in stream if hasattr(stream, "__anext__") else in_turns(stream):
                    data = frame(call, piece)
                    if data:
                        await connection.write_soon(data)
                    if connection.gone:
                        break
                else:
                    await connection.write_soon(last_frame(call))
        except self.cancelled:
            connection.cut()
        except BaseException as error:
            if isinstance(error, SystemExit):
                leave_on_exit(error, f"in request {call.request_id}")
            report(error, call.request_id)
            connection.cut()
        finally:
            await self.close(stream)
            connection.finish(call)

    async def close(self, stream):
        try:
            if hasattr(stream, "aclose"):
                await stream.aclose()
            elif hasattr(stream, "close"):
                stream.close()
        except Exception as error:
            report(error)


async def in_turns(iterator):
    """A plain iterator on the event loop: others have their turn after each piece."""
    from asyncio import sleep

    for piece in iterator:
        yield piece
        await sleep(0)


def no_capacity():
    return Problem("NO_CAPACITY", f"{CONCURRENCY} calls run and {QUEUE_LIMIT} wait")


# ---- the loop


class Loop:
    """What the server needs of asyncio's event loop, by the same names, at a third of the time to import."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.callbacks = deque()
        self.timers = []  # a handful at most
        self.stopped = False
        self.wake_end, self.wake = os.pipe()
        os.set_blocking(self.wake_end, False)
        os.set_blocking(self.wake, False)
        self.add_reader(self.wake_end, self.woken)

    def add_reader(self, fd, callback):
        self.change(fd, 0, callback)

    def remove_reader(self, fd):
        self.change(fd, 0, None)

    def add_writer(self, fd, callback):
        self.change(fd, 1, callback)

    def remove_writer(self, fd):
        self.change(fd, 1, None)

    def change(self, fd, index, callback):
        key = self.selector.get_map().get(fd)
        callbacks = list(key.data) if key else [None, None]
        if callbacks[index] == callback:
            return
        callbacks[index] = callback
        events = (selectors.EVENT_READ if callbacks[0] else 0) | (selectors.EVENT_WRITE if callbacks[1] else 0)
        if not key:
            self.selector.register(fd, events, callbacks)
        elif events:
            self.selector.modify(fd, events, callbacks)
        else:
            self.selector.unregister(fd)

    def call_later(self, seconds, callback, *arguments):
        self.timers.append((monotonic() + seconds, callback, arguments))

    def call_soon_threadsafe(self, callback, *arguments):
        self.callbacks.append((callback, arguments))
        try:
            os.write(self.wake, b"\0")
        except BlockingIOError:
            pass  # the pipe is full of wake-ups already

    def woken(self):
        os.read(self.wake_end, 4096)

    def stop(self):
        self.stopped = True

    def run_forever(self, can_run, turn):
        """Until it is stopped, or `turn` says that this thread is no longer the one to do it."""
        while not self.stopped:
            timeout = None
            if self.callbacks or can_run():
                timeout = 0
            elif self.timers:
                timeout = max(0, min(timer[0] for timer in self.timers) - monotonic())
            for key, events in self.selector.select(timeout):
                on_read, on_write = key.data
                if on_read and events & selectors.EVENT_READ:
                    on_read()
                if on_write and events & selectors.EVENT_WRITE and key.data[1]:
                    on_write()
            if self.timers:
                now = monotonic()
                due = [timer for timer in self.timers if timer[0] <= now]
                if due:
                    self.timers = [timer for timer in self.timers if timer[0] > now]
                    self.callbacks.extend((callback, arguments) for _, callback, arguments in due)
            for _ in range(len(self.callbacks)):
                callback, arguments = self.callbacks.popleft()
                callback(*arguments)
            if can_run() and not turn():
                return


# ---- the server


class Server:
    """Accepts connections, hands calls to the runner, watches deadlines, drains."""

    def __init__(self):
        self.listener = None
        self.loop = None
        self.runner = None
        self.arity = 2
        self.problem = None  # why the function could not be loaded
        self.connections = {}
        self.calls = {}  # whose answer is not out yet, in order of their deadlines
        self.expiring = False
        self.sweeping = False
        self.draining = False

    def listen(self):
        """Listens; connections wait in the kernel until `serve`."""
        if not PORT.isdecimal():
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(PORT)
            self.listener.listen(BACKLOG)
        elif socket.has_dualstack_ipv6():
            family = {"family": socket.AF_INET6, "dualstack_ipv6": True}
            self.listener = socket.create_server(("", int(PORT)), backlog=BACKLOG, **family)
        else:
            self.listener = socket.create_server(("", int(PORT)), backlog=BACKLOG)
        self.listener.setblocking(False)

    def serve(self, handler, problem):
        """Serves until it is drained; does not return."""
        self.problem = problem
        if handler and is_async(handler):
            import asyncio

            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            self.runner = Tasks(handler)
        else:
            self.loop = Loop()
            self.runner = Threads(handler)
        self.arity = arity(handler) if handler else 2
        self.loop.add_reader(self.listener.fileno(), self.accept)
        if self.draining:  # asked to while the function was loading
            self.loop.call_soon_threadsafe(self.drain)
        self.run()
        # A call took so long that another thread has the loop now.
        self.runner.guarded = True
        self.runner.stand_by()

    def run(self):
        """Runs the loop on this thread, until another one has taken it; when the server is drained the process ends."""
        if isinstance(self.runner, Tasks):
            self.loop.run_forever()
        else:
            self.loop.run_forever(self.runner.can_run, self.runner.turn)
            if not self.loop.stopped:
                return
        if not PORT.isdecimal():
            try:
                os.unlink(PORT)
            except FileNotFoundError:
                pass  # The server has moved it to where no other function finds it.
        leave(0)

    def accept(self):
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
            except OSError:  # it is closed again already; macOS tells it here
                sock.close()
                continue
            connection = Connection(sock)
            self.connections[connection] = None
            self.sweep_soon()

    def accept_again(self):
        if self.listener:
            self.loop.add_reader(self.listener.fileno(), self.accept)

    def start(self, call):
        """A request is read: answers it, or has the function answer it. Raises nothing."""
        try:
            if call.target.startswith("/-/"):
                answer = own_route(call)
            elif self.problem:
                raise self.problem
            else:
                return self.runner.submit(call)
        except Problem as problem:
            answer = problem_answer(call, problem)
        if call.claim():
            call.connection.deliver(call, answer)

    def expect(self, call):
        """Begins to watch the call's deadline. All have the same time, so they end in the order in which they began."""
        self.calls[call] = None
        if not self.expiring:
            self.expiring = True
            self.loop.call_later(TIMEOUT, self.expire)

    def expire(self):
        now = monotonic()
        for call in list(self.calls):
            if call.deadline > now:
                self.loop.call_later(call.deadline - now, self.expire)
                return
            self.time_out(call)
        self.expiring = False

    def time_out(self, call):
        self.calls.pop(call, None)
        connection = call.connection
        if call.claim():
            if connection.body is not None:
                call.keep_alive, connection.refused = False, True
            problem = Problem("FUNCTION_TIMEOUT", f"The function was not done within {TIMEOUT_MS} ms")
            connection.deliver(call, problem_answer(call, problem))
        elif call.streaming:
            connection.cut()
        if self.runner:
            self.runner.cancel(call)

    def give_up(self):
        """Ends the process, in a moment so that the last answers get out: whoever runs it starts another."""
        sys.stderr.write("Every thread is held by a call beyond its time: the process ends\n")
        for call in self.runner.refuse_waiting():
            call.connection.deliver(call, problem_answer(call, no_capacity()))
        self.loop.call_later(0.1, leave, 1)

    def sweep_soon(self):
        if not self.sweeping:
            self.sweeping = True
            self.loop.call_later(SWEEP, self.sweep)

    def sweep(self):
        now = monotonic()
        for connection in list(self.connections):
            connection.sweep(now)
        self.sweeping = False
        if self.connections:
            self.sweep_soon()

    def forget(self, connection):
        self.connections.pop(connection, None)
        if self.draining and not self.connections:
            self.loop.stop()

    def drain(self):
        """Takes no more connections, finishes what is in flight, then lets `serve` return."""
        self.draining = True
        self.accept()  # who is connected already is not turned away
        self.loop.remove_reader(self.listener.fileno())
        self.listener.close()
        self.listener = None
        for connection in list(self.connections):
            if connection.call is None and not connection.buffer:
                connection.readable()  # what it has sent meanwhile counts as in flight
                if connection.call is None and not connection.buffer:
                    connection.close()
        if not self.connections:
            self.loop.stop()


def own_route(call):
    if call.target.partition("?")[0] != "/-/ready":
        raise Problem("NOT_FOUND", f"There is nothing at {call.target}")
    if server.problem:
        raise server.problem
    return whole(call, 200, JSON, (), b'{"status":"ready"}')


server = Server()

# ---- life


def on_sigterm(*_):
    """The first asks to finish, the second does not ask."""
    if server.draining:
        os._exit(0)
    server.draining = True
    if server.loop:
        server.loop.call_soon_threadsafe(server.drain)


def main():
    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    # Calls run side by side already: a pool of BLAS threads for each makes them many times slower. A setting of the user wins.
    for library in ("OPENBLAS", "OMP", "MKL"):
        ENVIRONMENT.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        server.listen()
    except OSError as error:
        sys.exit(f"Cannot listen on {PORT}: {error.strerror}")
    handler = problem = None
    try:
        handler = load()
    except Problem as error:
        problem = error
        sys.stderr.write(f"{error}\n")
    gc.freeze()  # what was loaded stays: the collector need not look at it again and again
    server.serve(handler, problem)


if __name__ == "__main__":
    main()
