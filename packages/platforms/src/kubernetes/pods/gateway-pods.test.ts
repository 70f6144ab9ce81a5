import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { ClusterRequests } from "../client/requests.ts";
import { gatewayPods } from "./gateway-pods.ts";

const pod = (name: string, state: "running" | "waiting" | "terminated" = "running") => ({
  metadata: { name, resourceVersion: "2" },
  status: { containerStatuses: [{ state: { [state]: {} } }] },
});

test("names the pods that run, without those that have not started and those that have ended", async () => {
  const changes = new PassThrough();
  const selectors: unknown[] = [];
  const items = [pod("a"), pod("b", "terminated"), pod("c")];
  const api = {
    call: async (_method: string, _path: string, { query }: { query: object }) => {
      selectors.push(query);
      return { metadata: { resourceVersion: "1" }, items };
    },
    stream: async () => changes,
    failure: (error: unknown) => error,
  } as unknown as ClusterRequests;
  const stop = new AbortController();
  const lists = gatewayPods({ api }, "tools", stop.signal);
  const next = async () => [...((await lists.next()).value ?? [])].sort();
  assert.deepEqual(await next(), ["a", "c"]);
  const change = (type: string, object: object) => changes.write(`${JSON.stringify({ type, object })}\n`);
  change("ADDED", pod("d", "waiting"));
  assert.deepEqual(await next(), ["a", "c"]);
  change("MODIFIED", pod("d"));
  assert.deepEqual(await next(), ["a", "c", "d"]);
  change("DELETED", pod("a"));
  assert.deepEqual(await next(), ["c", "d"]);
  change("MODIFIED", pod("c", "terminated"));
  assert.deepEqual(await next(), ["d"]);
  stop.abort();
  assert.equal((await lists.next()).done, true);
  assert.match(JSON.stringify(selectors), /name=faas-gateway,app.kubernetes.io\/instance=tools/);
});
