"""The wrapper for Python 3.9+: serves HTTP, calls the user's function or application, answers. One file without dependencies that the build
puts beside the user's code; docs/wrapper-protocol.md is its contract, docs/python-wrapper.md its design.

One thread owns all sockets. A plain function runs on worker threads, which write their responses themselves; an `async def`
runs on asyncio's event loop, which then replaces the small loop of event_loop.py: importing asyncio would double the time of
a cold start, so only functions that need it pay for it.

Generated from packages/wrappers/python/src by `npm run wrappers`. Edit the files there, not this one.
"""


import os
import sys

# ---- source_folder.py
# The folder of the user's code, in which the wrapper is. This part runs before all other imports.

FILE = sys._getframe().f_code.co_filename


class SourceFolder:
    def __init__(self, path):
        self.path = path
        self.search_path = sys.path[:]  # as Python has set it

    def hide(self):
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != self.path]

    def move(self, path):
        self.path = path
        self.search_path = [path, *sys.path]


source_folder = SourceFolder(os.path.dirname(os.path.abspath(FILE)))
source_folder.hide()


import builtins
import faulthandler
import gc
import io
import json
import math
import os
import re
import select
import signal
import socket
import sys
import threading
from _contextvars import ContextVar
from collections import deque
from threading import RLock, get_ident, main_thread
from time import gmtime, monotonic, process_time, sleep, time


# ---- options.py
# Settings from the environment, and the limits that follow from them.

ENVIRONMENT = os.environ
# More threads only pass the interpreter's lock around. A function that waits for hundreds of things at a time is an `async def`.
MAX_THREADS = 32
HEAD_LIMIT = 16 * 1024
BACKLOG = 4096

# Bytes to read from a socket or a file at a time.
READ_SIZE = 64 * 1024
# What a client sends while its previous request is being answered stays in the kernel beyond this.
READ_AHEAD = 64 * 1024

# Seconds. An idle connection is kept longer than the gateway keeps it, so that the gateway never uses one that has just been closed.
KEEP_ALIVE = 75
STALLED = 60
LINGER = 2
SWEEP = 5
# Idle connections stay open this long in a drain: a client that does not know of it may be sending a request. Clients that know close theirs.
DRAIN_IDLE = 2
# A drain ends this time after the time limit of a call, even with open connections.
DRAIN_GRACE = 1


class Settings:
    def __init__(self):
        self.read()

    def read(self):
        self.identity = tuple(ENVIRONMENT.get(name, "") for name in ("FAAS_ORG", "FAAS_ENDPOINT", "FAAS_REVISION"))
        self.port = ENVIRONMENT.get("PORT") or "8080"
        self.signature = ENVIRONMENT.get("FAAS_SIGNATURE") or ""
        self.tags_output = ENVIRONMENT.get("FAAS_OUTPUT_TAGS") == "1"
        self.timeout_ms = whole_number("FAAS_TIMEOUT_MS", "30000")
        self.timeout = self.timeout_ms / 1000
        self.concurrency = max(1, whole_number("FAAS_CONCURRENCY", "80"))
        self.body_limit = whole_number("FAAS_BODY_LIMIT", "6291456")
        self.queue_limit = self.concurrency * 10
        self.threads = min(self.concurrency, MAX_THREADS)


def whole_number(name, fallback):
    text = ENVIRONMENT.get(name) or fallback
    if not (text.isascii() and text.isdecimal()):
        sys.exit(f'Expected {name} to be a whole number, got "{text}"')
    return int(text)


settings = Settings()


# ---- errors.py
# Errors that a wrapper can answer with: code to HTTP status and title.

# Generated from packages/core/src/errors.ts by `npm run wrappers`. Do not edit.

ERRORS = {
    "MALFORMED_JSON": (400, "Malformed JSON"),
    "INVALID_REQUEST": (400, "Invalid request"),
    "FORBIDDEN": (403, "Insufficient key scope"),
    "NOT_FOUND": (404, "Not found"),
    "BODY_TOO_LARGE": (413, "Request body too large"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported media type"),
    "UPGRADE_REQUIRED": (426, "Another protocol is required"),
    "HEADERS_TOO_LARGE": (431, "Request header fields too large"),
    "FUNCTION_ERROR": (500, "The function threw an error"),
    "INVALID_RESPONSE": (500, "The function returned an invalid response"),
    "FUNCTION_LOAD_FAILED": (502, "The function could not be loaded"),
    "NO_CAPACITY": (503, "No capacity"),
    "REPLICA_CLAIMED": (409, "The replica has a function already"),
    "FUNCTION_TIMEOUT": (504, "The function timed out"),
}


# ---- problem.py
# Errors in responses to clients.

class Problem(Exception):
    def __init__(self, code, detail):
        super().__init__(detail)
        self.code = code
        self.status, self.title = ERRORS[code]


def malformed(reason):
    return Problem("INVALID_REQUEST", f"Malformed HTTP: {reason}")


def body_too_large():
    return Problem("BODY_TOO_LARGE", f"Expected a body of at most {settings.body_limit} bytes, got more")


def invalid_response(detail):
    return Problem("INVALID_RESPONSE", detail)


def load_failed(detail):
    return Problem("FUNCTION_LOAD_FAILED", detail)


def no_capacity():
    return Problem("NO_CAPACITY", f"{settings.concurrency} calls are running and {settings.queue_limit} are waiting")


def replica_claimed():
    return Problem("REPLICA_CLAIMED", "The replica has a function already")


# ---- process_exit.py
# The end of the process.

EXIT_LIMIT = 3  # seconds for the user's code at the end of the process


def exit_process(status):
    import atexit

    try:
        threading.Thread(target=exit_late, args=(status,), daemon=True).start()
    except RuntimeError:
        pass  # no more threads
    # As the interpreter does: first the pools of concurrent.futures end, whose processes atexit would wait for.
    for end_pool in reversed(getattr(threading, "_threading_atexits", ())):
        end_pool()
    atexit._run_exitfuncs()
    end_process(status)


def exit_late(status):
    sleep(EXIT_LIMIT)
    end_process(status)


def end_process(status):
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def exit_as_asked(error, where):
    code = error.code if isinstance(error.code, int) else int(error.code is not None)
    argument = "" if error.code is None else repr(error.code)
    sys.stderr.write(f"The function called sys.exit({argument}) {where}\n")
    exit_process(code & 0xFF)


# ---- signatures/hints.py
# Hints that a function is for another platform, which are cheap to look for at each start.

# Names of exports and files that only other platforms use.
FOREIGN_NAMES = ("lambda_handler", "handle", "new")
FOREIGN_FILES = ("lambda_function", "func")
# Packages that a function for another platform imports.
FOREIGN_PACKAGES = ("functions_framework", "parliament", "aws_lambda_powertools", "mangum", "flask")
# Fields of events and contexts that only AWS Lambda has, and the status of its responses.
LAMBDA_FIELDS = frozenset(
    (
        "rawPath",
        "rawQueryString",
        "requestContext",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "isBase64Encoded",
        "httpMethod",
        "routeKey",
        "stageVariables",
        "aws_request_id",
        "get_remaining_time_in_millis",
        "invoked_function_arn",
        "memory_limit_in_mb",
        "log_stream_name",
        "log_group_name",
        "statusCode",
    )
)


def may_be_foreign(target, name):
    if settings.signature:
        return settings.signature != "faas"
    if name in ("app", "application"):
        return "functions_framework" in sys.modules
    if name is None or name in FOREIGN_NAMES or any(package in sys.modules for package in FOREIGN_PACKAGES):
        return True
    code = getattr(target, "__code__", None)
    return code is None or not LAMBDA_FIELDS.isdisjoint(words_of(code))


def words_of(code):
    words = set(code.co_names)
    waiting = list(code.co_consts)
    for value in waiting:
        if isinstance(value, str):
            words.add(value)
        elif isinstance(value, tuple):
            waiting += value
        elif hasattr(value, "co_consts"):
            words.update(value.co_names)
            waiting += value.co_consts
    return words


# ---- json_encoder.py
# Encoding JSON in JavaScript's format.

def json_default(value):
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
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def json_encoder(ascii_only):
    return json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"), default=json_default)


encoder = json_encoder(False)


def make_quick_encoder():
    try:
        quote = json.encoder.encode_basestring
        return json.encoder.c_make_encoder(None, json_default, quote, None, ":", ",", False, False, False)
    except (AttributeError, TypeError):
        return None


quick_encode = make_quick_encoder()


def to_json(value):
    try:
        text = "".join(quick_encode(value, 0))
        if text.isascii():
            return text
    except Exception:  # the slower encoder below raises the right error
        pass
    try:
        try:
            text = encoder.encode(value)
        except ValueError as error:
            if "Out of range float" not in str(error):
                raise
            text = encoder.encode(without_nan(value))
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            text = json_encoder(True).encode(without_nan(value))
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid_response(f"The function returned a value that cannot be written as JSON: {error}") from error


def without_nan(value):
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(each) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return without_nan(json_default(value))


# ---- output_tags.py
# Tags of the lines that the user's code prints, with the stream and the id of the call that prints them.
#
# A tag is \x1e, `o` or `e`, the id, \x1f. The platform removes it and stores its contents beside the line (docs/wrapper-protocol.md, "Output").

# Id of the call that the present code runs for; empty outside of calls.
current_call = ContextVar("faas_call", default="")


class TaggedOutput(io.BufferedIOBase):
    def __init__(self, raw, letter):
        self.raw = raw
        self.letter = letter
        self.partial = {}  # begun lines by thread, with their tags
        self.open_line = False  # a line that was flushed has no end yet
        self.lock = RLock()  # a signal handler may print while this thread writes
        os.register_at_fork(after_in_child=self.unlock)

    def unlock(self):
        self.lock = RLock()

    def tag(self):
        call = current_call.get()
        return f"\x1e{self.letter}{call}\x1f".encode() if call or self.letter == "e" else b""

    def write(self, data):
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

    def flush(self):
        if not self.partial:
            return
        threads = list(self.partial) if get_ident() == main_thread().ident else [get_ident()]
        for thread in threads:
            begun = self.partial.pop(thread, None)
            if begun:
                self.put(begun)

    def put(self, output):
        with self.lock:
            if self.open_line and output[:1] == b"\x1e":  # the line has the tag of its beginning
                output = output[output.index(b"\x1f") + 1 :]
            self.open_line = output[-1:] != b"\n"
            view = memoryview(output)
            while view:
                view = view[self.raw.write(view) or 0 :]

    def writable(self):
        return True

    def fileno(self):
        return self.raw.fileno()

    def isatty(self):
        return self.raw.isatty()

    @property
    def name(self):
        return self.raw.name

    @property
    def mode(self):
        return "wb"


def tag_output():
    if not settings.tags_output:
        return
    for name, letter in (("stdout", "o"), ("stderr", "e")):
        raw = getattr(getattr(getattr(sys, name), "buffer", None), "raw", None)
        if raw is None:  # something else has replaced it
            continue
        output = TaggedOutput(raw, letter)
        # Written through, so that each write reaches the stream below on the thread and for the call that makes it.
        text = io.TextIOWrapper(output, encoding="utf-8", errors="backslashreplace", write_through=True)
        setattr(sys, name, text)


# ---- user_error.py
# Errors raised by the user's code: where they come from, and how they are logged.

def message_of(error):
    return str(error) or type(error).__name__


def explained(error):
    message = message_of(error).replace(source_folder.path + os.sep, "")
    if isinstance(error, ModuleNotFoundError) and error.name:
        load_part('function.missing_package')

        return f"{message}{package_advice(error.name)}"
    return message


def is_user_file(path):
    return path != FILE and not path.startswith("<")


def stack_of(error):
    import traceback

    frames = error.__traceback__
    while frames and not is_user_file(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return traceback.format_exception(type(error), error, frames)


def log_stack(error):
    stack = stack_of(error)
    message = error.msg if isinstance(error, SyntaxError) else message_of(error)
    sys.stderr.write("".join(stack[:-1] if message in stack[-1] else stack))


def log_error(error, request_id=None):
    text = "".join(stack_of(error))
    if request_id and not settings.tags_output:
        text = encoder.encode({"level": "error", "requestId": request_id, "message": message_of(error)}) + "\n" + text
    token = current_call.set(request_id or "")
    sys.stderr.write(text)
    current_call.reset(token)


def location_of(error):
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename, source_folder.path)}:{error.lineno}"
    found = None
    frames = error.__traceback__
    while frames:
        path = frames.tb_frame.f_code.co_filename
        inside = os.path.relpath(path, source_folder.path) if is_user_file(path) else ".."
        if not inside.startswith((".." + os.sep, ".packages")) and inside != "..":
            found = f"{inside}:{frames.tb_lineno}"
        frames = frames.tb_next
    return found


# ---- function/search_path.py
# The folders that the user's code imports from.

SOURCES = "src"


def extend_search_path():
    packages = os.path.join(source_folder.path, ".packages")
    sources = os.path.join(source_folder.path, SOURCES)
    # After the standard library and before the packages of an image, as in a virtual environment.
    index = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
    sys.path[index:index] = [packages, sources] if os.path.isdir(sources) else [packages]
    sys.path.insert(0, source_folder.path)
    if not hasattr(builtins, "exit"):  # without the module `site`, which would add the packages of this machine
        builtins.exit = builtins.quit = sys.exit


def module_of(stem):
    module = os.path.normpath(stem).replace("/", ".")
    top, _, rest = module.partition(".")
    package = rest.partition(".")[0]
    # A package in `src` must not be loaded a second time under the name that its own code imports it with.
    is_own = top == SOURCES and "." in rest and has_init(SOURCES, package) and not has_init(SOURCES)
    return rest if is_own else module


def has_init(*folder):
    return os.path.isfile(os.path.join(source_folder.path, *folder, "__init__.py"))


# ---- function/load.py
# Finding and importing the user's function.

HANDLER_FILES = ("main", "handler", "function", "app", "index", "application", "wsgi", "asgi")
HANDLER_NAMES = ("handler", "main")
EXPORTED_APPS = ("app", "application")
# Packages that make a Lambda function of an application, which can be served without them.
LAMBDA_ADAPTERS = ("mangum", "apig_wsgi")


class Loaded:
    __slots__ = ("target", "app")

    def __init__(self, target, app=None):
        self.target = target
        self.app = app  # "wsgi", "asgi" or "asgi2"; None: `target` is a function


def load_function():
    if not ENVIRONMENT.get("PORT", "").isdecimal():
        ENVIRONMENT["PORT"] = "8080"  # programs expect a number; the wrapper itself may listen on the path of a socket
    file, module_name, name = find_handler(ENVIRONMENT.get("FAAS_HANDLER"))
    extend_search_path()
    if module_name in sys.modules:
        raise load_failed(f"{file}: the standard library has a module with this name. Rename the file")
    if "lambda" in (settings.signature, file.partition("_")[0]) or name == "lambda_handler":
        load_part('signatures.aws_lambda')

        set_lambda_environment()
    run_user_code(lambda: __import__(module_name), file)
    return loaded_from(sys.modules[module_name], file, name)


def run_user_code(action, file):
    try:
        return action()
    except SystemExit as error:
        exit_as_asked(error, f"while {file} was loaded")
    except Problem:
        raise
    except BaseException as error:
        log_stack(error)
        raise load_failed(f"{location_of(error) or file}: {type(error).__name__}: {load_message(error)}") from error


def loaded_from(module, file, name):
    app = ENVIRONMENT.get("FAAS_APP")
    if app not in (None, "", "function", "wsgi", "asgi"):
        raise load_failed(f'{file}: expected the setting "app" of a Python function to be wsgi or asgi, got "{app}"')
    names = (name,) if name else HANDLER_NAMES + EXPORTED_APPS
    if app in ("wsgi", "asgi") and not name:
        names = EXPORTED_APPS + HANDLER_NAMES
    found = next((each for each in names if hasattr(module, each)), None)
    target = getattr(module, found) if found else None
    if app not in ("wsgi", "asgi") and may_be_foreign(target, found):
        load_part('signatures.adapt')

        adapted = run_user_code(lambda: adapt_signature(target, module, file, name or None), file)
        if adapted:
            return Loaded(*adapted)
    if found is None:
        has = ", ".join(each for each, value in vars(module).items() if callable(value) and each[0] != "_") or "nothing"
        expected = " or ".join(f'"{each}"' for each in names)
        raise load_failed(f"{file}: expected it to define {expected}, but it defines {has}{signature_advice(module)}")
    if not name and (found == "main" or getattr(target, "__module__", "").startswith(LAMBDA_ADAPTERS)):
        found = app_beside(module) or found  # `def main()` often starts a server of the framework, for development
        target = getattr(module, found)
    if is_plain_handler(target, found) and app not in ("wsgi", "asgi"):
        return Loaded(target)
    load_part('apps.recognize')

    signature = ENVIRONMENT.get("FAAS_SIGNATURE")
    if signature:
        check_not_app(target, file, found, signature)
        kind = None
    else:
        target, kind = find_app(module, file, found, app)
    if kind is None and not callable(target):
        raise load_failed(f'{file}: expected "{found}" to be a function, got {type(target).__name__}')
    return Loaded(target, kind)


def signature_advice(module):
    load_part('signatures.adapt')

    likely = next(filter(None, map(likely_signature, vars(module).values())), None)
    return f". A function of another platform needs --signature {likely} and --handler" if likely else ""


def app_beside(module):
    names = [each for each in EXPORTED_APPS if hasattr(module, each)]
    if not names:
        return None
    load_part('apps.recognize')

    return next((each for each in names if app_kind(getattr(module, each))), None)


def is_plain_handler(target, name):
    code = getattr(target, "__code__", None)
    return bool(
        name in HANDLER_NAMES
        and code
        and code.co_argcount <= 2
        and code.co_varnames[:1] not in (("environ",), ("scope",))
        and code.co_varnames[1:2] != ("start_response",)
        and not hasattr(target, "__wrapped__")
    )


def find_handler(setting):
    stem, _, name = (setting or "").rpartition(".")
    stems = (stem, stem.replace(".", "/")) if setting else HANDLER_FILES + FOREIGN_FILES
    for each in (*stems, *(f"{SOURCES}/{stem}" for stem in stems)):
        for file in (f"{each}.py", f"{each}/__init__.py"):
            if os.path.isfile(os.path.join(source_folder.path, file)):
                return file, module_of(each), name
    tried = ", ".join(dict.fromkeys(f"{each}.py" for each in (stems if setting else HANDLER_FILES)))
    raise load_failed(
        f'Expected the handler "{setting}" in one of {tried}, but none of them exists'
        if setting
        else f'Expected the function in one of {tried}, but none of them exists. Set the handler to "file.function"'
    )


def load_message(error):
    return error.msg if isinstance(error, SyntaxError) else explained(error)


# ---- lifecycle.py
# The state that signals change.

class Lifecycle:
    def __init__(self):
        self.warm = False  # waits for a function
        self.draining = False  # asked to finish: no more connections, and every response closes its own
        self.closes_idle = False  # draining for long enough that clients have closed idle connections
        self.drained = False  # finished; the user's handler of SIGTERM is next
        self.loading = (0.0, 0.0)  # when loading began and ended, seconds since the epoch
        self.user_handler = signal.SIG_DFL  # of SIGTERM


lifecycle = Lifecycle()


# ---- loading_watch.py
# Reports where the user's code is when loading takes long, for an endless loop for instance.

REPORT_SECONDS = 6  # core/endpoints/loading-report.ts has the same, and finds the position in the traceback
QUICK = 1  # seconds; the watch outlives a quick load, because ending it means to wait for its thread


class LoadingWatch:
    def __init__(self):
        self.started = monotonic()
        try:
            faulthandler.dump_traceback_later(REPORT_SECONDS, file=sys.__stderr__)
        except (AttributeError, OSError, RuntimeError, ValueError):
            pass  # stderr is not a file

    def end(self, call_later):
        if call_later and monotonic() - self.started < QUICK:
            call_later(QUICK, faulthandler.cancel_dump_traceback_later)
        else:
            faulthandler.cancel_dump_traceback_later()


# ---- function/content_encoding.py
# Decoding request bodies that were sent compressed.

ACCEPTED_ENCODINGS = "gzip, deflate"
MAX_CODINGS = 3  # of one body: each is work, and more than one is rare
GZIP, ZLIB, RAW = 31, 15, -15  # window sizes, as zlib tells its formats apart


def decode_body(body, headers):
    codings = [each.strip().lower() for each in headers["content-encoding"].split(",")]
    for coding in codings:
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Problem(
                "UNSUPPORTED_MEDIA_TYPE",
                f'The body has Content-Encoding "{coding}", which cannot be decoded. Send it with {ACCEPTED_ENCODINGS}, or without',
            )
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > MAX_CODINGS:
        raise Problem("INVALID_REQUEST", f"Expected at most {MAX_CODINGS} content codings, got {len(codings)}")
    for coding in reversed(codings):
        body = inflate(body, coding) if body else body
    headers.pop("content-encoding")
    headers.pop("content-length", None)
    return body


def inflate(data, coding):
    import zlib  # most functions never need it

    window = GZIP if coding != "deflate" else ZLIB if data[0] & 15 == 8 else RAW
    pieces = []
    left = settings.body_limit
    while True:
        decoder = zlib.decompressobj(window)
        try:
            piece = decoder.decompress(data, left + 1)
        except zlib.error as error:
            raise invalid_coding(coding, str(error)) from None
        left -= len(piece)
        if left < 0:
            raise body_too_large()
        if not decoder.eof:
            raise invalid_coding(coding, "unexpected end of file")
        pieces.append(piece)
        data = decoder.unused_data
        if window != GZIP or data[:2] != b"\x1f\x8b":
            return b"".join(pieces)


def invalid_coding(coding, reason):
    return Problem("INVALID_REQUEST", f"The body is not valid {coding}: {reason}")


# ---- http/content_encoding.py
# The Content-Encoding of responses.
#
# Functions pass on what an HTTP client gave them: the client has decoded the body, and its headers still name the encoding. Only a body that
# does not have the encoding loses the header; a body that the function has encoded itself is sent as it is.

MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
SAMPLE = 16 * 1024  # bytes of a body that are looked at


class Head(bytes):
    __slots__ = ()


def encoding_of(headers):
    for name, value in headers:
        if len(name) == 16 and name.lower() == "content-encoding":
            return value
    return None


def without_missing_encoding(headers, encoding, body):
    if isinstance(body, (bytes, bytearray, memoryview)):
        coding = encoding.rpartition(",")[2].strip().lower()
        if has_coding(bytes(body[:SAMPLE]), coding):
            return headers
    return [pair for pair in headers if pair[0].lower() != "content-encoding"]


def has_coding(sample, coding):
    magic = MAGIC.get(coding)
    if magic:
        return magic.startswith(sample[: len(magic)])
    if coding == "deflate" and sample:
        import zlib

        window = 15 if sample[0] & 15 == 8 else -15
        return can_decode(sample, zlib.decompressobj(window).decompress)
    brotli = sys.modules.get("brotli") or sys.modules.get("brotlicffi")
    if coding == "br" and hasattr(brotli, "Decompressor"):
        return can_decode(sample, brotli.Decompressor().process)
    return True


def can_decode(sample, decode):
    try:
        decode(sample)
    except Exception:  # each decoder has its own
        return False
    return True


def with_head(stream, make_head):
    return AsyncHeaded(stream, make_head) if hasattr(stream, "__anext__") else Headed(stream, make_head)


class Headed:
    def __init__(self, stream, make_head):
        self.pieces = pieces_after_head(stream, make_head)
        if hasattr(stream, "close"):
            self.close = stream.close

    def __iter__(self):
        return self.pieces

    def __next__(self):
        return next(self.pieces)


def pieces_after_head(stream, make_head):
    pieces = iter(stream)
    first = b""
    for first in pieces:
        if first is None or len(first):
            break
    yield Head(make_head(first))
    yield first
    yield from pieces


class AsyncHeaded:
    def __init__(self, stream, make_head):
        self.pieces = async_pieces_after_head(stream, make_head)
        if hasattr(stream, "aclose"):
            self.aclose = stream.aclose

    def __aiter__(self):
        return self.pieces

    async def __anext__(self):
        return await self.pieces.__anext__()


async def async_pieces_after_head(stream, make_head):
    first = b""
    async for first in stream:
        if first is None or len(first):
            break
    yield Head(make_head(first))
    yield first
    async for piece in stream:
        yield piece


# ---- http/response_head.py
# Writing the head of an HTTP/1.1 response.

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
    302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Payload Too Large", 415: "Unsupported Media Type",
    418: "I'm a Teapot", 422: "Unprocessable Entity", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
date_cache = (0, "")


def response_head(call, status, content_type, headers, framing):
    if lifecycle.draining:
        call.keep_alive = False
    elif (
        status == 200 and content_type and not headers and call.keep_alive and not call.http10 and call.traced is None
    ):  # as nearly all are
        return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nX-Request-Id: {call.request_id}\r\n{date_line()}{framing}\r\n".encode(
            "latin-1"
        )
    if call.traced is not None:
        load_part('function.trace')

        framing = times_line(call) + framing
    lines = f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n"
    date = date_line()
    if headers:
        names = {name.lower() for name, _ in headers}
        lines += "".join([f"{name}: {value}\r\n" for name, value in headers if name.lower() != "connection"])
        call.keep_alive &= "connection" not in names  # checked_headers() keeps it only when its value is "close"
        content_type = None if "content-type" in names else content_type
        date = "" if "date" in names else date
    if content_type:
        lines += f"Content-Type: {content_type}\r\n"
    if not call.keep_alive:
        framing += "Connection: close\r\n"
    elif call.http10:
        framing += "Connection: keep-alive\r\n"
    return f"{lines}X-Request-Id: {call.request_id}\r\n{date}{framing}\r\n".encode("latin-1")


def has_body(call, status):
    return call.method != "HEAD" and status != 204 and status != 304


def date_line():
    global date_cache
    second, text = date_cache
    now = int(time())
    if now != second:
        t = gmtime(now)
        clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
        text = f"Date: {DAYS[t.tm_wday]}, {t.tm_mday:02} {MONTHS[t.tm_mon - 1]} {t.tm_year} {clock} GMT\r\n"
        date_cache = (now, text)
    return text


# ---- http/streams.py
# Response bodies that are sent piece by piece.

def as_stream(body):
    if isinstance(body, (dict, list)):
        return None
    if hasattr(body, "__anext__"):
        return body
    if hasattr(body, "__aiter__"):
        return body.__aiter__()
    if hasattr(body, "read") and hasattr(body, "__iter__"):  # a file: its lines would be odd pieces
        return FilePieces(body)
    if hasattr(body, "__next__"):
        return body
    return None


class FilePieces:
    def __init__(self, file):
        self.file = file
        self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        piece = self.file.read(READ_SIZE)
        if not piece:
            raise StopIteration
        return piece


class UnsentStream:
    def __init__(self, source):
        self.source = source
        if hasattr(source, "aclose"):
            self.aclose = source.aclose
        elif hasattr(source, "close"):
            self.close = source.close


def encode_piece(call, piece):
    if isinstance(piece, str):
        piece = piece.encode("utf-8", "replace")
    elif not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"Expected the stream to yield strings or bytes, got {type(piece).__name__}")
    if type(piece) is Head:
        return bytes(piece)
    if not len(piece):
        return None
    return bytes(piece) if call.http10 else b"%x\r\n%b\r\n" % (len(piece), piece)


def encode_end(call):
    return b"" if call.http10 else b"0\r\n\r\n"


# ---- http/tokens.py
# The characters of HTTP headers (RFC 9110 section 5).

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


# ---- http/response.py
# Responses, made from what the function returned or raised.

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
RESPONSE_KEYS = frozenset(("status", "headers", "body"))
FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive", "x-request-id"))


class Response:
    __slots__ = ("data", "stream")

    def __init__(self, data, stream=None):
        self.data = data
        self.stream = stream


def to_response(call, result):
    status = None
    headers = ()
    body = result
    if isinstance(result, dict):
        if is_full_response(result):
            status, body = result["status"], result.get("body")
            headers = checked_headers(result.get("headers") or {})
        elif "statusCode" in result:
            check_not_lambda(result)
    if body is None:
        return complete_response(call, status or 204, None, headers, b"")
    encoding = encoding_of(headers) if headers else None
    if encoding:
        stream = as_stream(body)
        if stream is None:
            headers = without_missing_encoding(headers, encoding, body)
        else:
            body = stream
    if isinstance(body, str):
        return complete_response(call, status or 200, TEXT, headers, body.encode("utf-8", "replace"))
    if isinstance(body, (bytes, bytearray, memoryview)):
        return complete_response(call, status or 200, BYTES, headers, bytes(body))
    stream = None if type(body) is dict else as_stream(body)
    if stream is None:
        return complete_response(call, status or 200, JSON, headers, to_json(body).encode())
    status = status or 200
    call.keep_alive &= not call.http10  # HTTP/1.0 has no chunks: the end of the connection is the end of the body
    framing = "" if call.http10 or status in (204, 304) else "Transfer-Encoding: chunked\r\n"
    if encoding and has_body(call, status):
        return encoded_stream(call, status, headers, encoding, framing, stream)
    head = response_head(call, status, BYTES, headers, framing)
    return Response(head, stream if has_body(call, status) else UnsentStream(stream))


def encoded_stream(call, status, headers, encoding, framing, stream):
    def make_head(first):
        return response_head(call, status, BYTES, without_missing_encoding(headers, encoding, first), framing)

    return Response(b"", with_head(stream, make_head))


def is_full_response(result):
    status = result.get("status")
    if type(status) is not int or not result.keys() <= RESPONSE_KEYS:
        return False
    if not 200 <= status <= 599:
        raise invalid_response(f'Expected "status" to be from 200 to 599, got {status}')
    return True


def check_not_lambda(result):
    if type(result["statusCode"]) is int and not ENVIRONMENT.get("FAAS_SIGNATURE"):
        raise invalid_response(
            'The function returned an object with "statusCode", as functions of AWS Lambda do. '
            "Deploy it with --signature lambda, or with --signature faas to send the object as JSON"
        )


def checked_headers(headers):
    try:
        items = [(str(name), value) for name, value in headers.items()]
    except AttributeError:
        raise invalid_response(f'Expected "headers" to be a dict, got {type(headers).__name__}') from None
    pairs = []
    for name, value in items:
        if not TOKEN.match(name):
            raise invalid_response(f"The function returned a header that cannot be sent: {name!r} is not a header name")
        if name.lower() in FRAMING and (name.lower(), value) != ("connection", "close"):
            continue
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if each is None:
                continue
            text = str(each)
            try:
                text.encode("latin-1")
            except UnicodeEncodeError:
                raise unsendable_header(name, text) from None
            if CONTROL.search(text):
                raise unsendable_header(name, text)
            pairs.append((name, text))
    return pairs


def unsendable_header(name, value):
    return invalid_response(f"The function returned a header that cannot be sent: {name}: {value!r}")


def complete_response(call, status, content_type, headers, body):
    framing = "" if status in (204, 304) else f"Content-Length: {len(body)}\r\n"
    head = response_head(call, status, content_type, headers, framing)
    return Response(head + body if has_body(call, status) else head)


def problem_response(call, problem):
    document = {
        "type": f"urn:faas:error:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": str(problem),
        "code": problem.code,
        "requestId": call.request_id,
    }
    headers = ()
    if problem.status == 503:
        headers = (("Retry-After", "1"),)
    elif problem.status == 415:
        headers = (("Accept-Encoding", ACCEPTED_ENCODINGS),)
    body = encoder.encode(document).encode("utf-8", "replace")
    return complete_response(call, problem.status, "application/problem+json", headers, body)


def error_response(call, error):
    if isinstance(error, SystemExit):
        exit_as_asked(error, f"in request {call.request_id}")
    if not isinstance(error, Problem):
        log_error(error, call.request_id)
        error = Problem("FUNCTION_ERROR", explained(error))
    return problem_response(call, error)


# ---- deadlines.py
# The deadlines of calls.

class Deadlines:
    def __init__(self, loop, cancel):
        self.calls = {}  # without a response so far, in order of their deadlines
        self.streams = set()  # calls with a timer of their own
        self.loop = loop
        self.cancel = cancel  # of the runner
        self.expiring = False

    def watch(self, call):
        self.calls[call] = None
        if not self.expiring:
            self.expiring = True
            self.loop.call_later(settings.timeout, self.expire)

    def expire(self):
        now = monotonic()
        for call in list(self.calls):
            if call in self.streams:
                continue
            if call.deadline > now:
                self.loop.call_later(call.deadline - now, self.expire)
                return
            self.time_out_unless_sending(call)
        self.expiring = False

    def time_out_unless_sending(self, call):
        self.streams.discard(call)
        if call not in self.calls:
            return
        left = call.progress + settings.timeout - monotonic() if call.streaming else 0
        if left > 0:
            self.streams.add(call)
            self.loop.call_later(left, self.time_out_unless_sending, call)
        else:
            self.time_out(call)

    def time_out(self, call):
        self.calls.pop(call, None)
        connection = call.connection
        if call.claim():
            if connection.body is not None:
                call.keep_alive, connection.refused = False, True
            problem = Problem("FUNCTION_TIMEOUT", f"The function did not finish within {settings.timeout_ms} ms")
            connection.deliver(call, problem_response(call, problem))
        elif call.streaming:
            connection.cut()
        self.cancel(call)


# ---- event_loop.py
# The event loop of plain functions.

READ, WRITE = 1, 4  # POLLIN and POLLOUT, which epoll has too; errors and hang-ups are for both callbacks


class EventLoop:
    def __init__(self):
        self.watched = {}  # by descriptor: for reading, for writing
        self.poller = select.epoll() if hasattr(select, "epoll") else MillisecondPoll()
        self.callbacks = deque()
        self.timers = []  # a handful at most
        self.stopped = False
        self.wake_end, self.wake = os.pipe()
        os.set_blocking(self.wake_end, False)
        os.set_blocking(self.wake, False)
        self.add_reader(self.wake_end, self.drain_wake_ups)

    def add_reader(self, fd, callback):
        self.change(fd, 0, callback)

    def remove_reader(self, fd):
        self.change(fd, 0, None)

    def add_writer(self, fd, callback):
        self.change(fd, 1, callback)

    def remove_writer(self, fd):
        self.change(fd, 1, None)

    def change(self, fd, index, callback):
        on_read, on_write = known = self.watched.get(fd, (None, None))
        changed = (callback, on_write) if index == 0 else (on_read, callback)
        if changed == known:
            return
        events = (READ if changed[0] else 0) | (WRITE if changed[1] else 0)
        if events:
            self.watched[fd] = changed
            (self.poller.register if known == (None, None) else self.poller.modify)(fd, events)
        else:
            del self.watched[fd]
            self.poller.unregister(fd)

    def call_later(self, seconds, callback, *arguments):
        self.timers.append((monotonic() + seconds, callback, arguments))

    def call_soon_threadsafe(self, callback, *arguments):
        self.callbacks.append((callback, arguments))
        try:
            os.write(self.wake, b"\0")
        except BlockingIOError:
            pass  # the pipe is full of wake-ups already

    def drain_wake_ups(self):
        os.read(self.wake_end, 4096)

    def stop(self):
        self.stopped = True

    def run_forever(self, can_run, turn):
        poll, watched = self.poller.poll, self.watched
        while not self.stopped:
            timeout = None
            if self.callbacks or can_run():
                timeout = 0
            elif self.timers:
                timeout = max(0, min(timer[0] for timer in self.timers) - monotonic())
            for fd, events in poll(timeout, len(watched)):
                if events & ~WRITE and fd in watched:
                    on_read = watched[fd][0]
                    if on_read:
                        on_read()
                if events & ~READ and fd in watched:
                    on_write = watched[fd][1]
                    if on_write:
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


class MillisecondPoll:
    def __init__(self):
        poller = select.poll()
        self.register, self.modify, self.unregister = poller.register, poller.modify, poller.unregister
        self.wait = poller.poll

    def poll(self, timeout, count):
        return self.wait(None if timeout is None else math.ceil(timeout * 1000))


# ---- function/signature.py
# Calling conventions of the user's function.

# Flags of code objects (the inspect module's CO_COROUTINE, CO_ASYNC_GENERATOR and CO_VARARGS; importing it takes longer than the wrapper).
COROUTINE, ASYNC_GENERATOR, VARARGS = 0x80, 0x200, 0x04


def is_async(handler):
    while hasattr(handler, "func") and not hasattr(handler, "__code__"):  # functools.partial
        handler = handler.func
    code = getattr(handler, "__code__", None) or getattr(getattr(handler, "__call__", None), "__code__", None)
    return bool(code and code.co_flags & (COROUTINE | ASYNC_GENERATOR))


def arity(handler):
    if hasattr(handler, "takes_call"):
        return -1
    code = getattr(handler, "__code__", None)
    if code and not code.co_flags & VARARGS:
        bound = getattr(handler, "__self__", None) is not None
        return min(2, int(code.co_argcount) - bound)
    import inspect

    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 2
    if any(each.kind == each.VAR_POSITIONAL for each in parameters):
        return 2
    return min(2, sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters))


# ---- function/body.py
# Parsing request bodies for the function.

def refuse_constant(name):
    raise ValueError(f"{name} is not valid JSON")


decoder = json.JSONDecoder(parse_constant=refuse_constant)


def from_json(text):
    try:
        value, end = decoder.scan_once(text, 0)
        if end == len(text):
            return value
    except (ValueError, StopIteration, RecursionError):
        pass
    # Handles surrounding space, and a byte order mark, which some clients send (RFC 8259 section 8.1); or raises the right error.
    return decoder.decode(text[1:] if text.startswith("\ufeff") else text)


def parse_body(body, content_type):
    media_type = content_type
    if media_type != "application/json":
        media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("application/json", "text/json") or media_type.endswith("+json"):
        try:
            return from_json(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            detail = f"The body's type is {media_type}, but it is not valid JSON: {error}"
            raise Problem("MALFORMED_JSON", detail) from None
    if not media_type.startswith("text/") and media_type != "application/x-www-form-urlencoded":
        return body
    charset = re.search(r'charset="?([\w-]+)', content_type, re.I)
    try:
        return body.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


# ---- function/event.py
# The arguments of the user's function.

class Event(dict):
    __slots__ = ("rawBody",)


    def __missing__(self, name):
        if name == "rawBody":
            return self.rawBody
        raise KeyError(name)

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f'an event has {", ".join(self)}; no "{name}"') from None


class Log:
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
    __slots__ = ("request_id", "ends")

    def __init__(self, request_id, ends):
        self.request_id = request_id
        self.ends = ends  # on the monotonic clock

    @property
    def org(self):
        return settings.identity[0]

    @property
    def endpoint(self):
        return settings.identity[1]

    @property
    def revision(self):
        return settings.identity[2]

    @property
    def deadline(self):
        return time() + self.ends - monotonic()

    @property
    def log(self):
        return Log(self.request_id)


# ---- function/query.py
# Query strings.

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


def decode_part(text):
    text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    # Compiled at first use: most functions never need it, and every start would pay for it.
    data = re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("latin-1"))
    return data.decode("utf-8", "replace")


# ---- function/call.py
# A call of the function.

RANDOM_STOCK = 64
random_digits = []  # for request ids
TIMES = "x-faas-trace"  # asks for the times of a call
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}\Z").match


class Call:

    __slots__ = (
        "connection",
        "method",
        "target",
        "headers",
        "http10",
        "keep_alive",
        "body",
        "request_id",
        "deadline",
        "unclaimed",
        "streaming",
        "progress",
        "running",
        "late",
        "traced",
    )

    def __init__(
        self,
        connection,
        method,
        target,
        headers,
        http10=False,
        keep_alive=False,
        request_id=None,
    ):
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        self.http10 = http10
        self.keep_alive = keep_alive
        self.body = b""
        if request_id is None:
            given = headers.get("x-request-id")
            request_id = given if given and REQUEST_ID(given) else new_request_id()
        self.request_id = request_id
        self.deadline = monotonic() + settings.timeout
        self.unclaimed = [self]
        self.streaming = False  # part of the response may have been sent; `progress` is the time of the last piece then
        self.running = False  # a thread runs it
        self.late = False  # a thread runs it beyond its deadline
        self.traced = None  # the gateway asks for the times: seconds since the epoch when it began

    def begin_stream(self):
        self.progress = monotonic()
        self.streaming = True

    def claim(self):
        try:
            self.unclaimed.pop()
            return True
        except IndexError:
            return False

    def decoded_body(self):
        if self.body and "content-encoding" in self.headers:
            return decode_body(self.body, self.headers)
        return self.body

    def arguments(self, arity):
        if arity < 0:
            return (self,)
        target, query = self.target, ""
        if "?" in target:
            target, _, query = target.partition("?")
        if target[:1] not in ("/", "*"):  # absolute form, RFC 9112 section 3.2.2
            target = "/" + target.partition("://")[2].partition("/")[2]
        headers, body = self.headers, self.body
        if body and "content-encoding" in headers:
            body = decode_body(body, headers)
        event = Event(
            method=self.method,
            path=target or "/",
            query=parse_query(query) if query else {},
            headers=headers,
            body=parse_body(body, headers.get("content-type", "")) if body else None,
        )
        event.rawBody = body
        return (event, Context(self.request_id, self.deadline)) if arity == 2 else (event,)[:arity]


def new_request_id():
    try:
        digits = random_digits.pop()
    except IndexError:  # the system is asked for many at a time, which costs hardly more than one
        text = os.urandom(16 * RANDOM_STOCK).hex()
        random_digits.extend(text[at : at + 32] for at in range(32, len(text), 32))
        digits = text[:32]
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def is_traced(call):
    return TIMES in call.headers or "opentelemetry.context" in sys.modules


# ---- http/request_body.py
# Reading the body of an HTTP/1.1 request (RFC 9112 section 6).

CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
LINE_LIMIT = 4096


class SizedBody:
    def __init__(self, length):
        self.too_large = length > settings.body_limit
        self.left = length
        self.pieces = []

    def take(self, data):
        if self.too_large:
            raise body_too_large()
        if len(data) < self.left:
            self.left -= len(data)
            self.pieces.append(data)
            return None
        self.pieces.append(data[: self.left])
        return data[self.left :]


class ChunkedBody:
    too_large = False

    def __init__(self):
        self.pieces = []
        self.size = 0
        self.rest = b""
        self.left = None  # of the present chunk; None: a size line comes next
        self.trailers = None  # bytes of trailers so far, once the last chunk was seen

    def take(self, data):
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
            raise malformed("a chunk size is not a hexadecimal number")
        size = int(match[1], 16)
        self.size += size
        if self.size > settings.body_limit:
            raise body_too_large()
        if size:
            self.left = size
        else:
            self.trailers = 0


def body_reader(headers, http10):
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or http10 or coding.lower() != "chunked":
            raise malformed("expected either Content-Length or Transfer-Encoding: chunked")
        return ChunkedBody()
    if length is None:
        return None
    if not (length.isascii() and length.isdecimal()) or len(length) > 15:
        raise malformed("Content-Length is not a number")
    return SizedBody(int(length)) if int(length) else None


# ---- http/request_head.py
# Reading the head of an HTTP/1.1 request (RFC 9112).

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

# The lines that the gateway adds to each head.
GATEWAY_LINES = re.compile(
    rb"\r\nX-Request-Id: ([\x21-\x7e]{1,128})(?:\r\ntraceparent: ([0-9a-f-]{55}))?(?=\r\n|\Z)"
).search

# Lines of heads, and heads without those, to their parsed parts: clients send the same ones again and again.
known_requests = {}
known_headers = {}
known_heads = {}
MAX_CACHED = 300
MAX_CACHED_LENGTH = 1000


def cache(known, text, parts):
    if len(known) >= MAX_CACHED:
        known.clear()
    if len(text) <= MAX_CACHED_LENGTH:
        known[text] = parts
    return parts


def parse_head(connection, block):
    # The gateway adds the id, and after it the trace if there is one; the rest is often the same as before, byte for byte.
    lines = GATEWAY_LINES(block)
    if lines is None:
        return read_head(connection, block)
    id_bytes, trace_bytes = lines.groups()
    at, end = lines.span()
    request_id = id_bytes.decode()
    traceparent = trace_bytes.decode() if trace_bytes is not None else None
    rest = block[:at] + block[end:]
    found = known_heads.get(rest)
    if found is None:
        call, body = read_head(connection, block)
        if body is None or type(body) is SizedBody:
            others = dict(call.headers)
            # Of two ids both count, wherever in the head they are: then the head is not cached.
            if others.pop("x-request-id") == request_id == call.request_id and (
                others.pop("traceparent", None) == traceparent
            ):
                length = body.left if body is not None else 0
                cache(known_heads, rest, (call.method, call.target, others, call.http10, call.keep_alive, length))
        return call, body
    method, target, others, http10, keep_alive, length = found
    headers = dict(others)
    headers["x-request-id"] = request_id
    if traceparent is not None:
        headers["traceparent"] = traceparent
    call = Call(connection, method, target, headers, http10, keep_alive, request_id)
    return call, SizedBody(length) if length else None


def read_head(connection, block):
    lines = block.decode("latin-1").split("\r\n")
    first = lines[0]
    method, target, version = known_requests.get(first) or request_line(first)
    headers = {}
    for line in lines[1:]:
        key, value = known_headers.get(line) or header_line(line)
        if key in headers:
            value = headers[key] + ("; " if key == "cookie" else ", ") + value
        headers[key] = value
    http10 = version == "HTTP/1.0"
    if "host" not in headers and not http10:
        raise malformed("expected a Host header")
    connection_header = headers.get("connection")
    if connection_header is None:
        keep_alive = not http10
    else:
        tokens = [token.strip() for token in connection_header.lower().split(",")]
        keep_alive = "close" not in tokens and (not http10 or "keep-alive" in tokens)
    call = Call(connection, method, target, headers, http10, keep_alive)
    return call, body_reader(headers, http10)


def request_line(line):
    if not line.isprintable() and CONTROL.search(line):
        raise malformed("a control character in the header")
    parts = line.split(" ")
    if len(parts) != 3:
        raise malformed("expected METHOD TARGET HTTP/1.1")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise malformed("expected HTTP/1.1 or HTTP/1.0")
    if method not in METHODS and not TOKEN.match(method):
        raise malformed("the method is not a token")
    if not (target.startswith("/") or target == "*" or "://" in target):
        raise malformed("expected the target to begin with a slash")
    return cache(known_requests, line, (method, target, version))


def header_line(line):
    if not line.isprintable() and CONTROL.search(line):
        raise malformed("a control character in the header")
    name, colon, value = line.partition(":")
    if not TOKEN.match(name):
        raise malformed("a header name is not a token")
    if not colon:
        raise malformed("a header without a colon")
    return cache(known_headers, line, (name.lower(), value.strip(" \t")))


# ---- http/connection.py
# Connections of clients.

class Connection:
    __slots__ = (
        "owner",
        "loop",
        "deadlines",
        "sock",
        "fd",
        "buffer",
        "output",
        "call",
        "body",
        "reading",
        "ended",
        "gone",
        "refused",
        "lingering",
        "closed",
        "since",
    )

    def __init__(self, sock, owner):
        self.owner = owner
        self.loop = owner.loop
        self.deadlines = owner.deadlines
        self.sock = sock
        self.fd = sock.fileno()
        self.buffer = b""  # read and not yet taken
        self.output = b""  # to be written when the socket takes more
        self.call = None  # the present one, from the end of its head to the end of its response
        self.body = None  # its reader, until it is complete
        self.ended = False  # the client sends no more
        self.gone = False  # the client takes no more
        self.refused = False  # the request was not read to its end
        self.lingering = False
        self.closed = False
        self.since = monotonic()  # time of the last progress
        self.reading = True
        self.loop.add_reader(self.fd, self.readable)

    def readable(self):
        try:
            data = self.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self.gone = b"", True
        if not data:
            self.ended = True
            self.set_reading(False)
            if self.lingering or self.call is None or self.body is not None:
                self.close()
            return
        if self.lingering:
            return
        self.buffer = self.buffer + data if self.buffer else data
        self.process()

    def set_reading(self, wanted):
        if wanted != self.reading:
            self.reading = wanted
            if wanted:
                self.loop.add_reader(self.fd, self.reader())
            else:
                self.loop.remove_reader(self.fd)

    def reader(self):
        return self.readable

    def process(self):
        try:
            while not self.closed and not self.lingering and (self.call is None or self.body is not None):
                if self.call is None and not self.take_head():
                    break
                if self.body is not None and not self.take_body():
                    break
                self.since = monotonic()
                self.owner.start(self.call)
        except Problem as problem:
            self.refuse(problem)
        if self.closed or self.lingering:
            return
        if self.call is None and (self.ended or (lifecycle.closes_idle and not self.buffer)):
            self.close()
        elif not self.ended:
            self.set_reading(len(self.buffer) < READ_AHEAD or self.call is None)

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
        self.deadlines.watch(call)
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
        call = self.call = self.call or Call(self, "GET", "/", {})
        call.keep_alive = False
        self.refused = True
        if call.claim():
            self.deliver(call, problem_response(call, problem))

    def deliver(self, call, response):
        self.write(response.data)
        self.finish(call)

    def write(self, data):
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
        self.write(data)
        while self.output and not self.gone:
            poll = select.poll()
            poll.register(self.fd, select.POLLOUT)
            poll.poll()
            self.flush()

    async def write_async(self, data):
        self.write(data)
        while self.output and not self.gone:
            loop = self.loop
            writable = loop.create_future()
            loop.add_writer(self.fd, resolve, writable)
            try:
                await writable
            finally:
                self.loop.remove_writer(self.fd)
            self.flush()

    def finish(self, call):
        self.deadlines.calls.pop(call, None)
        if self.output or self.gone or not call.keep_alive:
            self.loop.call_soon_threadsafe(self.flush_and_continue)
            return
        self.since = monotonic()
        self.call = None
        if self.buffer or self.ended or lifecycle.closes_idle:
            self.loop.call_soon_threadsafe(self.process)

    def flush_and_continue(self):
        if self.closed:
            return
        self.flush()
        if self.output and not self.gone:
            self.loop.add_writer(self.fd, self.flush_and_continue)
            return
        self.loop.remove_writer(self.fd)
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
        self.lingering = True
        self.buffer = b""
        self.since = monotonic()
        self.owner.sweep_soon()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
        else:
            self.set_reading(True)

    def cut(self):
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
            self.deadlines.calls.pop(self.call, None)
        self.set_reading(False)
        self.loop.remove_writer(self.fd)
        self.sock.close()
        self.owner.forget(self)

    def sweep(self, now):
        if self.lingering:
            limit = LINGER
        elif self.output or self.buffer:
            limit = STALLED
        else:
            limit = KEEP_ALIVE
        handled = self.call is not None and self.call in self.deadlines.calls
        if not handled and now - self.since > limit:
            self.close()


def resolve(future):
    if not future.done():
        future.set_result(None)


# ---- runners/async_runner.py
# Async functions on asyncio's event loop.

class AsyncRunner:
    def __init__(self, handler, arity, loop):
        import asyncio

        self.handler = handler
        self.arity = arity
        self.loop = loop
        self.waiting = deque()
        self.running = {}  # call to its task, once that has begun
        # A task that begins at once (3.12) saves a turn of the loop.
        eager = {"eager_start": True} if sys.version_info >= (3, 12) else {}
        task = asyncio.Task
        self.task = lambda call: task(self.run(call), loop=loop, **eager)
        self.current_task = asyncio.current_task
        self.cancelled = asyncio.CancelledError

    def submit(self, call):
        if len(self.running) < settings.concurrency:
            self.start(call)
        elif len(self.waiting) >= settings.queue_limit:
            raise no_capacity()
        else:
            self.waiting.append(call)

    def start(self, call):
        self.running[call] = None
        self.task(call)

    def start_waiting(self):
        while self.waiting and len(self.running) < settings.concurrency:
            self.start(self.waiting.popleft())

    def cancel(self, call):
        task = self.running.get(call)
        if task is not None:
            task.cancel()

    async def run(self, call):
        if settings.tags_output:
            current_call.set(call.request_id)
        try:
            if call.unclaimed:
                self.running[call] = self.current_task()
                await self.answer(call)
        finally:
            del self.running[call]
            if self.waiting:
                self.loop.call_soon(self.start_waiting)

    async def answer(self, call):
        if "traceparent" in call.headers and is_traced(call):
            load_part('function.trace')

            enter_trace(call)  # in the context of the task, which ends with it
        try:
            result = self.handler(*call.arguments(self.arity))
            if hasattr(result, "__await__"):
                result = await result
            response = to_response(call, result)
        except self.cancelled as error:
            if not call.unclaimed:  # by cancel(), at the deadline
                return
            response = error_response(call, error)
        except BaseException as error:
            response = error_response(call, error)
        if response.stream is not None:
            call.begin_stream()
        if not call.claim():
            await self.close(response.stream)
        elif call.streaming:
            await self.stream(call, response)
        else:
            call.connection.deliver(call, response)

    async def stream(self, call, response):
        connection, stream = call.connection, response.stream
        try:
            await connection.write_async(response.data)
            if not isinstance(stream, UnsentStream):
                async for piece in stream if hasattr(stream, "__anext__") else with_pauses(stream):
                    data = encode_piece(call, piece)
                    if data:
                        await connection.write_async(data)
                        call.progress = monotonic()
                    if connection.gone:
                        break
                else:
                    await connection.write_async(encode_end(call))
        except self.cancelled:
            connection.cut()
        except BaseException as error:
            if isinstance(error, SystemExit):
                exit_as_asked(error, f"in request {call.request_id}")
            log_error(error, call.request_id)
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
            log_error(error)


async def with_pauses(iterator):
    from asyncio import sleep

    for piece in iterator:
        yield piece
        await sleep(0)


# ---- runners/executor.py
# The threads of asyncio's default executor.

MAX_EXECUTOR_THREADS = 32


def limit_threads(loop):
    run = loop.run_in_executor

    def run_in_executor(executor, func, *args):
        if executor is None and getattr(loop, "_default_executor", None) is None:
            from concurrent.futures import ThreadPoolExecutor

            # asyncio takes the number from the processors of the host, which a container does not have to itself. Blocking calls mostly wait.
            threads = min(MAX_EXECUTOR_THREADS, settings.concurrency + 4)
            loop.set_default_executor(ThreadPoolExecutor(threads, "asyncio"))
        return run(executor, func, *args)

    loop.run_in_executor = run_in_executor


# ---- runners/background_loop.py
# Awaitables that plain functions return.

background = []
background_lock = threading.Lock()


def in_background(awaitable):
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


# ---- runners/invoker.py
# Calling a plain function.

class Invoker:
    def __init__(self, handler, arity):
        self.handler = handler
        self.arity = arity

    def run(self, call):
        if settings.tags_output:
            current_call.set(call.request_id)
        leave_trace = None
        if "traceparent" in call.headers and is_traced(call):
            load_part('function.trace')

            leave_trace = enter_trace(call)
        try:
            result = self.handler(*call.arguments(self.arity))
            if hasattr(result, "__await__"):
                result = in_background(result)
            response = to_response(call, result)
        except BaseException as error:
            response = error_response(call, error)
        if response.stream is not None:
            call.begin_stream()
        if not call.claim():
            self.close(response.stream)
        elif call.streaming:
            self.stream(call, response)
        else:
            call.connection.deliver(call, response)
        if leave_trace is not None:
            leave_trace()

    def stream(self, call, response):
        connection, stream = call.connection, response.stream
        try:
            connection.write_all(response.data)
            if not isinstance(stream, UnsentStream):
                for piece in stream if hasattr(stream, "__next__") else from_background(stream):
                    data = encode_piece(call, piece)
                    if data:
                        connection.write_all(data)
                        call.progress = monotonic()
                    if connection.gone:
                        break
                else:
                    connection.write_all(encode_end(call))
        except BaseException as error:
            if isinstance(error, SystemExit):
                exit_as_asked(error, f"in request {call.request_id}")
            log_error(error, call.request_id)
            connection.cut()
        finally:
            self.close(stream)
            connection.finish(call)

    def close(self, stream):
        try:
            if hasattr(stream, "aclose"):
                in_background(stream.aclose())
            elif hasattr(stream, "close"):
                stream.close()
        except Exception as error:
            log_error(error)


# ---- runners/call_queue.py
# The queue of plain functions' calls.

class CallQueue:
    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = deque()
        self.running = 0  # calls that a thread has
        self.late = 0  # those beyond their deadline


# ---- runners/cpu_quota_pacer.py
# The pace of calls under a CPU limit.

class CpuQuotaPacer:
    SLOT = 0.05
    # The part of the limit that is given out.
    RATE = 0.98
    # The part of a share that calls which waited when the slot began may take in advance, so that they need not wait for another slot.
    CREDIT = 0.2
    # Seconds between two looks at the limit, which may change: a startup boost raises it for a while, and so does load.
    LOOK = 0.05
    FILES = (
        ("/sys/fs/cgroup/cpu.max",),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    )

    def __init__(self):
        # They stay open: to read them again costs a tenth of opening them, too, and a small quota has little for that.
        self.files = next((opened for opened in map(open_files, self.FILES) if opened), None)
        self.rate = None  # cores; None: no limit, or one of a core and more
        self.looked = -self.LOOK
        self.share = 0.0  # CPU seconds for each slot
        self.left = 0.0  # CPU seconds left in this slot; negative after a long call
        self.seen = 0.0  # CPU time of the process when `left` was computed
        self.asked = 0.0  # monotonic time of that moment
        self.end = 0.0  # of the slot
        self.rested = False  # this slot was used up
        self.follows = False  # the slot before it was

    def read_limit(self, now):
        self.looked = now
        try:
            quota, period = b" ".join(os.pread(file, 64, 0) for file in self.files or ()).split()
            rate = int(quota) / int(period) if quota.isdigit() else 1
        except (OSError, ValueError):
            self.files, rate = None, 1
        rate = rate * self.RATE if rate < 1 else None
        if rate != self.rate:
            self.rate, self.end = rate, now + self.SLOT
            self.left = self.share = (rate or 0) * self.SLOT
            self.seen, self.asked = process_time(), now

    def is_limited(self, now):
        if self.files is not None and now - self.looked > self.LOOK:
            self.read_limit(now)
        return self.rate is not None

    def delay(self, now, waited):
        # One thread uses no more CPU time than passes: while even that would leave some, the clock of the processor, a slow one, is not asked.
        if now < self.end and now - self.asked < self.left:
            return 0
        self.charge(now)
        if now >= self.end:
            slots = (now - self.end) // self.SLOT + 1
            self.end += slots * self.SLOT
            self.rested, self.follows = False, self.rested and slots == 1
            # Rest is not saved up; nor is use beyond our share that the kernel has allowed, since it allows no more than the quota.
            self.left = max(-2 * self.share, min(self.share, self.left + slots * self.share))
        if self.left > (-self.CREDIT * self.share if waited else 0):
            return 0
        if not self.follows:
            # The first slot that is used up, perhaps at its very end: the next begins a slot after that use can have begun, or three bursts
            # would fall into one period.
            self.end = max(self.end, now + self.SLOT - self.share)
            self.follows = True
        self.rested = True
        return self.end - now + max(0, -self.left // self.share) * self.SLOT

    def charge(self, now):
        seen = process_time()
        used = seen - self.seen
        self.left -= used
        self.seen, self.asked = seen, now
        return used


def open_files(paths):
    try:
        return [os.open(path, os.O_RDONLY) for path in paths]
    except OSError:
        return None


# ---- runners/loop_watchdog.py
# The thread that keeps the loop running while a call is stuck.

class LoopWatchdog:
    STUCK = 0.1

    def __init__(self, lock, on_stuck, take_loop):
        self.lock = lock  # of the call queue
        self.on_stuck = on_stuck  # called with the lock held, when a call loses the loop
        self.take_loop = take_loop  # runs the loop; returns when a call has lost it again
        self.turns = 0  # calls so far on the loop's thread
        self.present = None  # the call that it runs now
        self.watching = False
        self.parked = False  # the watching thread waits for the next call, which releases `parking`
        self.parking = None  # None until watching has begun for the first time

    def start(self):
        self.parking = threading.Lock()
        self.parking.acquire()
        self.watching = True
        threading.Thread(target=self.watch, daemon=True, name="faas-watchdog").start()

    def watch(self):
        self.watching = True
        seen = 0
        while True:
            sleep(self.STUCK)
            with self.lock:
                same, call, seen = self.turns == seen, self.present, self.turns
                stuck = same and call is not None
                parks = self.parked = same and call is None
                if stuck:
                    self.present = None
                    self.watching = False
                    self.on_stuck()
            if parks:
                self.parking.acquire()
            elif stuck:
                self.take_loop()
                # This thread is back from a call of its own, without the loop.
                self.watching = True
                seen = self.turns


# ---- runners/inline_runner.py
# Plain functions on the loop's own thread.

class InlineRunner:
    # Seconds that a call may wait for something else, on average, and for how long calls get threads when they wait longer.
    IDLING = 0.01
    BLOCKED = 30
    SHORT_WAIT = 0.002
    # Seconds after which the loop looks at the sockets, however many calls wait.
    BATCH = 0.02

    def __init__(
        self,
        queue,
        invoker,
        threads,
        loop,
        run_loop,
        pinned,
    ):
        self.queue = queue
        self.waiting = queue.waiting
        self.invoker = invoker
        self.threads = threads
        self.loop = loop
        self.run_loop = run_loop
        self.pinned = pinned
        self.lent = False  # pinned: the watchdog's thread has the loop
        self.wanted_back = False
        self.returned = threading.Lock()  # released when the watchdog's thread has given it back
        self.returned.acquire()
        self.pacer = CpuQuotaPacer()
        self.watchdog = LoopWatchdog(queue.lock, self.on_stuck, self.take_loop)
        self.rested = False  # since the last call
        self.waited = 0  # how many of the calls that waited when the rest was over still do
        self.blocked = 0.0  # seconds that a call did nothing but wait, a moving average
        self.blocked_until = 0.0

    def is_available(self, now):
        watchdog = self.watchdog
        return now >= self.blocked_until and (watchdog.watching or watchdog.parking is None)

    def can_run(self):
        if self.lent:
            return self.wanted_back
        if self.pinned or not self.waiting:
            return bool(self.waiting)
        now = monotonic()
        return (self.pacer.is_limited(now) and self.is_available(now)) or self.threads.started == len(
            self.threads.parked
        )

    def turn(self):
        if self.lent:
            return False
        queue, waiting, pacer, watchdog = self.queue, self.waiting, self.pacer, self.watchdog
        now = monotonic()
        until = now + self.BATCH
        if self.rested:
            self.rested, self.waited = False, len(waiting)
        while now < until:
            limited = pacer.is_limited(now)
            if not self.pinned and not (limited and self.is_available(now)):
                self.threads.wake_for_waiting()
                return True
            delay = pacer.delay(now, self.waited > 0) if limited else 0
            if delay > 0:
                self.rested = True
                # Sockets and all: what comes meanwhile is dealt with at once afterwards, which costs less than one by one.
                sleep(delay)
                return True
            with queue.lock:
                call = waiting.popleft() if waiting else None
                if call is None:
                    return True
                self.waited -= 1
                watchdog.turns += 1
                watchdog.present = call
                call.running = True
                queue.running += 1
                parked, watchdog.parked = watchdog.parked, False
            if parked:
                watchdog.parking.release()
            elif watchdog.parking is None:
                watchdog.start()
            if call.unclaimed and not call.connection.gone:
                self.invoker.run(call)
                if settings.tags_output:
                    current_call.set("")
            elif call.claim():
                call.connection.finish(call)
            began, now = now, monotonic()
            idled = now - began
            if idled > self.SHORT_WAIT:  # a shorter call has not waited for long
                idled = max(0.0, idled - pacer.charge(now))
            self.blocked += (idled - self.blocked) * 0.1
            if self.blocked > self.IDLING:
                self.blocked, self.blocked_until = 0.0, now + self.BLOCKED
            with queue.lock:
                call.running = False
                queue.running -= 1
                queue.late -= call.late
                if watchdog.present is not call:
                    break
                watchdog.present = None
        else:
            return True
        if self.pinned:
            self.take_back()
            return True
        with queue.lock:
            self.threads.started -= 1
        self.loop.call_soon_threadsafe(self.threads.wake_for_waiting)
        return False

    def take_back(self):
        self.wanted_back = True
        self.loop.call_soon_threadsafe(self.can_run)  # ends its select()
        self.returned.acquire()
        self.wanted_back = False

    def on_stuck(self):
        if self.pinned:
            self.lent = True
            return
        self.blocked_until = monotonic() + self.BLOCKED
        self.threads.started += 1  # the thread that is kept is as good as a worker until its call ends

    def take_loop(self):
        if not self.pinned:
            self.threads.wake_for_waiting()
        self.run_loop()
        if self.pinned:
            self.lent = False
            self.returned.release()


# ---- runners/thread_runner.py
# Plain functions on worker threads.

class ThreadRunner:
    HOLD = 0.002
    SHORT = 0.0005

    def __init__(self, queue, invoker, loop):
        self.queue = queue
        self.lock = queue.lock
        self.waiting = queue.waiting
        self.invoker = invoker
        self.loop = loop
        self.parked = []  # locks of the threads that have nothing to do
        self.started = 0  # threads; one whose call has lost the loop counts as well
        self.checking = False
        self.duration = 0.01  # of a call, seconds, a moving average

    def submit(self, call):
        with self.lock:
            self.waiting.append(call)
            busy = self.started > len(self.parked)
        if not busy or self.duration > self.SHORT:
            self.wake()
        if self.waiting and not self.checking:
            self.checking = True
            self.loop.call_later(self.HOLD, self.check_waiting, call)

    def check_waiting(self, call):
        self.checking = False
        with self.lock:
            waiting = len(self.waiting)
            first = self.waiting[0] if waiting else None
        if first is None:
            return
        if first.deadline <= call.deadline:
            for _ in range(waiting):
                self.wake()
        if self.parked or self.started < settings.threads:
            self.checking = True
            self.loop.call_later(self.HOLD, self.check_waiting, first)

    def wake_for_waiting(self):
        for _ in range(len(self.waiting)):
            self.wake()

    def wake(self):
        with self.lock:
            if self.parked:
                self.parked.pop().release()
                return
            if self.started >= settings.threads:
                return
            self.started += 1
        try:
            threading.Thread(target=self.work, daemon=True, name="faas-call").start()
        except RuntimeError as error:  # a limit of the system: the threads that run have to do
            with self.lock:
                self.started -= 1
            sys.stderr.write(f"Cannot start another thread: {error}\n")

    def work(self):
        queue, waiting, run = self.queue, self.waiting, self.invoker.run
        parking = threading.Lock()
        parking.acquire()
        call = None
        while True:
            with self.lock:
                if call is not None:
                    call.running = False
                    queue.running -= 1
                    queue.late -= call.late
                call = waiting.popleft() if waiting else None
                if call is None:
                    self.parked.append(parking)
                else:
                    call.running = True
                    queue.running += 1
            if call is None:
                parking.acquire()
            elif call.unclaimed and not call.connection.gone:
                began = monotonic()
                run(call)
                self.duration += (monotonic() - began - self.duration) * 0.1
            elif call.claim():
                call.connection.finish(call)


# ---- runners/sync_runner.py
# The runner of plain functions.

class SyncRunner:
    def __init__(
        self,
        invoker,
        loop,
        run_loop,
        on_exhausted,
    ):
        self.queue = CallQueue()
        self.threads = ThreadRunner(self.queue, invoker, loop)
        self.pinned = settings.concurrency == 1
        self.inline = InlineRunner(self.queue, invoker, self.threads, loop, run_loop, self.pinned)
        self.pacer = self.inline.pacer
        self.on_exhausted = on_exhausted  # called when late calls hold every thread

    def submit(self, call):
        queue = self.queue
        if len(queue.waiting) + queue.running >= settings.queue_limit + settings.concurrency:
            raise no_capacity()
        if self.pinned:
            queue.waiting.append(call)
            return
        now = monotonic()
        if self.pacer.is_limited(now) and self.inline.is_available(now):
            queue.waiting.append(call)
        else:
            self.threads.submit(call)

    def watch(self):
        self.inline.watchdog.watch()

    def cancel(self, call):
        with self.queue.lock:
            if not call.running:
                return
            call.late = True
            self.queue.late += 1
            if self.queue.late < settings.threads:
                return
        self.on_exhausted()

    def refuse_waiting(self):
        with self.queue.lock:
            waiting = list(self.queue.waiting)
            self.queue.waiting.clear()
        return [call for call in waiting if call.claim()]


# ---- sigterm.py
# SIGTERM, which begins a drain. Calls are still in flight then, and a handler of the user's code often ends the process, or what calls
# need: the wrapper keeps that handler, and calls it after the drain.

set_handler, get_handler = signal.signal, signal.getsignal


def on_sigterm_call(on_sigterm):
    set_handler(signal.SIGTERM, lambda *_: end_after_drain() if lifecycle.drained else on_sigterm())
    signal.signal = set_user_handler
    signal.getsignal = get_user_handler
    os.register_at_fork(after_in_child=restore_signals)


def set_user_handler(signalnum, handler, /):
    if signalnum != signal.SIGTERM or not (callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)):
        return set_handler(signalnum, handler)
    set_handler(signalnum, get_handler(signalnum))  # raises ValueError outside of the main thread
    previous, lifecycle.user_handler = lifecycle.user_handler, handler
    return previous


def get_user_handler(signalnum, /):
    return lifecycle.user_handler if signalnum == signal.SIGTERM else get_handler(signalnum)


def restore_signals():
    signal.signal, signal.getsignal = set_handler, get_handler
    set_handler(signal.SIGTERM, lifecycle.user_handler)


def keep_loop_handlers(loop):
    add, remove = loop.add_signal_handler, loop.remove_signal_handler

    def add_signal_handler(sig, callback, *args):
        if sig == signal.SIGTERM:
            lifecycle.user_handler = lambda *_: callback(*args)
        else:
            add(sig, callback, *args)

    def remove_signal_handler(sig):
        if sig != signal.SIGTERM:
            return remove(sig)
        previous, lifecycle.user_handler = lifecycle.user_handler, signal.SIG_DFL
        return bool(previous != signal.SIG_DFL)

    loop.add_signal_handler = add_signal_handler
    loop.remove_signal_handler = remove_signal_handler


def end_after_drain(loop=None):
    handler = lifecycle.user_handler
    if not callable(handler):
        exit_process(0)
    if threading.current_thread() is not threading.main_thread():
        lifecycle.drained = True
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        sleep(EXIT_LIMIT)
        exit_process(0)
    lifecycle.user_handler = signal.SIG_DFL  # a handler may send the signal once more
    try:
        if loop is None:
            handler(int(signal.SIGTERM), None)
        else:
            call_with_tasks(handler, loop)
    except SystemExit as error:
        exit_process(error.code if isinstance(error.code, int) else int(error.code is not None))
    except BaseException as error:
        log_error(error)
        exit_process(1)
    exit_process(0)


def call_with_tasks(handler, loop):
    import asyncio

    async def call():
        others = asyncio.all_tasks()
        handler(int(signal.SIGTERM), None)
        started = asyncio.all_tasks() - others
        if started:
            await asyncio.wait(started, timeout=EXIT_LIMIT)

    loop.run_until_complete(call())


# ---- server.py
# The server: sockets on one side, the function's runner on the other.

class Server:

    def __init__(self):
        self.listening = False
        self.claimed = False  # a warm process was given its function
        self.serving = False  # loop, runner and deadlines are there
        self.problem = None  # reason why the function could not be loaded
        self.connections = {}
        self.sweeping = False
        self.connection_type = Connection
        self.on_drain = None  # called when a drain begins, and when it has ended
        self.on_end = None

    def listen(self):
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
        self, loaded, problem, watch, connections=()
    ):
        self.problem = problem
        app, target = (loaded.app, loaded.target) if loaded else (None, None)
        if app in ("asgi", "asgi2"):
            self.use_asgi(target, app)
        elif app == "wsgi":
            load_part('wsgi.invoker')

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
        self.runner.watch()

    def use_threads(self, invoker):
        self.loop = EventLoop()
        self.runner = SyncRunner(invoker, self.loop, self.run, self.give_up)

    def use_asyncio(self):
        import asyncio

        loop = self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        keep_loop_handlers(loop)
        limit_threads(loop)
        return loop

    def use_asgi(self, app, kind):
        load_part('asgi.connection')
        load_part('asgi.runner')

        loop = self.use_asyncio()
        runner = self.runner = AsgiRunner(asgi3(app) if kind == "asgi2" else app, loop)
        self.connection_type = AsgiConnection
        self.on_drain, self.on_end = runner.drain, runner.end
        try:
            runner.startup()
        except Problem as problem:
            self.problem = problem
            sys.stderr.write(f"{problem}\n")

    def run(self):
        if isinstance(self.runner, AsyncRunner):
            self.loop.run_forever()
        else:
            inline = self.runner.inline
            self.loop.run_forever(inline.can_run, inline.turn)
            if not self.loop.stopped:
                return
        if not settings.port.isdecimal():
            try:
                os.unlink(settings.port)
            except FileNotFoundError:
                pass  # The server moves the socket of a sandboxed replica to a path that other functions cannot see.
        if self.on_end:
            self.on_end()
        end_after_drain(self.loop if isinstance(self.runner, AsyncRunner) else None)

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
            except OSError:  # it is already closed; macOS reports that here
                sock.close()
                continue
            self.add_connection(sock)

    def add_connection(self, sock, received=b""):
        connection = self.connection_type(sock, self)
        self.connections[connection] = None
        self.sweep_soon()
        if received:
            connection.buffer = received
            connection.process()

    def accept_again(self):
        if self.listening:
            self.loop.add_reader(self.listener.fileno(), self.accept)

    def start(self, call):
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

    def own_route(self, call):
        path = call.target.partition("?")[0]
        if path == "/-/claim" and self.claimed:
            raise replica_claimed()
        if path != "/-/ready":
            raise Problem("NOT_FOUND", f"There is nothing at {call.target}")
        if self.problem:
            raise self.problem
        return complete_response(call, 200, JSON, (), b'{"status":"ready"}')

    def give_up(self):
        sys.stderr.write("All slots are held by calls beyond their deadline: the process exits\n")
        for call in self.runner.refuse_waiting():
            call.connection.deliver(call, problem_response(call, no_capacity()))
        self.loop.call_later(0.1, exit_process, 1)

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
        if lifecycle.draining and not self.connections:
            self.loop.stop()

    def drain(self):
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

    def close_idle(self):
        lifecycle.closes_idle = True
        for connection in list(self.connections):
            if connection.call is None and not connection.buffer:
                connection.readable()
                if connection.call is None and not connection.buffer:
                    connection.close()


# ---- parts that are compiled when they are needed

PARTS = {}  # name to line in this file and text


def load_part(name):
    line, text = PARTS.pop(name, (0, ""))
    if text:
        exec(compile("\n" * line + text, FILE, "exec", dont_inherit=True), globals())


PARTS['function.missing_package'] = 2935, r'''import os
import sys

# ---- function/missing_package.py
# Advice for an import of a package that is not installed.

MANIFESTS = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg")


def package_advice(module):
    top = module.partition(".")[0]
    is_own = any(
        os.path.exists(os.path.join(source_folder.path, folder, file))
        for folder in ("", "src")
        for file in (top, f"{top}.py")
    )
    if is_own or top.startswith("_") or top in getattr(sys, "stdlib_module_names", ()):
        return ""
    manifest = next(
        (file for file in MANIFESTS if os.path.exists(os.path.join(source_folder.path, file))), MANIFESTS[0]
    )
    name = distribution_of(top)
    return f': add "{name}" to {manifest}' if name else f": add the package that contains it to {manifest}"


def distribution_of(module):
    return {
        "attr": "attrs",
        "azure": "",
        "bs4": "beautifulsoup4",
        "bson": "pymongo",
        "corsheaders": "django-cors-headers",
        "Crypto": "pycryptodome",
        "cv2": "opencv-python-headless",
        "dateutil": "python-dateutil",
        "decouple": "python-decouple",
        "discord": "discord.py",
        "dns": "dnspython",
        "docx": "python-docx",
        "dotenv": "python-dotenv",
        "engineio": "python-engineio",
        "environ": "django-environ",
        "faiss": "faiss-cpu",
        "fitz": "PyMuPDF",
        "git": "GitPython",
        "github": "PyGithub",
        "gitlab": "python-gitlab",
        "google": "",
        "googleapiclient": "google-api-python-client",
        "jose": "python-jose",
        "jwt": "PyJWT",
        "kafka": "kafka-python",
        "ldap": "python-ldap",
        "magic": "python-magic",
        "markdown_it": "markdown-it-py",
        "memcache": "python-memcached",
        "mpl_toolkits": "matplotlib",
        "multipart": "python-multipart",
        "mysql": "mysql-connector-python",
        "MySQLdb": "mysqlclient",
        "nacl": "PyNaCl",
        "OpenSSL": "pyOpenSSL",
        "PIL": "Pillow",
        "pkg_resources": "setuptools",
        "pptx": "python-pptx",
        "psycopg2": "psycopg2-binary",
        "pylab": "matplotlib",
        "pythonjsonlogger": "python-json-logger",
        "rest_framework": "djangorestframework",
        "serial": "pyserial",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "slugify": "python-slugify",
        "socketio": "python-socketio",
        "telegram": "python-telegram-bot",
        "umap": "umap-learn",
        "usb": "pyusb",
        "websocket": "websocket-client",
        "yaml": "PyYAML",
        "zmq": "pyzmq",
    }.get(module, module)
'''


PARTS['apps.address'] = 3019, r'''# ---- apps/address.py
# The address of a request as its caller sees it, from the headers that the gateway adds.

DEFAULT_PORTS = {"http": "80", "https": "443"}
servers = {}  # parsed hosts
MAX_SERVERS = 100


def prefix_of(headers):
    prefix = headers.get("x-forwarded-prefix")
    if not prefix:
        return ""
    prefix = prefix.rstrip("/")
    return prefix if prefix.startswith("/") else ""


def scheme_of(headers):
    proto = headers.get("x-forwarded-proto")
    if proto is None or proto == "http":
        return "http"
    return "https" if proto.partition(",")[0].strip().lower() in ("https", "wss") else "http"


def server_of(headers, scheme):
    host = headers.get("host", "")
    found = servers.get((host, scheme))
    if found is None:
        name, colon, port = host.rpartition(":")
        if not (colon and port.isdecimal() and port.isascii()):
            name, port = host, DEFAULT_PORTS[scheme]
        found = (name.strip("[]") or "localhost", port)
        if len(servers) >= MAX_SERVERS:
            servers.clear()
        servers[(host, scheme)] = found
    return found


def client_of(headers):
    chain = headers.get("x-forwarded-for")
    return chain[chain.rfind(",") + 1 :].strip() if chain else "127.0.0.1"


def target_of(call):
    path, _, query = call.target.partition("?")
    if path[:1] not in ("/", "*"):  # absolute form, RFC 9112 section 3.2.2
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path or "/", query


def decode_path(path):
    if "%" not in path:
        return path.encode("latin-1")
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path.encode("latin-1"))
'''


PARTS['signatures.aws_lambda'] = 3077, r'''import base64
import re
from time import gmtime, monotonic, strftime, time
load_part('apps.address')

# ---- signatures/aws_lambda.py
# Functions for AWS Lambda behind API Gateway or a function URL.

LAMBDA_VERSION = "$LATEST"
LAMBDA_MEMORY_MB = "256"
# Content types whose bodies API Gateway sends as text; it encodes all others in base64.
LAMBDA_TEXT_TYPE = re.compile(
    r"\s*(?:text/|application/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\s*(?:;|\Z))", re.I
)


def set_lambda_environment():
    _, endpoint, revision = settings.identity
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": endpoint,
        "AWS_LAMBDA_FUNCTION_VERSION": LAMBDA_VERSION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_limit(),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{endpoint}",
        "AWS_LAMBDA_LOG_STREAM_NAME": revision,
        "LAMBDA_TASK_ROOT": source_folder.path,
        "_HANDLER": ENVIRONMENT.get("FAAS_HANDLER") or "lambda_function.lambda_handler",
    }
    for name, value in variables.items():
        ENVIRONMENT.setdefault(name, value)


def memory_limit():
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                limit = int(file.read())
        except (OSError, ValueError):
            continue
        if 0 < limit < 1 << 40:
            return str(limit >> 20)
    return LAMBDA_MEMORY_MB


def adapt_lambda(target):
    set_lambda_environment()
    count = arity(target)

    def handle(call):
        body = call.decoded_body()
        return lambda_result(target(*(lambda_event(call, body), LambdaContext(call))[:count]))

    async def handle_async(call):
        body = call.decoded_body()
        return lambda_result(await target(*(lambda_event(call, body), LambdaContext(call))[:count]))

    adapted = handle_async if is_async(target) else handle
    adapted.takes_call = True
    return adapted


def lambda_event(call, body):
    headers = dict(call.headers)
    path, query = target_of(call)
    now = time()
    domain = headers.get("host", "")
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": settings.identity[1],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": call.method,
                "path": path,
                "protocol": "HTTP/1.0" if call.http10 else "HTTP/1.1",
                "sourceIp": client_of(call.headers),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": call.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
        "httpMethod": call.method,
        "path": path,
    }
    if "cookie" in headers:
        event["cookies"] = re.split("; *", headers["cookie"])
    if query:
        parameters = parse_query(query)
        event["queryStringParameters"] = {
            key: ",".join(value) if isinstance(value, list) else value for key, value in parameters.items()
        }
    if body:
        event["body"], event["isBase64Encoded"] = lambda_body(body, headers.get("content-type"))
    return event


def lambda_body(body, content_type):
    if content_type is None or LAMBDA_TEXT_TYPE.match(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            if content_type is not None:
                return body.decode("utf-8", "replace"), False
    return base64.b64encode(body).decode(), True


class LambdaContext:
    function_version = LAMBDA_VERSION
    client_context = None
    identity = None

    def __init__(self, call):
        region = ENVIRONMENT.get("AWS_REGION") or ENVIRONMENT.get("AWS_DEFAULT_REGION") or "local"
        self.aws_request_id = call.request_id
        self.function_name = ENVIRONMENT["AWS_LAMBDA_FUNCTION_NAME"]
        self.invoked_function_arn = f"arn:aws:lambda:{region}:000000000000:function:{self.function_name}"
        self.memory_limit_in_mb = ENVIRONMENT["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = ENVIRONMENT["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = ENVIRONMENT["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._ends = call.deadline

    def get_remaining_time_in_millis(self):
        return max(0, int((self._ends - monotonic()) * 1000))

    def log(self, message):
        print(message, flush=True)


def lambda_result(value):
    if not isinstance(value, dict) or "statusCode" not in value:
        text = value if isinstance(value, str) else to_json(value)
        return {"status": 200, "headers": {"Content-Type": "application/json"}, "body": text}
    headers = {}
    for name, each in (value.get("headers") or {}).items():
        if each is not None:
            headers[name.lower()] = lambda_text(each)
    for name, values in (value.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = [lambda_text(each) for each in values]
    if value.get("cookies"):
        before = headers.get("set-cookie", [])
        headers["set-cookie"] = [*([before] if isinstance(before, str) else before), *value["cookies"]]
    body = value.get("body")
    if body is None:
        body = b""
    elif value.get("isBase64Encoded"):
        body = base64.b64decode(body)
    elif isinstance(body, (dict, list)):
        raise invalid_response(f'Expected "body" to be a str, got a {type(body).__name__}: use json.dumps')
    elif not isinstance(body, (str, bytes)):
        body = lambda_text(body)
    if not body:
        body = b""
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    return {"status": lambda_status(value["statusCode"]), "headers": headers, "body": body}


def lambda_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def lambda_status(value):
    try:
        status = from_json(value) if isinstance(value, str) else int(value)
    except (ValueError, TypeError):
        status = 0
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise invalid_response(f'Expected "statusCode" to be from 200 to 599, got {value!r}')
    return status
'''


PARTS['apps.recognize'] = 3257, r'''import sys

# ---- apps/recognize.py
# Recognizing applications of web frameworks among the exports of the user's module.

APP_NAMES = ("app", "application")
APP_KINDS = ("wsgi", "asgi")
FACTORY_VERBS = ("create_", "make_", "build_", "get_")
# Frameworks with a server of their own: their applications can be called, but not as WSGI or ASGI say.
OWN_SERVERS = {"aiohttp": "aiohttp", "tornado": "Tornado", "twisted": "Twisted", "gradio": "Gradio", "dash": "Dash"}


def app_kind(value):
    if isinstance(value, type):
        names = required_names(value)
        call = required_names(getattr(value, "__call__", None))
        # A class of ASGI 2: an instance for each connection.
        return "asgi2" if names == ["scope"] and call is not None and call[-2:] == ["receive", "send"] else None
    if not callable(value):
        return None
    names = required_names(value)
    if names is None:
        return None
    if len(names) == 3 and (is_async(value) or names[0] == "scope"):
        return "asgi"
    if names == ["scope"]:
        return "asgi2"
    if len(names) == 2 and (names[0] == "environ" or names[1] in ("start_response", "start_resp")):
        return "wsgi"
    # Decorated and compiled callables show no names; frameworks are known by attributes.
    if hasattr(value, "wsgi_app"):
        return "wsgi"
    modules = [each.__module__ for each in type(value).__mro__]
    if any(each.startswith("starlette.") for each in modules):
        return "asgi"
    return None


def required_names(value):
    import inspect

    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]


def describe(value):
    cls = type(value)
    package = cls.__module__.partition(".")[0]
    return cls.__name__ if package in ("builtins", "__main__") else f"{cls.__name__} of {package}"


def accepts(value, kind):
    if not callable(value):
        return False
    import inspect

    try:
        inspect.signature(value).bind(
            *("environ", "start_response") if kind == "wsgi" else ("scope", "receive", "send")
        )
    except TypeError:
        return False
    except ValueError:  # it shows no parameters
        return True
    return required_names(value) != ["event", "context"]


def with_article(kind):
    return "a WSGI" if kind == "wsgi" else "an ASGI"


def find_app(module, file, name, setting):
    target = getattr(module, name)
    if is_factory(target, name, setting):
        target = run_user_code(target, file)
        name = f"{name}()"
    kind = app_kind(target)
    if setting in APP_KINDS:
        if kind is not None and kind[:4] != setting:
            raise load_failed(
                f'{file}: "{name}" is {with_article(kind)} application ({describe(target)}), not {setting.upper()}. '
                f"Deploy it with --app {kind[:4]}"
            )
        if kind is None and not accepts(target, setting):
            raise load_failed(
                f'{file}: expected "{name}" to be {with_article(setting)} application, got {describe(target)}. '
                'Name the application with --handler, such as "main.app"'
            )
        return target, kind or setting
    if kind is not None:
        return target, kind
    if own := own_server(target):
        raise load_failed(
            f'{file}: "{name}" is an application of {own}, which is neither WSGI nor ASGI. '
            "Deploy it with --app server and the command that starts it, on the port of $PORT"
        )
    if not callable(target) and name.rstrip("()") not in ("handler", "main"):
        raise load_failed(
            f'{file}: expected "{name}" to be a function or an application, got {describe(target)}. '
            'Name it with --handler, such as "main.app", and its kind with --app wsgi or --app asgi'
        )
    return target, None


def is_factory(target, name, setting):
    code = getattr(target, "__code__", None)
    if code is None or code.co_flags & VARARGS or is_async(target) or required_names(target) != []:
        return False
    return setting in APP_KINDS or name.startswith(FACTORY_VERBS) or name in ("app_factory", "factory")


def own_server(value):
    for each in type(value).__mro__:
        package = each.__module__.partition(".")[0]
        if package in OWN_SERVERS and package in sys.modules:
            return OWN_SERVERS[package]
    return None


def check_not_app(target, file, name, signature):
    kind = app_kind(target)
    if kind is not None and kind != "asgi2":
        raise load_failed(
            f'{file}: "{name}" is {with_article(kind)} application, not a function with the signature {signature}. '
            f"Deploy it with --app {kind[:4]}, without --signature"
        )
'''


PARTS['signatures.adapt'] = 3393, r'''import sys

# ---- signatures/adapt.py
# Choosing how a function of another platform is called.

# Names of functions by signature, tried when the handler's setting does not name one.
CONVENTIONS = {
    "lambda": ("lambda_handler", "handler"),
    "openfaas": ("handle",),
    "knative": ("handle", "main"),
    "": ("lambda_handler", "handle"),
}


def adapt_signature(target, module, file_name, name=None):
    if "functions_framework" in sys.modules and settings.signature in ("", "gcf", "cloudevents"):
        load_part('signatures.google')

        if registered_functions():
            found = google_target(module, file_name, name)
            if found:
                return google_app(module, file_name, found)
    if settings.signature in ("", "knative") and name in (None, "new") and is_function_class(module):
        load_part('signatures.knative')

        return knative_instance_app(run_user_code(module.new, file_name)), "asgi"
    if target is None or not callable(target):
        target = find_target(module, name)
    if target is None:
        if settings.signature:
            raise load_failed(
                f'{file_name}: found no function of the signature {settings.signature}. Set the handler to "file.function"'
            )
        return None
    signature = settings.signature or recognize(target, module)
    return adapt(signature, target, module, file_name) if signature else None


def is_function_class(module):
    new = getattr(module, "new", None)
    code = getattr(new, "__code__", None)
    return code is not None and code.co_argcount == 0 and not hasattr(module, "handler")


def adapt(signature, target, module, file_name):
    if signature == "lambda":
        load_part('signatures.aws_lambda')

        return adapt_lambda(target), None
    if signature == "openfaas":
        load_part('signatures.openfaas')

        return adapt_openfaas(target), None
    if signature == "cloudevents":
        load_part('signatures.cloud_event')

        return adapt_cloud_event(target), None
    if signature == "gcf":
        load_part('signatures.google')

        name = google_target(module, file_name, getattr(target, "__name__", None))
        return google_app(module, file_name, name or "")
    if signature == "knative":
        if is_async(target):
            return target, "asgi"
        load_part('signatures.knative')

        return knative_app(target, file_name), "wsgi"
    load_part('signatures.flask_function')

    return fission_app(target, file_name), "wsgi"


def find_target(module, name):
    wanted = ENVIRONMENT.get("FUNCTION_TARGET") or ENVIRONMENT.get("GOOGLE_FUNCTION_TARGET")
    names = (name,) if name else (wanted, *CONVENTIONS.get(settings.signature, ()))
    found = next((each for each in names if each and callable(getattr(module, each, None))), None)
    if found:
        return getattr(module, found)
    own = [
        value
        for key, value in vars(module).items()
        if key[0] != "_" and getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__code__")
    ]
    return own[0] if settings.signature and not name and len(own) == 1 else None


def recognize(target, module):
    name = getattr(target, "__name__", type(target).__name__)
    function = target
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    if name == "lambda_handler" or type(target).__module__.partition(".")[0] == "mangum":
        return "lambda"
    if code is None:
        return None
    parameters = code.co_varnames[: code.co_argcount]
    if name == "handle":
        return "knative" if len(parameters) == 3 and is_async(target) else "openfaas" if parameters else None
    if "parliament" in sys.modules and len(parameters) == 1 and name == "main":
        return "knative"
    words = words_of(code)
    if "aws_lambda_powertools" in sys.modules and len(parameters) == 2 or words & LAMBDA_FIELDS - {"statusCode"}:
        return "lambda"
    if {"statusCode", "body"} <= words and not words & {"method", "query", "rawBody"} and sets_literal_status(function):
        return "lambda"
    if not parameters and uses_flask_request(function, module, words):
        return "fission"
    return None


def sets_literal_status(function):
    import inspect
    import re

    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return False
    return bool(re.search(r"""["']?statusCode["']?[\]\s:=]+["']?\d{3}\b""", source))


def uses_flask_request(function, module, words):
    flask = sys.modules.get("flask")
    if flask is None or any(isinstance(value, flask.Flask) for value in vars(module).values()):
        return False
    names = [key for key, value in vars(module).items() if value is flask.request]
    return any(each in words for each in names) or "flask" in words and "request" in words


def likely_signature(target):
    code = getattr(target, "__code__", None)
    if code is None:
        return None
    words = words_of(code)
    if words & LAMBDA_FIELDS:
        return "lambda"
    if code.co_varnames[:1] == ("request",) and words & {"get_json", "args", "form", "get_data"}:
        return "gcf"
    return "cloudevents" if words & {"specversion", "datacontenttype"} else None
'''


PARTS['function.trace'] = 3537, r'''import sys
from time import time

# ---- function/trace.py
# The trace that a call belongs to (docs/wrapper-protocol.md, "Traces"): times for the gateway, and the parent of the function's own spans.

def enter_trace(call):
    headers = call.headers
    if TIMES in headers:
        call.headers = {name: value for name, value in headers.items() if name != TIMES}
        call.traced = time()
    # Without it in use there is nobody to tell.
    if "opentelemetry.context" not in sys.modules:
        return None
    try:
        from opentelemetry import context, propagate

        token = context.attach(propagate.extract(headers))
    except Exception:  # of a propagator or a context that the user has configured: the call then has no parent
        return None
    return lambda: context.detach(token)


def times_line(call):
    began = call.traced or 0.0
    loading, loaded = lifecycle.loading
    handler = f"handler={began * 1000:.3f}+{max(0.0, time() - began) * 1000:.3f}"
    return f"X-Faas-Trace: {handler},load={loading * 1000:.3f}+{max(0.0, loaded - loading) * 1000:.3f}\r\n"
'''


PARTS['apps.app_head'] = 3568, r'''# ---- apps/app_head.py
# The head of an application's response: its own headers, checked, with those of the connection.

# Lines of headers: applications send the same ones again and again.
known_lines = {}
known_statuses = {}
LENGTH_NAMES = frozenset(("Content-Length", "content-length", b"content-length", b"Content-Length"))
MAX_LINES = 300
MAX_LINE = 1000
# Headers about the connection, which is the wrapper's.
OWN_HEADERS = frozenset(("transfer-encoding", "keep-alive", "x-request-id", "upgrade", "proxy-connection"))


class AppHead:
    __slots__ = ("status", "status_line", "lines", "length", "has_date", "closes")

    def __init__(self, status, headers):
        known = known_statuses.get(status)
        self.status, self.status_line = known or parse_status(status)
        self.lines = []
        self.length = None  # of the body, as the application says
        self.has_date = False
        self.closes = False
        lines = self.lines
        for name, value in headers:
            line = known_lines.get((name, value))
            if line is not None:
                lines.append(line)
            elif name in LENGTH_NAMES and value.isascii() and value.isdigit():
                self.length = int(value)
            else:
                self.add(name, value)

    def add(self, name, value):
        key = header_text(name)
        text = header_text(value)
        if not TOKEN.match(key):
            raise invalid_response(f"The application sent a header that cannot be sent: {key!r} is not a header name")
        if CONTROL.search(text):
            raise invalid_response(f"The application sent a header that cannot be sent: {key}: {text!r}")
        lower = key.lower()
        if lower in OWN_HEADERS:
            return
        if lower == "connection":
            self.closes = self.closes or text.strip().lower() == "close"
        elif lower == "content-length":
            if not (text.isascii() and text.strip().isdecimal()):
                raise invalid_response(f"Expected Content-Length to be a number, got {text!r}")
            self.length = int(text.strip())
        else:
            line = f"{key}: {text.strip()}\r\n".encode("latin-1")
            self.lines.append(line)
            if lower == "date":
                self.has_date = True
            elif len(line) <= MAX_LINE:
                if len(known_lines) >= MAX_LINES:
                    known_lines.clear()
                known_lines[(name, value)] = line

    def encode(self, call, framing):
        if lifecycle.draining or self.closes:
            call.keep_alive = False
        if not call.keep_alive:
            framing += "Connection: close\r\n"
        elif call.http10:
            framing += "Connection: keep-alive\r\n"
        if call.traced is not None:
            load_part('function.trace')

            framing = times_line(call) + framing
        date = "" if self.has_date else date_line()
        end = f"X-Request-Id: {call.request_id}\r\n{date}{framing}\r\n"
        return b"%b%b%b" % (self.status_line, b"".join(self.lines), end.encode("latin-1"))

    def framing(self, call, length):
        if self.status in (204, 304):
            return ""
        if length is not None:
            return f"Content-Length: {length}\r\n"
        if call.http10:  # it has no chunks: the end of the connection is the end of the body
            call.keep_alive = False
            return ""
        return "Transfer-Encoding: chunked\r\n"


def header_text(value):
    if type(value) is str:
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            raise invalid_response(f"The application sent a header that cannot be sent: {value!r}") from None
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("latin-1")
    if isinstance(value, str):
        return header_text(str(value))
    raise invalid_response(f"Expected a header to be text, got {type(value).__name__}: {value!r}")


def parse_status(status):
    code, reason = status, ""
    if isinstance(status, str):
        number, _, reason = status.partition(" ")
        code = int(number) if number.isascii() and number.isdecimal() else 0
    else:
        reason = REASONS.get(code, "") if isinstance(code, int) else ""
    if not isinstance(code, int) or not 200 <= code <= 999:
        raise invalid_response(f"Expected a status from 200 to 999, got {status!r}")
    try:
        line = f"HTTP/1.1 {int(code)} {reason}\r\n".encode("latin-1")
    except UnicodeEncodeError:
        line = b""
    if not line or CONTROL.search(reason):
        raise invalid_response(f"Expected the reason of the status to be printable text, got {status!r}")
    if len(known_statuses) >= MAX_LINES:
        known_statuses.clear()
    known_statuses[status] = (int(code), line)
    return int(code), line
'''


PARTS['asgi.scope'] = 3689, r'''load_part('apps.address')

# ---- asgi/scope.py
# The scope of an ASGI connection.

ASGI = {"version": "3.0", "spec_version": "2.3"}
ASGI_WEBSOCKET = {"version": "3.0", "spec_version": "2.4"}
known_headers_bytes = {}
MAX_HEADERS = 300
MAX_HEADER = 1000


def http_scope(call, state):
    headers = call.headers
    path, query = target_of(call)
    prefix = prefix_of(headers)
    scheme = scheme_of(headers)
    name, port = server_of(headers, scheme)
    if prefix:
        path = prefix + path
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": "1.0" if call.http10 else "1.1",
        "method": call.method,
        "scheme": scheme,
        "path": decode_path(path).decode("utf-8", "replace") if "%" in path or not path.isascii() else path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": decode_path(prefix).decode("utf-8", "replace") if prefix else "",
        "headers": encode_headers(headers),
        "client": (client_of(headers), 0),
        "server": (name, int(port)),
        "state": state.copy(),
    }


def websocket_scope(call, state):
    scope = http_scope(call, state)
    del scope["method"]
    protocols = call.headers.get("sec-websocket-protocol", "")
    scope.update(
        type="websocket",
        asgi=ASGI_WEBSOCKET,
        scheme="wss" if scope["scheme"] == "https" else "ws",
        subprotocols=[each.strip() for each in protocols.split(",") if each.strip()],
        extensions={"websocket.http.response": {}},
    )
    return scope


def encode_headers(headers):
    pairs = []
    for item in headers.items():
        pair = known_headers_bytes.get(item)
        if pair is None:
            pair = (item[0].encode("latin-1"), item[1].encode("latin-1"))
            if len(pair[1]) <= MAX_HEADER and item[0] != "x-request-id":
                if len(known_headers_bytes) >= MAX_HEADERS:
                    known_headers_bytes.clear()
                known_headers_bytes[item] = pair
        pairs.append(pair)
    return pairs
'''


PARTS['asgi.waiters'] = 3755, r'''# ---- asgi/waiters.py
# Waiting for something to change, in several tasks.

class Waiters:
    __slots__ = ("loop", "futures")

    def __init__(self, loop):
        self.loop = loop
        self.futures = []

    async def wait(self):
        future = self.loop.create_future()
        self.futures.append(future)
        try:
            await future
        finally:
            if future in self.futures:  # cancelled
                self.futures.remove(future)

    def wake(self):
        futures, self.futures = self.futures, []
        for future in futures:
            if not future.done():
                future.set_result(None)
'''


PARTS['asgi.http_exchange'] = 3782, r'''from time import monotonic
load_part('apps.app_head')
load_part('asgi.scope')
load_part('asgi.waiters')

# ---- asgi/http_exchange.py
# A request and its response, as events of an ASGI application.

class HttpExchange:
    __slots__ = (
        "call",
        "connection",
        "pieces",
        "size",
        "is_complete",
        "taken",
        "disconnected",
        "waiters",
        "head",
        "begun",
        "ended",
        "sent",
        "expected",
        "on_end",
    )

    def __init__(self, connection, call):
        self.call = call
        self.connection = connection
        self.pieces = []  # of the body, not yet received by the application
        self.size = 0
        self.is_complete = connection.body is None  # the body has been read
        self.taken = False  # the application has received the end of the body
        self.disconnected = False
        self.waiters = Waiters(connection.asyncio_loop)
        self.head = None
        self.begun = False  # part of the response may be out
        self.ended = False  # all of it is
        self.sent = 0
        self.expected = None
        self.on_end = None  # called when the response has ended

    def scope(self, state):
        return http_scope(self.call, state)

    def feed(self, data):
        self.pieces.append(data)
        self.size += len(data)
        self.waiters.wake()

    def complete(self):
        self.is_complete = True
        self.waiters.wake()

    def disconnect(self):
        self.disconnected = True
        self.waiters.wake()

    def is_full(self):
        return self.size >= READ_AHEAD

    async def receive(self):
        while True:
            if self.is_complete and not self.taken:
                self.taken = True
                body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
                self.pieces.clear()
                return {"type": "http.request", "body": body, "more_body": False}
            if self.disconnected or self.ended:
                return {"type": "http.disconnect"}
            if self.pieces:
                body = b"".join(self.pieces)
                self.pieces.clear()
                self.size = 0
                self.connection.resume()
                return {"type": "http.request", "body": body, "more_body": True}
            await self.waiters.wait()

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.body":
            if self.head is None:
                raise RuntimeError("Expected http.response.start before http.response.body")
            body = message.get("body", b"")
            if message.get("more_body", False):
                await self.send_piece(body)
            elif self.begun:
                await self.send_end(body)
            else:
                self.send_whole(body)
        elif kind == "http.response.start":
            if self.head is not None:
                raise RuntimeError("Expected http.response.start once")
            self.head = AppHead(message["status"], message.get("headers") or ())
        elif kind not in ("http.response.trailers", "http.response.debug"):
            raise RuntimeError(f"Unexpected event {kind!r} of an HTTP response")

    def begin(self):
        self.begun = True
        if self.call.claim():
            return True
        self.ended = True
        self.waiters.wake()
        return False

    def send_whole(self, body):
        call, head = self.call, self.head
        with_body = has_body(call, head.status)
        length = len(body)
        if head.length is not None:
            if with_body and head.length != length:
                raise invalid_response(
                    f"The application sent {length} bytes with a Content-Length of {head.length}"
                )
            length = head.length
        data = self.encode_head(length)
        if self.begin():
            self.connection.write(data + body if with_body else data)
        self.end()

    def encode_head(self, length):
        call, head = self.call, self.head
        if self.connection.body is not None:
            call.keep_alive = False
        return head.encode(call, head.framing(call, length))

    async def send_piece(self, body):
        call, head, start = self.call, self.head, b""
        if not self.begun:
            start = self.encode_head(head.length)
            call.begin_stream()
            if has_body(call, head.status):
                self.expected = head.length
            self.begin()
        if self.ended:
            return
        data = start + self.framed(body)
        if data:
            await self.connection.write_async(data)
        if self.connection.gone:
            self.disconnect()
        else:
            call.progress = monotonic()

    def framed(self, body):
        if not body or not has_body(self.call, self.head.status):
            return b""
        self.sent += len(body)
        if self.expected is None:
            return body if self.call.http10 else b"%x\r\n%b\r\n" % (len(body), body)
        if self.sent > self.expected:
            raise invalid_response(f"The application sent more bytes than its Content-Length of {self.expected}")
        return body

    async def send_end(self, body):
        if self.ended:
            return
        data = self.framed(body)
        if self.expected is not None:
            if self.sent != self.expected:
                raise invalid_response(
                    f"The application sent {self.sent} bytes with a Content-Length of {self.expected}"
                )
        elif has_body(self.call, self.head.status) and not self.call.http10:
            data += b"0\r\n\r\n"
        if data:
            await self.connection.write_async(data)
        self.end()

    def end(self):
        if not self.ended:
            self.ended = True
            self.connection.finish(self.call)
            self.waiters.wake()
            self.on_end(self.call)

    def returned(self):
        if self.disconnected and not self.ended:
            self.connection.cut()
            if self.begun or self.begin():
                self.end()
        elif not self.ended:
            self.failed(invalid_response("The ASGI application returned before the end of its response"))

    def failed(self, error):
        call = self.call
        if not self.begun and call.unclaimed:
            response = error_response(call, error)
            if self.begin():
                self.connection.write(response.data)
            return self.end()
        if isinstance(error, SystemExit):
            exit_as_asked(error, f"in request {call.request_id}")
        log_error(error, call.request_id)
        if self.begun and not self.ended:
            self.connection.cut()
            self.end()

    def cancelled(self):
        if not self.begun and self.call.unclaimed:
            self.failed(RuntimeError("The application's task was cancelled"))
        elif self.begun and not self.ended:
            self.connection.cut()
            self.end()
'''


PARTS['asgi.connection'] = 3989, r'''from time import monotonic
load_part('asgi.http_exchange')
load_part('asgi.waiters')

# ---- asgi/connection.py
# Connections of an ASGI application: it gets the body of a request while that is read.

class AsgiConnection(Connection):
    __slots__ = ("asyncio_loop", "exchange", "drained", "read")

    def __init__(self, sock, owner):
        self.asyncio_loop = owner.loop
        self.exchange = None  # of the present call
        self.drained = Waiters(self.asyncio_loop)  # tasks that wait until the client takes more
        self.read = self.readable  # what reads the socket: that of a WebSocket once it is open
        super().__init__(sock, owner)

    def reader(self):
        return self.read

    def readable(self):
        try:
            data = self.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self.gone = b"", True
        if data:
            if self.lingering:
                return
            self.buffer = self.buffer + data if self.buffer else data
            return self.process()
        self.ended = True
        self.set_reading(False)
        if self.lingering or self.call is None:
            self.close()
        elif self.exchange is not None:
            self.exchange.disconnect()

    def process(self):
        try:
            while not self.closed and not self.lingering:
                if self.call is None:
                    if not self.take_head():
                        break
                    self.begin()
                elif self.body is not None and self.buffer:
                    self.feed()
                else:
                    break
        except Problem as problem:
            self.refuse(problem)
        if self.closed or self.lingering:
            return
        if self.call is None and (self.ended or (lifecycle.closes_idle and not self.buffer)):
            self.close()
        elif not self.ended:
            self.resume()

    def begin(self):
        call = self.call
        if self.body is not None and self.body.too_large:
            raise body_too_large()
        if "upgrade" in call.headers and is_websocket(call):
            load_part('websocket.exchange')

            self.exchange = WebSocketExchange(self, call)
        else:
            self.exchange = HttpExchange(self, call)
            if self.body is not None:
                self.feed()
        self.since = monotonic()
        self.owner.start(call)

    def feed(self):
        body, exchange = self.body, self.exchange
        data, self.buffer = self.buffer, b""
        rest = body.take(data)
        if body.pieces:
            exchange.feed(b"".join(body.pieces))
            body.pieces.clear()
        if rest is not None:
            self.buffer, self.body = rest, None
            exchange.complete()

    def resume(self):
        if self.ended or self.closed:
            return
        full = self.body is not None and self.exchange is not None and self.exchange.is_full()
        self.set_reading(not full and (len(self.buffer) < READ_AHEAD or self.call is None))

    def refuse(self, problem):
        self.body = None
        if self.call is not None and not self.call.unclaimed:
            self.cut()
        else:
            super().refuse(problem)
        if self.exchange is not None:
            self.exchange.disconnect()

    async def write_async(self, data):
        self.write(data)
        if self.output and not self.gone:
            self.asyncio_loop.add_writer(self.fd, self.writable)
            while self.output and not self.gone:
                await self.drained.wait()

    def send_soon(self, data):
        self.write(data)
        if self.output and not self.gone:
            self.asyncio_loop.add_writer(self.fd, self.writable)

    def writable(self):
        self.flush()
        if self.output and not self.gone:
            return
        self.loop.remove_writer(self.fd)
        self.drained.wake()

    def finish(self, call):
        if self.body is not None:
            self.body = None
            self.refused = True
            call.keep_alive = False
        super().finish(call)

    def close(self):
        if self.closed:
            return
        super().close()
        self.gone = True
        self.drained.wake()
        if self.exchange is not None:
            self.exchange.disconnect()


def is_websocket(call):
    headers = call.headers
    tokens = [token.strip() for token in headers.get("connection", "").lower().split(",")]
    return call.method == "GET" and headers["upgrade"].strip().lower() == "websocket" and "upgrade" in tokens
'''


PARTS['asgi.lifespan'] = 4132, r'''import sys

# ---- asgi/lifespan.py
# The lifespan of an ASGI application: its startup before the first call, and its shutdown after the last one.

class Lifespan:
    def __init__(self, app, loop):
        self.app = app
        self.loop = loop
        self.state = {}  # what the application shares with its requests
        self.task = None
        self.started = loop.create_future()  # None, or a message of failure
        self.stopped = loop.create_future()
        self.received = 0
        self.ending = loop.create_future()

    async def startup(self):
        import asyncio

        self.task = self.loop.create_task(self.run())
        message = await self.started
        if message is None:
            return
        await asyncio.wait((self.task,), timeout=1)  # it raises its error after that, as a rule
        sys.stderr.write(f"{message}\n")
        raise load_failed(f"The startup of the application failed: {last_line(message)}")

    async def shutdown(self, seconds):
        import asyncio

        if self.task is None or self.task.done():
            return
        self.ending.set_result(None)
        try:
            message = await asyncio.wait_for(asyncio.shield(self.stopped), seconds)
        except asyncio.TimeoutError:
            message = f"it took more than {seconds:g} s"
        if message is not None:
            sys.stderr.write(f"The shutdown of the application failed: {message}\n")
        elif not self.task.done():
            await asyncio.wait((self.task,), timeout=1)

    async def run(self):
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.app(scope, self.receive, self.send)
        except SystemExit as error:
            exit_as_asked(error, "in its lifespan")
        except BaseException as error:
            # An error at once means that the application has no lifespan; later, it is one of the user's code.
            if self.started.done() and self.started.result() is None:
                log_error(error)
        for future in (self.started, self.stopped):
            if not future.done():
                future.set_result(None)

    async def receive(self):
        self.received += 1
        if self.received == 1:
            return {"type": "lifespan.startup"}
        await self.ending
        return {"type": "lifespan.shutdown"}

    async def send(self, message):
        kind = message["type"]
        future = self.started if kind.startswith("lifespan.startup.") else self.stopped
        if kind not in (
            "lifespan.startup.complete",
            "lifespan.startup.failed",
            "lifespan.shutdown.complete",
            "lifespan.shutdown.failed",
        ):
            raise RuntimeError(f"Unexpected event {kind!r} of a lifespan")
        if not future.done():
            failed = kind.endswith("failed")
            future.set_result((message.get("message") or "it gave no reason") if failed else None)


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else text
'''


PARTS['asgi.runner'] = 4220, r'''import gc
from time import monotonic
load_part('asgi.lifespan')

# ---- asgi/runner.py
# Calls of an ASGI application on asyncio's event loop.

class AsgiRunner(AsyncRunner):
    def __init__(self, app, loop):
        super().__init__(app, 0, loop)
        self.lifespan = Lifespan(app, loop)
        self.state = self.lifespan.state
        self.tasks = {}  # all of them, also those whose response has ended
        self.drain_began = 0.0

    def startup(self):
        self.loop.run_until_complete(self.lifespan.startup())
        gc.freeze()

    def drain(self):
        self.drain_began = monotonic()
        self.loop.call_later(settings.timeout, self.close_sockets)

    def close_sockets(self):
        for call in list(self.tasks.values()):
            exchange = self.exchange_of(call)
            if hasattr(exchange, "go_away"):
                exchange.go_away()

    def end(self):
        began = self.drain_began or monotonic()
        self.loop.run_until_complete(self.finish_tasks(began + settings.timeout + DRAIN_GRACE - monotonic()))
        self.loop.run_until_complete(self.lifespan.shutdown(EXIT_LIMIT))

    async def finish_tasks(self, seconds):
        import asyncio

        if self.tasks and seconds > 0:
            await asyncio.wait(list(self.tasks), timeout=seconds)
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks), timeout=1)

    async def run(self, call):
        if settings.tags_output:
            current_call.set(call.request_id)
        task = self.current_task()
        try:
            if call.unclaimed:
                self.running[call] = task
                self.tasks[task] = call
                await self.answer(call)
        finally:
            self.tasks.pop(task, None)
            self.release(call)

    def release(self, call):
        if call in self.running:
            del self.running[call]
            if self.waiting:
                self.loop.call_soon(self.start_waiting)

    def exchange_of(self, call):
        connection = call.connection
        return connection.exchange if connection.call is call else None

    async def answer(self, call):
        exchange = self.exchange_of(call)
        if exchange is None:  # the connection was closed while the call waited
            return
        if "traceparent" in call.headers and is_traced(call):
            load_part('function.trace')

            enter_trace(call)  # in the context of the task, which ends with it
        exchange.on_end = self.release
        try:
            await self.handler(exchange.scope(self.state), exchange.receive, exchange.send)
        except self.cancelled:
            exchange.cancelled()
        except BaseException as error:
            exchange.failed(error)
        else:
            exchange.returned()


def asgi3(app):
    async def application(scope, receive, send):
        await app(scope)(receive, send)

    return application
'''


PARTS['wsgi.environ'] = 4314, r'''import io
import sys
load_part('apps.address')

# ---- wsgi/environ.py
# The environment of a WSGI call (PEP 3333).

# Names of headers to their keys; None: not passed on. A name with "_" would read like the same name with "-", which the gateway checks.
known_keys = {"content-type": "CONTENT_TYPE", "content-length": None, "transfer-encoding": None}
MAX_KEYS = 300


class FileWrapper:
    def __init__(self, file, block_size=READ_SIZE):
        self.file = file
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self.file.read(self.block_size)
        if not block:
            raise StopIteration
        return block


BASE = {
    "wsgi.version": (1, 0),
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.file_wrapper": FileWrapper,
    "SERVER_SOFTWARE": "faas",
    "REMOTE_PORT": "0",
}


def make_environ(call):
    headers, body = call.headers, call.body
    path, query = target_of(call)
    prefix = prefix_of(headers)
    scheme = scheme_of(headers)
    environ = BASE.copy()
    environ["wsgi.multithread"] = settings.concurrency > 1
    environ["REQUEST_METHOD"] = call.method
    environ["SCRIPT_NAME"] = decode_path(prefix).decode("latin-1") if "%" in prefix else prefix
    environ["PATH_INFO"] = decode_path(path).decode("latin-1") if "%" in path else path
    environ["QUERY_STRING"] = query
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"{prefix}{path}?{query}" if query else prefix + path
    environ["SERVER_PROTOCOL"] = "HTTP/1.0" if call.http10 else "HTTP/1.1"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = server_of(headers, scheme)
    environ["REMOTE_ADDR"] = client_of(headers)
    environ["wsgi.url_scheme"] = scheme
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    for name, value in headers.items():
        key = known_keys.get(name, "")
        if key == "":
            key = environ_key(name)
        if key:
            environ[key] = value
    if body or "content-length" in headers:
        environ["CONTENT_LENGTH"] = str(len(body))
    if scheme == "https":
        environ["HTTPS"] = "on"
    return environ


def environ_key(name):
    key = None if "_" in name else "HTTP_" + name.upper().replace("-", "_")
    if len(known_keys) >= MAX_KEYS:
        return key
    known_keys[name] = key
    return key
'''


PARTS['wsgi.response'] = 4394, r'''from time import monotonic
load_part('apps.app_head')

# ---- wsgi/response.py
# The response of a WSGI application.

class Unsendable(Exception):
    __slots__ = ()


class WsgiResponse:
    __slots__ = ("call", "head", "begun", "sent", "expected")

    def __init__(self, call):
        self.call = call
        self.head = None
        self.begun = False  # the head is out
        self.sent = 0  # bytes of the body
        self.expected = None  # bytes of the body that the head promises; None: chunked, or no body

    def start(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError("start_response() was called twice, the second time without exc_info")
        self.head = AppHead(status, headers)
        return self.write

    def send(self, pieces):
        call = self.call
        if type(pieces) in (list, tuple) and self.head is not None and not self.begun:
            body = checked(pieces[0]) if len(pieces) == 1 else b"".join(checked(each) for each in pieces)
            return self.send_whole(body)
        if isinstance(pieces, (str, bytes, dict)) or not hasattr(pieces, "__iter__"):
            raise invalid_response(
                f"Expected the WSGI application to return an iterable of bytes, got {type(pieces).__name__}"
            )
        for piece in pieces:
            data = piece if type(piece) is bytes else checked(piece)
            if not data:
                continue
            head = self.head or self.started()
            if not self.begun and head.length == len(data):
                self.send_whole(data)
            else:
                self.write(data)
            if call.connection.gone:
                raise Unsendable
            if not has_body(call, head.status):
                break
        if self.begun:
            self.finish()
        else:
            self.send_whole(b"")

    def started(self):
        if self.head is None:
            raise invalid_response("The WSGI application did not call start_response() before its body")
        return self.head

    def send_whole(self, body):
        call, head = self.call, self.head or self.started()
        with_body = has_body(call, head.status)
        length = len(body)
        if head.length is not None:
            if with_body and head.length != length:
                raise invalid_response(f"The application sent {length} bytes with a Content-Length of {head.length}")
            length = head.length
        data = head.encode(call, head.framing(call, length))
        if not call.claim():
            raise Unsendable
        self.begun = True
        self.sent = self.expected = len(body) if with_body else 0
        call.connection.write(data + body if with_body else data)  # the rest is written by finish()

    def write(self, data):
        call, head = self.call, self.started()
        data = checked(data)
        if not self.begun:
            start = head.encode(call, head.framing(call, head.length))
            call.begin_stream()
            if not call.claim():
                raise Unsendable
            self.begun = True
            self.expected = head.length if has_body(call, head.status) else None
        else:
            start = b""
        connection = call.connection
        if has_body(call, head.status):
            self.sent += len(data)
            if self.expected is not None and self.sent > self.expected:
                raise invalid_response(f"The application sent more bytes than its Content-Length of {self.expected}")
            if data and self.expected is None and not call.http10:
                data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            data = b""
        if start or data:
            connection.write_all(start + data if start else data)
        call.progress = monotonic()

    def finish(self):
        call = self.call
        if self.expected is not None:
            if self.sent != self.expected:
                raise invalid_response(
                    f"The application sent {self.sent} bytes with a Content-Length of {self.expected}"
                )
        elif has_body(call, self.started().status) and not call.http10:
            call.connection.write_all(b"0\r\n\r\n")


def checked(piece):
    if type(piece) is bytes:
        return piece
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise invalid_response(f"Expected the WSGI application to send bytes, got {type(piece).__name__}")
'''


PARTS['wsgi.invoker'] = 4518, r'''load_part('wsgi.environ')
load_part('wsgi.response')

# ---- wsgi/invoker.py
# Calling a WSGI application.

class WsgiInvoker:
    def __init__(self, app):
        self.app = app

    def run(self, call):
        if settings.tags_output:
            current_call.set(call.request_id)
        leave_trace = None
        if "traceparent" in call.headers and is_traced(call):
            load_part('function.trace')

            leave_trace = enter_trace(call)
        response = WsgiResponse(call)
        pieces = None
        try:
            pieces = self.app(make_environ(call), response.start)
            response.send(pieces)
        except Unsendable:
            if response.begun:
                call.connection.cut()
        except BaseException as error:
            self.fail(response, error)
        try:
            if hasattr(pieces, "close"):
                pieces.close()
        except Exception as error:
            log_error(error, call.request_id)
        if response.begun:
            call.connection.finish(call)
        if leave_trace is not None:
            leave_trace()

    def fail(self, response, error):
        call = response.call
        if not response.begun:
            answer = error_response(call, error)
            if call.claim():
                response.begun = True
                call.connection.write(answer.data)
            return
        if isinstance(error, SystemExit):
            exit_as_asked(error, f"in request {call.request_id}")
        log_error(error, call.request_id)
        call.connection.cut()
'''


PARTS['warm.kept_claim'] = 4571, r'''import json
import os
import sys

# ---- warm/kept_claim.py
# The claim of a container whose process starts again.

# Variable with the path of the file that keeps the claim; the function does not see its folder.
CLAIM_FILE = "FAAS_CLAIM_FILE"
# Variables that the function does not see.
WARM_VARIABLES = ("FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256", CLAIM_FILE)


def set_variables(variables):
    for name in WARM_VARIABLES:
        ENVIRONMENT.pop(name, None)
    ENVIRONMENT.update(variables)


def keep_claim(path, claim):
    partial = f"{path}.partial"
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"folder": claim.folder, "env": claim.env}, file)
        os.replace(partial, path)
    except OSError as error:
        sys.stderr.write(f"Cannot keep the claim for a restart: {error.strerror}\n")


def resume_claim():
    try:
        with open(ENVIRONMENT[CLAIM_FILE], encoding="utf-8") as file:
            claim = json.load(file)
    except (KeyError, OSError, ValueError):
        return None
    set_variables(claim["env"])
    folder = claim["folder"]
    os.chdir(folder)
    return folder
'''


PARTS['warm.write_files'] = 4613, r'''import os

# ---- warm/write_files.py
# Writing the files of a claim.

# Bits of a mode that permit writing.
WRITABLE = 0o222


def write_files(claim):
    folders = CreatedFolders(claim.folder)
    begin = 0
    file = None
    try:
        for file in claim.files:
            end = begin + (file.size or 0)
            write_file(file, claim.contents[begin:end], folders)
            begin = end
        folders.protect()
    except OSError as error:
        raise load_failed(f"Cannot write {file.path if file else claim.folder}: {error.strerror}") from None


def write_file(file, contents, folders):
    path = os.path.join(folders.root, file.path)
    folders.create(os.path.dirname(path))
    link = file.link
    if link is not None:
        replace_file(path, lambda: os.symlink(link, path))
    elif file.size is None:
        folders.create(path, file.mode)
    else:
        replace_file(path, lambda: write_new(path, file.mode & ~WRITABLE, contents))


class CreatedFolders:
    def __init__(self, root):
        self.root = root
        self.modes = {root: None}  # by path; None for those that existed

    def create(self, path, mode=0o755):
        if path in self.modes:
            return
        self.create(os.path.dirname(path))
        try:
            os.mkdir(path)
            self.modes[path] = mode
        except FileExistsError:
            self.modes[path] = None

    def protect(self):
        for path, mode in self.modes.items():
            if mode is not None:
                os.chmod(path, mode & ~WRITABLE)


def replace_file(path, create):
    try:
        create()
    except FileExistsError:
        os.unlink(path)
        create()


def write_new(path, mode, contents):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        while contents:
            contents = contents[os.write(fd, contents) :]
    finally:
        os.close(fd)
'''


PARTS['warm.become'] = 4687, r'''import os
import sys
load_part('warm.kept_claim')
load_part('warm.write_files')

# ---- warm/become.py
# The change from a warm process to a replica.

def take_files(claim):
    claim_file = ENVIRONMENT.get(CLAIM_FILE)
    try:
        set_variables(claim.env)
        write_files(claim)
        if claim_file:
            keep_claim(claim_file, claim)
        os.chdir(claim.folder)
    except Problem as problem:
        return problem
    except (OSError, ValueError) as error:  # ValueError: a text that the system cannot have
        return load_failed(f"Cannot use the claim: {error}")
    return None


def become_replica(folder):
    source_folder.move(folder)
    settings.read()
    wrapper = os.path.basename(FILE)
    sys.argv[:] = [wrapper]
    sys.modules["__main__"].__file__ = os.path.join(folder, wrapper)
'''


PARTS['warm.import_observer'] = 4719, r'''import sys

# ---- warm/import_observer.py
# Observation of imports: what they read besides their own files.

EVERYTHING = "*"


class ImportObserver:
    def __init__(self):
        self.variables = set()  # that were looked up; EVERYTHING: all of them
        self.missing = set()  # modules that were tried and do not exist
        self.kind = type(ENVIRONMENT)
        self.methods = self.kind.__getitem__, self.kind.__iter__

    def __enter__(self):
        get_item, iterate = self.methods

        def observed_get_item(environment, name):
            self.variables.add(name)
            return get_item(environment, name)

        def observed_iterate(environment):
            self.variables.add(EVERYTHING)
            return iterate(environment)

        self.kind.__getitem__, self.kind.__iter__ = observed_get_item, observed_iterate
        sys.meta_path.append(self)
        return self

    def find_spec(self, name, path=None, target=None):
        self.missing.add(name)

    def __exit__(self, *_):
        self.kind.__getitem__, self.kind.__iter__ = self.methods
        sys.meta_path.remove(self)
'''


PARTS['warm.imports'] = 4758, r'''import os
import sys
from importlib import import_module
load_part('warm.import_observer')

# ---- warm/imports.py
# Imports of a warm process before it has a function.

# Modules of the standard library that functions and their packages import most, with all that these import.
COMMON_MODULES = (
    "asyncio",
    "dataclasses",
    "datetime",
    "decimal",
    "http.client",
    "importlib.metadata",
    "logging",
    "pathlib",
    "tempfile",
    "traceback",
    "typing",
    "urllib.request",
    "uuid",
)
# Packages that take long to import, and do nothing else when they are imported.
COMMON_PACKAGES = ("fastapi", "flask", "httpx", "jinja2", "numpy", "pandas", "pydantic", "requests", "starlette")
# Variables of libraries in C, whose reading is not observed.
LIBRARY_VARIABLES = ("ARROW_", "BLIS_", "GOTO_", "KMP_", "MKL_", "NPY_", "NUMEXPR_", "OMP_", "OPENBLAS_")
# Packages that replace parts of the standard library, which must not have been imported by then.
PATCHING_PACKAGES = ("eventlet", "gevent")


class ImportsAhead:
    def __init__(self, present):
        self.present = present  # names of modules that every wrapper imports
        self.observer = ImportObserver()
        self.failed = False

    def import_all(self, folder):
        with self.observer:
            for name in COMMON_MODULES:
                try:
                    import_module(name)
                except ImportError:
                    pass  # an interpreter without it, such as one without OpenSSL
            if folder and not patches(folder):
                self.import_packages(os.path.join(folder, ".packages"))
        load_part('apps.recognize')
        load_part('asgi.connection')
        load_part('asgi.runner')
        load_part('signatures.adapt')
        load_part('wsgi.invoker')

    def import_packages(self, packages):
        search_path = sys.path[:]
        # As for the function.
        index = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
        sys.path.insert(index, packages)
        try:
            for name in COMMON_PACKAGES:
                if os.path.isdir(os.path.join(packages, name)):
                    import_module(name)
        except Exception:
            self.failed = True  # what it has left behind is not known
        sys.path[:] = search_path

    def are_noticed_by(self, claim):
        if self.failed or patches(claim.folder):
            return True
        read = self.observer.variables
        for name, value in claim.env.items():
            if ENVIRONMENT.get(name) != value and (
                name in read or EVERYTHING in read or name.startswith(LIBRARY_VARIABLES)
            ):
                return True
        own = {file.path.partition("/")[0].partition(".")[0] for file in claim.files}
        ahead = self.observer.missing.union(sys.modules).difference(self.present)
        return any(name.partition(".")[0] in own for name in ahead)


def patches(folder):
    return any(os.path.isdir(os.path.join(folder, ".packages", name)) for name in PATCHING_PACKAGES)
'''


PARTS['warm.claim'] = 4843, r'''import os
from hashlib import sha256
from json import loads

# ---- warm/claim.py
# Claims: the function that a warm process becomes.

MAX_CLAIM_BYTES = 8 * 2**20


class ClaimedFile:
    __slots__ = ("path", "mode", "size", "link")

    def __init__(self, path, mode, size=None, link=None):
        self.path = path  # below the folder of the claim
        self.mode = mode
        self.size = size  # of a file
        self.link = link  # target of a link


class Claim:
    def __init__(self, folder, env, files, contents):
        self.folder = folder
        self.env = env
        self.files = files
        self.contents = contents  # bytes of all files, one after the other


def read_claim(body):
    end = body.find(b"\n")
    contents = memoryview(body)[end + 1 :]
    line = parse_line(body[: max(0, end)])
    folder, env, files = line.get("folder"), line.get("env"), line.get("files")
    if not isinstance(folder, str) or folder != os.path.abspath(folder) or "\0" in folder:
        raise invalid_claim('expected "folder" to be an absolute path')
    if not isinstance(env, dict) or not all(is_variable(*pair) for pair in env.items()):
        raise invalid_claim('expected "env" to have names and texts of variables')
    if not isinstance(files, list):
        raise invalid_claim('expected "files" to be a list')
    claimed = [claimed_file(each) for each in files]
    size = sum(file.size or 0 for file in claimed)
    if size != len(contents):
        raise invalid_claim(f"expected {size} bytes of files, got {len(contents)}")
    digest = f"sha256:{sha256(contents).hexdigest()}"
    if line.get("digest") != digest:
        raise invalid_claim(f"expected files with the digest {line.get('digest')}, got {digest}")
    check_links(claimed)
    return Claim(folder, env, claimed, contents)


def parse_line(text):
    try:
        line = loads(text)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        raise invalid_claim("expected a line with a JSON object")
    return line


def claimed_file(entry):
    if not isinstance(entry, dict):
        raise invalid_claim("expected each file to be an object")
    path, mode, size, link = entry.get("path"), entry.get("mode"), entry.get("size"), entry.get("link")
    if not isinstance(path, str) or not is_inside(path):
        raise invalid_claim(f"the path {path!r} is not allowed")
    if mode is not None and not is_count(mode):
        raise invalid_claim(f"expected a mode for {path}")
    if link is not None:
        if not isinstance(link, str) or not link or "\0" in link:
            raise invalid_claim(f"expected a target for {path}")
        return ClaimedFile(path, 0, link=link)
    if entry.get("type") == "folder":
        return ClaimedFile(path, 0o755 if mode is None else mode)
    if not is_count(size):
        raise invalid_claim(f"expected a size for {path}")
    return ClaimedFile(path, 0o644 if mode is None else mode, size)


def check_links(files):
    links = tuple(f"{file.path}/" for file in files if file.link is not None)
    for file in files if links else ():
        if file.path.startswith(links):
            raise invalid_claim(f"{file.path} is below a link")


def is_inside(path):
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def is_variable(name, value):
    return bool(name) and "=" not in name and "\0" not in name and isinstance(value, str) and "\0" not in value


def is_count(value):
    return type(value) is int and value >= 0


def invalid_claim(reason):
    return Problem("INVALID_REQUEST", f"Invalid claim: {reason}")
'''


PARTS['warm.process'] = 4946, r'''import re
import select
import socket
import sys
from hashlib import sha256
from hmac import compare_digest
load_part('warm.claim')

# ---- warm/process.py
# A process that waits for its function.

TOKEN_DIGEST = re.compile("[0-9a-f]{64}\\Z").match


class WarmClient:
    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()  # and not yet taken
        self.call = None  # from the end of its head on
        self.answered = False

    def send(self, data):
        try:
            self.sock.send(data)
        except OSError:
            pass  # the client has gone

    def answer(self, data):
        self.answered = True
        self.send(data)
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has gone

    def refuse(self, problem):
        no_connection = None
        call = self.call or Call(no_connection, "GET", "/", {})
        call.keep_alive = False
        self.answer(problem_response(call, problem).data)


class WarmProcess:

    def __init__(self, token_digest):
        if not TOKEN_DIGEST(token_digest):
            sys.exit("Expected FAAS_CLAIM_SHA256 to be a SHA-256 in hexadecimal")
        self.token_digest = token_digest  # of the token that a claim must have
        self.clients = {}
        self.poller = select.poll()

    def wait_for_claim(self, listener):
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

    def accept(self):
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

    def close(self, client):
        self.poller.unregister(client.sock)
        del self.clients[client.sock.fileno()]
        client.sock.close()

    def read(self, client):
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

    def take_request(self, client):
        received = client.received
        if client.call is None:
            end = received.find(b"\r\n\r\n")
            if (len(received) if end < 0 else end) > HEAD_LIMIT:
                raise Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
            if end < 0:
                return None
            no_connection = None
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

    def check_may_claim(self, call):
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

    def leave_to_server(self, claimant):
        connections = []
        for client in self.clients.values():
            if client is claimant:
                # The claim is answered as the ready probe is, when loading has ended.
                request_id = client.call.request_id
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
'''


PARTS['warm.restart'] = 5105, r'''import json
import os
import signal
import socket
import sys

# ---- warm/restart.py
# A start from the beginning with the sockets of a warm process, for a function that would see what that has imported.

# Variable with what the restarted process takes over.
STATE = "FAAS_RESTARTED"
# The wrapper's file; the current folder changes later.
PROGRAM = os.path.abspath(FILE)


def restart(folder, listener, connections):
    inherited = [(sock.fileno(), received.decode("latin-1")) for sock, received in connections]
    for fd in (listener.fileno(), *(fd for fd, _ in inherited)):
        os.set_inheritable(fd, True)
    ENVIRONMENT[STATE] = json.dumps([folder, listener.fileno(), inherited])
    # A signal stays pending until prepare() has set its handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.execv(sys.executable, [sys.executable, *(["-S"] if sys.flags.no_site else []), PROGRAM])


def take_over():
    folder, listener, inherited = json.loads(ENVIRONMENT.pop(STATE))
    connections = [(open_socket(fd), received.encode("latin-1")) for fd, received in inherited]
    return folder, open_socket(listener), connections


def open_socket(fd):
    os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock
'''


PARTS['signatures.google'] = 5144, r'''import os
import sys

# ---- signatures/google.py
# Functions for Google Cloud, called through its functions framework.

def google_app(module, file_name, target):
    try:
        import functions_framework
    except ImportError:
        raise load_failed(
            f'{file_name}: the function "{target}" takes a request of Flask. Add functions-framework to requirements.txt'
        ) from None
    registry = functions_framework._function_registry
    ENVIRONMENT.setdefault("FUNCTION_TARGET", target)
    if target in getattr(registry, "ASGI_FUNCTIONS", ()):
        from functions_framework.aio import create_asgi_app_from_module

        return create_asgi_app_from_module(target, file_name, None, module, module.__spec__), "asgi"
    import flask

    function = getattr(module, target)
    app = flask.Flask(target, template_folder=os.path.join(source_folder.path, "templates"))
    # An error is answered with the problem of an error in a function, not with Flask's page.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    kind = registry.get_func_signature_type(target, ENVIRONMENT.get("FUNCTION_SIGNATURE_TYPE") or kind_of(function))
    functions_framework._configure_app(app, function, kind)
    return app, "wsgi"


def kind_of(function):
    code = getattr(function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    if len(names) == 2:
        return "event"
    return "cloudevent" if names in (("cloud_event",), ("cloudevent",), ("event",)) else "http"


def google_target(module, file_name, name):
    wanted = ENVIRONMENT.get("FUNCTION_TARGET") or ENVIRONMENT.get("GOOGLE_FUNCTION_TARGET") or name
    if wanted:
        if callable(getattr(module, wanted, None)):
            return wanted
        raise load_failed(f'{file_name}: expected it to define the function "{wanted}"')
    names = [each for each in registered_functions() if callable(getattr(module, each, None))]
    if len(names) > 1:
        raise load_failed(
            f"{file_name}: registers the functions {', '.join(names)}. "
            f"Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET={names[0]}"
        )
    return names[0] if names else None


def registered_functions():
    registry = sys.modules.get("functions_framework._function_registry")
    return list(dict.fromkeys((*getattr(registry, "REGISTRY_MAP", ()), *getattr(registry, "ASGI_FUNCTIONS", ()))))
'''


PARTS['signatures.cloud_event'] = 5203, r'''import base64
from urllib.parse import quote, unquote_to_bytes

# ---- signatures/cloud_event.py
# CloudEvents 1.0 in their HTTP protocol binding.

REQUIRED_ATTRIBUTES = ("id", "source", "specversion", "type")
BODY_ATTRIBUTES = ("data", "data_base64", "datacontenttype")


class CloudEvent:
    def __init__(self, attributes, data=None):
        self._attributes = attributes
        self.data = data

    def __getattr__(self, name):
        try:
            return self.__dict__["_attributes"][name]
        except KeyError:
            raise AttributeError(f'the CloudEvent has no attribute "{name}"') from None

    def __getitem__(self, name):
        return self.data if name == "data" else self._attributes[name]

    def __contains__(self, name):
        return name in self._attributes

    def __iter__(self):
        return iter(self._attributes)

    def get(self, name, default=None):
        return self._attributes.get(name, default)

    def get_attributes(self):
        return dict(self._attributes)

    def get_data(self):
        return self.data


def invalid_event(detail):
    return Problem("INVALID_REQUEST", detail)


def parse_cloud_event(headers, body):
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        raise invalid_event("Batches of CloudEvents are not supported: send each event in its own request")
    structured = media_type.startswith("application/cloudevents")
    if structured and media_type != "application/cloudevents+json":
        raise invalid_event(f"Expected a CloudEvent of the type application/cloudevents+json, got {media_type}")
    event = structured_event(body) if structured else binary_event(headers, body)
    for name in REQUIRED_ATTRIBUTES:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            place = "in the body" if structured else f'as the header "ce-{name}"'
            raise invalid_event(f'Expected a CloudEvent with the attribute "{name}", {place}')
    if event["specversion"] not in ("1.0", "0.3"):
        raise invalid_event(f'Expected a CloudEvent of specversion 1.0, got "{event["specversion"]}"')
    return event


def binary_event(headers, body):
    attributes = {
        name[3:]: decode_attribute(value)
        for name, value in headers.items()
        if name.startswith("ce-") and name[3:] not in BODY_ATTRIBUTES
    }
    content_type = headers.get("content-type")
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, parse_body(body, content_type or "") if body else None)


def decode_attribute(value):
    if len(value) > 1 and value[0] == value[-1] == '"':
        pieces = iter(value[1:-1])
        value = "".join(next(pieces, "") if char == "\\" else char for char in pieces)
    return unquote_to_bytes(value.encode("latin-1")).decode("utf-8", "replace") if "%" in value else value


def structured_event(body):
    message = parse_body(body, "application/json") if body else None
    if not isinstance(message, dict):
        raise invalid_event("Expected a CloudEvent as a JSON object")
    data, encoded = message.pop("data", None), message.pop("data_base64", None)
    if encoded is not None:
        content_type = str(message.get("datacontenttype") or "")
        try:
            data = parse_body(base64.b64decode(encoded), content_type)
        except (Problem, ValueError) as error:
            raise invalid_event(
                f"The data of the CloudEvent is not of its datacontenttype {content_type}: {error}"
            ) from None
    return CloudEvent(message, data)


def attributes_of(value):
    if hasattr(value, "get_attributes") and hasattr(value, "get_data"):
        return dict(value.get_attributes()), value.get_data()
    if isinstance(value, dict) and all(isinstance(value.get(name), str) for name in REQUIRED_ATTRIBUTES):
        data = value.get("data")
        if data is None and value.get("data_base64") is not None:
            data = base64.b64decode(value["data_base64"])
        return {name: each for name, each in value.items() if name not in ("data", "data_base64")}, data
    return None


def binary_message(attributes, data):
    headers = {
        f"ce-{name.lower()}": quote(attribute_text(value), safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
        for name, value in attributes.items()
        if name not in BODY_ATTRIBUTES and value is not None
    }
    content_type = attributes.get("datacontenttype")
    if data is not None and not isinstance(data, (str, bytes)):
        content_type, data = content_type or "application/json", to_json(data)
    if content_type:
        headers["Content-Type"] = content_type
    return {"status": 200, "headers": headers, "body": data or b""}


def attribute_text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def adapt_cloud_event(target):
    count = arity(target)

    def arguments(call):
        event = parse_cloud_event(call.headers, call.decoded_body())
        return (event, Context(call.request_id, call.deadline))[:count]

    def to_result(value):
        event = attributes_of(value)
        return binary_message(*event) if event else value

    def handle(call):
        return to_result(target(*arguments(call)))

    async def handle_async(call):
        return to_result(await target(*arguments(call)))

    adapted = handle_async if is_async(target) else handle
    adapted.takes_call = True
    return adapted
'''


PARTS['signatures.flask_function'] = 5354, r'''# ---- signatures/flask_function.py
# Functions whose platform gives them the request of Flask.

FLASK_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def make_flask_app(file_name, package, view):
    try:
        import flask
    except ImportError:
        raise load_failed(
            f"{file_name}: the function takes a request of Flask. Add {package} to requirements.txt"
        ) from None
    app = flask.Flask(file_name.partition(".")[0])
    # An error is answered with the problem of an error in a function, not with Flask's page.
    app.config["PROPAGATE_EXCEPTIONS"] = True

    def run(path=""):
        return view()

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, view_func=run, methods=FLASK_METHODS, provide_automatic_options=False)
    return app


def fission_app(target, file_name):
    def view():
        result = target()
        return "" if result is None else result

    return make_flask_app(file_name, "flask", view)
'''


PARTS['signatures.knative'] = 5388, r'''load_part('signatures.cloud_event')
load_part('signatures.flask_function')

# ---- signatures/knative.py
# Functions for Knative: `main(context)`, and instances of a class with `handle(scope, receive, send)`.

class KnativeContext(dict):
    def __init__(self, request, cloud_event):
        super().__init__(request=request)
        self.request = request
        self.cloud_event = cloud_event
        if cloud_event is not None:
            self["cloud_event"] = cloud_event


def knative_app(target, file_name):
    def view():
        import flask

        result = target(KnativeContext(flask.request, received_event(flask.request)))
        event = attributes_of(result)
        if event is None:
            return "" if result is None else result
        message = binary_message(*event)
        return message["body"], message["status"], message["headers"]

    return make_flask_app(file_name, "parliament-functions", view)


def received_event(request):
    if "ce-id" not in request.headers and not (request.content_type or "").startswith("application/cloudevents"):
        return None
    try:
        from cloudevents.http import from_http

        return from_http(request.headers, request.get_data())
    except Exception as error:
        log_error(error)
        return None


def knative_instance_app(function):
    async def run(name, *arguments):
        method = getattr(function, name, None)
        result = method(*arguments) if method else None
        if hasattr(result, "__await__"):
            await result

    async def app(scope, receive, send):
        if scope["type"] != "lifespan":
            await function.handle(scope, receive, send)
            return
        await receive()
        await run("start", dict(ENVIRONMENT))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await run("stop")
        await send({"type": "lifespan.shutdown.complete"})

    return app
'''


PARTS['signatures.openfaas'] = 5451, r'''import os
import socket
load_part('apps.address')

# ---- signatures/openfaas.py
# Functions of the OpenFaaS templates.

FLASK_TEXT = "text/html; charset=utf-8"  # type of text in Flask, which the templates use


class OpenFaasHeaders(dict):
    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(str(name).lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


class OpenFaasQuery(dict):
    def __init__(self, parsed):
        super().__init__({name: value[0] if isinstance(value, list) else value for name, value in parsed.items()})
        self._all = parsed

    def getlist(self, name):
        value = self._all.get(name, [])
        return list(value) if isinstance(value, list) else [value]


class OpenFaasEvent:
    def __init__(self, call):
        path, query = target_of(call)
        self.body = call.decoded_body()
        self.headers = OpenFaasHeaders(call.headers)
        self.method = call.method
        self.query = OpenFaasQuery(parse_query(query))
        self.path = path


class OpenFaasContext:
    hostname = os.environ.get("HOSTNAME") or socket.gethostname()


def adapt_openfaas(target):
    takes_event = arity(target) == 2

    def handle(call):
        if takes_event:
            return openfaas_result(target(OpenFaasEvent(call), OpenFaasContext()))
        body = call.decoded_body()
        raw = os.environ.get("RAW_BODY", "").lower() in ("1", "true")
        return openfaas_result(target(body if raw else body.decode("utf-8", "replace")))

    handle.takes_call = True
    return handle


def openfaas_result(value):
    if isinstance(value, tuple):
        body, status, headers = view_result(value)
    elif isinstance(value, dict) and value.keys() & {"statusCode", "body"}:
        body, status, headers = value.get("body", ""), value.get("statusCode", 200), value.get("headers") or {}
    else:
        body, status, headers = value, 200, {}
    pairs = {}
    for name, each in headers.items() if isinstance(headers, dict) else headers:
        pairs[name] = [pairs[name], each] if name in pairs else each
    if body is None:
        body = ""
    if not isinstance(body, (str, bytes)):
        body = to_json(body) if isinstance(body, (dict, list)) else str(body)
        default = "application/json" if body[:1] in "[{" else FLASK_TEXT
    else:
        default = FLASK_TEXT
    if not any(name.lower() == "content-type" for name in pairs):
        pairs["Content-Type"] = default
    return {"status": int(status), "headers": pairs, "body": body or b""}


def view_result(value):
    body, second, third = (*value, None, None)[:3]
    if isinstance(second, (dict, list)):
        return body, 200, second
    return body, 200 if second is None else second, third or {}
'''


PARTS['websocket.frames'] = 5540, r'''# ---- websocket/frames.py
# The frames of WebSockets (RFC 6455 section 5).

CONTINUATION, TEXT_FRAME, BINARY_FRAME, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, LOST, INVALID_DATA, TOO_BIG, FAILED, RESTARTING = (
    1001, 1002, 1005, 1006, 1007, 1009, 1011, 1012,
)  # fmt: skip
CONTROL_LIMIT = 125  # bytes of a control frame


class FrameError(Exception):
    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code


class FrameReader:
    __slots__ = ("buffer", "limit", "kind", "pieces", "size")

    def __init__(self, limit):
        self.buffer = bytearray()
        self.limit = limit  # bytes of a message
        self.kind = None  # of the message whose first frames have come
        self.pieces = []
        self.size = 0

    def take(self, data):
        buffer = self.buffer
        buffer += data
        events = []
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

    def frame_at(self, at):
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

    def add(self, first, payload):
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


def mask(data, key):
    length = len(data)
    keys = bytes(key) * ((length + 3) // 4)
    return (int.from_bytes(data, "little") ^ int.from_bytes(keys[:length], "little")).to_bytes(length, "little")


def encode_frame(kind, payload):
    length = len(payload)
    if length <= CONTROL_LIMIT:
        return bytes((0x80 | kind, length)) + payload
    if length < 65536:
        return bytes((0x80 | kind, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | kind, 127)) + length.to_bytes(8, "big") + payload


def parse_close(payload):
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in (1004, NO_STATUS, LOST):
        raise FrameError(PROTOCOL_ERROR, "invalid close code")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(INVALID_DATA, "the reason of a close frame is not UTF-8") from None


def encode_close(code, reason=""):
    if code == NO_STATUS:
        return encode_frame(CLOSE, b"")
    text = reason.encode("utf-8", "replace")[: CONTROL_LIMIT - 2].decode("utf-8", "ignore")
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text.encode())
'''


PARTS['websocket.handshake'] = 5670, r'''import base64
import binascii
import hashlib
import re

# ---- websocket/handshake.py
# The opening handshake of WebSockets (RFC 6455 section 4.2).

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OWN_LINES = re.compile(rb"(?im)^sec-websocket-(?:accept|protocol|extensions): [^\r]*\r\n")


def check_request(call, has_body):
    if has_body:
        raise Problem("INVALID_REQUEST", "Expected a request for a WebSocket to have no body")
    version = call.headers.get("sec-websocket-version")
    if version != "13":
        raise Problem("INVALID_REQUEST", f"Expected Sec-WebSocket-Version 13, got {version or 'none'}")
    try:
        key = base64.b64decode(call.headers.get("sec-websocket-key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 16:
        raise Problem("INVALID_REQUEST", "Expected Sec-WebSocket-Key to be 16 bytes in Base64")


def accept_response(call, subprotocol, lines):
    key = call.headers["sec-websocket-key"].encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    head = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\nX-Request-Id: {call.request_id}\r\n{date_line()}"
    )
    if subprotocol is not None:
        if not isinstance(subprotocol, str) or not TOKEN.match(subprotocol):
            raise invalid_response(f"Expected the subprotocol to be a token, got {subprotocol!r}")
        head += f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    return head.encode("latin-1") + OWN_LINES.sub(b"", lines) + b"\r\n"
'''


PARTS['websocket.exchange'] = 5711, r'''import sys
from collections import deque
from time import monotonic
load_part('apps.app_head')
load_part('asgi.http_exchange')
load_part('asgi.scope')
load_part('asgi.waiters')
load_part('websocket.frames')
load_part('websocket.handshake')

# ---- websocket/exchange.py
# A WebSocket, as events of an ASGI application.

# Seconds. A client that answers no ping for as long as the next one takes is lost.
PING_INTERVAL = 20
# Time for the client's part of the closing handshake.
CLOSE_TIMEOUT = 5


class WebSocketExchange:
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

    def __init__(self, connection, call):
        check_request(call, connection.body is not None)
        self.call = call
        self.connection = connection
        self.loop = connection.asyncio_loop
        self.state = "connecting"
        self.events = deque(({"type": "websocket.connect"},))
        self.size = 0  # bytes of the messages in `events`
        self.waiters = Waiters(self.loop)
        self.frames = FrameReader(settings.body_limit)
        self.rejection = None  # the application's own response, in place of a WebSocket
        self.on_end = None  # called when the WebSocket has ended
        self.heard = monotonic()  # time of the last bytes
        self.timer = None
        self.disconnect_event = None

    def scope(self, state):
        return websocket_scope(self.call, state)

    # ---- events of the application

    async def receive(self):
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

    async def send(self, message):
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

    async def send_message(self, message):
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

    def accept(self, message):
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

    def reject(self):
        self.state = "closed"
        response = complete_response(self.call, 403, None, (), b"")
        if self.call.claim():
            self.connection.deliver(self.call, response)
        self.expect_disconnect(LOST, "")

    async def respond(self, message):
        if self.rejection is None:
            self.state = "rejecting"
            self.rejection = HttpExchange(self.connection, self.call)
            self.rejection.on_end = self.on_end
        await self.rejection.send({**message, "type": message["type"][len("websocket.") :]})
        if self.rejection.ended:
            self.state = "closed"
            self.expect_disconnect(LOST, "")

    # ---- events of the connection

    def readable(self):
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

    def take(self, data):
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

    def add_message(self, kind, payload):
        event = {"type": "websocket.receive"}
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

    def is_full(self):
        return self.size >= READ_AHEAD

    def closed_by_client(self, code, reason):
        if self.state == "open":
            self.connection.send_soon(encode_close(code))
            self.expect_disconnect(code, reason)
        self.end()

    def disconnect(self):
        if self.rejection is not None:
            self.rejection.disconnect()
        self.expect_disconnect(LOST, "")
        if self.state in ("open", "closing"):
            self.connection.gone = True
            self.end()
        elif self.state == "connecting" and self.connection.closed:
            self.state = "closed"

    def ping(self, sent):
        if self.state != "open":
            return
        # A client whose messages wait to be received is not read.
        if sent and self.heard < sent and self.connection.reading:
            return self.disconnect()
        self.connection.send_soon(encode_frame(PING, b""))
        self.timer = self.loop.call_later(PING_INTERVAL, self.ping, monotonic())

    # ---- the end

    def begin_close(self, code, reason):
        self.state = "closing"
        self.connection.send_soon(encode_close(code, reason))
        self.connection.set_reading(True)
        self.timer.cancel()
        self.timer = self.loop.call_later(CLOSE_TIMEOUT, self.end)

    def expect_disconnect(self, code, reason):
        if self.disconnect_event is None:
            self.disconnect_event = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.waiters.wake()

    def go_away(self):
        if self.state == "open":
            self.begin_close(RESTARTING, "")
            self.expect_disconnect(RESTARTING, "")

    def end(self):
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

    def returned(self):
        if self.state == "open":
            sys.stderr.write(f"The ASGI application returned without closing its WebSocket ({self.call.request_id})\n")
            self.begin_close(FAILED, "")
        elif self.rejection is not None:
            self.rejection.returned()
        elif self.state == "connecting":
            self.failed(invalid_response("The ASGI application returned without accepting or closing the WebSocket"))

    def failed(self, error):
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

    def cancelled(self):
        if self.rejection is not None:
            self.rejection.cancelled()
        elif self.state == "open":
            self.begin_close(FAILED, "")
        elif self.state == "connecting" and self.call.unclaimed:
            self.failed(RuntimeError("The application's task was cancelled"))
'''


# ---- main.py

server = Server()


def on_sigterm():
    if lifecycle.draining or lifecycle.warm:
        os._exit(0)
    lifecycle.draining = True
    if server.serving:
        server.loop.call_soon_threadsafe(server.drain)


def main():
    prepare()
    use_settings()
    listen()
    serve()


def prepare():
    on_sigterm_call(on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def use_settings():
    tag_output()
    limit_libraries()


def limit_libraries():
    for library in ("OPENBLAS", "OMP", "MKL"):
        ENVIRONMENT.setdefault(f"{library}_NUM_THREADS", "1")


def listen():
    try:
        server.listen()
    except OSError as error:
        sys.exit(f"Cannot listen on {settings.port}: {error.strerror}")


def serve(problem=None, connections=()):
    loaded = None
    began = time()
    watch = LoadingWatch()
    try:
        loaded = None if problem else load_function()
    except Problem as error:
        problem = error
    if problem:
        sys.stderr.write(f"{problem}\n")
    lifecycle.loading = (began, time())
    gc.freeze()  # what was loaded stays: the collector need not look at it again and again
    server.serve(loaded, problem, watch, connections)


def start(folder):
    source_folder.move(folder)
    settings.read()
    main()


def main_warm():
    load_part('warm.become')
    load_part('warm.kept_claim')

    folder = resume_claim()
    if folder:
        server.claimed = True
        become_replica(folder)
        main()
        return
    problem, connections = wait_for_function()
    use_settings()
    serve(problem, connections)


def wait_for_function():
    present = set(sys.modules)
    lifecycle.warm = True
    prepare()
    limit_libraries()
    load_part('warm.become')
    load_part('warm.imports')
    load_part('warm.process')
    load_part('warm.restart')

    process = WarmProcess(ENVIRONMENT.get("FAAS_CLAIM_SHA256", ""))
    imports = ImportsAhead(present)
    imports.import_all(ENVIRONMENT.pop("FAAS_WARM_FOLDER", None))
    listen()
    gc.collect()
    gc.freeze()
    claim, connections = process.wait_for_claim(server.listener)
    lifecycle.warm = False
    server.claimed = True
    noticed = imports.are_noticed_by(claim)
    problem = take_files(claim)
    if noticed and not problem:
        restart(claim.folder, server.listener, connections)
    become_replica(claim.folder)
    return problem, connections


def main_restarted():
    load_part('warm.become')
    load_part('warm.restart')

    folder, server.listener, connections = take_over()
    server.listening = server.claimed = True
    become_replica(folder)
    prepare()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    use_settings()
    serve(None, connections)


if __name__ == "__main__":
    if ENVIRONMENT.get("FAAS_WARM") == "1":
        main_warm()
    elif "FAAS_RESTARTED" in ENVIRONMENT:
        main_restarted()
    elif ENVIRONMENT.get("FAAS_PREWARMED") != "1":
        main()
else:
    # A process that multiprocessing has spawned runs this file, for arguments with the classes above, with the path of this process.
    sys.path[:] = source_folder.search_path
