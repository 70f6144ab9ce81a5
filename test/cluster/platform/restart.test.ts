import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LogLine } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Waits until the log of an endpoint meets a condition. */
const waitForLog = (server: ClusterServer, endpoint: string, holds: (lines: readonly LogLine[]) => boolean) =>
  eventuallyHolds(`the log of ${endpoint}`, () => server.logs(endpoint), holds);

/** Calls a pod without the gateway. */
const callPod = (pod: V1Pod | undefined, path = "/") =>
  fetch(`http://${pod?.status?.podIP}:8080${path}`, { method: "POST", body: "{}" });

const COUNTS = `let calls = 0;
export const handler = () => {
  const call = ++calls;
  for (let line = 1; line <= 5; line++) console.log(\`call \${call} line \${line}\`);
  return String(call);
};
`;
/** Function whose process exits shortly after a response. */
const CRASHES = `console.log("loaded");
export const handler = ({ path }) => {
  if (path === "/") return "fine";
  console.log("last words");
  setTimeout(() => process.exit(7), 50);
  return "crashing";
};
`;

describe("a restart of the server on the same data folder", { concurrency: 2 }, () => {
  test("keeps all pods, writes nothing, and needs no cold start", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    await server.serve(`${org}/steady`, await server.instance.image(COUNTS), { replicas: 2 });
    const observed = async () => {
      const pods = await server.pods(`${org}/steady`);
      const { metadata, spec } = await server.deployment(`${org}/steady`);
      return {
        generation: metadata?.generation,
        replicas: spec?.replicas,
        pods: pods.map((pod) => `${pod.metadata?.name} ${pod.metadata?.uid}`).sort(),
        managers: metadata?.managedFields
          ?.filter(({ subresource }) => subresource !== "status")
          .map(({ manager, time }) => `${manager} ${time}`),
      };
    };
    await server.request(`${org}/steady`);
    // When both pods are ready and no longer have the startup boost, the server has nothing left to do.
    const progress = async () => {
      const pods = await server.pods(`${org}/steady`);
      const cpus = pods.map(({ status }) => status?.containerStatuses?.[0]?.resources?.limits?.cpu);
      return { ready: (await server.deployment(`${org}/steady`)).status?.readyReplicas, cpus };
    };
    await eventuallyHolds(
      "two ready pods without startup boost",
      progress,
      ({ ready, cpus }) => ready === 2 && cpus.length === 2 && cpus.every((cpu) => cpu === "100m"),
    );
    const before = await observed();
    const version = (await server.deployment(`${org}/steady`)).metadata?.resourceVersion;
    assert.equal(before.pods.length, 2);
    await server.stop();
    await server.start();
    for (let call = 0; call < 10; call++) assert.equal((await server.request(`${org}/steady`)).status, 200);
    assert.deepEqual(await observed(), before);
    assert.equal((await server.deployment(`${org}/steady`)).metadata?.resourceVersion, version);
  });

  test("keeps the log complete and in order, including lines from while no server ran", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    await server.serve(`${org}/counts`, await server.instance.image(COUNTS), { replicas: 1 });
    const [pod] = await server.pods(`${org}/counts`);
    let calls = 0;
    for (let round = 0; round < 3; round++) {
      for (let call = 0; call < 10; call++) assert.equal(await server.text(`${org}/counts`), String(++calls));
      // At once, so that the next server has to copy the rest.
      await server.stop();
      assert.equal((await callPod(pod)).status, 200);
      calls++;
      await server.start();
    }
    assert.equal(await server.text(`${org}/counts`), String(++calls));
    const expected = Array.from({ length: calls * 5 }, (_, n) => `call ${Math.floor(n / 5) + 1} line ${(n % 5) + 1}`);
    const ownLines = (lines: readonly LogLine[]) =>
      lines.map(({ line }) => line).filter((line) => line.startsWith("call"));
    const lines = await waitForLog(server, `${org}/counts`, (all) => ownLines(all).at(-1) === expected.at(-1));
    assert.deepEqual(ownLines(lines), expected);
    assert.deepEqual(
      lines.map(({ time }) => time),
      lines.map(({ time }) => time).sort(),
    );
  });

  test("keeps the last log lines of a container that crashed while no server ran, under its own replica", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    await server.serve(`${org}/crashes`, await server.instance.image(CRASHES), { replicas: 1 });
    const [pod] = await server.pods(`${org}/crashes`);
    const name = pod?.metadata?.name as string;
    const linesOf = (lines: readonly LogLine[], replica: string) =>
      lines.filter((line) => line.replica === replica).map(({ line }) => line);
    assert.equal(await server.text(`${org}/crashes`), "fine");

    await server.stop();
    assert.equal(await (await callPod(pod, "/now")).text(), "crashing");
    const restarts = async () => {
      const [current] = await server.pods(`${org}/crashes`);
      return current?.status?.containerStatuses?.[0]?.restartCount;
    };
    await eventuallyHolds("the container is restarted", restarts, (count) => count === 1);
    await server.start();
    const lines = await waitForLog(server, `${org}/crashes`, (all) => linesOf(all, `${name}.1`).includes("loaded"));
    assert.deepEqual(linesOf(lines, name), ["loaded", "last words"]);
  });
});
