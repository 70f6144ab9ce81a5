import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** A stand-in for OpenTelemetry of Node, as the real one registers itself: its context is the `traceparent` that its propagator has read. */
const NODE_TELEMETRY = `
import { AsyncLocalStorage } from "node:async_hooks";
const storage = new AsyncLocalStorage();
const none = { getValue: () => undefined };
globalThis[Symbol.for("opentelemetry.js.api.1")] = {
  context: { active: () => storage.getStore() ?? none, with: (context, run) => storage.run(context, run) },
  propagation: { extract: (_, carrier, getter) => ({ ...none, parent: getter.get(carrier, "traceparent") }) },
};
const parent = () => storage.getStore()?.parent ?? "none";`;

/** A stand-in for the parts of OpenTelemetry of Python that the wrapper uses. */
const PYTHON_TELEMETRY = {
  "opentelemetry/context.py": `
from contextvars import ContextVar
current = ContextVar("current", default="none")
attach, detach = current.set, current.reset`,
  "opentelemetry/propagate.py": "def extract(headers):\n    return headers['traceparent']\n",
  "opentelemetry/__init__.py": "",
};

/** Code that responds with the parent of its spans, after a moment, and whether it sees the header with which the gateway asks for times. */
const functions = {
  "a function in Node": {
    ...wrappers.Node,
    source: `${NODE_TELEMETRY}
export const handler = async ({ headers }) => {
  await new Promise((done) => setTimeout(done, 5));
  return { parent: parent(), asked: "x-faas-trace" in headers };
};`,
  },
  "an application in Node": {
    ...wrappers.Node,
    source: `${NODE_TELEMETRY}
import { createServer } from "node:http";
createServer((request, response) => {
  setTimeout(() => response.end(JSON.stringify({ parent: parent(), asked: "x-faas-trace" in request.headers })), 5);
}).listen(process.env.PORT);`,
  },
  "a fetch function in Node": {
    ...wrappers.Node,
    source: `${NODE_TELEMETRY}
export default { fetch: async (request) => {
  await new Promise((done) => setTimeout(done, 5));
  return Response.json({ parent: parent(), asked: request.headers.has("x-faas-trace") });
} };`,
  },
  "a plain function in Python": {
    ...wrappers.Python,
    source: `
import time
from opentelemetry.context import current
def handler(event):
    time.sleep(0.005)
    return {"parent": current.get(), "asked": "x-faas-trace" in event.headers}`,
  },
  "an async function in Python": {
    ...wrappers.Python,
    source: `
import asyncio
from opentelemetry.context import current
async def handler(event):
    await asyncio.sleep(0.005)
    return {"parent": current.get(), "asked": "x-faas-trace" in event.headers}`,
  },
  "a WSGI application": {
    ...wrappers.Python,
    source: `
import json, time
from opentelemetry.context import current
def app(environ, start_response):
    time.sleep(0.005)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"parent": current.get(), "asked": "HTTP_X_FAAS_TRACE" in environ}).encode()]`,
  },
  "an ASGI application": {
    ...wrappers.Python,
    source: `
import asyncio, json
from opentelemetry.context import current
async def app(scope, receive, send):
    await asyncio.sleep(0.005)
    body = {"parent": current.get(), "asked": any(name == b"x-faas-trace" for name, _ in scope["headers"])}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})`,
  },
};

/** Reads the times of a response: milliseconds since the epoch, and durations. */
function timesOf(header: string | string[] | undefined) {
  const number = String.raw`(\d+\.\d{3})`;
  const pattern = new RegExp(`^handler=${number}\\+${number},load=${number}\\+${number}$`);
  const [, began, took, loadBegan, loadTook] = pattern.exec(String(header)) ?? assert.fail(`no times: ${header}`);
  return { began: Number(began), took: Number(took), loadBegan: Number(loadBegan), loadTook: Number(loadTook) };
}

for (const [name, { source, ...language }] of Object.entries(functions))
  test(`${name} has the caller's span as its parent, and reports its times when the gateway asks for them`, async () => {
    const files = language.file.endsWith(".py") ? PYTHON_TELEMETRY : {};
    await using wrapper = await start(language, source, {}, { files });
    const before = Date.now();
    const headers = { traceparent: TRACEPARENT, "x-faas-trace": "1" };
    // At the same time: a parent is that of its own call.
    const others = [1, 2, 3].map((digit) => TRACEPARENT.replace("b7ad", `${digit}`.repeat(4)));
    const [answer, ...rest] = await Promise.all([
      wrapper.call("/", { headers }),
      ...others.map((traceparent) => wrapper.call("/", { headers: { traceparent } })),
    ]);
    assert.deepEqual(answer?.json(), { parent: TRACEPARENT, asked: false });
    assert.deepEqual(
      rest.map((each) => each.json().parent),
      others,
    );
    const { began, took, loadBegan, loadTook } = timesOf(answer?.headers["x-faas-trace"]);
    assert.ok(took >= 4 && began >= before - 5 && began + took <= Date.now() + 5, `${began} ${took}`);
    assert.ok(loadBegan <= began && loadTook > 0 && loadBegan + loadTook <= began + 5, `${loadBegan} ${loadTook}`);
    assert.ok(rest.every((each) => each.headers["x-faas-trace"] === undefined));
    // Nothing of a trace is left for the next call.
    const without = await wrapper.call("/");
    assert.deepEqual([without.json().parent, without.headers["x-faas-trace"]], ["none", undefined]);
  });
