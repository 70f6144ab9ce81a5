import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { type PrintedLine, parseOutput } from "../../packages/platforms/src/common/output-tags.ts";
import { type Started, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const CALLS = 20;

/**
 * Function and applications that print `<id> begins`, `<id> of two` and `<id> lines`, wait, and print `<id> ends` and on stderr `<id> failed`. The id is that
 * of the request. While it is loaded, it prints `loading` on both streams.
 */
const sources = {
  "a function in Node": `
console.log("loading");
console.error("loading");
export const handler = async ({ headers }) => {
  const id = headers["x-request-id"];
  console.log(id, "begins");
  process.stdout.write(id + " of two\\n" + id + " lines\\n");
  await new Promise((done) => setTimeout(done, 20));
  process.stdout.write(Buffer.from(id + " ends\\n"));
  console.error(id, "failed");
  return "done";
};`,
  "an application in Node": `
import { createServer } from "node:http";
console.log("loading");
console.error("loading");
createServer((request, response) => {
  const id = request.headers["x-request-id"];
  console.log(id + " begins");
  process.stdout.write(id + " of two\\n" + id + " lines\\n");
  request.on("data", () => {}).on("end", () => {
    process.stdout.write(id);
    console.log(" ends");
    console.error(id, "failed");
    response.end("done");
  });
}).listen(process.env.PORT);`,
  "a plain function in Python": `
import sys, time
print("loading")
print("loading", file=sys.stderr)
def handler(event):
    id = event["headers"]["x-request-id"]
    print(id, "begins")
    sys.stdout.write(f"{id} of two\\n{id} lines\\n")
    time.sleep(0.02)
    print(id + " ends")
    sys.stderr.write(id + " failed\\n")
    return "done"`,
  "an async function in Python": `
import asyncio, sys
print("loading")
print("loading", file=sys.stderr)
async def handler(event):
    id = event["headers"]["x-request-id"]
    print(id, "begins")
    print(f"{id} of two\\n{id} lines")
    await asyncio.sleep(0.02)
    await asyncio.to_thread(print, id + " ends")
    print(id, "failed", file=sys.stderr)
    return "done"`,
  "a WSGI application": `
import sys, time
print("loading")
print("loading", file=sys.stderr)
def app(environ, start_response):
    id = environ["HTTP_X_REQUEST_ID"]
    print(id, "begins")
    print(f"{id} of two\\n{id} lines")
    time.sleep(0.02)
    sys.stdout.buffer.write(f"{id} ends\\n".encode())
    sys.stdout.flush()
    environ["wsgi.errors"].write(f"{id} failed\\n")
    start_response("200 OK", [])
    return [b"done"]`,
  "an ASGI application": `
import asyncio, logging, sys
print("loading")
print("loading", file=sys.stderr)
logging.basicConfig(format="%(message)s")
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    id = dict(scope["headers"])[b"x-request-id"].decode()
    print(id, "begins")
    print(f"{id} of two\\n{id} lines")
    await receive()
    await asyncio.sleep(0.02)
    print(id, "ends")
    logging.warning("%s failed", id)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})`,
};

describe("lines carry the id of the call that prints them, also when calls run side by side", () => {
  const environment = { FAAS_OUTPUT_TAGS: "1", FAAS_CONCURRENCY: String(CALLS) };
  for (const [name, source] of Object.entries(sources)) {
    test(`in ${name}`, async () => {
      await using wrapper = await start(wrappers[name.includes("Node") ? "Node" : "Python"], source, environment);
      const printed = (text: string) => text.trimEnd().split("\n").map(parseOutput);
      const loading = await eventually("its first lines", () => {
        const lines = printed(wrapper.output());
        return lines.length >= 2 && lines;
      });
      assert.deepEqual(loading.sort(byStream), [{ text: "loading" }, { text: "loading", stream: "stderr" }]);
      const output = { stdout: "", stderr: "" };
      for (const stream of ["stdout", "stderr"] as const)
        wrapper.child[stream]?.on("data", (chunk) => {
          output[stream] += chunk;
        });
      const ids = Array.from({ length: CALLS }, (_, number) => `call-${number}`);
      await Promise.all(ids.map((id) => callWith(wrapper, id)));
      const lines = await eventually("all output", () => {
        const all = [...printed(output.stdout), ...printed(output.stderr)];
        return all.length >= 5 * CALLS && all;
      });
      const stdout = (text: string, requestId: string) => ({ text, stream: "stdout", requestId });
      for (const id of ids) {
        const own = lines.filter(({ text }) => text.startsWith(`${id} `));
        assert.deepEqual(own, [
          ...["begins", "of two", "lines", "ends"].map((text) => stdout(`${id} ${text}`, id)),
          { text: `${id} failed`, stream: "stderr", requestId: id },
        ]);
      }
      assert.equal(lines.length, 5 * CALLS);
    });
  }
});

const failing = {
  "a function in Node": 'export const handler = async () => { throw new Error("broken"); };',
  "a plain function in Python": 'def handler(event):\n    raise ValueError("broken")',
  "an async function in Python": 'async def handler(event):\n    raise ValueError("broken")',
};

describe("an error is logged once, with the id of its call", () => {
  for (const [name, source] of Object.entries(failing)) {
    test(`in ${name}`, async () => {
      const environment = { FAAS_OUTPUT_TAGS: "1" };
      await using wrapper = await start(wrappers[name.includes("Node") ? "Node" : "Python"], source, environment);
      assert.equal((await wrapper.call("/", { headers: { "x-request-id": "call-1" } })).status, 500);
      const lines = await eventually("the error", () => {
        const printed = wrapper.output().trimEnd().split("\n").map(parseOutput);
        return printed.some(({ text }) => text.includes("broken")) && printed;
      });
      assert.equal(lines.filter(({ text }) => /Error: broken/.test(text)).length, 1);
      assert.ok(!lines.some(({ text }) => text.startsWith("{")));
      for (const { stream, requestId } of lines) assert.deepEqual([stream, requestId], ["stderr", "call-1"]);
    });
  }
});

test("lines are unchanged where the platform does not ask for tags", async () => {
  await using wrapper = await start(wrappers.Node, sources["a function in Node"]);
  await callWith(wrapper, "call-1");
  await eventually("all output", () => wrapper.output().includes("failed"));
  assert.ok(!wrapper.output().includes("\x1e"), wrapper.output());
});

async function callWith(wrapper: Started, id: string): Promise<void> {
  const headers = { "x-request-id": id, "content-type": "text/plain" };
  const { status, text } = await wrapper.call("/", { method: "POST", headers, body: "x" });
  assert.deepEqual([status, text], [200, "done"]);
}

/** Puts stdout first; the streams reach the test independently of each other. */
const byStream = (a: PrintedLine, b: PrintedLine) => Number(a.stream === "stderr") - Number(b.stream === "stderr");
