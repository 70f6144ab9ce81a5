import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { startTestGateway, type TestGateway, until } from "../testing/test-gateway.ts";
import { addressGroup, connectionLimits } from "./connection-limits.ts";
import type { HttpServerOptions } from "./server.ts";

const REQUEST = "GET /acme/x HTTP/1.1\r\nHost: h\r\n\r\n";
const QUICK = { headMs: 300, bodyMs: 300, responseMs: 300, sweepMs: 50 };

/** A connection, and what came on it. */
interface Client {
  readonly socket: Socket;
  text: string;
  closed: boolean;
}

async function client(gateway: TestGateway, localAddress = "127.0.0.1"): Promise<Client> {
  const socket = connect({ port: gateway.port, host: "127.0.0.1", localAddress });
  const state: Client = { socket, text: "", closed: false };
  socket.on("data", (data) => {
    state.text += data.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    state.closed = true;
  });
  await once(socket, "connect");
  return state;
}

async function ask(to: Client, request = REQUEST): Promise<void> {
  to.text = "";
  to.socket.write(request);
  await until(() => to.text.includes("\r\n\r\n") || to.closed, "it is answered");
}

const started = async (options: HttpServerOptions, listener: RequestListener = (_, response) => response.end("ok")) => {
  const gateway = await startTestGateway(() => listener, {}, options);
  await gateway.run();
  return gateway;
};

test("when all places are taken the client that asked the longest ago makes room", async () => {
  await using gateway = await started({ limits: { total: 3, perAddress: 3 } });
  const clients = [await client(gateway), await client(gateway), await client(gateway)] as const;
  for (const each of clients) await ask(each);
  await ask(clients[0]);
  const fourth = await client(gateway);
  await ask(fourth);
  assert.match(fourth.text, /^HTTP\/1\.1 200 /);
  await until(() => clients[1].closed, "the second is closed");
  assert.deepEqual([clients[0].closed, clients[2].closed], [false, false]);
});

test("when all places are taken by requests a new client is told so, and closed; a place that gets free is given again", async () => {
  let answer = () => {};
  await using gateway = await started({ limits: { total: 2, perAddress: 2 } }, (_, response) => {
    answer = () => response.end("ok");
  });
  const clients = [await client(gateway), await client(gateway)] as const;
  for (const { socket } of clients) socket.write(REQUEST);
  await until(() => gateway.endpoints.get("acme/x")?.inFlight === 2, "both are under way");
  const third = await client(gateway);
  await until(() => third.closed, "it is closed");
  assert.match(third.text, /^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*"code":"TOO_MANY_CONNECTIONS"/);
  answer();
  await until(() => clients.some(({ text }) => text !== ""), "one is answered");
  // That none was idle is believed for 20 ms.
  await new Promise((resolve) => setTimeout(resolve, 40));
  const fourth = await client(gateway);
  fourth.socket.write(REQUEST);
  await until(() => clients.some(({ closed }) => closed), "the idle one made room");
  assert.equal(fourth.closed, false);
});

test("one address cannot take the places of the others", async () => {
  await using gateway = await started({ limits: { total: 4, perAddress: 2 } });
  const first = [await client(gateway, "127.0.0.2"), await client(gateway, "127.0.0.2")] as const;
  const other = await client(gateway, "127.0.0.3");
  for (const each of [...first, other]) await ask(each);
  await ask(await client(gateway, "127.0.0.2"));
  await until(() => first[0].closed, "its own oldest is closed");
  assert.deepEqual([first[1].closed, other.closed], [false, false]);
});

test("a header that does not come to its end is 408, and one that never begins", async () => {
  await using gateway = await started({ timeouts: QUICK });
  for (const bytes of ["GET /acme/x HTTP/1.1\r\nHost: h\r\n", "", "G"]) {
    const slow = await client(gateway);
    slow.socket.write(bytes);
    // One more line every 40 ms does not help.
    const drip = setInterval(() => bytes.length > 1 && slow.socket.write("X-A: 1\r\n"), 40);
    await until(() => slow.closed, "it is closed");
    clearInterval(drip);
    assert.match(slow.text, /^HTTP\/1\.1 408 [\s\S]*"code":"REQUEST_TIMEOUT"/);
  }
});

for (const [what, head] of [
  ["small", "Content-Length: 10"],
  ["large", "Content-Length: 100000"],
  ["chunked", "Transfer-Encoding: chunked"],
]) {
  test(`a ${what} body that does not go on is 408, and gives back its place`, async () => {
    await using gateway = await started({ timeouts: QUICK }, () => {});
    const slow = await client(gateway);
    slow.socket.write(`POST /acme/x HTTP/1.1\r\nHost: h\r\n${head}\r\n\r\n`);
    await until(() => slow.closed, "it is closed");
    assert.match(slow.text, /^HTTP\/1\.1 408 [\s\S]*Connection: close[\s\S]*"code":"REQUEST_TIMEOUT"/);
    assert.equal(gateway.endpoints.get("acme/x")?.inFlight, 0);
  });
}

test("a body that goes on slowly is taken, and a function that thinks for long is waited for", async () => {
  await using gateway = await started({ timeouts: QUICK }, async (request, response) => {
    for await (const _ of request);
    setTimeout(() => response.end("ok"), 700);
  });
  const slow = await client(gateway);
  slow.socket.write("POST /acme/x HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n");
  for (const letter of "abcdefgh") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    slow.socket.write(letter);
  }
  await until(() => slow.text !== "", "it is answered");
  assert.match(slow.text, /^HTTP\/1\.1 200 /);
});

test("a body may rest once the answer has begun", async () => {
  await using gateway = await started({ timeouts: QUICK }, (request, response) => {
    response.write("begun");
    request.on("end", () => response.end("done")).resume();
  });
  const both = await client(gateway);
  both.socket.write("POST /acme/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  await until(() => both.text.includes("begun"), "the answer has begun");
  await new Promise((resolve) => setTimeout(resolve, 700));
  both.socket.write("0\r\n\r\n");
  await until(() => both.text.includes("done"), "the answer is whole");
});

test("who takes nothing of an answer loses it, and gives back the place", async () => {
  await using gateway = await started({ timeouts: QUICK }, (_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(64 * 1024)));
    };
    response.on("drain", more);
    more();
  });
  const lazy = await client(gateway);
  lazy.socket.pause();
  lazy.socket.write(REQUEST);
  const endpoint = gateway.endpoints.get("acme/x");
  await until(() => endpoint?.inFlight === 1, "it is under way");
  await until(() => endpoint?.inFlight === 0, "the place is free");
  lazy.socket.destroy();
});

test("a WebSocket may rest, and is no idle connection", async () => {
  await using gateway = await started({ timeouts: QUICK, limits: { total: 1, perAddress: 1 } });
  const [replica] = gateway.platform.replicas({ org: "acme", endpoint: "x" });
  replica?.server.on("upgrade", (_, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.on("data", (data) => socket.write(data));
    socket.on("end", () => socket.end());
    socket.on("error", () => {});
  });
  const open = await client(gateway);
  await ask(open, "GET /acme/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 700));
  const other = await client(gateway);
  await until(() => other.closed, "there is no place");
  assert.match(other.text, /^HTTP\/1\.1 503 /);
  open.text = "";
  open.socket.write("ping");
  await until(() => open.text === "ping", "it is still open");
  open.socket.destroy();
});

test("limits follow from the number of files that may be open, and can be set", () => {
  assert.deepEqual(connectionLimits({}, 1024), { total: 256, perAddress: 128 });
  assert.deepEqual(connectionLimits({}, 1_048_576), { total: 20_000, perAddress: 10_000 });
  assert.deepEqual(connectionLimits({}, 256), { total: 64, perAddress: 32 });
  assert.deepEqual(connectionLimits({ total: 10 }, 1024), { total: 10, perAddress: 5 });
  assert.deepEqual(connectionLimits({ perAddress: 3 }, 1024), { total: 256, perAddress: 3 });
  const { total } = connectionLimits();
  assert.ok(total >= 64 && total <= 20_000);
});

test("an IPv6 network of 64 bits counts as one address", () => {
  for (const [address, group] of [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    [undefined, "unknown"],
  ] as const)
    assert.equal(addressGroup(address), group);
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      assert.match(addressGroup(address), /^(?:[\da-f.]{1,15}:){4}:\/64$|^[\d.]+$/i);
    }),
  );
});
