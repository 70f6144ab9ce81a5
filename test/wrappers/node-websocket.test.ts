import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { Agent, WebSocket } from "undici";
import { exitOf, type Started, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const startNode = (text: string, env: Record<string, string> = {}) => start(wrappers.Node, text, env);

/** Client of a WebSocket. */
class Client implements AsyncDisposable {
  readonly #agent: Agent;
  readonly socket: WebSocket;
  readonly messages: unknown[] = [];
  /** Code and reason of the close event. */
  readonly closed: Promise<[number, string]>;

  constructor({ socketPath }: Started, path: string, protocols: string[]) {
    this.#agent = new Agent({ connect: { socketPath } });
    this.socket = new WebSocket(`ws://wrapper${path}`, { dispatcher: this.#agent, protocols });
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }) => this.messages.push(data));
    this.closed = new Promise((resolve) =>
      this.socket.addEventListener("close", ({ code, reason }) => resolve([code, reason])),
    );
  }

  async received(count: number): Promise<unknown[]> {
    await eventually("the messages", () => this.messages.length >= count);
    return this.messages;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

async function open(wrapper: Started, path = "/", protocols: string[] = []): Promise<Client> {
  const client = new Client(wrapper, path, protocols);
  await new Promise<void>((resolve, reject) => {
    client.socket.addEventListener("open", () => resolve());
    client.socket.addEventListener("error", (event) => reject(event.error ?? new Error("rejected")));
  });
  return client;
}

const HANDSHAKE = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Sends a request that offers an upgrade. Returns what is received until the connection closes. */
async function offer({ socketPath }: Started, headers = HANDSHAKE, path = "/"): Promise<string> {
  const socket = connect(socketPath);
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk) => (text += chunk));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\n${headers}\r\n`);
  await once(socket, "close");
  return text;
}

const FUNCTION = `
export const handler = (event) => "plain " + event.headers.upgrade;
export function websocket(socket, event, context) {
  switch (event.path) {
    case "/reject": return { status: 401, body: "who are you" };
    case "/throw": throw new Error("early");
    case "/later": return new Promise((done) => setTimeout(done, 50)).then(() => { socket.onmessage = ({ data }) => socket.send("later " + data); });
    case "/iterate": return (async () => { for await (const message of socket) socket.send("got " + message); console.log("no more"); })();
    case "/stuck": return new Promise(() => {});
  }
  socket.addEventListener("open", () => socket.send(JSON.stringify([event.query.a, socket.protocol, context.requestId !== ""])));
  socket.onmessage = async ({ data }) => {
    if (data === "throw") throw new Error("late");
    if (data === "close") return socket.close(4000, "bye");
    socket.send(data);
  };
  socket.addEventListener("close", ({ code, reason, wasClean }) => console.log("closed", code, reason, wasClean));
}`;

describe("WebSockets of a function for Node", { concurrency: 4 }, () => {
  test("get and send text and bytes of any size, and close with a code", async () => {
    await using wrapper = await startNode(FUNCTION);
    await using client = await open(wrapper, "/?a=1", ["chat", "other"]);
    assert.equal(client.socket.protocol, "chat");
    const bytes = new Uint8Array(100_000).fill(7);
    client.socket.send("ü".repeat(40_000));
    client.socket.send(bytes);
    client.socket.send("close");
    const [first, text, binary] = await client.received(3);
    assert.deepEqual(JSON.parse(String(first)), ["1", "chat", true]);
    assert.equal(text, "ü".repeat(40_000));
    assert.deepEqual(new Uint8Array(binary as ArrayBuffer), bytes);
    assert.deepEqual(await client.closed, [4000, "bye"]);
    await eventually("the event", () => /closed 4000 .*true/.test(wrapper.output()));
  });

  test("are accepted after a promise, and iterated over", async () => {
    await using wrapper = await startNode(FUNCTION);
    await using later = await open(wrapper, "/later");
    later.socket.send("a");
    assert.deepEqual(await later.received(1), ["later a"]);
    await using iterated = await open(wrapper, "/iterate");
    for (const text of ["a", "b"]) iterated.socket.send(text);
    assert.deepEqual(await iterated.received(2), ["got a", "got b"]);
    iterated.socket.close();
    await eventually("the end of the loop", () => wrapper.output().includes("no more"));
  });

  test("close with 1011 when the function throws, and with 1009 for a message over the limit", async () => {
    await using wrapper = await startNode(FUNCTION, { FAAS_BODY_LIMIT: "1000" });
    await using thrown = await open(wrapper);
    thrown.socket.send("throw");
    assert.deepEqual(await thrown.closed, [1011, ""]);
    await using large = await open(wrapper);
    large.socket.send("x".repeat(1001));
    assert.equal((await large.closed)[0], 1009);
    await eventually("the output", () => wrapper.output().includes('"late"'));
  });

  test("the function sees 1006 for a lost connection", async () => {
    await using wrapper = await startNode(FUNCTION);
    const socket = connect(wrapper.socketPath);
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${HANDSHAKE}\r\n`);
    await once(socket, "data");
    socket.destroy();
    await eventually("the event", () => wrapper.output().includes("closed 1006  false"));
  });

  test("can be rejected, and invalid ones are", async () => {
    await using wrapper = await startNode(FUNCTION, { FAAS_TIMEOUT_MS: "300" });
    assert.match(await offer(wrapper, HANDSHAKE, "/reject"), /^HTTP\/1\.1 401 [\s\S]*who are you$/);
    assert.match(await offer(wrapper, HANDSHAKE, "/throw"), /^HTTP\/1\.1 500 [\s\S]*FUNCTION_ERROR/);
    assert.match(await offer(wrapper, HANDSHAKE, "/stuck"), /^HTTP\/1\.1 504 [\s\S]*FUNCTION_TIMEOUT/);
    assert.match(await offer(wrapper, HANDSHAKE.replace("13", "8")), /^HTTP\/1\.1 400 [\s\S]*Sec-WebSocket-Version/);
    assert.match(await offer(wrapper, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"), /^HTTP\/1\.1 400 /);
  });

  test("an offer of another protocol is an ordinary call", async () => {
    await using wrapper = await startNode(FUNCTION);
    assert.match(
      await offer(wrapper, "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
      /200[\s\S]*plain undefined$/,
    );
  });

  test("hold their slot, and a drain closes them with 1012 when the time of a call is up", async () => {
    await using wrapper = await startNode(FUNCTION, { FAAS_CONCURRENCY: "1", FAAS_TIMEOUT_MS: "500" });
    await using client = await open(wrapper);
    let isAnswered = false;
    const waiting = wrapper.call("/").then(
      () => {
        isAnswered = true;
      },
      () => {},
    );
    client.socket.send("x");
    await client.received(2);
    assert.equal(isAnswered, false);
    wrapper.child.kill("SIGTERM");
    assert.deepEqual(await client.closed, [1012, ""]);
    assert.equal(await exitOf(wrapper.child), 0);
    assert.match(wrapper.output(), /closed 1012 {2}true/);
    await waiting;
  });

  test("get 426 from a function without websocket, as do calls of a function with nothing else", async () => {
    await using plain = await startNode("export const handler = () => 1;");
    assert.match(await offer(plain), /^HTTP\/1\.1 426 [\s\S]*UPGRADE_REQUIRED/);
    await using only = await startNode("export function websocket() {}");
    assert.deepEqual([(await only.call("/")).status, (await only.call("/")).headers.upgrade], [426, "websocket"]);
    await using named = await startNode(FUNCTION, { FAAS_HANDLER: "index.websocket" });
    assert.equal((await named.call("/")).status, 426);
    await using broken = await startNode("throw new Error('no');");
    assert.match(await offer(broken), /^HTTP\/1\.1 502 /);
  });
});

/** Application with an upgrade listener of its own, without a library: it accepts, and sends one frame for each chunk. */
const APP = `
import { createServer } from "node:http";
const server = createServer((request, response) => response.end("http"));
server.on("upgrade", (request, socket, head) => {
  if (request.url === "/throw") throw new Error("no");
  if (request.url === "/silent") return;
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n");
  socket.on("data", () => setTimeout(() => { throw new Error("dies"); }));
});
server.listen(3000);`;

/** Opens a WebSocket of the application; the key is the one whose answer it knows. */
async function openRaw({ socketPath }: Started) {
  const socket = connect(socketPath);
  const chunks: Buffer[] = [];
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${HANDSHAKE}\r\n`);
  const [head] = await once(socket, "data");
  assert.match(String(head), /^HTTP\/1\.1 101 /);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => socket.end());
  return { socket, ended: once(socket, "close").then(() => [...Buffer.concat(chunks)]) };
}

describe("WebSockets of an application for Node", { concurrency: 4 }, () => {
  test("go to its own upgrade listener, and a drain closes them with 1012", async () => {
    await using wrapper = await startNode(APP, { FAAS_TIMEOUT_MS: "300" });
    const { ended } = await openRaw(wrapper);
    assert.equal((await wrapper.call("/")).text, "http");
    wrapper.child.kill("SIGTERM");
    assert.deepEqual(await ended, [0x88, 2, 0x03, 0xf4]);
    assert.equal(await exitOf(wrapper.child), 0);
  });

  test("are closed with 1011 when the application dies", async () => {
    await using wrapper = await startNode(APP);
    const { socket, ended } = await openRaw(wrapper);
    socket.write("x");
    assert.deepEqual(await ended, [0x88, 2, 0x03, 0xf3]);
    assert.equal(await exitOf(wrapper.child), 1);
  });

  test("an upgrade that is not accepted gets an error", async () => {
    await using wrapper = await startNode(APP, { FAAS_TIMEOUT_MS: "300" });
    assert.match(await offer(wrapper, HANDSHAKE, "/silent"), /^HTTP\/1\.1 504 /);
    assert.match(await offer(wrapper, HANDSHAKE, "/throw"), /^HTTP\/1\.1 500 /);
  });

  test("an application without an upgrade listener answers it", async () => {
    await using wrapper = await startNode('export default (req, res) => res.writeHead(418).end("no sockets");');
    assert.match(await offer(wrapper), /^HTTP\/1\.1 418 [\s\S]*no sockets/);
  });
});
