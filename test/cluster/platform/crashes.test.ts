import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Artifact, EndpointView } from "@faas/core";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Replicas whose process ends by itself, and what replaces them. */

const SOURCE = `console.log("loaded");
export const handler = ({ path }) => {
  if (path === "/exit") {
    console.log("last words");
    process.exit(7);
  }
  const all = [];
  while (path === "/fill") all.push(Buffer.alloc(2 ** 24, 1));
  return "fine";
};
`;
/** A server without a faas wrapper, which exits on request. */
const SERVER = `import { createServer } from "node:http";
createServer((request, response) => {
  if (request.url === "/exit") process.exit(7);
  response.end("fine");
}).listen(process.env.PORT, "0.0.0.0");
`;
/** The kubelet restarts a container that ended twice after 10 s, then 20 s, and so on. */
const KUBELET_BACKOFF_MS = 10_000;

describe("a replica that exits", { concurrency: 3 }, () => {
  let control: ClusterServer;
  let image: Artifact;
  before(async () => {
    control = await ClusterServer.start();
    image = await control.instance.image(SOURCE);
  });
  after(() => control[Symbol.asyncDispose]());

  /** Ends a replica by a call; returns the code of the problem and the time until the next call was answered. */
  const crash = async (key: string, path: string) => {
    const startedAt = performance.now();
    const { status, text } = await control.call(`${key}${path}`);
    assert.equal(status, 502, text);
    assert.equal(await control.text(key), "fine");
    return { code: JSON.parse(text).code as string, tookMs: performance.now() - startedAt };
  };
  const podNames = async (key: string) =>
    (await control.pods(key))
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata?.name);

  test("is replaced at once, each time, and leaves no pod behind", async () => {
    const key = `${control.org()}/x`;
    await control.serve(key, image, { replicas: 1 });
    const used = new Set<string | undefined>();
    for (let round = 0; round < 3; round++) {
      await control.text(key);
      const names = await podNames(key);
      assert.equal(names.length, 1);
      used.add(names[0]);
      const { code, tookMs } = await crash(key, "/exit");
      assert.equal(code, "REPLICA_EXITED");
      assert.ok(tookMs < KUBELET_BACKOFF_MS, `round ${round} took ${tookMs} ms`);
    }
    assert.equal(used.size, 3);
    await eventuallyHolds(
      "one pod is left",
      () => control.pods(key),
      ({ length }) => length === 1,
    );
  });

  test("keeps its log to the last line", async () => {
    const key = `${control.org()}/x`;
    await control.serve(key, image, { replicas: 1 });
    for (let round = 0; round < 2; round++) await crash(key, "/exit");
    const logged = async () => {
      const replicas = new Map<string, string[]>();
      for (const { replica, line } of await control.logs(key)) {
        // The kubelet may have restarted a container before it noticed that its pod is being deleted.
        if (!replica.endsWith(".1")) replicas.set(replica, [...(replicas.get(replica) ?? []), line]);
      }
      return [...replicas.values()];
    };
    const replicas = await eventuallyHolds("the log of three replicas", logged, ({ length }) => length === 3);
    assert.deepEqual(replicas, [["loaded", "last words"], ["loaded", "last words"], ["loaded"]]);
  });

  test("that ran out of memory is replaced at once, and the call says so", async () => {
    const key = `${control.org()}/x`;
    await control.serve(key, image, { replicas: 1, memory: "96Mi" });
    for (let round = 0; round < 2; round++) {
      const { code, tookMs } = await crash(key, "/fill");
      assert.equal(code, "OUT_OF_MEMORY");
      assert.ok(tookMs < KUBELET_BACKOFF_MS, `round ${round} took ${tookMs} ms`);
    }
  });

  test("is replaced when the organization's limits allow no other replica beside it", async () => {
    const org = control.org();
    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 1 } });
    await control.serve(`${org}/x`, image, { replicas: 1 });
    for (let round = 0; round < 2; round++) {
      const { tookMs } = await crash(`${org}/x`, "/exit");
      assert.ok(tookMs < KUBELET_BACKOFF_MS, `round ${round} took ${tookMs} ms`);
    }
  });

  test("is replaced if it is a server without a wrapper", async () => {
    const key = `${control.org()}/x`;
    const server = await control.instance.imageOf({
      Dockerfile: 'FROM node:24-slim\nCOPY server.mjs /\nUSER 1000\nCMD ["node", "/server.mjs"]\n',
      "server.mjs": SERVER,
    });
    await control.serve(key, server, { runtime: "dockerfile", app: "server", replicas: 1 });
    for (let round = 0; round < 3; round++) {
      const { tookMs } = await crash(key, "/exit");
      assert.ok(tookMs < KUBELET_BACKOFF_MS, `round ${round} took ${tookMs} ms`);
    }
  });

  test("over and over gets fewer and fewer replacements, and its last exit is described", async () => {
    const key = `${control.org()}/x`;
    await control.serve(key, 'setTimeout(() => process.exit(7), 300);\nexport const handler = () => "fine";\n', {
      idleTimeout: "never",
    });
    const seen = new Set<string | undefined>();
    for (const end = Date.now() + 20_000; Date.now() < end; await delay(100))
      for (const name of await podNames(key)) seen.add(name);
    assert.ok(seen.size >= 3 && seen.size <= 10, `${seen.size} pods within 20 s`);
    const { failure } = await control.waitFor(key, "the exit", (view: EndpointView) => view.failure !== undefined);
    assert.equal(failure?.code, "REPLICA_EXITED");
    assert.match(failure?.detail ?? "", /ended with exit code 7/);
  });
});
