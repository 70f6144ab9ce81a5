import assert from "node:assert/strict";
import { test } from "node:test";
import type { Calls } from "@faas/core";
import type { Context } from "koa";
import { RecentCalls } from "../../traces/recent-calls.ts";
import type { Permissions } from "../permissions.ts";
import { callRoutes } from "./calls/calls.ts";

const recentCalls = new RecentCalls();
const REPLICAS = [
  {
    id: "x-1",
    start: [
      { stage: "process", atMs: 20 },
      { stage: "ready", atMs: 80 },
    ],
  },
];
const endpoints = { get: () => ({ status: { replicas: REPLICAS } }) as never };
const [route] = callRoutes({ endpoints, recentCalls });

/** Requests calls as a key of an organization, or of the whole server. */
async function request(query: Record<string, string>, org?: string): Promise<Calls["calls"]> {
  const permissions = { canSee: (other: string) => org === undefined || org === other } as Permissions;
  const context = { query } as unknown as Context;
  assert.ok(route);
  const response = await route.handle({ context, permissions, parameters: {}, body: undefined });
  return (response.body as Calls).calls;
}

function record(key: string, id: string, times = ""): void {
  const line = `1700000000100\t200\t100000\t1\tx-1\tv1\tGET\t${id}\t/a${times}\n`;
  recentCalls.keep(key, Buffer.from(line));
  recentCalls.noteLines(key, line);
}

record("acme/x", "one");
record("acme/y", "two");
record("globex/x", "one");
record("acme/x", "cold", "\t\t5000,90000,0,99000,0af7651916cd43dd8448eb211c80319c");

test("a key of an organization sees its calls alone, also by the id of another one's call", async () => {
  const seen = (calls: Calls["calls"]) => calls.map(({ org, requestId }) => `${org} ${requestId}`);
  assert.deepEqual(seen(await request({}, "acme")), ["acme cold", "acme two", "acme one"]);
  assert.deepEqual(seen(await request({ requestId: "one" }, "acme")), ["acme one"]);
  assert.deepEqual(seen(await request({ list: "slowest" }, "globex")), ["globex one"]);
  assert.equal((await request({ requestId: "one" })).length, 2);
});

test("organization, endpoint and limit narrow the list", async () => {
  assert.equal((await request({ org: "globex" })).length, 1);
  assert.equal((await request({ org: "acme", endpoint: "y" })).length, 1);
  assert.equal((await request({ limit: "2" })).length, 2);
  await assert.rejects(request({ limit: "0" }), { code: "INVALID_REQUEST" });
  await assert.rejects(request({ list: "fastest" }), { code: "INVALID_REQUEST" });
});

test("a cold start has the stages of the replica's start, the last of which ends with it", async () => {
  const [call] = await request({ requestId: "cold" });
  assert.equal(call?.traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(call?.arrived, "2023-11-14T22:13:20.000Z");
  assert.deepEqual(call?.stages, [
    { name: "cold start", startMs: 0, durationMs: 90 },
    { name: "process", startMs: 10, durationMs: 20, of: "cold start" },
    { name: "ready", startMs: 30, durationMs: 60, of: "cold start" },
    { name: "queue", startMs: 90, durationMs: 5 },
    { name: "function", startMs: 95, durationMs: 4 },
    { name: "response body", startMs: 99, durationMs: 1 },
  ]);
});
