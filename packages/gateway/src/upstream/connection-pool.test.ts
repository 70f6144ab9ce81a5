import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ReplicaCall, type ReplicaRequest, ReplicaTimeout } from "./connection.ts";
import { ConnectionPool } from "./connection-pool.ts";
import type { ResponseHead } from "./response-head.ts";

/** A replica that speaks as the test wants; `requests` are the heads that came, per connection. */
async function replica(t: TestContext, answer: (socket: Socket, head: string) => void) {
  const requests: string[][] = [];
  const server = createServer((socket) => {
    const mine: string[] = [];
    requests.push(mine);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      mine.push(bytes.toString("latin1"));
      answer(socket, bytes.toString("latin1"));
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

/** One request; resolves with its whole answer. */
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
      { method: "GET", target: "/", headers: [], body: null, upgrade: undefined, timeoutMs: 5_000, ...request },
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

test("requests one after the other go over one connection, requests at once over several", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.write(OK));
  for (let i = 0; i < 3; i++) assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 1);
  await Promise.all([send(connections), send(connections), send(connections)]);
  assert.equal(requests.length, 3);
});

for (const [what, answer, expected] of [
  ["a length", OK, "ok"],
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok"],
  ["early hints before it", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`, "ok"],
  ["no body", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", ""],
] as const) {
  test(`an answer with ${what} is read, cut anywhere, and the connection goes on`, async (t) => {
    let at = 0;
    const { connections, requests } = await replica(t, async (socket) => {
      socket.setNoDelay(true);
      socket.write(answer.slice(0, at), "latin1");
      if (at > 0) await delay(1);
      socket.write(answer.slice(at), "latin1");
    });
    for (; at < answer.length; at += 3) assert.equal((await send(connections)).body, expected);
    assert.equal(requests.length, 1);
  });
}

test("an answer without a length ends with its connection, and the next request gets another one", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
  assert.equal((await send(connections)).body, "all of it");
  assert.equal((await send(connections)).body, "all of it");
  assert.equal(requests.length, 2);
});

test("a connection that the replica closes after its answer is not used again", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.end(OK));
  assert.equal((await send(connections)).body, "ok");
  await delay(20);
  assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 2);
});

test("a connection that says more than was asked is not used again", async (t) => {
  const { connections, requests } = await replica(t, (socket) => socket.write(OK + OK));
  assert.equal((await send(connections)).body, "ok");
  assert.equal((await send(connections)).body, "ok");
  assert.equal(requests.length, 2);
});

test("what comes on an idle connection is no answer to the next request", async (t) => {
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

for (const [what, answer, expected] of [
  ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", /expected HTTP\/1.1/],
  ["half a head and the end", "HTTP/1.1 200 OK\r\nX: ", /closed the connection/],
  ["less than its length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", /closed the connection/],
  ["chunks without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", /closed the connection/],
  ["a head without an end", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(20_000)}`, /larger than 16384 bytes/],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", /without a request for it/],
] as const) {
  test(`a replica that answers with ${what} has failed`, async (t) => {
    const { connections } = await replica(t, (socket) => socket.end(answer));
    await assert.rejects(send(connections), expected);
  });
}

test("a replica that is not there has failed before anything was sent", async (t) => {
  const { connections } = await replica(t, () => {});
  const nobody = new ConnectionPool("unix:/nonexistent/replica.sock");
  t.after(() => connections.close());
  await assert.rejects(send(nobody), { code: "ENOENT" });
});

test("a replica that says nothing for too long has timed out, before its head and in its body", async (t) => {
  const { connections } = await replica(t, (socket, head) => {
    if (head.startsWith("GET /body")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome");
  });
  for (const target of ["/", "/body"])
    await assert.rejects(send(connections, { target, timeoutMs: 60 }), ReplicaTimeout);
});

test("a reader that has enough for a while is not sent more, and does not time out", async (t) => {
  const size = 8 * 1024 * 1024;
  let written = 0;
  const { connections } = await replica(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const piece = Buffer.alloc(64 * 1024, "x");
    const more = () => {
      while (written < size) {
        written += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on("drain", more);
    more();
  });
  let stalled: Promise<void> | undefined;
  const { body } = await send(connections, { timeoutMs: 100 }, (call) => {
    if (stalled) return true;
    stalled = delay(300).then(() => {
      // What fits into the buffers of two sockets, and no more.
      assert.ok(written < size, `${written} bytes were taken from the replica meanwhile`);
      call.resume();
    });
    return false;
  });
  await stalled;
  assert.equal(body.length, size);
});

test("an upgrade hands the connection over, with what came behind the head", async (t) => {
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

test("close ends idle connections at once, and busy ones after their answer", async (t) => {
  let answer: (() => void) | undefined;
  const sockets: Socket[] = [];
  const { connections } = await replica(t, (socket, head) => {
    sockets.push(socket);
    if (head.startsWith("GET /slow")) answer = () => void socket.write(OK);
    else socket.write(OK);
  });
  const slow = send(connections, { target: "/slow" });
  await send(connections);
  while (sockets.length < 2) await delay(1);
  const idle = sockets.find((_, i) => i === 1) as Socket;
  const busy = sockets[0] as Socket;
  connections.close();
  await once(idle, "close");
  answer?.();
  assert.equal((await slow).body, "ok");
  await once(busy, "close");
});
