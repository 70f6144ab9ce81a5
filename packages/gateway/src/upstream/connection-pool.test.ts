import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { eventually } from "@faas/testing";
import { type ReplicaCall, ReplicaTimeout } from "./connection.ts";
import { ConnectionPool } from "./connection-pool.ts";
import type { ReplicaRequest } from "./replica-request.ts";
import type { ResponseHead } from "./response-head.ts";

/** Starts a replica that responds as the test says; `requests` are the heads received, per connection. */
async function replica(t: TestContext, respond: (socket: Socket, head: string) => void) {
  const requests: string[][] = [];
  const server = createServer((socket) => {
    const mine: string[] = [];
    requests.push(mine);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      mine.push(bytes.toString("latin1"));
      respond(socket, bytes.toString("latin1"));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const connections = new ConnectionPool(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    connections.close();
    server.close();
  });
  return { connections, requests };
}

interface Result {
  readonly head: ResponseHead | undefined;
  readonly body: string;
  readonly socket?: Duplex;
}

/** Sends a request; resolves with the complete response. */
function send(
  connections: ConnectionPool,
  request: Partial<ReplicaRequest> = {},
  onData: (call: ReplicaCall) => boolean = () => true,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let call: ReplicaCall | undefined;
    let head: ResponseHead | undefined;
    let body = "";
    connections.send(
      { method: "GET", target: "/", headerLines: "", body: null, upgrade: undefined, timeoutMs: 5_000, ...request },
      {
        sending(under) {
          call = under;
          return true;
        },
        head(it) {
          head = it;
        },
        data(bytes) {
          body += bytes.toString("latin1");
          return onData(call as ReplicaCall);
        },
        end(last) {
          resolve({ head, body: body + (last?.toString("latin1") ?? "") });
        },
        upgraded(it, socket) {
          resolve({ head: it, body, socket });
        },
        failed: reject,
      },
    );
  });
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("reuses a connection for consecutive requests, and opens several for concurrent ones", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.write(OK));
  for (let i = 0; i < 3; i++) assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 1);
  await Promise.all([send(connections), send(connections), send(connections)]);
  assert.equal(requests.length, 3);
});

for (const [what, bytes, expected] of [
  ["a length", OK, "ok"],
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok"],
  ["early hints before it", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`, "ok"],
  ["no body", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", ""],
] as const) {
  test(`reads a response with ${what}, cut anywhere, and reuses the connection`, async (t) => {
    let at = 0;
    const { connections, requests } = await replica(t, async (socket) => {
      socket.setNoDelay(true);
      if (at > 0) await new Promise((written) => socket.write(bytes.slice(0, at), "latin1", written));
      socket.write(bytes.slice(at), "latin1");
    });
    for (; at < bytes.length; at += 3) assert.equal((await send(connections)).body, expected);
    assert.equal(requests.length, 1);
  });
}

test("ends a response without a length with its connection, and opens another for the next request", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
  assert.equal((await send(connections)).body, "all of it");
  assert.equal((await send(connections)).body, "all of it");
  assert.equal(requests.length, 2);
});

test("does not reuse a connection that the replica closes after its response", async (t) => {
  const sockets: Socket[] = [];
  const { connections, requests } = await replica(t, (socket) => {
    sockets.push(socket);
    socket.end(OK);
  });
  assert.equal((await send(connections)).body, "ok");
  await eventually("the connection is closed", () => sockets[0]?.closed);
  assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 2);
});

test("does not reuse a connection with bytes after the response", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.write(OK + OK));
  assert.equal((await send(connections)).body, "ok");
  assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 2);
});

test("does not take bytes on an idle connection for a response", async (t) => {
  const sockets: Socket[] = [];
  const { connections, requests } = await replica(t, (socket) => {
    sockets.push(socket);
    socket.write(OK);
  });
  await send(connections);
  const closed = once(sockets[0] as Socket, "close");
  sockets[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  await closed;
  assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 2);
});

for (const [what, bytes, expected] of [
  ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", /expected HTTP\/1.1/],
  ["half a head and the end", "HTTP/1.1 200 OK\r\nX: ", /closed the connection/],
  ["less than its length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", /closed the connection/],
  ["chunks without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", /closed the connection/],
  ["a head without an end", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(20_000)}`, /larger than 16384 bytes/],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", /without a request for it/],
] as const) {
  test(`fails when the replica responds with ${what}`, async (t) => {
    const { connections } = await replica(t, (socket) => socket.end(bytes));
    await assert.rejects(send(connections), expected);
  });
}

test("fails before sending anything when the replica cannot be reached", async (t) => {
  const { connections } = await replica(t, () => {});
  const missing = new ConnectionPool("unix:/nonexistent/replica.sock");
  t.after(() => connections.close());
  await assert.rejects(send(missing), { code: "ENOENT" });
});

test("times out when the replica sends nothing, before the head and within the body", async (t) => {
  const { connections } = await replica(t, (socket, head) => {
    if (head.startsWith("GET /body")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome");
  });
  for (const target of ["/", "/body"])
    await assert.rejects(send(connections, { target, timeoutMs: 60 }), ReplicaTimeout);
});

test("stops reading, without a timeout, while the reader is paused", async (t) => {
  const size = 8 * 1024 * 1024;
  let sender: Socket | undefined;
  const { connections } = await replica(t, (socket) => {
    sender = socket;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size, "x"));
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let isPaused = false;
  let pause: Promise<void> | undefined;
  const { body } = await send(connections, { timeoutMs: 100 }, (call) => {
    assert.equal(isPaused, false);
    if (pause) return true;
    isPaused = true;
    pause = eventually("the replica has to wait", () => sender?.writableNeedDrain).then(() => {
      t.mock.timers.tick(300);
      isPaused = false;
      call.resume();
    });
    return false;
  });
  await pause;
  assert.equal(body.length, size);
});

test("passes an upgraded connection on, with the bytes after the head", async (t) => {
  const { connections } = await replica(t, (socket, head) => {
    if (head.includes("Upgrade: websocket")) {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst");
    } else socket.end(`echo ${head}`);
  });
  const { head, socket } = await send(connections, { upgrade: "websocket" });
  assert.equal(head?.status, 101);
  socket?.write("mine");
  let received = "";
  for await (const chunk of socket as Duplex) received += chunk;
  assert.equal(received, "firstecho mine");
});

test("closes idle connections at once, and busy ones after their response", async (t) => {
  let respond: (() => void) | undefined;
  const sockets: Socket[] = [];
  const { connections } = await replica(t, (socket, head) => {
    sockets.push(socket);
    if (head.startsWith("GET /slow")) respond = () => void socket.write(OK);
    else socket.write(OK);
  });
  const slow = send(connections, { target: "/slow" });
  await send(connections);
  await eventually("both connections are open", () => sockets.length === 2);
  const idle = sockets.find((_, i) => i === 1) as Socket;
  const busy = sockets[0] as Socket;
  connections.close();
  await once(idle, "close");
  respond?.();
  assert.equal((await slow).body, "ok");
  await once(busy, "close");
});

test("a replica that closes a new connection at once does not accept any", async (t) => {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const ending = new ConnectionPool(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const { connections: serving } = await replica(t, () => {});
  assert.deepEqual([await ending.accepts(), await serving.accepts()], [false, true]);
});

test("abandons requests in progress and upgraded connections", async (t) => {
  const { connections, requests } = await replica(t, (socket, head) => {
    if (head.includes("Upgrade: websocket"))
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  });
  const { socket } = await send(connections, { upgrade: "websocket" });
  const closed = once(socket as Duplex, "close");
  const waiting = send(connections);
  await eventually("the request is in progress", () => requests.flat().length === 2);
  connections.abandon(new Error("the host is lost"));
  await assert.rejects(waiting, /the host is lost/);
  await closed;
});

test("moves only requests that another replica can process", async (t) => {
  const { connections, requests } = await replica(t, (socket, head) => {
    if (head.includes("/answered")) socket.write(OK);
  });
  let moved: Error | undefined;
  const request = { method: "GET", headerLines: "", body: null, upgrade: undefined, timeoutMs: 5_000 };
  const handler = { sending: () => true, head() {}, data: () => true, end() {}, upgraded() {} };
  const failed = (error: Error) => {
    moved = error;
  };
  connections.send({ ...request, target: "/moved" }, { ...handler, failed, canMove: () => true });
  const stays = send(connections, { target: "/stays", timeoutMs: 200 });
  await eventually("the requests are in progress", () => requests.flat().length === 2);
  connections.moveRequests(new Error("the host is lost"));
  assert.match(String(moved), /the host is lost/);
  await assert.rejects(stays, ReplicaTimeout);
});

test("a host responds when it accepts a connection, and when it refuses one", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const connections = new ConnectionPool(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.equal(await connections.responds(5_000), true);
  server.close();
  await once(server, "close");
  assert.equal(await connections.responds(5_000), true);
});

test("replicas on another host are remote", () => {
  const isRemote = (address: string) => new ConnectionPool(address).isRemote;
  assert.deepEqual(["10.1.2.3:8080", "[fd00::1]:8080"].map(isRemote), [true, true]);
  assert.deepEqual(["unix:/tmp/a", "127.0.0.1:80", "[::1]:80", "localhost:80"].map(isRemote), [
    false,
    false,
    false,
    false,
  ]);
});

test("closes its connections while it keeps no idle ones", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.write(OK));
  await send(connections);
  connections.keepsIdle = false;
  for (let i = 0; i < 2; i++) assert.equal((await send(connections)).body, "ok");
  connections.keepsIdle = true;
  for (let i = 0; i < 2; i++) assert.equal((await send(connections)).body, "ok");
  assert.deepEqual(
    requests.map(({ length }) => length),
    [1, 1, 1, 2],
  );
});
