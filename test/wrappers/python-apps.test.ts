import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { Agent, WebSocket } from "undici";
import { exitOf, type Started, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const MOUNTED = {
  host: "api.example.com",
  "x-forwarded-prefix": "/acme/it",
  "x-forwarded-proto": "https",
  "x-forwarded-for": "1.2.3.4",
};

const WSGI = `
import json, os, threading, time
gate = threading.Event()
barrier = threading.Barrier(4)
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/boom": raise ValueError("boom")
    if path == "/meet": barrier.wait(10)
    if path == "/silent": return [b"no head"]
    if path == "/inject":
        start_response("200 OK", [("X-A", "b\\r\\nX-Evil: 1")])
        return [b""]
    if path == "/stream":
        def pieces():
            yield b"first"
            gate.wait(10)
            yield b"second"
        start_response("200 OK", [("Content-Type", "text/plain")])
        return pieces()
    if path == "/open":
        gate.set()
    if path == "/body":
        lines = list(environ["wsgi.input"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps([environ.get("CONTENT_LENGTH"), [line.decode() for line in lines]]).encode()]
    names = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "wsgi.url_scheme", "HTTP_HOST", "SERVER_PORT", "REMOTE_ADDR")
    body = json.dumps({**{name: environ[name] for name in names}, "port": os.environ["PORT"]}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
`;

const ASGI = `
import asyncio, contextvars, json, os
request = contextvars.ContextVar("request", default="none")
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            print(event["type"])
            if os.environ.get("FAIL"):
                await send({"type": "lifespan.startup.failed", "message": "no database"})
                return
            scope["state"]["db"] = "connected"
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown": return
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/no":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                print("disconnect", event["code"])
                return
            if event.get("text") == "die": raise ValueError("died")
            await send({**event, "type": "websocket.send"})
    path = scope["path"][len(scope["root_path"]):]
    if path == "/boom": raise ValueError("boom")
    if path == "/nothing": return
    if path == "/slow":
        try:
            await asyncio.sleep(30)
        finally:
            print("cancelled")
    if path == "/wait":
        await receive()
        print("waiting")
        print((await receive())["type"])
        return
    headers = [[b"content-type", b"application/json"]]
    if path == "/inject": headers = [[b"x-a", b"b\\r\\nx-evil: 1"]]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/echo":
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            await send({"type": "http.response.body", "body": event["body"], "more_body": True})
        await send({"type": "http.response.body"})
        return
    if path == "/context":
        before = request.get()
        request.set("set")
        await asyncio.sleep(0)
        body = [before, request.get()]
    else:
        names = ("root_path", "path", "scheme", "client", "server", "http_version")
        body = {**{name: scope[name] for name in names}, "query": scope["query_string"].decode(), "db": scope["state"]["db"], "port": os.environ["PORT"]}
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
    if path == "/later":
        await asyncio.sleep(0.2)
        print("worked on")
`;

describe("a WSGI application", { concurrency: true }, () => {
  let app: Started;
  before(async () => {
    app = await start(wrappers.Python, WSGI);
  });
  after(() => app[Symbol.asyncDispose]());

  test("gets the address that the caller used, below the mount path", async () => {
    const { json } = await app.call("/a%20b/%C3%BC?x=%20", { headers: MOUNTED });
    assert.deepEqual(json(), {
      SCRIPT_NAME: "/acme/it",
      PATH_INFO: "/a b/\u00c3\u00bc",
      QUERY_STRING: "x=%20",
      REQUEST_URI: "/acme/it/a%20b/%C3%BC?x=%20",
      "wsgi.url_scheme": "https",
      HTTP_HOST: "api.example.com",
      SERVER_PORT: "443",
      REMOTE_ADDR: "1.2.3.4",
      port: "8080",
    });
  });

  test("knows the length of a body that was sent in chunks", async () => {
    async function* pieces() {
      yield Buffer.from("one\ntw");
      yield Buffer.from("o\n");
    }
    const { json } = await app.call("/body", { method: "POST", body: pieces() as unknown as Buffer });
    assert.deepEqual(json(), ["8", ["one\n", "two\n"]]);
  });

  test("streams its response", async () => {
    const socket = connect(app.socketPath).setEncoding("latin1");
    socket.write("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = "";
    socket.on("data", (data) => (text += data));
    await eventually("the first piece", () => text.endsWith("5\r\nfirst\r\n"));
    await app.call("/open");
    await eventually("the end", () => text.endsWith("6\r\nsecond\r\n0\r\n\r\n"));
    socket.destroy();
  });

  test("serves calls side by side", async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => app.call("/meet")));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  });

  test("has a problem in place of a response that it cannot give", async () => {
    for (const [path, code] of [
      ["/boom", "FUNCTION_ERROR"],
      ["/silent", "INVALID_RESPONSE"],
      ["/inject", "INVALID_RESPONSE"],
    ] as const) {
      const { status, headers, json } = await app.call(path);
      assert.deepEqual([status, json().code, headers["x-evil"]], [500, code, undefined]);
    }
  });
});

describe("an ASGI application", { concurrency: true }, () => {
  let app: Started;
  before(async () => {
    app = await start(wrappers.Python, ASGI);
  });
  after(() => app[Symbol.asyncDispose]());

  test("gets the address that the caller used, with the state of its lifespan", async () => {
    const { json } = await app.call("/a%20b/%C3%BC?x=%20", { headers: MOUNTED });
    assert.deepEqual(json(), {
      root_path: "/acme/it",
      path: "/acme/it/a b/ü",
      scheme: "https",
      client: ["1.2.3.4", 0],
      server: ["api.example.com", 443],
      http_version: "1.1",
      query: "x=%20",
      db: "connected",
      port: "8080",
    });
  });

  test("gets a body while the client sends it", async () => {
    const socket = connect(app.socketPath).setEncoding("latin1");
    let text = "";
    socket.on("data", (data) => (text += data));
    socket.write("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    await eventually("the first piece", () => text.endsWith("3\r\none\r\n"));
    socket.write("3\r\ntwo\r\n0\r\n\r\n");
    await eventually("the end", () => text.endsWith("3\r\ntwo\r\n0\r\n\r\n"));
    socket.destroy();
  });

  test("learns that its client is gone", async () => {
    const socket = connect(app.socketPath);
    socket.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually("the call", () => app.output().includes("waiting"));
    socket.destroy();
    await eventually("the event", () => app.output().includes("http.disconnect"));
  });

  test("has a context of its own for each call", async () => {
    for (let i = 0; i < 2; i++) assert.deepEqual((await app.call("/context")).json(), ["none", "set"]);
  });

  test("has a problem in place of a response that it cannot give", async () => {
    for (const [path, code] of [
      ["/boom", "FUNCTION_ERROR"],
      ["/nothing", "INVALID_RESPONSE"],
      ["/inject", "INVALID_RESPONSE"],
    ] as const) {
      const { status, headers, json } = await app.call(path);
      assert.deepEqual([status, json().code, headers["x-evil"]], [500, code, undefined]);
    }
  });

  /** Opens a WebSocket of a wrapper. */
  const open = async (wrapper: Started, path = "/ws", protocols: string[] = []) => {
    const dispatcher = new Agent({ connect: { socketPath: wrapper.socketPath } });
    const socket = new WebSocket(`ws://wrapper${path}`, { protocols, dispatcher });
    socket.binaryType = "arraybuffer";
    await once(socket, "open");
    return socket;
  };
  const next = async (socket: WebSocket): Promise<unknown> => (await once(socket, "message"))[0].data;
  const closed = async (socket: WebSocket): Promise<number> => (await once(socket, "close"))[0].code;

  test("takes WebSockets: messages both ways, a subprotocol, and the client's code", async () => {
    const socket = await open(app, "/ws", ["chat"]);
    assert.equal(socket.protocol, "chat");
    socket.send("ü");
    assert.equal(await next(socket), "ü");
    const bytes = randomBytes(1_000_000);
    socket.send(bytes);
    assert.ok(bytes.equals(Buffer.from((await next(socket)) as ArrayBuffer)));
    socket.close(4000);
    await eventually("the code", () => app.output().includes("disconnect 4000"));
  });

  test("closes a WebSocket with 1011 when it raises an error", async () => {
    const socket = await open(app);
    socket.send("die");
    assert.equal(await closed(socket), 1011);
  });

  test("may refuse a WebSocket: 403", async () => {
    const headers = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(app.socketPath).setEncoding("latin1");
    socket.write(`GET /no HTTP/1.1\r\nHost: a\r\n${lines.join("")}\r\n`);
    const [head] = await once(socket, "data");
    assert.match(head, /^HTTP\/1.1 403 /);
    socket.destroy();
  });

  test("closes its WebSockets with 1012 at the end of a drain", async () => {
    await using ending = await start(wrappers.Python, ASGI, { FAAS_TIMEOUT_MS: "300" });
    const code = closed(await open(ending));
    ending.child.kill("SIGTERM");
    assert.equal(await code, 1012);
    assert.equal(await exitOf(ending.child), 0);
    assert.match(ending.output(), /disconnect 1012\nlifespan.shutdown\n$/);
  });

  test("is cancelled at the time limit", async () => {
    await using limited = await start(wrappers.Python, ASGI, { FAAS_TIMEOUT_MS: "100" });
    assert.equal((await limited.call("/slow")).json().code, "FUNCTION_TIMEOUT");
    await eventually("the cancellation", () => limited.output().includes("cancelled"));
  });

  test("ends after its tasks, with its shutdown", async () => {
    await using ending = await start(wrappers.Python, ASGI);
    await ending.call("/later");
    ending.child.kill("SIGTERM");
    await once(ending.child, "exit");
    assert.match(ending.output(), /^lifespan.startup\nworked on\nlifespan.shutdown\n$/);
    assert.equal(await exitOf(ending.child), 0);
  });

  test("whose startup fails is not ready, and says why", async () => {
    await using failing = await start(wrappers.Python, ASGI, { FAIL: "1" });
    const { status, json } = await failing.call("/-/ready");
    assert.deepEqual([status, json().code], [502, "FUNCTION_LOAD_FAILED"]);
    assert.match(json().detail, /startup of the application failed: no database/);
  });
});

test("the response of a Lambda function is a problem that names the setting", async () => {
  await using wrong = await start(
    wrappers.Python,
    'def handler(event, context): return {"statusCode": int(event["query"].get("status", "201")), "body": "x"}',
  );
  const { status, json } = await wrong.call("/");
  assert.deepEqual([status, json().code], [500, "INVALID_RESPONSE"]);
  assert.match(json().detail, /--signature lambda/);
});

test("an application of the wrong kind is a load error that names the setting", async () => {
  await using wrong = await start(wrappers.Python, ASGI, { FAAS_APP: "wsgi" });
  const { status, json } = await wrong.call("/");
  assert.deepEqual([status, json().code], [502, "FUNCTION_LOAD_FAILED"]);
  assert.match(json().detail, /--app asgi/);
});

test("a factory that the handler names makes the application", async () => {
  const main = `def create_app(config=None):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"made"]
    return app
`;
  await using made = await start(wrappers.Python, main, { FAAS_HANDLER: "main.create_app" });
  assert.equal((await made.call("/")).text, "made");
});
