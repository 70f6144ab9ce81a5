import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { eventually, freePort, tempDir } from "@faas/testing";
import { Agent, type Dispatcher, request } from "undici";

/** Wrapper of a language, with functions for the contract in that language. */
export interface Language {
  readonly name: string;
  readonly wrapper: string;
  readonly command: readonly string[];
  /** File of the function that the wrapper loads without `FAAS_HANDLER`. */
  readonly file: string;
  /**
   * Function that responds by `event.path`: /echo the event, /text a string, /bytes 256 bytes of all values, /nothing, /object, /list, /number,
   * /exact {status: 201, headers: {X-A: [1, 2]}, body: "made"}, /status-text {status: "open"}, /throw an error "boom" with /throw's request id, /invalid a function,
   * /stream three chunks of which the second waits for a file named in the query, /stream-throw an error after the first chunk, /slow 30 s, /count the most calls
   * at once after 50 ms, /print a line on stdout, /context the context.
   */
  readonly main: string;
  readonly syntaxError: { readonly text: string; readonly line: number };
  readonly loadError: { readonly text: string; readonly line: number };
  readonly noHandler: string;
  readonly notCallable: string;
}

/** Running wrapper in a folder of its own. Disposing ends the wrapper and removes the folder. */
export interface Started extends AsyncDisposable {
  readonly socketPath: string;
  readonly child: ChildProcess;
  readonly output: () => string;
  call(path: string, options?: Partial<Dispatcher.RequestOptions>): Promise<WrapperResponse>;
}

/** Response with its body. */
export interface WrapperResponse {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly bytes: Buffer;
  readonly text: string;
  readonly json: () => ReturnType<typeof JSON.parse>;
}

/** Defines the tests of the properties that each wrapper has (docs/wrapper-protocol.md). */
export function wrapperContract(language: Language): void {
  describe(`the ${language.name} wrapper`, { concurrency: true }, () => {
    let shared: Started;
    before(async () => {
      shared = await start(language, language.main, { FAAS_BODY_LIMIT: String(6 * 2 ** 20) });
    });
    after(() => shared[Symbol.asyncDispose]());

    const returns: [string, number, string | undefined, string][] = [
      ["/text", 200, "text/plain; charset=utf-8", "hello ü"],
      ["/nothing", 204, undefined, ""],
      ["/object", 200, "application/json", '{"a":1}'],
      ["/list", 200, "application/json", "[1,2]"],
      ["/number", 200, "application/json", "7"],
      ["/exact", 201, "text/plain; charset=utf-8", "made"],
      ["/status-text", 200, "application/json", '{"status":"open"}'],
    ];
    for (const [path, status, type, text] of returns) {
      test(`the return value becomes the response: ${path}`, async () => {
        const answer = await shared.call(path);
        assert.deepEqual([answer.status, answer.headers["content-type"], answer.text], [status, type, text]);
      });
    }

    test("a response header may have several values", async () => {
      assert.deepEqual((await shared.call("/exact")).headers["x-a"], ["1", "2"]);
    });

    test("bytes are sent as application/octet-stream", async () => {
      const { bytes, headers } = await shared.call("/bytes");
      assert.deepEqual(
        [...bytes],
        Array.from({ length: 256 }, (_, i) => i),
      );
      assert.equal(headers["content-type"], "application/octet-stream");
    });

    test("the event has method, path as sent, decoded query, joined headers and parsed JSON", async () => {
      const { json } = await shared.call("/echo/a%2Fb%20c?x=1&x=2&y=%C3%BC&z=", {
        method: "POST",
        headers: ["content-type", "application/json; charset=utf-8", "x-many", "a", "x-many", "b", "cookie", "c=1"],
        body: '{"deep":[1,{"ü":null}]}',
      });
      const event = json();
      assert.equal(event.method, "POST");
      assert.equal(event.path, "/echo/a%2Fb%20c");
      assert.deepEqual(event.query, { x: ["1", "2"], y: "ü", z: "" });
      assert.equal(event.headers["x-many"], "a, b");
      assert.deepEqual(event.body, { deep: [1, { ü: null }] });
    });

    test("bodies of forms and text are text", async () => {
      for (const type of ["text/csv", "application/x-www-form-urlencoded"]) {
        const { json } = await shared.call("/echo", {
          method: "POST",
          headers: { "content-type": type },
          body: "a=1&b=ü",
        });
        assert.equal(json().body, "a=1&b=ü");
      }
    });

    test("the body of a request without one is null", async () => {
      assert.equal((await shared.call("/echo")).json().body, null);
      assert.equal(
        (await shared.call("/echo", { method: "POST", headers: { "content-length": "0" } })).json().body,
        null,
      );
    });

    test("5 MiB of binary arrive unchanged, with a length and in chunks", async () => {
      const sent = randomBytes(5 * 2 ** 20);
      const digest = createHash("sha256").update(sent).digest("hex");
      for (const body of [sent, chunksOf(sent)]) {
        const { text } = await shared.call("/digest", {
          method: "POST",
          headers: { "content-type": "image/png" },
          body: body as Buffer,
        });
        assert.equal(text, digest);
      }
    });

    test("a body over the limit gets 413, with a length and in chunks", async () => {
      for (const body of [Buffer.alloc(6 * 2 ** 20 + 1), chunksOf(Buffer.alloc(6 * 2 ** 20 + 1))]) {
        const answer = await shared.call("/echo", { method: "POST", body: body as Buffer }).catch((error) => error);
        // The server may close the connection while the client still sends; then the client may not get the response.
        if (!(answer instanceof Error)) assert.deepEqual([answer.status, answer.json().code], [413, "BODY_TOO_LARGE"]);
      }
    });

    test("JSON that does not parse gets 400", async () => {
      const { status, json } = await shared.call("/echo", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{",
      });
      assert.deepEqual([status, json().code], [400, "MALFORMED_JSON"]);
    });

    test("a thrown error gets 500 with its message and request id, and its stack is only in the log", async () => {
      const { status, json, text } = await shared.call("/throw", { headers: { "x-request-id": "my-id" } });
      assert.deepEqual(
        [status, json().code, json().detail, json().requestId],
        [500, "FUNCTION_ERROR", "boom", "my-id"],
      );
      assert.ok(!text.includes(language.file));
      await eventually(
        "the stack in the log",
        () => shared.output().includes("my-id") && shared.output().includes(language.file),
      );
    });

    test("a return value that cannot become a response gets 500 with INVALID_RESPONSE", async () => {
      const { status, json } = await shared.call("/invalid");
      assert.deepEqual([status, json().code], [500, "INVALID_RESPONSE"]);
    });

    test("the request id is the caller's, or a new one", async () => {
      assert.equal((await shared.call("/text", { headers: { "x-request-id": "abc" } })).headers["x-request-id"], "abc");
      assert.match(String((await shared.call("/text")).headers["x-request-id"]), /^[0-9a-f-]{36}$/);
    });

    test("repeated requests have their own id, body and headers", async () => {
      const send = async (ids: readonly string[], body: string) => {
        const names = ids.map((id) => `X-Request-Id: ${id}\r\n`).join("");
        const head = `POST /echo HTTP/1.1\r\nHost: a\r\n${names}Content-Type: text/plain\r\nContent-Length: 1\r\nConnection: close\r\n\r\n`;
        const text = await raw(shared.socketPath, [head + body]);
        const [answered = "", json = ""] = text.split("\r\n\r\n");
        const event = JSON.parse(json.slice(json.indexOf("{"), json.lastIndexOf("}") + 1));
        assert.deepEqual([event.body, event.headers["content-type"], event.path], [body, "text/plain", "/echo"]);
        return [/x-request-id: (.*)/i.exec(answered)?.[1]?.trim(), event.headers["x-request-id"]];
      };
      for (const id of ["one", "two", "one"]) assert.deepEqual(await send([id], id[0] ?? ""), [id, id]);
      assert.match(String((await send(["not one"], "x"))[0]), /^[0-9a-f-]{36}$/);
      // Several ids are ambiguous, and joined they are not an id.
      for (let i = 0; i < 2; i++) assert.match(String((await send(["one", "two"], "y"))[0]), /^[0-9a-f-]{36}$/);
      assert.match(String((await send([], "z"))[0]), /^[0-9a-f-]{36}$/);
    });

    test("HEAD gets the headers without a body, and OPTIONS calls the function", async () => {
      const head = await shared.call("/text", { method: "HEAD" });
      assert.deepEqual([head.status, head.headers["content-length"], head.text], [200, "8", ""]);
      assert.equal((await shared.call("/echo", { method: "OPTIONS" })).json().method, "OPTIONS");
    });

    test("the first chunk of a stream arrives before the last one is produced", async () => {
      const gate = join(tempDir("gate"), "open");
      const answer = await request(`http://wrapper/stream?gate=${gate}`, {
        dispatcher: agentOf(shared.socketPath),
      });
      const chunks = answer.body[Symbol.asyncIterator]();
      assert.equal(String((await chunks.next()).value), "one");
      await writeFile(gate, "");
      let rest = "";
      for (let chunk = await chunks.next(); !chunk.done; chunk = await chunks.next()) rest += chunk.value;
      assert.equal(rest, "twothree");
    });

    test("an error in the middle of a stream closes the connection", async () => {
      await assert.rejects(shared.call("/stream-throw"));
      assert.equal((await shared.call("/text")).status, 200);
    });

    test("the context has org, endpoint, revision and request id", async () => {
      const { json } = await shared.call("/context", { headers: { "x-request-id": "r" } });
      assert.deepEqual(json(), { org: "acme", endpoint: "it", revision: "rev1", requestId: "r" });
    });

    test("output of the function is passed on unchanged", async () => {
      await shared.call("/print");
      await eventually("the line", () => shared.output().split("\n").includes("a line, ü"));
    });

    test("the ready probe is the only path under /-/", async () => {
      assert.deepEqual((await shared.call("/-/ready")).json(), { status: "ready" });
      assert.equal((await shared.call("/-/other")).json().code, "NOT_FOUND");
    });

    test("requests on one connection get their responses in order", async () => {
      const text = await raw(shared.socketPath, [
        "GET /text HTTP/1.1\r\nHost: a\r\n\r\nGET /number HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      ]);
      assert.match(text, /hello ü[\s\S]*HTTP\/1\.1 200 [\s\S]*7$/);
    });

    test("a request may arrive byte by byte", async () => {
      const bytes =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
      assert.match(await raw(shared.socketPath, [...bytes]), /"body":"abc"/);
    });

    test("a client that expects 100-continue gets it", async () => {
      const head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
      assert.match(await raw(shared.socketPath, [head, "ok"]), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
    });

    const malformed: [string, string][] = [
      ["no request line", "rubbish\r\n\r\n"],
      [
        "length and chunks together",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ],
      ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
      [
        "a chunk without a size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
      ],
      ["a header line with a space in its name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n"],
    ];
    for (const [what, bytes] of malformed) {
      test(`malformed HTTP gets 400 and closes the connection: ${what}`, async () => {
        assert.match(await raw(shared.socketPath, [bytes]), /^HTTP\/1\.1 400 [\s\S]*INVALID_REQUEST/);
      });
    }

    test("a header over 16 KiB gets 431", async () => {
      assert.match(
        await raw(shared.socketPath, [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n\r\n`]),
        /^HTTP\/1\.1 431 /,
      );
    });

    test("a disconnected client does not affect others", async () => {
      const socket = connect(shared.socketPath);
      socket.write("GET /stream?gate=/nonexistent HTTP/1.1\r\nHost: a\r\n\r\n");
      await once(socket, "data");
      socket.destroy();
      assert.equal((await shared.call("/text")).status, 200);
    });

    test("a call over its timeout gets 504", async () => {
      await using wrapper = await start(language, language.main, { FAAS_TIMEOUT_MS: "200" });
      const { status, json } = await wrapper.call("/slow");
      assert.deepEqual([status, json().code], [504, "FUNCTION_TIMEOUT"]);
    });

    test("with a concurrency of 1, calls run one at a time, and the one after ten waiting ones gets 503", async () => {
      await using wrapper = await start(language, language.main, { FAAS_CONCURRENCY: "1" });
      const gate = join(tempDir("gate"), "open");
      const first = await request(`http://wrapper/stream?gate=${gate}`, { dispatcher: agentOf(wrapper.socketPath) });
      const chunks = first.body[Symbol.asyncIterator]();
      await chunks.next();
      const refused: WrapperResponse[] = [];
      const calls = Array.from({ length: 19 }, async () => {
        const answer = await wrapper.call("/count");
        if (answer.status === 503) refused.push(answer);
        return answer;
      });
      await eventually("nine refusals", () => refused.length === 9);
      await writeFile(gate, "");
      while (!(await chunks.next()).done);
      const good = (await Promise.all(calls)).filter(({ status }) => status === 200);
      assert.deepEqual(
        good.map(({ text }) => text),
        Array.from({ length: 10 }, () => "1"),
      );
      assert.deepEqual([refused[0]?.json().code, refused[0]?.headers["retry-after"]], ["NO_CAPACITY", "1"]);
    });

    test("several calls run at the same time", async () => {
      assert.ok(Number((await Promise.all(Array.from({ length: 8 }, () => shared.call("/count")))).at(-1)?.text) > 1);
    });

    test("the wrapper can listen on a TCP port", async () => {
      await using wrapper = await start(language, language.main, {}, { tcp: true });
      assert.equal((await wrapper.call("/text")).text, "hello ü");
    });

    test("SIGTERM: calls in progress finish, then the process exits with 0", async () => {
      await using wrapper = await start(language, language.main);
      const answering = wrapper.call("/count?wait=1");
      await eventually("the call to begin", () => wrapper.output().includes("counting"));
      wrapper.child.kill("SIGTERM");
      assert.equal((await answering).status, 200);
      assert.equal(await exitOf(wrapper.child), 0);
    });

    test("SIGTERM: a call that was sent on an open connection is answered", async () => {
      await using wrapper = await start(language, language.main);
      const dispatcher = new Agent({ connect: { socketPath: wrapper.socketPath }, connections: 1 });
      const { body } = await request("http://wrapper/text", { dispatcher });
      await body.text();
      wrapper.child.kill("SIGTERM");
      await eventually("no new connections", async () => !(await connects(wrapper.socketPath)));
      const options = { method: "POST", body: "a body", dispatcher } as const;
      const response = await request("http://wrapper/text", options);
      await response.body.text();
      assert.deepEqual([response.statusCode, response.headers.connection], [200, "close"]);
      assert.equal(await exitOf(wrapper.child), 0);
      await dispatcher.destroy();
    });

    test("SIGTERM: calls on connections that had not been accepted yet are answered", async () => {
      await using wrapper = await start(language, language.main);
      wrapper.child.kill("SIGSTOP");
      const dispatcher = new Agent({ connect: { socketPath: wrapper.socketPath } });
      const connected = Promise.withResolvers<void>();
      let connections = 0;
      dispatcher.on("connect", () => ++connections === 20 && connected.resolve());
      const calls = Array.from({ length: 20 }, () =>
        request("http://wrapper/text", { method: "POST", body: "a body", dispatcher }),
      );
      await connected.promise;
      wrapper.child.kill("SIGTERM");
      wrapper.child.kill("SIGCONT");
      const responses = await Promise.all(calls);
      await Promise.all(responses.map(({ body }) => body.text()));
      assert.deepEqual([...new Set(responses.map(({ statusCode }) => statusCode))], [200]);
      assert.equal(await exitOf(wrapper.child), 0);
      await dispatcher.destroy();
    });

    test("a second SIGTERM ends the process immediately", async () => {
      await using wrapper = await start(language, language.main);
      const answering = wrapper.call("/slow").catch(() => undefined);
      await eventually("the call to begin", () => wrapper.output().includes("slowly"));
      wrapper.child.kill("SIGTERM");
      await eventually("no new connections", async () => !(await connects(wrapper.socketPath)));
      assert.equal(wrapper.child.exitCode, null);
      wrapper.child.kill("SIGTERM");
      assert.equal(await exitOf(wrapper.child), 0);
      await answering;
    });

    const broken: [string, string, RegExp][] = [
      [
        "a syntax error",
        language.syntaxError.text,
        new RegExp(`^${language.file}:${language.syntaxError.line}: SyntaxError`),
      ],
      [
        "an error at load",
        language.loadError.text,
        new RegExp(`^${language.file}:${language.loadError.line}: .*no luck`),
      ],
      ["no handler", language.noHandler, new RegExp(`${language.file}: expected it to .*handler`)],
      [
        "a handler that is not a function",
        language.notCallable,
        new RegExp(`${language.file}: expected .*handler.* function`),
      ],
    ];
    for (const [what, text, detail] of broken) {
      test(`a function that does not load reports the reason to the ready probe and to calls: ${what}`, async () => {
        await using wrapper = await start(language, text);
        for (const path of ["/-/ready", "/"]) {
          const { status, json } = await wrapper.call(path);
          assert.deepEqual([status, json().code], [502, "FUNCTION_LOAD_FAILED"]);
          assert.match(json().detail, detail);
        }
      });
    }

    test("FAAS_HANDLER selects the handler, and a missing one is reported", async () => {
      await using named = await start(language, language.main, {
        FAAS_HANDLER: `${language.file.split(".")[0]}.other`,
      });
      assert.equal((await named.call("/")).text, "other");
      await using missing = await start(language, language.main, { FAAS_HANDLER: "nothing.handler" });
      assert.match((await missing.call("/-/ready")).json().detail, /nothing\./);
    });
  });
}

/** Starts a wrapper with `text` as the language's file, and waits until it responds to the ready probe. `files` are written next to it. */
export async function start(
  language: Pick<Language, "wrapper" | "command" | "file">,
  text: string,
  env: Record<string, string> = {},
  { tcp = false, files = {} }: { tcp?: boolean; files?: Readonly<Record<string, string>> } = {},
): Promise<Started> {
  const folder = tempDir("wrapper");
  for (const [name, content] of Object.entries({ ...files, [language.file]: text })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  const wrapper = join(folder, language.wrapper.split("/").at(-1) as string);
  await cp(language.wrapper, wrapper);
  const port = tcp ? await freePort() : 0;
  const socketPath = join(folder, "s.sock");
  const [command = "", ...args] = language.command;
  const child = spawn(command, [...args, wrapper], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      PORT: tcp ? String(port) : socketPath,
      FAAS_ORG: "acme",
      FAAS_ENDPOINT: "it",
      FAAS_REVISION: "rev1",
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  const agent = tcp ? new Agent({ pipelining: 0 }) : agentOf(socketPath);
  const call = async (path: string, options: Partial<Dispatcher.RequestOptions> = {}): Promise<WrapperResponse> => {
    const { statusCode, headers, body } = await request((tcp ? `http://127.0.0.1:${port}` : "http://wrapper") + path, {
      method: "GET",
      ...options,
      dispatcher: agent,
    });
    const bytes = Buffer.from(await body.arrayBuffer());
    return { status: statusCode, headers, bytes, text: bytes.toString(), json: () => JSON.parse(bytes.toString()) };
  };
  const dispose = async () => {
    child.kill("SIGKILL");
    await exitOf(child);
    await agent.destroy();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await eventually("a listening wrapper", async () => (tcp || existsSync(socketPath)) && (await call("/-/ready")));
  } catch (error) {
    console.error(output);
    await dispose();
    throw error;
  }
  return { socketPath, child, output: () => output, call, [Symbol.asyncDispose]: dispose };
}

/** Returns an agent without kept-alive connections: a replica that ends waits for their clients. */
const agentOf = (socketPath: string) => new Agent({ connect: { socketPath }, pipelining: 0 });

/** Waits until a process has exited and all its output has been read, which may be later; returns the exit code. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  const hasExited = child.exitCode !== null || child.signalCode !== null;
  if (!hasExited || !child.stdout?.closed || !child.stderr?.closed) await once(child, "close");
  return child.exitCode;
}

function connects(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(true);
    }).on("error", () => resolve(false));
  });
}

/** Sends chunks one after another on one connection, and returns everything that is received until it is closed. */
async function raw(socketPath: string, chunks: readonly string[]): Promise<string> {
  const socket: Socket = connect(socketPath);
  socket.setNoDelay(true).setEncoding("utf8");
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  for (const chunk of chunks) {
    socket.write(chunk);
    if (chunks.length > 1) await nextTurn();
  }
  await closed;
  return text;
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 100_000) yield bytes.subarray(start, start + 100_000);
}
