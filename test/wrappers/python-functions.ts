import { join } from "node:path";
import type { Language } from "./contract.ts";

export const templates = join(import.meta.dirname, "../../templates/python");
/** Python interpreter, as a path or a name on PATH; the minimum version is 3.9. */
export const interpreter = process.env.FAAS_PYTHON ?? "python3";

export const python: Language = {
  name: "Python",
  wrapper: join(templates, ".interface.py"),
  command: [interpreter],
  file: "main.py",
  main: `
import asyncio
import hashlib
import os
import threading
import time

lock = threading.Lock()
now = 0
most = 0


def other(event):
    return "other"


def handler(event, context):
    global now, most
    case = event.path.split("/")[1]
    if case == "echo": return event
    if case == "text": return "hello ü"
    if case == "bytes": return bytes(range(256))
    if case == "nothing": return None
    if case == "object": return {"a": 1}
    if case == "list": return [1, 2]
    if case == "number": return 7
    if case == "exact": return {"status": 201, "headers": {"X-A": ["1", "2"]}, "body": "made"}
    if case == "status-text": return {"status": "open"}
    if case == "digest": return hashlib.sha256(event.body).hexdigest()
    if case == "throw": raise ValueError("boom")
    if case == "invalid": return lambda: 1
    if case == "stream": return stream(event)
    if case == "stream-throw": return stream_throw()
    if case == "slow":
        print("slowly")
        time.sleep(30)
    if case == "count":
        print("counting")
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return str(most)
    if case == "print":
        print("a line, ü")
        return None
    if case == "context":
        return {"org": context.org, "endpoint": context.endpoint, "revision": context.revision, "requestId": context.request_id}


def stream(event):
    yield "one"
    while not os.path.exists(event.query["gate"]):
        time.sleep(0.005)
    yield "two"
    yield b"three"


async def stream_throw():
    yield "one"
    await asyncio.sleep(0.02)
    raise ValueError("later")
`,
  syntaxError: { text: "a = 1\ndef handler(:\n    pass\n", line: 2 },
  loadError: { text: 'a = 1\nraise ValueError("no luck")\n', line: 2 },
  noHandler: "nothing = 1\n",
  notCallable: "handler = 5\n",
};

/** Functions of the contract as `async def`: they run on the event loop, not on threads. */
export const asynchronous: Language = {
  ...python,
  name: "Python async def",
  main: python.main
    .replace("def handler", "async def handler")
    .replace("def stream(event)", "async def stream(event)")
    .replaceAll("time.sleep", "await asyncio.sleep"),
};
