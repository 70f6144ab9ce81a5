import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import fc from "fast-check";
import { startTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { addressGroup, connectionLimits } from "./connection-limits.ts";
import type { HttpServerOptions } from "./server.ts";

const REQUEST = "GET /acme/x HTTP/1.1\r\nHost: h\r\n\r\n";
const QUICK = { headMs: 300, bodyMs: 300, responseMs: 300, sweepMs: 50 };

/** A connection, and the text received on it. */
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
  await eventually("a response arrives", () => to.text.includes("\r\n\r\n") || to.closed);
}

const startedWith =
  (reader: "fast" | "node") =>
  async (options: HttpServerOptions, listener: RequestListener = (_, response) => response.end("ok")) => {
    const gateway = await startTestGateway(() => listener, {}, { reader, ...options });
    await gateway.run();
    return gateway;
  };

for (const reader of ["fast", "node"] as const)
  describe(`clients, with the reader "${reader}"`, () => {
    const started = startedWith(reader);
    test("closes the connection that has been idle for the longest time when there are too many", async () => {
      await using gateway = await started({ limits: { total: 3, perAddress: 3 } });
      const clients = [await client(gateway), await client(gateway), await client(gateway)] as const;
      for (const each of clients) await ask(each);
      await ask(clients[0]);
      const fourth = await client(gateway);
      await ask(fourth);
      assert.match(fourth.text, /^HTTP\/1\.1 200 /);
      await eventually("the second is closed", () => clients[1].closed);
      assert.deepEqual([clients[0].closed, clients[2].closed], [false, false]);
    });

    test("rejects a client with 503 when all connections are busy, and accepts one when a connection becomes idle", async () => {
      let respond = () => {};
      await using gateway = await started({ limits: { total: 2, perAddress: 2 } }, (_, response) => {
        respond = () => response.end("ok");
      });
      const clients = [await client(gateway), await client(gateway)] as const;
      for (const { socket } of clients) socket.write(REQUEST);
      await eventually("both are in progress", () => gateway.endpoints.get("acme/x")?.inFlight === 2);
      const third = await client(gateway);
      await eventually("it is closed", () => third.closed);
      assert.match(third.text, /^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*"code":"TOO_MANY_CONNECTIONS"/);
      respond();
      await eventually("one has its response", () => clients.some(({ text }) => text !== ""));
      // The search for idle connections is repeated only after some time: a client that is rejected tries again.
      await eventually("the idle connection is closed for a new one", async () => {
        const fourth = await client(gateway);
        fourth.socket.write(REQUEST);
        await eventually("one of them is closed", () => fourth.closed || clients.some(({ closed }) => closed));
        return !fourth.closed;
      });
    });

    test("closes only connections of the same address when that has too many", async () => {
      await using gateway = await started({ limits: { total: 4, perAddress: 2 } });
      const first = [await client(gateway, "127.0.0.2"), await client(gateway, "127.0.0.2")] as const;
      const other = await client(gateway, "127.0.0.3");
      for (const each of [...first, other]) await ask(each);
      await ask(await client(gateway, "127.0.0.2"));
      await eventually("its own oldest connection is closed", () => first[0].closed);
      assert.deepEqual([first[1].closed, other.closed], [false, false]);
    });

    test("responds 408 to an incomplete or missing header", async () => {
      await using gateway = await started({ timeouts: QUICK });
      for (const bytes of ["GET /acme/x HTTP/1.1\r\nHost: h\r\n", "", "G"]) {
        const slow = await client(gateway);
        slow.socket.write(bytes);
        // Sending another header field from time to time must not help.
        const drip = setInterval(() => bytes.length > 1 && slow.socket.write("X-A: 1\r\n"), 40);
        await eventually("it is closed", () => slow.closed);
        clearInterval(drip);
        assert.match(slow.text, /^HTTP\/1\.1 408 [\s\S]*"code":"REQUEST_TIMEOUT"/);
      }
    });

    for (const [what, head] of [
      ["small", "Content-Length: 10"],
      ["large", "Content-Length: 100000"],
      ["chunked", "Transfer-Encoding: chunked"],
    ]) {
      test(`responds 408 when a ${what} body stalls, and releases its slot`, async () => {
        await using gateway = await started({ timeouts: QUICK }, () => {});
        const slow = await client(gateway);
        slow.socket.write(`POST /acme/x HTTP/1.1\r\nHost: h\r\n${head}\r\n\r\n`);
        await eventually("it is closed", () => slow.closed);
        assert.match(slow.text, /^HTTP\/1\.1 408 [\s\S]*Connection: close[\s\S]*"code":"REQUEST_TIMEOUT"/);
        assert.equal(gateway.endpoints.get("acme/x")?.inFlight, 0);
      });
    }

    test("closes the connection of a client that does not read the response, and releases its slot", async () => {
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
      await eventually("the request is in progress", () => endpoint?.inFlight === 1);
      await eventually("the slot is free", () => endpoint?.inFlight === 0);
      lazy.socket.destroy();
    });

    test("does not take an open WebSocket for an idle connection", async () => {
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
      const other = await client(gateway);
      await eventually("the client is rejected", () => other.closed);
      assert.match(other.text, /^HTTP\/1\.1 503 /);
      open.text = "";
      open.socket.write("ping");
      await eventually("it is still open", () => open.text === "ping");
      open.socket.destroy();
    });
  });

test("derives the limits from the number of open files, unless they are set", () => {
  assert.deepEqual(connectionLimits({}, 1024), { total: 256, perAddress: 128 });
  assert.deepEqual(connectionLimits({}, 1_048_576), { total: 20_000, perAddress: 10_000 });
  assert.deepEqual(connectionLimits({}, 256), { total: 64, perAddress: 32 });
  assert.deepEqual(connectionLimits({ total: 10 }, 1024), { total: 10, perAddress: 5 });
  assert.deepEqual(connectionLimits({ perAddress: 3 }, 1024), { total: 256, perAddress: 3 });
  const { total } = connectionLimits();
  assert.ok(total >= 64 && total <= 20_000);
});

test("counts an IPv6 network of 64 bits as one address", () => {
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
