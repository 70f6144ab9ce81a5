import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import { test } from "node:test";
import { eventually, type TestReplica } from "@faas/testing";
import { startTestGateway } from "../testing/test-gateway.ts";

// What the gateway does with a request whose replica closes the connection.

/** Starts replicas that read the first `count` requests, and then close the connection. */
async function breaking(count: number) {
  const executed: string[] = [];
  const gateway = await startTestGateway(() => async (request, response) => {
    request.resume();
    await once(request, "end");
    executed.push(request.method as string);
    if (executed.length <= count) request.socket.destroy();
    else response.end("fine");
  });
  await gateway.run({ replicas: 2, scaler: "fixed" });
  return { gateway, executed };
}

const KEY = { "Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"' };

test("sends an idempotent request once more, to another replica", async () => {
  for (const [method, headers] of [
    ["GET", {}],
    ["HEAD", {}],
    ["OPTIONS", {}],
    ["PUT", {}],
    ["DELETE", {}],
    ["POST", KEY],
    ["PATCH", KEY],
  ] as const) {
    const { gateway, executed } = await breaking(1);
    const body = method === "PUT" || method === "POST" ? "small" : undefined;
    const result = await gateway.call("/acme/x", { method, headers, ...(body ? { body } : {}) });
    assert.deepEqual([result.status, executed], [200, [method, method]]);
    await gateway[Symbol.asyncDispose]();
  }
});

test("fails after the second failure", async () => {
  const { gateway, executed } = await breaking(2);
  await using _ = gateway;
  const result = await gateway.call("/acme/x");
  assert.deepEqual([result.status, result.json.code, executed.length], [502, "REPLICA_FAILED", 2]);
});

/** Starts two replicas. A request of `/ends` ends its replica's process, and one of `/killed` is on a replica that something else kills. */
async function ending() {
  const executed: string[] = [];
  const gateway = await startTestGateway(() => async (request, response) => {
    const path = request.url as string;
    executed.push(path);
    const replica = gateway.platform
      .replicas({ org: "acme", endpoint: "x" })
      .find(({ server }) => isOf(server, request));
    if (path === "/waits") return;
    if (path === "/ends" || (path === "/killed" && executed.length === 1))
      gateway.platform.end(replica as TestReplica, { killed: path === "/killed" });
    else response.end("fine");
  });
  await gateway.run({ replicas: 2, scaler: "fixed" });
  return { gateway, executed };
}

const isOf = (server: Server, { socket }: IncomingMessage) => {
  const address = server.address();
  return typeof address === "object" && address?.port === socket.localPort;
};

test("does not repeat a request that ended the process of its replica", async () => {
  const { gateway, executed } = await ending();
  await using _ = gateway;
  const result = await gateway.call("/acme/x/ends");
  assert.deepEqual([result.status, result.json.code, executed], [502, "REPLICA_EXITED", ["/ends"]]);
});

test("repeats a request whose replica was killed", async () => {
  const { gateway, executed } = await ending();
  await using _ = gateway;
  const result = await gateway.call("/acme/x/killed");
  assert.deepEqual([result.status, executed], [200, ["/killed", "/killed"]]);
});

test("repeats requests that were on a replica together with others when its process ended", async () => {
  const { gateway, executed } = await ending();
  await using _ = gateway;
  const [waiting] = gateway.platform.replicas({ org: "acme", endpoint: "x" });
  const others = Array.from({ length: 4 }, () => gateway.call("/acme/x/waits").catch(() => undefined));
  await eventually("the calls are on replicas", () => executed.length === 4);
  gateway.platform.end(waiting as TestReplica);
  await eventually("those of one replica are repeated", () => executed.length === 6);
  await gateway[Symbol.asyncDispose]();
  await Promise.all(others);
});

test("sends a POST without a key, and a request with a large body, at most once", async () => {
  const cases = [
    ["POST", {}, "small"],
    ["PATCH", {}, "small"],
    ["POST", KEY, "x".repeat(20_000)],
    ["PUT", {}, "x".repeat(20_000)],
  ] as const;
  await Promise.all(
    cases.map(async ([method, headers, body]) => {
      const { gateway, executed } = await breaking(1);
      await using _ = gateway;
      const result = await gateway.call("/acme/x", { method, headers, body });
      assert.deepEqual([result.status, result.json.code, executed], [502, "REPLICA_FAILED", [method]]);
    }),
  );
});

test("executes a POST once if its connection was closed before it was sent", async () => {
  const executed: string[] = [];
  await using gateway = await startTestGateway(() => (request, response) => {
    executed.push(request.url as string);
    // The replica promises to keep the connection, and closes it at once: the next request is sent before that is known.
    response.once("finish", () => request.socket.destroy());
    response.end("fine");
  });
  gateway.platform.onSocketFiles = true;
  await gateway.run({ concurrency: 1, replicas: 1, scaler: "fixed" });
  const paths = Array.from({ length: 5 }, (_, n) => `/${n}`);
  const results = await Promise.all(
    paths.map((path) => gateway.call(`/acme/x${path}`, { method: "POST", body: "small" })),
  );
  assert.deepEqual(new Set(results.map(({ status }) => status)), new Set([200]));
  assert.deepEqual(
    executed.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
    paths,
  );
});
